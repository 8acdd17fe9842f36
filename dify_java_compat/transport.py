"""HTTP: one request out, one answer in. The only importer of requests; knows no DTO and no SSE."""

from __future__ import annotations

import random
import re
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
import urllib3
from requests import exceptions as failure
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase

from ._answers import Answer, reason
from ._connections import Watched, pool_classes, users
from ._limits import Slots, checked
from ._logging import begin
from ._masking import without_key
from .config import ClientConfig
from .errors import (
    ConnectionException,
    DifyException,
    HttpClientException,
    IllegalArgumentException,
    TimeoutException,
)

_MAX_RETRY_AFTER, _MAX_REDIRECTS = 30.0, 3


def service_url(base_url: str) -> str:
    """A server's address without /v1; IllegalArgumentException where it is none."""
    url = base_url.strip().rstrip("/").removesuffix("/v1").rstrip("/")
    if not re.match(r"https?://[^/?#\s]+(/[^?#\s]*)?$", url, re.IGNORECASE):
        raise IllegalArgumentException(
            f"base_url must look like http://host:port or https://host/v1, not {base_url!r}"
        )
    return url


class Key(AuthBase):
    """An API key that puts itself into a request's header and shows itself nowhere else.

    An `auth=` object: it alone keeps requests from putting a `.netrc` password there instead.
    """

    def __init__(self, key: str, header: str = "Authorization", scheme: str = "Bearer ") -> None:
        if not key or re.search(r"[^\x21-\x7e]", key):
            raise IllegalArgumentException(
                "api_key must not be empty and must be ASCII without blanks or line breaks"
            )
        self._key, self._header, self._scheme = key, header, scheme

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers[self._header] = self._scheme + self._key
        return request

    def hide_in(self, text: str) -> str:
        """`text` without this key."""
        return without_key(text, self._key)

    def __repr__(self) -> str:
        return "Key(***)"


@dataclass(frozen=True)
class Request:
    """A request as it goes out; `path` is encoded and has its query.

    `body` is bytes, or an object with `read`, `__len__`, `rewind` and `close`. `ids` are those the
    caller gave, for the exceptions.
    """

    operation: str
    method: str
    path: str
    key: Key
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    streams: bool = False
    ids: Mapping[str, str] = field(default_factory=dict)

    def context(self) -> dict[str, Any]:
        """What an exception says of this request."""
        path = self.path.partition("?")[0]
        return {"operation": self.operation, "method": self.method, "path": path, **self.ids}

    def hide_key(self, text: str) -> str:
        return self.key.hide_in(text)


class _Adapter(HTTPAdapter):
    def __init__(self, config: ClientConfig) -> None:
        kept = config.max_idle_connections  # of a pool of none, urllib3 makes one without bounds
        self._pool_classes = pool_classes(config.keep_alive_seconds if kept else 0.0)
        super().__init__(pool_maxsize=kept or 1)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = self._pool_classes

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **kwargs)
        if not proxy.lower().startswith("socks"):
            manager.pool_classes_by_scheme = self._pool_classes
        return manager


class Transport:
    """The connections to one server, shared by any number of threads."""

    def __init__(self, base_url: str, config: ClientConfig) -> None:
        self.base_url = base_url
        self.config = checked(config)
        self.slots = Slots(config.max_requests, config.max_requests_per_host)
        with requests.Session() as session:
            self._settings: dict[str, Any] = dict(
                session.merge_environment_settings(
                    base_url, dict(config.proxies or {}), True, config.verify, config.cert
                )
            )
        self._adapter = _Adapter(config)

    def exchange(self, request: Request) -> Exchange:
        return Exchange(self, request)

    def send(self, url: str, request: Request, timeout: Any) -> requests.Response:
        prepared = requests.PreparedRequest()
        prepared.prepare(
            method=request.method,
            url=url,
            headers={"User-Agent": "dify-java-compat", **request.headers},
            data=request.body,
            auth=request.key,
        )
        return self._adapter.send(prepared, timeout=timeout, **self._settings)

    def close(self) -> None:
        self._adapter.close()


class Exchange:
    """One request and its answer; `abort` ends it from any thread, at any moment."""

    def __init__(self, transport: Transport, request: Request) -> None:
        self.request = request
        self._transport = transport
        self._config = config = transport.config
        idles = request.streams and config.sse_read_timeout is not None
        self._idle_setting = "sse_read_timeout" if idles else "read_timeout"
        self._idle: float = getattr(config, self._idle_setting)
        self._deadline = time.monotonic() + config.call_timeout if config.call_timeout else None
        self._form = None if isinstance(request.body, bytes) else request.body
        self._aborted = threading.Event()
        self._has_slot = False
        self._connection: Watched | None = None

    def uses(self, connection: Watched) -> None:
        self._connection = connection
        self._check_not_aborted()

    def _check_not_aborted(self) -> None:
        if self._aborted.is_set():
            raise ConnectionException("given up before it was sent", **self.context())

    def time_to_send(self) -> float | None:
        return self._remaining(self._config.write_timeout)

    def closed(self) -> None:
        """The answer was closed: another stream may have its place."""
        if self._has_slot:
            self._has_slot = False
            self._transport.slots.give_back()

    @property
    def sent(self) -> bool:
        """Whether anything may have gone out."""
        return self._connection is not None

    def abort(self) -> None:
        """Free the thread that is connecting, waiting or reading; returns at once."""
        self._aborted.set()
        self._transport.slots.wake()
        if self._connection is not None:
            self._connection.interrupt(self)

    def open(self) -> Answer:
        """Send, and send again where that is safe; return once the answer's headers are there.

        Raises HttpClientException for a status that is not a success, ConnectionException and
        TimeoutException. A body that is not bytes is closed.
        """
        try:
            return self._open()
        finally:
            if self._form is not None:
                self._form.close()

    def _open(self) -> Answer:
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
                if pause is None or self._aborted.wait(pause):
                    raise
                failures += 1
            if self._form is not None:
                self._form.rewind()

    def context(self) -> dict[str, Any]:
        return self.request.context()

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

    def _send(self, url: str) -> Answer:
        if self.request.streams:
            self._take_slot()
        line = begin(self.request, self._config)
        try:
            response = self._respond(url)
        except BaseException as error:
            self.closed()
            if line is not None:
                line.failed(error)
            raise
        return Answer(self, response.headers, response.raw, line)

    def _take_slot(self) -> None:
        self._has_slot = self._transport.slots.take(self._aborted.is_set, self._remaining(0.0))
        if not self._has_slot:
            self._check_not_aborted()
            raise self.timed_out("total")

    def _respond(self, url: str) -> requests.Response:
        timeout = self._remaining(self._config.connect_timeout), self._remaining(self._idle)
        users.current = self
        try:
            return self._transport.send(url, self.request, timeout)
        except failure.ConnectTimeout as error:
            raise self.timed_out("connect") from _without_request(error)
        except failure.ReadTimeout as error:
            raise self.timed_out("read") from _without_request(error)
        except (failure.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            origin = "{0.scheme}://{0.netloc}".format(urlsplit(self._transport.base_url))
            text = f"no answer from {origin}: {reason(error)}"
            raise ConnectionException(text, **self.context()) from _without_request(error)
        finally:
            users.current = None

    def _redirect_target(self, answer: Answer, url: str) -> str | None:
        """Where to send the same request again; None for anywhere the key must not go."""
        statuses = (301, 302, 303, 307, 308) if self.request.method == "GET" else (307, 308)
        location = answer.headers.get("Location")
        target = urljoin(url, location or "")
        same_origin = urlsplit(target)[:2] == urlsplit(url)[:2]
        return target if location and same_origin and answer.status in statuses else None

    def _pause_before_retry(self, error: DifyException, failures: int) -> float | None:
        """Seconds to wait before sending again; None where the first sending may have counted."""
        if failures >= self._config.max_retries or self._aborted.is_set():
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
    reason = getattr(cause.args[0], "reason", None) if cause is not None and cause.args else None
    return isinstance(reason, urllib3.exceptions.NewConnectionError)


def _without_request(error: Exception) -> Exception:
    """The request carries the key, and exceptions get pickled and logged."""
    if isinstance(error, failure.RequestException):
        error.request = error.response = None
    return error
