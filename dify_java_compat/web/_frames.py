"""Items as the bytes that a browser reads: an event stream, or a line of JSON for each."""

from __future__ import annotations

import json
import re
import threading
from typing import Any, NamedTuple

from .._dto.dto import Dto
from ..errors import IllegalArgumentException, excerpt
from ._failures import failure_body

_LINE_END = re.compile("\r\n|\r|\n")

HEADERS = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
"""No cache may keep the response, and nginx may not hold it back."""


def is_seconds(value: object) -> bool:
    """Whether it is a number of seconds that can be waited for."""
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return is_number and 0 <= value <= threading.TIMEOUT_MAX  # type: ignore[operator]


class Options(NamedTuple):
    """What `event_stream` takes beside the stream.

    named: name each event: True, by the item's own `event`; a text, by that text; False, not.
    ndjson: a line of JSON an item instead of an event; it has no heartbeats.
    exclude_none: leave out the null fields of DTOs, as Jackson's NON_NULL does.
    heartbeat: after how many seconds without an item a comment is sent; 0 for none.
    first_timeout: how many seconds the status waits for the first item; then it is 200, and an
        error an event. None for as long as it takes: proxies give up after 30 or 60.
    """

    named: bool | str = False
    ndjson: bool = False
    exclude_none: bool = False
    heartbeat: float = 15.0
    first_timeout: float | None = 30.0

    @property
    def media_type(self) -> str:
        return "application/x-ndjson" if self.ndjson else "text/event-stream"

    @property
    def beat_seconds(self) -> float | None:
        """The seconds between heartbeats; None where there are none."""
        return None if self.ndjson or not self.heartbeat else self.heartbeat

    def validated(self, stream: Any) -> Options:
        """These options, for `stream`. IllegalArgumentException for what cannot work."""
        if not callable(getattr(stream, "subscribe", None)):
            raise IllegalArgumentException(
                f"stream must be an Observable, not {type(stream).__name__}"
            )
        if not isinstance(self.named, (bool, str)):
            raise IllegalArgumentException(
                f"named must be True, False or a name, not {excerpt(self.named)}"
            )
        if isinstance(self.named, str) and (_LINE_END.search(self.named) or not self.named):
            raise IllegalArgumentException("named must be a name without line breaks")
        beat, first = self.heartbeat, self.first_timeout
        if not is_seconds(beat):
            raise IllegalArgumentException(f"heartbeat must be 0 or more, not {excerpt(beat)}")
        if first is not None and not (is_seconds(first) and first > 0):
            raise IllegalArgumentException(
                f"first_timeout must be more than 0, or None, not {excerpt(first)}"
            )
        return self


HEARTBEAT = b": heartbeat\n\n"


class ServerSentEvent(NamedTuple):
    """An item that is an event already, with the id by which it is resumed, None for none.

    `is_named` where it has its name whatever the options say; `is_text` where `data` is no JSON.
    """

    id: str | None
    event: str
    data: str
    is_named: bool = False
    is_text: bool = False


def frame(value: Any, options: Options) -> bytes:
    """An item as an event or as a line. A text is an event's data as it is, as in Spring."""
    if isinstance(value, ServerSentEvent):
        return _frame_of_event(value, options)
    if isinstance(value, str) and not options.ndjson:
        return _event(options.named, value)
    data = json_text(value, options)
    if options.ndjson:
        return _encoded(data + "\n")
    if options.named is False:  # JSON has no line breaks
        return f"data: {data}\n\n".encode()
    return _event(getattr(value, "event", None) if options.named is True else options.named, data)


def failure_frame(error: BaseException, options: Options) -> bytes:
    """What the stream ended with, as the last event, which is named `error`, or as a line."""
    data = json.dumps({"event": "error", **failure_body(error)}, ensure_ascii=False)
    return _encoded(data) + b"\n" if options.ndjson else _event("error", data)


def _event(name: Any, data: str) -> bytes:
    head = f"event: {name}\n" if isinstance(name, str) and not _LINE_END.search(name) else ""
    if "\n" in data or "\r" in data:
        data = "\ndata: ".join(_LINE_END.split(data))
    return _encoded(f"{head}data: {data}\n\n")


def _frame_of_event(event: ServerSentEvent, options: Options) -> bytes:
    if options.ndjson:
        data = json.dumps(event.data, ensure_ascii=False) if event.is_text else event.data
        return _encoded(data + "\n")
    is_named = event.is_named or options.named is True
    head = "" if event.id is None else f"id: {event.id}\n"
    name = (event.event or None) if is_named else options.named
    return _encoded(head) + _event(name, event.data)


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "replace")  # half a character has no bytes


def has_line_end(text: str) -> bool:
    """Whether it cannot be a field of an event."""
    return _LINE_END.search(text) is not None


def json_text(value: Any, options: Options) -> str:
    """A value in Java's JSON."""
    if isinstance(value, Dto):
        return value.to_json(exclude_none=options.exclude_none)

    def default(part: Any) -> Any:
        if isinstance(part, Dto):
            return part.to_dict(exclude_none=options.exclude_none)
        raise TypeError(f"an item of type {type(part).__name__} is no JSON")

    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=default)
