"""Items as the events that a store keeps, and the last events of a stream."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from .._dto.names import camel
from .._stream.answer import AnswerBuilder, built
from .._stream.delivered import event_identity
from ..errors import ID_NAMES, StreamErrorException
from ..models.events import CompletionData
from ..models.responses import ChatMessageSendCompletionResponse as Item
from ..models.responses import ChatMessageSendResponse
from ._failures import failure_body
from ._frames import Options, has_line_end, json_text
from ._store import Kept, Kind


def kept_item(number: int, value: Any, options: Options) -> Kept:
    """An item as an event. TypeError or ValueError for what is no JSON."""
    if isinstance(value, str):
        return Kept(number, Kind.TEXT, "", value)
    name = getattr(value, "event", None)
    name = name if isinstance(name, str) and not has_line_end(name) else ""
    is_of_dify = isinstance(getattr(value, "data", None), CompletionData)
    identity = event_identity(value) if is_of_dify else None
    data = json_text(value, options)
    return Kept(number, Kind.ITEM, name, data, identity or "")


def kept_end(number: int, reason: str) -> Kept:
    """The last event of a stream that ended: `completed` or `stopped`."""
    return Kept(number, Kind.END, "end", _json({"event": "end", "reason": reason}))


def kept_failure(number: int, error: BaseException) -> Kept:
    """The last event of a stream that failed, as the relay writes it."""
    return Kept(number, Kind.ERROR, "error", _json({"event": "error", **failure_body(error)}))


def kept_interruption(number: int, ids: str, reason: str) -> Kept:
    """The last event of a stream whose reader is gone, with the ids that are known of its run."""
    known = {camel(name): value for name, value in (json.loads(ids) if ids else {}).items()}
    body = {"event": "error", "status": 502, "code": "interrupted", "message": reason, **known}
    return Kept(number, Kind.ERROR, "error", _json(body))


def failure_of(event: Kept) -> StreamErrorException:
    """What a stream failed with, from its last event."""
    body = json.loads(event.data)
    ids = {name: body.get(camel(name)) for name in ID_NAMES}
    words = {name: body.get(name) for name in ("status", "code", "message")}
    return StreamErrorException(str(body.get("message")), **words, **ids)


def ids_of(value: Any, known: dict[str, str]) -> bool:
    """Whether `value` has an id that `known` lacks; it is there then."""
    found = False
    for name in ID_NAMES:
        if name not in known and isinstance(one := getattr(value, name, None), str):
            known[name] = one
            found = True
    return found


def response_of(events: Iterable[Kept]) -> ChatMessageSendResponse:
    """The answer that these events make up."""
    return built(AnswerBuilder(), filter(None, map(item_of, events)))


def item_of(event: Kept) -> Item | None:
    """The item that an event was made of; None where it was none of Dify's, or a last event.

    A text counts as a `message`.
    """
    if event.kind is Kind.TEXT:
        return Item(event="message", answer=event.data)
    if event.kind is not Kind.ITEM or not event.data.startswith("{"):
        return None
    return Item.from_json(event.data)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
