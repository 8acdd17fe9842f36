"""What the items of a stream say of it: its ids, and whether it failed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .._http.charset import text_of
from .._http.errors import json_body, plain_text, reason_of
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


def other_conversation(
    requested: Any, received: Any, known: dict[str, Any]
) -> StreamErrorException:
    """The exception for an answer in another conversation than was requested."""
    text = f"the conversation {requested} is not known: Dify has begun a new one, {received}"
    return StreamErrorException(text, message=text, **known)


def is_other_conversation(requested: Any, received: Any) -> bool:
    """Whether an answer is in another conversation than was requested."""
    if not (isinstance(requested, str) and isinstance(received, str) and requested and received):
        return False
    return requested.strip().lower() != received.lower()


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
        # until the answer says in which it is
        self.requested_conversation = context.get("conversation_id")
        self.kinds: set[str] = set()

    def keep_ids(self, items: list[Item]) -> None:
        """Take the last value of each id; an item that lacks it does not erase it."""
        self._last = items[-1]
        ids, last = self.ids, self._last.__dict__
        for name in ID_NAMES:
            if name in last and (value := last[name]):
                ids[name] = value
            elif len(items) > 1:
                found = [value for item in items if (value := item.__dict__.get(name))]
                if found:
                    ids[name] = found[-1]

    def conversation_error(self) -> StreamErrorException | None:
        """Once, where an answer turns out to be in another conversation than was requested."""
        received = self.ids.get("conversation_id")
        if not received:
            return None
        requested, self.requested_conversation = self.requested_conversation, None
        if not is_other_conversation(requested, received):
            return None
        return other_conversation(requested, self._redacted(received), self._known())

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
        words = _gateway_words(self._last, b"")  # `[DONE]` behind an error of OpenAI's form
        if words is not None:
            text += f"; a gateway says: {self.redact(words)}"
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
        return {**self._context, **{name: self._redacted(each) for name, each in self.ids.items()}}


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
        text = text_of(rest, None)
        body = json_body(text)
        return _short(plain_text(text) or None if body is None else reason_of(body))
    return _short(reason_of(last.raw)) if last is not None and last.event is None else None


def _short(words: str | None) -> str | None:
    return words and words[:200]
