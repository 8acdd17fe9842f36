"""HTTP: one request out, one response in. Knows no DTO and no SSE."""

from __future__ import annotations

import os
import threading
import weakref
from typing import Any

import urllib3

from ..config import ClientConfig
from ..errors import ConnectionException, DifyException
from .adapter import Adapter, environment, prepared, prepared_url
from .cancellation import add_to_current
from .connection import InterruptibleConnection, close_inherited, current_exchange
from .deadline import Deadline
from .errors import SEND_FAILURES, send_failure, stripped
from .limiter import StreamLimiter
from .log import start
from .request import HttpRequest
from .response import HttpResponse
from .retry import MAX_REDIRECTS, delay_before, redirect_target


class Transport:
    """The connections to one server, shared by any number of threads."""

    def __init__(self, base_url: str, config: ClientConfig) -> None:
        """Connects nowhere yet. IllegalArgumentException if `base_url` cannot be an address."""
        self.base_url = prepared_url(base_url)
        self.config = config
        self._settings = environment(base_url, config)
        self.renew()
        _transports.add(self)

    def renew(self) -> None:
        """Begin anew with no connection and no open stream; closes nothing. Raises nothing."""
        self.streams = StreamLimiter(self.config.max_requests, self.config.max_requests_per_host)
        self._adapter = Adapter(self.config)

    def exchange(self, request: HttpRequest, config: ClientConfig | None = None) -> Exchange:
        """`request` and its response to be; sends nothing, but `call_timeout` counts from here.

        `config` has the settings of this call; without it those of the transport hold.
        """
        exchange = Exchange(self, request, config or self.config)
        add_to_current(exchange)
        return exchange

    def send(self, exchange: Exchange, url: str) -> urllib3.BaseHTTPResponse:
        """Send the request of `exchange` to `url`, once; return when the headers are there.

        Any status is a response. Raises ConnectionException and TimeoutException; what the file of
        an upload or its progress callback raised is then known to `MultipartForm.raise_failure`.
        """
        request, deadline = exchange.request, exchange.deadline
        timeout: Any = deadline.time_left("connect"), deadline.time_left("read")
        try:
            with current_exchange(exchange):
                response: Any = self._adapter.send(
                    prepared(request, url), timeout=timeout, **self._settings
                )
        except DifyException as error:  # ours, raised below urllib3: it says everything
            raise stripped(error) from error.__cause__
        except SEND_FAILURES as error:
            raise send_failure(error, request, deadline, self.base_url) from stripped(error)
        raw: urllib3.BaseHTTPResponse = response
        return raw

    def close(self) -> None:
        """Close the connections that lie idle; those in use stay. Raises nothing."""
        self._adapter.close()


_transports: weakref.WeakSet[Transport] = weakref.WeakSet()


def _after_fork() -> None:
    """A connection has one owner, and a lock may have been held by a thread that is not here."""
    close_inherited()
    for transport in list(_transports):
        transport.renew()


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_after_fork)


class Exchange:
    """One request and its response; may be cancelled from any thread, at any moment.

    ::

        open() ─▶ waiting for a slot ─▶ connecting ─▶ sent ─▶ response ─▶ released
                          ▲                            │         (close() of the response,
                          └── retry, redirect ─────────┘          or a failure that is raised)

    The slot is for streams only. `sent` is where the server may have begun to work: from there on
    `cancel_unless_sent` does no more than forbid retries, until a retry makes it unsent again.
    """

    def __init__(self, transport: Transport, request: HttpRequest, config: ClientConfig) -> None:
        self.request = request
        self.deadline = Deadline(request, config)
        self._config = config
        self._transport = transport
        self._form = None if isinstance(request.body, bytes) else request.body
        self._is_cancelled = False
        self._delay: threading.Event | None = None  # made for a retry only; to make one is slow
        self._lock = threading.Lock()  # `_may_have_been_sent` and `_no_retry` are judged together
        self._may_have_been_sent = False
        self._no_retry = False
        self._holds_slot = False
        self._connection: InterruptibleConnection | None = None

    def open(self) -> HttpResponse:
        """Send, and send again where that is safe; return once the response's headers are there.

        Raises HttpClientException for a status that is not a success, ConnectionException and
        TimeoutException, and what the file of an upload or its progress callback raises, as it is.
        A form is closed.
        """
        form = self._form
        if form is None:
            return self._send_with_retries()
        try:
            return self._send_with_retries()
        except Exception:
            form.raise_failure()
            raise
        finally:
            form.close()

    def cancel(self) -> None:
        """Free the thread that is connecting, waiting or reading; returns at once."""
        self._is_cancelled = True
        if self._delay is not None:
            self._delay.set()
        self._transport.streams.notify()
        if self._connection is not None:
            self._connection.interrupt(self)

    def cancel_unless_sent(self) -> bool:
        """`cancel`, unless the server may be at work on the request; whether it was done.

        Where it was not, the request is at least not sent again.
        """
        with self._lock:
            self._no_retry = True
            if self._may_have_been_sent:
                return False
            self._is_cancelled = True
        self.cancel()
        return True

    def context(self) -> dict[str, Any]:
        """What an exception says of the request."""
        return self.request.context()

    def redact(self, text: str) -> str:
        """`text` without the API key."""
        return self.request.redact(text)

    # -- for the connection and the response ---------------------------------------------------

    def on_acquire(self, connection: InterruptibleConnection) -> None:
        """`connection` is this exchange's now. Raises ConnectionException once cancelled.

        In this order, for `cancel` sets first and looks for the connection then: one of the two
        threads sees what the other did.
        """
        self._connection = connection
        self._check_not_cancelled()

    def before_send(self) -> None:
        """The request goes out now. Raises ConnectionException once cancelled."""
        with self._lock:
            self._check_not_cancelled()
            self._may_have_been_sent = True
        self.deadline.on_send()

    def limit_read(self, seconds: float | None) -> None:
        """Let the next read take no more than `seconds`, nor than what is left of the whole call.

        None for no limit. Raises TimeoutException when the time of the whole call is over.
        """
        seconds = self.deadline.within_total(seconds)
        if self._connection is not None:
            self._connection.set_read_timeout(seconds)

    def release(self) -> None:
        """Others may have the connection and the slot; nothing of the response is needed now."""
        if self._connection is not None:
            self._connection.release(self)
        if self._holds_slot:
            self._holds_slot = False
            self._transport.streams.release()

    # -- sending -------------------------------------------------------------------------------

    def _check_not_cancelled(self) -> None:
        if self._is_cancelled:
            raise ConnectionException("cancelled before it was sent", **self.context())

    def _send_with_retries(self) -> HttpResponse:
        method, max_retries = self.request.method, self._config.max_retries
        url = self._transport.base_url + self.request.path
        redirects = retries = 0
        while True:
            try:
                response = self._send_once(url)
                if 200 <= response.status < 300:
                    return response
                location = response.headers.get("Location")
                target = redirect_target(method, url, response.status, location)
                if target is None or redirects == MAX_REDIRECTS:
                    raise response.error()
                response.close()
                url, redirects = target, redirects + 1
            except DifyException as error:
                delay = delay_before(error, retries + 1, method, max_retries)
                if delay is None or not self.deadline.allows(delay):
                    raise
                with self._lock:
                    if self._no_retry or self._is_cancelled:
                        raise
                    self._may_have_been_sent = False
                self._delay = threading.Event()  # before the look: `cancel` does the reverse
                if self._is_cancelled or self._delay.wait(delay):
                    raise
                retries += 1
            if self._form is not None:
                self._form.rewind()

    def _send_once(self, url: str) -> HttpResponse:
        if self.request.streams:
            self._holds_slot = self._transport.streams.acquire(
                lambda: self._is_cancelled, self.deadline.time_left("total")
            )
            if not self._holds_slot:
                self._check_not_cancelled()
                raise self.deadline.timed_out("total")
        log = start(self.request, self._config)
        try:
            raw = self._transport.send(self, url)
        except BaseException as error:
            self.release()
            if log is not None:
                log.failed(error)
            raise
        return HttpResponse(self, raw, log)
