"""HTTP: one request out, one answer in. Knows no DTO and no SSE."""

from __future__ import annotations

import os
import random
import threading
import time
import weakref
from typing import Any
from urllib.parse import urljoin, urlsplit

import urllib3
from requests import exceptions as failure
from requests.utils import requote_uri

from ..config import ClientConfig
from ..errors import ConnectionException, DifyException, HttpClientException, TimeoutException
from .adapter import Adapter, environment, prepared, prepared_url
from .connection import InterruptibleConnection, close_inherited, users
from .errors import root_cause_text, stripped
from .limiter import StreamLimiter
from .log import begin
from .request import HttpRequest
from .response import HttpResponse

_MAX_RETRY_AFTER, _MAX_REDIRECTS = 30.0, 3


class Transport:
    """The connections to one server, shared by any number of threads."""

    def __init__(self, base_url: str, config: ClientConfig) -> None:
        self.base_url = prepared_url(base_url)
        self.config = config
        self._settings = environment(base_url, config)
        self.renew()
        _transports.add(self)

    def renew(self) -> None:
        """Begin anew, with no connection and no stream."""
        self.streams = StreamLimiter(self.config.max_requests, self.config.max_requests_per_host)
        self._adapter = Adapter(self.config)

    def exchange(self, request: HttpRequest) -> Exchange:
        return Exchange(self, request)

    def send(self, url: str, request: HttpRequest, timeout: Any) -> urllib3.BaseHTTPResponse:
        sent = prepared(request.method, url, request.headers, request.body, request.key)
        answer: Any = self._adapter.send(sent, timeout=timeout, **self._settings)
        raw: urllib3.BaseHTTPResponse = answer
        return raw

    def close(self) -> None:
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
    """One request and its answer; `cancel` ends it from any thread, at any moment."""

    def __init__(self, transport: Transport, request: HttpRequest) -> None:
        self.request = request
        self._transport = transport
        self._config = config = transport.config
        idles = request.streams and config.sse_read_timeout is not None
        self._idle_setting = "sse_read_timeout" if idles else "read_timeout"
        self._idle: float = getattr(config, self._idle_setting)
        self._deadline = time.monotonic() + config.call_timeout if config.call_timeout else None
        self._form = None if isinstance(request.body, bytes) else request.body
        self._aborted = threading.Event()
        self._lock = threading.Lock()  # of what is sent, against giving up
        self._sent = self._is_left = False
        self._holds_place = False
        self._connection: InterruptibleConnection | None = None

    def uses(self, connection: InterruptibleConnection) -> None:
        self._connection = connection
        self._check_not_aborted()

    def _check_not_aborted(self) -> None:
        if self._aborted.is_set():
            raise ConnectionException("given up before it was sent", **self.context())

    def sends(self) -> None:
        with self._lock:
            self._check_not_aborted()
            self._sent = True

    def time_to_send(self) -> float | None:
        return self._remaining(self._config.write_timeout)

    def closed(self) -> None:
        """The answer was closed: another may have its connection, another stream its place."""
        if self._connection is not None:
            self._connection.forget(self)
        if self._holds_place:
            self._holds_place = False
            self._transport.streams.release()

    def cancel_unless_sent(self) -> bool:
        """`cancel`, unless the server may be at work on the request; whether it was done.

        Where it was not, the request is at least not sent again.
        """
        with self._lock:
            self._is_left = True
            if self._sent:
                return False
            self._aborted.set()
        self.cancel()
        return True

    def cancel(self) -> None:
        """Free the thread that is connecting, waiting or reading; returns at once."""
        self._aborted.set()
        self._transport.streams.notify()
        if self._connection is not None:
            self._connection.interrupt(self)

    def open(self) -> HttpResponse:
        """Send, and send again where that is safe; return once the answer's headers are there.

        Raises HttpClientException for a status that is not a success, ConnectionException and
        TimeoutException. A body that is not bytes is closed.
        """
        try:
            return self._open()
        finally:
            if self._form is not None:
                self._form.close()

    def _open(self) -> HttpResponse:
        url = self._transport.base_url + self.request.path
        redirects = failures = 0
        while True:
            try:
                answer = self._send(url)
                if 200 <= answer.status < 300:
                    return answer
                target = self._redirect_target(answer, url)
                if target is None or redirects == _MAX_REDIRECTS:
                    raise answer.error()
                answer.close()
                url, redirects = target, redirects + 1
            except DifyException as error:
                pause = self._pause_before_retry(error, failures)
                with self._lock:
                    self._sent = self._sent and pause is None
                if pause is None or self._aborted.wait(pause):
                    raise
                failures += 1
            if self._form is not None:
                self._form.rewind()

    def context(self) -> dict[str, Any]:
        return self.request.context()

    def redact(self, text: str) -> str:
        return self.request.redact(text)

    def bound_next_read(self) -> None:
        """Let the next read end with the call's total time, where that comes first."""
        if self._deadline is not None and self._connection is not None:
            self._connection.set_read_timeout(self._remaining(self._idle))

    def timed_out(self, phase: str) -> TimeoutException:
        config = self._config
        if self._deadline is not None and time.monotonic() > self._deadline - 0.01:
            phase = "total"
        elif phase == "read" and self.request.streams:
            phase = "idle"
        text = {
            "connect": f"no connection within {config.connect_timeout:g} s (connect_timeout)",
            "write": f"a block was not sent within {config.write_timeout:g} s (write_timeout)",
            "read": (nothing := f"nothing came for {self._idle:g} s ({self._idle_setting})"),
            "idle": nothing,
            "total": f"not done within {config.call_timeout:g} s (call_timeout)",
        }[phase]
        return TimeoutException(text, phase=phase, **self.context())

    def _remaining(self, seconds: float) -> float | None:
        """`seconds`, 0 being for ever, or less where the call's total time ends before."""
        if self._deadline is None:
            return seconds or None
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise self.timed_out("total")
        return min(seconds, left) if seconds else left

    def _send(self, url: str) -> HttpResponse:
        if self.request.streams:
            self._acquire_place()
        line = begin(self.request, self._config)
        try:
            raw = self._respond(url)
        except BaseException as error:
            self.closed()
            if line is not None:
                line.failed(error)
            raise
        return HttpResponse(self, raw, line)

    def _acquire_place(self) -> None:
        self._holds_place = self._transport.streams.acquire(
            self._aborted.is_set, self._remaining(0.0)
        )
        if not self._holds_place:
            self._check_not_aborted()
            raise self.timed_out("total")

    def _respond(self, url: str) -> urllib3.BaseHTTPResponse:
        timeout = self._remaining(self._config.connect_timeout), self._remaining(self._idle)
        users.current = self
        try:
            return self._transport.send(url, self.request, timeout)
        except DifyException as error:
            raise stripped(error) from error.__cause__
        except failure.ConnectTimeout as error:
            raise self.timed_out("connect") from stripped(error)
        except failure.ReadTimeout as error:
            raise self.timed_out("read") from stripped(error)
        except (failure.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            origin = "{0.scheme}://{0.netloc}".format(urlsplit(self._transport.base_url))
            text = f"no answer from {origin}: {root_cause_text(error)}"
            raise ConnectionException(text, **self.context()) from stripped(error)
        finally:
            users.current = None

    def _redirect_target(self, answer: HttpResponse, url: str) -> str | None:
        """Where to send the same request again; None for anywhere the key must not go."""
        repeats = answer.status in (307, 308) or (
            answer.status in (301, 302, 303) and self.request.method == "GET"
        )
        location = answer.headers.get("Location") or ""
        target = requote_uri(urljoin(url, location))
        same_origin = urlsplit(target)[:2] == urlsplit(url)[:2]
        # a backslash is a path to some readers and leads to another host for others
        plain = location and "\\" not in location
        return target if plain and repeats and same_origin else None

    def _pause_before_retry(self, error: DifyException, failures: int) -> float | None:
        """Seconds to wait before sending again; None where the first sending may have counted."""
        if failures >= self._config.max_retries or self._is_left or self._aborted.is_set():
            return None
        if isinstance(error, HttpClientException):
            again = error.status_code == 429 and error.code == "too_many_requests"
            again = again or (self.request.method == "GET" and error.status_code >= 500)
        else:
            total = getattr(error, "phase", None) == "total"
            hopeless = total or isinstance(error.__cause__, failure.SSLError)
            again = _never_connected(error.__cause__)
            again = again or (self.request.method == "GET" and not hopeless)
        pause = 0.2 * 2**failures * random.uniform(0.8, 1.2)
        asked = getattr(error, "retry_after", None) or 0.0
        return max(pause, asked) if again and asked <= _MAX_RETRY_AFTER else None


def _never_connected(cause: BaseException | None) -> bool:
    if isinstance(cause, failure.ConnectTimeout):
        return True
    inner = cause.args[0] if cause is not None and cause.args else None
    inner = getattr(inner, "reason", inner)
    closed, refused = urllib3.exceptions.ClosedPoolError, urllib3.exceptions.NewConnectionError
    return isinstance(inner, (closed, refused))
