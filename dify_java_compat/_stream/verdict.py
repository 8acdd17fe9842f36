"""What the items of a stream say of it: its ids, and whether it failed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .._dto.dto import loads
from .._http.errors import plain_text
from ..errors import (
    ID_NAMES,
    DifyException,
    StreamDecodeException,
    StreamErrorException,
    StreamInterruptedException,
    TimeoutException,
)
from ..models.events import EVENTS
from ..models.responses import ChatMessageSendCompletionResponse as Item

# what has ended, and what else is learnt, once an event has come
ENDS = {row.name: row.ends for row in EVENTS if row.ends is not None}
MEANS = {row.name: row.means for row in EVENTS if row.means is not None}
_GOOD_ENDS = [name for name, ends in ENDS.items() if ends != "error"]

# Dify's words for a run that somebody stopped, in `workflow_finished` and in an `error` event
_STOPPED = ("Aborted: User requested stop", "Run failed: Aborted: User requested stop")
_FIELDS = (b"data:", b"event:", b"id:", b"retry:", b":")

Redact = Callable[[str], str]


class Verdict:
    """Sees the items of a stream, or of the parts of a resumed one; then says how it ended.

    `context` is what an exception says of the request; `redact` takes the API key out of a text.
    `kinds` has what has ended and what else is known: the `ends` and `means` of the events' rows.
    """

    def __init__(self, context: dict[str, Any], raises_failures: bool) -> None:
        self._context = context
        self._raises_failures = raises_failures
        self._last: Item | None = None
        self._error_event: Item | None = None
        self._failed_run: Item | None = None
        self._failed_node: Item | None = None
        self.redact: Redact = str
        self.ids: dict[str, Any] = {}
        self.kinds: set[str] = set()

    def keep_ids(self, items: list[Item]) -> None:
        """Take the last value of each id; an item that lacks it does not erase it."""
        self._last = items[-1]
        ids, last, are_many = self.ids, self._last.__dict__, len(items) > 1
        for name in ID_NAMES:
            value = last.get(name)
            if not value and are_many:
                values = (vars(item).get(name) for item in reversed(items))
                value = next(filter(None, values), None)
            if value:
                ids[name] = value

    def note(self, name: str, item: Item) -> None:
        """Take an event of ENDS or MEANS."""
        kind = ENDS.get(name) or MEANS[name]
        self.kinds.add(kind)
        if kind == "error":
            if not is_stop(item.message):
                self._error_event = item
        elif name not in ENDS:
            if kind == "node" and getattr(item.data, "status", None) == "failed":
                self._failed_node = item
        elif kind == "run":
            self._failed_run = item if _has_failed(item) else None

    def judged(
        self, cause: DifyException | None, has_ended: bool, rest: bytes
    ) -> DifyException | None:
        """What a stream ends with that was read to its end, or until `cause`; None: it ended well.

        `has_ended`: its terminal event has come. `rest`: what has come behind its last event.
        """
        failure = self._failure(cause is not None) if self._raises_failures else None
        if failure is not None:
            failure.__cause__ = cause
            return failure
        if isinstance(cause, TimeoutException):
            cause.add_context(**self._known())
            return cause
        if cause is None and has_ended:
            return None
        text = f"the stream ended before {', '.join(_GOOD_ENDS[:-1])} or {_GOOD_ENDS[-1]}"
        words = _gateway_words(self._last, rest)
        error = StreamInterruptedException(
            (text if cause is None else cause.args[0])
            + ("" if words is None else f"; a gateway says: {self.redact(words)}"),
            **self._known(),
        )
        error.__cause__ = cause
        return error

    def malformed(self, event: bytes, cause: ValueError) -> StreamDecodeException:
        """The exception for an event that is not JSON."""
        text = f"an event that is not a JSON object: {self._redacted_bytes(event)[:200]!r}"
        # json's own error keeps the event, unredacted
        return self.undecoded(text, event, ValueError(str(cause)))

    def undecoded(self, text: str, data: bytes, cause: ValueError) -> StreamDecodeException:
        """The exception for bytes that give no event."""
        error = StreamDecodeException(text, data=self._redacted_bytes(data), **self._known())
        error.__cause__ = cause
        return error

    def _failure(self, is_cut: bool) -> StreamErrorException | None:
        """What Dify says has failed: an `error` event, or a run that none follows.

        Where the body `is_cut` nobody knows whether one would have followed.
        """
        if self._error_event is not None:
            return self._error_of_event(self._error_event)
        if self._failed_run is not None and not is_cut:
            return self._error_of_run(self._failed_run, self._failed_node)
        return None

    def _error_of_event(self, event: Item) -> StreamErrorException:
        status, code, message = map(self._redacted, (event.status, event.code, event.message))
        text = f"error event, status {status}, {code}: {message}"
        known = self._known()
        return StreamErrorException(text, status=status, code=code, message=message, **known)

    def _error_of_run(self, finished: Item, node: Item | None) -> StreamErrorException:
        """Its text has the title of the node that failed, and the node's error if it is another."""
        message = self._redacted(getattr(finished.data, "error", None))
        text = f"the run failed: {message}"
        if node is not None:
            title = self._redacted(getattr(node.data, "title", None))
            error = self._redacted(getattr(node.data, "error", None))
            text += f" (node {title!r}" + (f": {error})" if error and error != message else ")")
        return StreamErrorException(text, message=message, **self._known())

    def _redacted(self, value: Any) -> Any:
        """`value` as it came; without the API key, should it have come back in it."""
        if value is None or isinstance(value, (int, float)):
            return value
        text = value if isinstance(value, str) else str(value)
        redacted = self.redact(text)
        return value if redacted == text else redacted

    def _redacted_bytes(self, data: bytes) -> bytes:
        text = data.decode("utf-8", "surrogateescape")
        return self.redact(text).encode("utf-8", "surrogateescape")

    def _known(self) -> dict[str, Any]:
        """What is known of the request and, of the four ids, by now."""
        return {**self._context, **self.ids}


def is_stop(text: Any) -> bool:
    """Whether an error's text says that the run was stopped, which is no failure."""
    return isinstance(text, str) and text.strip() in _STOPPED


def _has_failed(finished: Item) -> bool:
    """Whether a `workflow_finished` says that the run failed; one that was stopped did not."""
    data = finished.data
    return getattr(data, "status", None) == "failed" and not is_stop(getattr(data, "error", None))


def _gateway_words(last: Item | None, rest: bytes) -> str | None:
    """What a gateway says that broke a stream off: in a last event that is none of Dify's, or
    behind it in plain words; None where it says nothing.
    """
    rest = rest[:4096].strip()
    if rest and not rest.startswith(_FIELDS) and not any(f.startswith(rest) for f in _FIELDS):
        try:
            return _words(loads(rest))
        except ValueError:
            return plain_text(rest.decode("utf-8", "replace"))[:200] or None
    return _words(last.raw) if last is not None and last.event is None else None


def _words(body: Any) -> str | None:
    """Of an error's JSON, in OpenAI's form or Dify's."""
    for name in ("error", "message"):
        value = body.get(name) if isinstance(body, dict) else None
        if isinstance(value, dict):
            value = value.get("message")
        if isinstance(value, str) and value:
            return value[:200]
    return None
