"""One request and its response, and all that another thread may do about them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ..config import ClientConfig
from ..errors import ConnectionException, DifyException
from .connection import InterruptibleConnection
from .deadline import Deadline
from .hooks import intercepted
from .limiter import Slot
from .log import start
from .polled import StreamResponse, ThreadedResponse
from .request import HttpRequest
from .response import HttpResponse
from .retry import Attempts

if TYPE_CHECKING:
    from .transport import Transport


class SendGate:
    """Whether a request may go out: for the first time, or again.

    ::

        open ──send──▶ sent ──retry──▶ open     cancel: closed for good, from each of them
                                                cancel_unless_sent: closed, or no retry any more
    """

    def __init__(self, context: Callable[[], dict[str, Any]]) -> None:
        self._context = context
        self._lock = threading.RLock()
        self._may_have_been_sent = False
        self._no_retry = False
        self.is_cancelled = False

    def check(self) -> None:
        """Raises ConnectionException once cancelled."""
        if self.is_cancelled:
            raise ConnectionException("cancelled before it was sent", **self._context())

    def send(self) -> None:
        """The request goes out now. Raises ConnectionException once cancelled."""
        with self._lock:
            self.check()
            self._may_have_been_sent = True

    def may_retry(self) -> bool:
        """Whether it may go out again; if so, it counts as unsent."""
        with self._lock:
            if self._no_retry or self.is_cancelled:
                return False
            self._may_have_been_sent = False
            return True

    def close_unless_sent(self) -> bool:
        """Cancel, unless the server may be at work on it; whether that was done."""
        with self._lock:
            self._no_retry = True
            self.is_cancelled = self.is_cancelled or not self._may_have_been_sent
            return not self._may_have_been_sent


class Exchange:
    """One request and its response; may be cancelled from any thread, at any moment.

    ::

        open() ─▶ waiting for a slot ─▶ connecting ─▶ sent ─▶ response ─▶ released
                          ▲                            │         (close() of the response,
                          └── retry, redirect ─────────┘          or a failure that is raised)

    The slot is for streams only. `sent` is where the server may have begun to work: from there on
    `cancel_unless_sent` does no more than forbid retries, until a retry makes it unsent again.
    `open` waits for each step; who must not wait takes the slot (`acquire_slot`), sends
    (`Transport.send_at_once`, else `send_polled` in a thread that may wait for the connection) and
    asks `attempts` himself.
    """

    def __init__(self, transport: Transport, request: HttpRequest, config: ClientConfig) -> None:
        self.request = request
        self.config = config
        self.deadline = Deadline(request, config)
        self.attempts = Attempts(request, transport.base_url, config.max_retries)
        self.gate = SendGate(request.context)
        self.is_polled = False  # the head of its response is not waited for by who sends
        self.transport = transport
        self._form = None if isinstance(request.body, bytes) else request.body
        self._alarm: list[Any] | None = None  # at the end of the whole call
        self.is_out_of_time = False  # and was interrupted
        self._delay: threading.Event | None = None  # made for a retry only; to make one is slow
        self.response_headers: Mapping[str, str] = {}  # of the last response, whatever its status
        self.slot: Slot | None = None
        self._connection: InterruptibleConnection | None = None
        self.begun_connection: InterruptibleConnection | None = None  # nothing was sent on it

    def open(self) -> HttpResponse:
        """Send, and send again where that is safe; return once the response's headers are there.

        Raises HttpClientException for a status that is not a success, ConnectionException and
        TimeoutException, and what the file of an upload or its progress callback raises, as it is.
        A form is closed.
        """
        form, interceptors = self._form, self.config.interceptors
        if form is None:
            return intercepted(self, self._send_with_retries, interceptors)
        try:
            return intercepted(self, self._send_with_retries, interceptors)
        except Exception:
            form.raise_failure()
            raise
        finally:
            form.close()

    def acquire_slot(self, on_granted: Callable[[], None]) -> bool:
        """Take a slot among the open streams; False where `on_granted` will be called for it."""
        self.slot = slot = self.transport.streams.slot(on_granted)
        return slot is None or slot.acquire()

    def send_polled(self) -> StreamResponse:
        """Send once, and give the response, whose head may not have come yet.

        Raises ConnectionException and TimeoutException.
        """
        if interceptors := self.config.interceptors:  # which wait for the head
            response = intercepted(self, self._send_attempt, interceptors)
            return ThreadedResponse(self, response)
        self.is_polled = True
        return self.transport.send_polled(self, self.attempts.url)

    def cancel(self) -> None:
        """Free the thread that is connecting, waiting or reading; returns at once."""
        self.gate.is_cancelled = True
        if self._delay is not None:
            self._delay.set()
        slot = self.slot
        if slot is not None:
            slot.release()
            if not slot.is_granted:
                slot.on_granted()
        self.interrupt()

    def cancel_unless_sent(self) -> bool:
        """`cancel`, unless the server may be at work on the request; whether it was done.

        Where it was not, the request is at least not sent again.
        """
        if not self.gate.close_unless_sent():
            return False
        self.cancel()
        return True

    def interrupt(self) -> None:
        """Wake the thread that reads or writes; it finds the connection closed."""
        if self._connection is not None:
            self._connection.interrupt(self)

    def _on_time_over(self) -> None:
        """The time of the whole call is over, while it sends or reads."""
        self.is_out_of_time = True
        self.interrupt()

    # -- for the connection and the response ---------------------------------------------------

    def on_acquire(self, connection: Any) -> None:
        """`connection` is this exchange's now; called again while it is being made.

        Raises ConnectionException once cancelled, TimeoutException once the time of the whole call
        is over. In this order, for `cancel` sets first and looks for the connection then: one of
        the two threads sees what the other did.
        """
        self._connection = connection
        self.gate.check()
        self.deadline.within_total(None)

    def limit_read(self, seconds: float | None) -> None:
        """Let the next read take no more than `seconds`, nor than what is left of the whole call.

        None for no limit. Raises TimeoutException when the time of the whole call is over.
        """
        seconds = self.deadline.within_total(seconds)
        if self._connection is not None:
            self._connection.set_read_timeout(self, seconds)

    def release(self) -> None:
        """Others may have the connection and the slot; nothing of the response is needed now."""
        if self._connection is not None:
            self._connection.release(self)
        alarm, self._alarm = self._alarm, None
        if alarm is not None:
            self.transport.alarms.cancel(alarm)
        slot = self.slot
        if slot is not None:
            slot.release()  # first: a signal handler may raise in between
            self.slot = None

    # -- sending, step by step -----------------------------------------------------------------

    def _send_with_retries(self) -> HttpResponse:
        attempts = self.attempts
        while True:
            try:
                if self.request.streams:
                    _wait_for_slot(self)
                response = self._send_attempt()
                if 200 <= response.status < 300:
                    return response
                if not attempts.follow(response.status, response.headers.get("Location")):
                    raise response.error()
                response.close()
            except DifyException as error:
                delay = attempts.delay_after(error, self.deadline)
                if delay is None or not self.gate.may_retry():
                    raise
                self._delay = threading.Event()  # before the look: `cancel` does the reverse
                if self.gate.is_cancelled or self._delay.wait(delay):
                    raise
            if self._form is not None:
                self._form.rewind()

    def _send_attempt(self) -> HttpResponse:
        end = self.deadline.end
        if end is not None:
            self._alarm = self.transport.alarms.set(end, self._on_time_over)
        log = start(self.request, self.config)
        try:
            raw = self.transport.send(self, self.attempts.url)
        except BaseException as error:
            if not isinstance(error, DifyException):  # a signal handler's comes anywhere
                self.interrupt()
            self.release()
            if log is not None:
                log.failed(error)
            raise
        self.response_headers = raw.headers
        return HttpResponse(self, raw, log)


def _wait_for_slot(exchange: Exchange) -> None:
    """Raises TimeoutException once the call's time is over, ConnectionException once cancelled."""
    granted = threading.Event()
    if exchange.acquire_slot(granted.set):
        return
    try:
        granted.wait(exchange.deadline.time_left("total"))
    finally:
        if exchange.slot is not None and not exchange.slot.is_granted:
            exchange.release()
    exchange.gate.check()
    if exchange.slot is None:
        raise exchange.deadline.timed_out("total")
