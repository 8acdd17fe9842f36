"""The opening of a stream, without waiting: a slot, an opener, the head, and another attempt."""

from __future__ import annotations

import contextvars
from abc import abstractmethod
from collections.abc import Callable
from enum import Enum
from typing import TypeVar

from .._http.charset import text_of
from .._http.clock import monotonic
from .._http.polled import StreamResponse
from .._http.response import MAX_ERROR_BODY, MAX_ERROR_SECONDS, redacted_type, status_error
from ..errors import DifyException
from .blocking import not_a_stream
from .content_type import is_event_stream
from .driver import Driver
from .source import StreamSource
from .task import Sink, Task


class Phase(Enum):
    """What a reading waits for."""

    SLOT = "a place among the open streams"
    SENDING = "an opener, which connects and sends; none, where that can be done at once"
    HEAD = "the status line and the headers"
    BEGINNING = "the first bytes, where the type does not say what the body is"
    REFUSAL = "the body of a response that is no stream"
    BODY = "the events"
    TORN = "the id of a task, in what a signal handler's exception has cut through"
    DELAY = "the time of the next attempt"
    CONFIRMATION = "what Dify says of a run that was resumed"
    OVER = "nothing"


R = TypeVar("R")


def _tried(send: Callable[[], R]) -> R | BaseException:
    """What `send` gives, or raises."""
    try:
        return send()
    except BaseException as error:
        return error


class Opening(Task):
    """Has the source's exchange sent, again where that is safe, until there is a stream to read."""

    def __init__(self, source: StreamSource, sink: Sink, driver: Driver, loop: Driver) -> None:
        super().__init__(sink, driver, loop)
        self._source = source
        self._context = contextvars.copy_context()
        self._phase = Phase.SLOT
        self._phase_end: float | None = None
        self._early = b""

    def begin(self) -> None:
        """RuntimeError where its driver needs a thread and none can be started."""
        try:
            self.post(self._acquire_slot)
        except RuntimeError:
            self._inbox.clear()
            self._end()
            raise

    def _begin_attempt(self) -> None:
        self._phase, self._phase_end = Phase.SLOT, None
        self._acquire_slot()

    def _acquire_slot(self) -> None:
        if self._is_closed or self._phase is not Phase.SLOT:  # done, and done again
            return
        if self._source.exchange.acquire_slot(lambda: self.post(self._submit)):
            self._submit()

    def _submit(self) -> None:
        if self._phase is Phase.SLOT and not self._is_closed:
            self._phase = Phase.SENDING
            exchange = self._source.exchange
            context = self._context.copy()  # it may be entered once at a time
            # an opener is no thread that signal handlers raise in
            if not self._handle.raises:
                result = context.run(_tried, lambda: exchange.transport.send_at_once(exchange))
                if result is not None:
                    self._on_sent(result)
                    return

            def send() -> None:
                response = context.run(_tried, exchange.send_polled)
                self.post(lambda: self._on_sent(response))

            exchange.transport.openers.submit(send)

    def _on_sent(self, result: StreamResponse | BaseException) -> None:
        is_taken = result is self._response  # a signal handler raised meanwhile
        is_expected = is_taken or (not self._is_closed and self._phase is Phase.SENDING)
        if isinstance(result, BaseException):
            if is_expected:
                self._attempt_failed(result)
        elif not is_expected:
            result.close()
        else:
            self._response = result
            if result.socket is not None:
                self._handle.watch(result.socket)
            else:
                result.begin(lambda: self._handle.schedule())
            deadline = self._source.exchange.deadline
            limit = deadline.limit("read")
            self._phase = Phase.HEAD
            self._phase_end = None if limit is None else deadline.sent_at + limit

    def _on_head(self, response: StreamResponse) -> None:
        is_success = 200 <= response.status < 300
        self._judge(is_event_stream(response.content_type) if is_success else False, response)

    def _judge(self, is_stream: bool | None, response: StreamResponse) -> None:
        """Go on as a stream, as none, or, by None, to see what the body begins with."""
        now = monotonic()
        if is_stream:
            self._phase, self._phase_end = Phase.BODY, None
            self._source.begin_body(now, response.headers.get("Content-Type"))
            response.headers = {}  # which take a kilobyte of each stream
        elif is_stream is not None:
            self._phase, self._phase_end = Phase.REFUSAL, now + MAX_ERROR_SECONDS
        elif self._phase is Phase.HEAD:
            limit = self._source.exchange.deadline.limit("read")
            self._phase = Phase.BEGINNING
            self._phase_end = None if limit is None else now + limit

    def _on_early_block(self, response: StreamResponse, block: bytes) -> bytes | None:
        """Take a block of what may be no stream; its bytes so far, once it is known for one."""
        self._early += block
        if self._phase is Phase.BEGINNING:
            kind = response.content_type
            is_stream = is_event_stream(kind, self._early, is_whole=not block)
            self._judge(is_stream, response)
            if is_stream:
                begun, self._early = self._early, b""
                return begun
        if not block or len(self._early) > MAX_ERROR_BODY:
            self._refused(response)
        return None

    def _refused(self, response: StreamResponse) -> None:
        """A response that is no stream: a redirect to follow, a retry, or the end."""
        exchange, body = self._source.exchange, self._early
        self._early = b""
        self._free_response()
        attempts, status = exchange.attempts, response.status
        text = exchange.request.redact(text_of(body, response.headers.get("Content-Type")))
        if 200 <= status < 300:
            context = exchange.request.context()
            kind = redacted_type(response.headers, exchange.request.redact)
            self._part_over(not_a_stream(kind, text, context))
        elif attempts.follow(status, response.headers.get("Location")):
            self._begin_attempt()
        else:
            self._attempt_failed(status_error(status, response.headers, text, exchange))

    def _attempt_failed(self, error: BaseException) -> None:
        exchange = self._source.exchange
        self._free_response()
        if isinstance(error, DifyException):
            delay = exchange.attempts.delay_after(error, exchange.deadline)
            if delay is not None and exchange.gate.may_retry():
                self._wait(delay)
                return
        self._part_over(error)

    def _wait(self, delay: float) -> None:
        """Let `delay` pass, without a slot, and send then."""
        self._source.exchange.release()
        self._phase, self._phase_end = Phase.DELAY, monotonic() + delay

    @abstractmethod
    def _part_over(self, error: BaseException | None) -> None:
        """An exchange and its body are done with."""
