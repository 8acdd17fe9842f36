"""HTTP: one request out, one response in. Knows no DTO and no SSE."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from types import NoneType
from typing import Any

import requests

from ..config import ClientConfig
from ..errors import DifyException
from .adapter import Adapter, checked_session, environment, prepared_url
from .alarms import Alarms
from .cancellation import add_to_current
from .connection import current_exchange
from .deferred import DeferredResponse
from .direct import call_directly, send_at_once, send_directly
from .errors import SEND_FAILURES, send_failure, stripped
from .exchange import Exchange
from .limiter import StreamLimiter
from .log import RequestLog, start
from .openers import Openers
from .polled import PolledResponse, StreamResponse, ThreadedResponse
from .request import HttpRequest
from .response import HttpResponse, RawResponse
from .threads import renew_after_fork

_MOST_UNANSWERED = 64  # fewer than a server keeps of those that it has not accepted yet
_SMALL = 16384  # bytes that go out at once on a connection that has nothing to send


class _Proxies(dict[str, str]):
    def __repr__(self) -> str:
        return f"{{{len(self)} proxies}}"


class Transport:
    """The connections to one server, shared by any number of threads."""

    def __init__(self, base_url: str, config: ClientConfig, session: Any = None) -> None:
        """Connects nowhere yet. IllegalArgumentException if `base_url` cannot be an address.

        `session` is a caller's, whose settings and adapters are used: see `Adapter`.
        """
        self.base_url = prepared_url(base_url)
        self.config = config
        self._session = checked_session(session)
        self._settings = environment(base_url, config, self._session)
        # with their passwords, which whoever shows this object does not show
        self._settings["proxies"] = _Proxies(self._settings["proxies"])
        self.renew()
        renew_after_fork(self)

    def renew(self) -> None:
        """Begin anew with no connection and no open stream; closes nothing. Raises nothing."""
        self.streams = StreamLimiter(self.config.max_requests, self.config.max_requests_per_host)
        self.openers = Openers()
        self.unanswered: set[PolledResponse] = set()  # of what was sent at once
        self.alarms = Alarms()
        self._adapter = Adapter(self.config, self._session)

    def exchange(self, request: HttpRequest, config: ClientConfig | None = None) -> Exchange:
        """`request` and its response to be; sends nothing, but `call_timeout` counts from here.

        `config` has the settings of this call; without it those of the transport hold.
        """
        exchange = Exchange(self, request, config or self.config)
        add_to_current(exchange)
        return exchange

    def send(self, exchange: Exchange, url: str) -> RawResponse:
        """Send the request of `exchange` to `url`, once; return when the headers are there.

        Any status is a response. Raises ConnectionException and TimeoutException; what the file of
        an upload or its progress callback raised is then known to `MultipartForm.raise_failure`.
        """
        to_send = self._adapter.prepared(exchange.request, url)
        with self._translated(exchange):
            if isinstance(exchange.request.body, (bytes, NoneType)):  # no form, read as it is sent
                pool = self._adapter.direct_pool(to_send, self._settings)
                response = None if pool is None else call_directly(pool, exchange, to_send)
                if response is not None:
                    return response
            raw: RawResponse = self._send(exchange, to_send)
            return raw

    def send_polled(self, exchange: Exchange, url: str) -> StreamResponse:
        """`send`, without waiting for the headers where the connection can be polled."""
        to_send = self._adapter.prepared(exchange.request, url)
        with self._logged(exchange) as log:
            pool = self._adapter.direct_pool(to_send, self._settings)
            if pool is not None:
                connection = send_directly(pool, exchange, to_send)
                if connection is not None:
                    return PolledResponse(exchange, connection, pool._put_conn, log)
            response: Any = self._send(exchange, to_send)
        if isinstance(response, DeferredResponse):
            give_back = response._pool._put_conn
            return PolledResponse(exchange, response._connection, give_back, log)
        return ThreadedResponse(exchange, HttpResponse(exchange, response, log))

    def send_at_once(self, exchange: Exchange) -> StreamResponse | None:
        """`Exchange.send_polled` where nothing has to be waited for; else None: nothing is sent."""
        body = exchange.request.body or b""
        if exchange.config.interceptors or not isinstance(body, bytes) or len(body) > _SMALL:
            return None
        if not self._adapter.has_direct_pool and self.base_url.startswith("https:"):
            return None
        to_send = self._adapter.prepared(exchange.request, exchange.attempts.url)
        pool = self._adapter.direct_pool(to_send, self._settings)
        if pool is None:
            return None
        with self._logged(exchange) as log:
            # a server that is behind would drop one more
            may_connect = not self.openers.is_busy and len(self.unanswered) < _MOST_UNANSWERED
            connection = send_at_once(pool, exchange, to_send, may_connect=may_connect)
        if connection is None:
            return None
        response = PolledResponse(exchange, connection, pool._put_conn, log)
        self.unanswered.add(response)
        return response

    def failure(self, exchange: Exchange, error: Exception) -> DifyException:
        """One of SEND_FAILURES, met before the response's headers were there, as it is raised."""
        request, deadline = exchange.request, exchange.deadline
        return send_failure(error, request, deadline, self.base_url, self._settings["proxies"])

    @contextlib.contextmanager
    def _logged(self, exchange: Exchange) -> Iterator[RequestLog | None]:
        """`_translated`, and the line of the log, which has what fails within."""
        log = start(exchange.request, exchange.config)
        try:
            with self._translated(exchange):
                yield log
        except BaseException as error:
            if log is not None:
                log.failed(error)
            raise

    @contextlib.contextmanager
    def _translated(self, exchange: Exchange) -> Iterator[None]:
        """What is sent within is for `exchange`, and what fails within is raised as one of ours."""
        try:
            with current_exchange(exchange):
                yield
        except DifyException as error:  # ours, raised below urllib3: it says everything
            raise stripped(error) from error.__cause__
        except SEND_FAILURES as error:
            raise self.failure(exchange, error) from stripped(error)

    def _send(self, exchange: Exchange, to_send: requests.PreparedRequest) -> Any:
        deadline = exchange.deadline
        timeout: Any = deadline.time_left("connect"), deadline.time_left("read")
        return self._adapter.send(to_send, timeout=timeout, **self._settings)

    def close(self) -> None:
        """Close the connections that lie idle; those in use stay. Raises nothing."""
        self._adapter.close()
        self.openers.close()
