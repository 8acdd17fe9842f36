"""The bytes of a stream to its items, read to the end and judged: whole, failed or cut."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from typing import Any

from .._http.log import logger
from .._http.response import HttpResponse
from ..config import ClientConfig
from ..errors import (
    ID_NAMES,
    ConnectionException,
    DecodeException,
    DifyException,
    StreamDecodeException,
    StreamErrorException,
    StreamInterruptedException,
    TimeoutException,
)
from ..models.events import EVENTS
from ..models.responses import ChatMessageSendCompletionResponse as Item
from .sse import EventTooLargeError, SSEDecoder

EVENT_STREAM = "text/event-stream"

Decode = Callable[[bytes], Item]

_ENDS = {row.name: row.ends for row in EVENTS if row.ends is not None}
# a tuple: looking up an event that is no text, and so may have no hash, must not fail
_TERMINAL = tuple(_ENDS)
_GOOD_ENDS = [name for name, ends in _ENDS.items() if ends != "error"]


class EventReader:
    """Reads one stream, or the parts of a resumed one; knows its ids and whether it has ended."""

    def __init__(self, decode: Decode, config: ClientConfig, context: dict[str, Any]) -> None:
        self._decode = decode
        self._config = config
        self._context = context
        self._redact: Callable[[str], str] = str
        self._last: Item | None = None
        self._error: Item | None = None
        self._paused = False
        self.workflow_run_id: str | None = None
        self.has_ended = False
        self.is_waiting = True  # for the server: no item is on its way to the caller
        self.is_cancelled = False  # whatever the reading ends with, nobody will see it

    @property
    def task_id(self) -> str | None:
        return self._last.task_id if self._last else None

    def read(self, response: HttpResponse) -> Generator[Item, None, None]:
        """The items of `response`, then its end or the exception that judges it."""
        self._redact = response.redact
        try:
            yield from self._items(response)
        except TimeoutException as error:
            self._raise_error_event(error)
            error.add_context(**self._ids())
            raise
        except ConnectionException as error:
            if self.is_cancelled:
                raise
            self._raise_error_event(error)
            raise StreamInterruptedException(error.args[0], **self._ids()) from error
        finally:
            response.close()
        self._raise_error_event(None)
        if not self.has_ended:
            text = f"the stream ended before {', '.join(_GOOD_ENDS[:-1])} or {_GOOD_ENDS[-1]}"
            raise StreamInterruptedException(text, **self._ids())

    def _items(self, response: HttpResponse) -> Iterator[Item]:
        if response.content_type != EVENT_STREAM:
            raise self._not_a_stream(response)
        decoder = SSEDecoder(self._config.max_event_bytes)
        self.is_waiting = True
        for block in response.blocks():
            self.is_waiting = False
            try:
                events = decoder.feed(block)
            except EventTooLargeError as error:
                text = f"{error} (max_event_bytes)"
                data = self._redacted(block)
                raise StreamDecodeException(text, data=data, **self._ids()) from error
            for event in events:
                try:
                    item = self._decode(event)
                except ValueError as error:
                    self._handle_malformed(event, error)
                else:
                    if self._track(item):
                        yield item
            self.is_waiting = True
        self.is_waiting = False
        rest = decoder.flush()
        if rest is not None:
            try:
                item = self._decode(rest)
            except ValueError:
                return  # cut inside an event: `read` judges that
            if self._track(item):
                yield item

    def _track(self, item: Item) -> bool:
        """Remember what the judgement needs; whether the caller gets `item`."""
        event = item.event
        if event in _TERMINAL:
            ends = _ENDS[event]
            self.has_ended = True
            self._paused = ends == "pause"
            if ends == "error":  # it has no task_id
                self._error = item
                return True
        elif self._paused:
            self.has_ended = self._paused = False  # the run goes on within the same stream
        if item.workflow_run_id is not None:
            self.workflow_run_id = item.workflow_run_id
        self._last = item
        return event != "ping"  # of all events this one is only a sign of life

    def _handle_malformed(self, event: bytes, error: ValueError) -> None:
        if not self._config.skip_malformed_events:
            data = self._redacted(event)
            text = f"an event that is not a JSON object: {data[:200]!r}"
            cause = ValueError(str(error))  # json's own error keeps the event, unredacted
            raise StreamDecodeException(text, data=data, **self._ids()) from cause
        logger.warning("a malformed event was skipped: %s", error)

    def _redacted(self, data: bytes) -> bytes:
        """`data` without the key, for an exception."""
        text = data.decode("utf-8", "surrogateescape")
        return self._redact(text).encode("utf-8", "surrogateescape")

    def _ids(self) -> dict[str, Any]:
        """What is known of the request and, of the four ids, by now."""
        latest = self._last or self._error
        ids = {name: getattr(latest, name, None) for name in ID_NAMES}
        ids |= {"task_id": self.task_id, "workflow_run_id": self.workflow_run_id}
        return {**self._context, **{name: value for name, value in ids.items() if value}}

    def _raise_error_event(self, cause: DifyException | None) -> None:
        event = self._error
        if event is not None and self._config.raise_stream_errors:
            message = event.message
            if isinstance(message, str):
                message = self._redact(message)
            raise StreamErrorException(
                f"error event, status {event.status}, {event.code}: {message}",
                status=event.status,
                code=event.code,
                message=message,
                **self._ids(),
            ) from cause

    def _not_a_stream(self, response: HttpResponse) -> DecodeException:
        body = response.read_text()
        kind = response.content_type or "no content type"
        text = f"an event stream was expected, but {kind} came: {body[:200]!r}"
        return DecodeException(text, response_body=body, **self._context)
