"""A stream's bytes to its items, read to the end and judged: whole, failed or cut."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from typing import Any

from .._http.log import logger
from .._http.response import HttpResponse
from ..config import ClientConfig
from ..errors import (
    ConnectionException,
    DecodeException,
    DifyException,
    StreamDecodeException,
    StreamErrorException,
    StreamInterruptedException,
    TimeoutException,
)
from ..models.responses import ChatMessageSendCompletionResponse
from .sse import EventTooLargeError, SSEDecoder

EVENT_STREAM = "text/event-stream"
# a tuple: an event that is no text, and cannot be hashed, is looked up like any other
_TERMINAL = ("message_end", "workflow_finished", "workflow_paused", "error")

Decode = Callable[[bytes], ChatMessageSendCompletionResponse]


class EventReader:
    """Reads one stream; knows its ids and whether its terminal event came."""

    def __init__(self, decode: Decode, config: ClientConfig, context: dict[str, Any]) -> None:
        self._decode = decode
        self._config = config
        self._context = context
        self._hide_key: Callable[[str], str] = str
        self._last: ChatMessageSendCompletionResponse | None = None
        self._error: ChatMessageSendCompletionResponse | None = None
        self.workflow_run_id: str | None = None
        self.ended = False
        self.waits = True  # for the server: no item is on its way to the caller
        self._paused = False

    @property
    def task_id(self) -> str | None:
        return self._last.task_id if self._last else None

    def read(
        self, answer: HttpResponse
    ) -> Generator[ChatMessageSendCompletionResponse, None, None]:
        """The items of `answer`, then its end or the exception that judges it."""
        self._hide_key = answer.redact
        try:
            yield from self._items(answer)
        except TimeoutException as error:
            self._raise_error_event(error)
            error.add_context(**self._ids())
            raise
        except ConnectionException as error:
            self._raise_error_event(error)
            text = f"the stream was cut: {error.args[0]}"
            raise StreamInterruptedException(text, **self._ids()) from error
        finally:
            answer.close()
        self._raise_error_event(None)
        if not self.ended:
            text = "the stream ended before message_end, workflow_finished or workflow_paused"
            raise StreamInterruptedException(text, **self._ids())

    def _items(self, answer: HttpResponse) -> Iterator[ChatMessageSendCompletionResponse]:
        if answer.content_type != EVENT_STREAM:
            raise self._not_a_stream(answer)
        decoder = SSEDecoder(self._config.max_event_bytes)
        self.waits = True
        for block in answer.blocks():
            self.waits = False
            try:
                events = decoder.feed(block)
            except EventTooLargeError as error:
                text = f"{error} (max_event_bytes)"
                shown = self._shown(block)
                raise StreamDecodeException(text, data=shown, **self._ids()) from error
            for data in events:
                try:
                    item = self._decode(data)
                except ValueError as error:
                    self._malformed(data, error)
                else:
                    if self._note(item):
                        yield item
            self.waits = True
        self.waits = False
        rest = decoder.flush()
        if rest is not None:
            try:
                item = self._decode(rest)
            except ValueError:
                return  # cut inside an event: the judgement follows
            if self._note(item):
                yield item

    def _note(self, item: ChatMessageSendCompletionResponse) -> bool:
        """Remember what the judgement needs; whether `item` is one for the caller."""
        event = item.event
        if event in _TERMINAL:
            self.ended = True
            self._paused = event == "workflow_paused"
            if event == "error":  # it has no task_id
                self._error = item
                return True
        elif self._paused:
            self.ended = self._paused = False  # the run goes on within the same stream
        if item.workflow_run_id is not None:
            self.workflow_run_id = item.workflow_run_id
        self._last = item
        return event != "ping"

    def _malformed(self, data: bytes, error: ValueError) -> None:
        if not self._config.skip_malformed_events:
            shown = self._shown(data)
            text = f"an event that is not a JSON object: {shown[:200]!r}"
            cause = ValueError(str(error))  # json's own error keeps the event
            raise StreamDecodeException(text, data=shown, **self._ids()) from cause
        logger.warning("a malformed event was skipped: %s", error)

    def _shown(self, data: bytes) -> bytes:
        """What an exception may hold of what came."""
        return self._hide_key(data.decode("utf-8", "surrogateescape")).encode(
            "utf-8", "surrogateescape"
        )

    def _ids(self) -> dict[str, Any]:
        known = self._last or self._error
        ids = {
            "task_id": self.task_id,
            "message_id": known.message_id if known else None,
            "conversation_id": known.conversation_id if known else None,
            "workflow_run_id": self.workflow_run_id,
        }
        return {**self._context, **{name: value for name, value in ids.items() if value}}

    def _raise_error_event(self, cause: DifyException | None) -> None:
        event = self._error
        if event is not None and self._config.raise_stream_errors:
            message = event.message
            if isinstance(message, str):
                message = self._hide_key(message)
            raise StreamErrorException(
                f"error event, status {event.status}, {event.code}: {message}",
                status=event.status,
                code=event.code,
                message=message,
                **self._ids(),
            ) from cause

    def _not_a_stream(self, answer: HttpResponse) -> DecodeException:
        body = answer.read_text()
        kind = answer.content_type or "no content type"
        text = f"an event stream was expected, but {kind} came: {body[:200]!r}"
        return DecodeException(text, response_body=body, **self._context)
