"""The rules of sending again, without a socket."""

from __future__ import annotations

import pytest
import requests
import urllib3
from hypothesis import assume, given
from hypothesis import strategies as st
from urllib3.exceptions import (
    ClosedPoolError,
    ConnectTimeoutError,
    MaxRetryError,
    NameResolutionError,
    NewConnectionError,
    ProtocolError,
    ProxyError,
    SSLError,
)

from dify_java_compat import (
    ConnectionException,
    DifyException,
    HttpClientException,
    TimeoutException,
)
from dify_java_compat._http.retry import MAX_RETRY_AFTER, delay_before, may_send_again
from dify_java_compat.errors import http_error

POOL = urllib3.HTTPConnectionPool("dify.test")
CONNECTION = urllib3.connection.HTTPConnection("dify.test")

others = st.sampled_from(["POST", "PUT", "PATCH", "DELETE"])
methods = others | st.just("GET")
statuses = st.integers(300, 599)
codes = st.none() | st.sampled_from(["too_many_requests", "rate_limit_error", "x"]) | st.text()


def status_error(
    status: int, code: str | None = None, retry_after: float | None = None
) -> HttpClientException:
    return http_error(status, code)("", status_code=status, code=code, retry_after=retry_after)


def caused(error: DifyException, cause: BaseException) -> DifyException:
    error.__cause__ = cause
    return error


def failed(reason: Exception, kind: type[requests.RequestException]) -> DifyException:
    """A failure as requests reports one that urllib3 gave up on."""
    return caused(ConnectionException("no"), kind(MaxRetryError(POOL, "/", reason)))


REFUSED = NewConnectionError(CONNECTION, "refused")
UNKNOWN = NameResolutionError("dify.test", CONNECTION, OSError())  # type: ignore[arg-type]
NEVER_CONNECTED = {
    "refused": failed(REFUSED, requests.ConnectionError),
    "unknown host": failed(UNKNOWN, requests.ConnectionError),
    "connect timeout": caused(
        TimeoutException("", phase="connect"),
        requests.ConnectTimeout(MaxRetryError(POOL, "/", ConnectTimeoutError())),
    ),
    "pool closed": caused(
        ConnectionException(""), requests.ConnectionError(ClosedPoolError(POOL, "closed"))
    ),
}
MAY_HAVE_ARRIVED = {
    "closed": caused(
        ConnectionException(""), requests.ConnectionError(ProtocolError("aborted", OSError()))
    ),
    "proxy refused": failed(ProxyError("no", REFUSED), requests.exceptions.ProxyError),
    "read timeout": caused(TimeoutException("", phase="read"), requests.ReadTimeout()),
    "idle": caused(TimeoutException("", phase="idle"), requests.ReadTimeout()),
    "write timeout": caused(TimeoutException("", phase="write"), TimeoutError()),
    "no cause": ConnectionException(""),
    "cause without arguments": caused(ConnectionException(""), OSError()),
}


@given(method=methods)
@pytest.mark.parametrize("error", NEVER_CONNECTED.values(), ids=list(NEVER_CONNECTED))
def test_what_never_had_a_connection_is_sent_again(error: DifyException, method: str) -> None:
    assert may_send_again(error, method)


@given(method=others)
@pytest.mark.parametrize("error", MAY_HAVE_ARRIVED.values(), ids=list(MAY_HAVE_ARRIVED))
def test_what_may_have_arrived_is_sent_again_only_if_a_get(
    error: DifyException, method: str
) -> None:
    assert may_send_again(error, "GET")
    assert not may_send_again(error, method)


@given(method=methods)
def test_tls_that_failed_fails_again(method: str) -> None:
    error = failed(SSLError("bad certificate"), requests.exceptions.SSLError)
    assert not may_send_again(error, method)


@given(method=methods, cause=st.sampled_from([None, *NEVER_CONNECTED.values()]))
def test_nothing_is_sent_after_the_total_time(method: str, cause: DifyException | None) -> None:
    error = TimeoutException("", phase="total")
    error.__cause__ = cause.__cause__ if cause else None
    assert not may_send_again(error, method)


@given(status=statuses, code=codes)
def test_a_get_is_sent_again_after_a_server_error(status: int, code: str | None) -> None:
    assume((status, code) != (429, "too_many_requests"))
    assert may_send_again(status_error(status, code), "GET") == (status >= 500)


@given(method=others, status=statuses, code=codes)
def test_any_other_method_is_not_sent_again_after_a_status(
    method: str, status: int, code: str | None
) -> None:
    assume((status, code) != (429, "too_many_requests"))
    assert not may_send_again(status_error(status, code), method)


@given(method=methods)
def test_what_was_refused_for_too_many_requests_is_sent_again(method: str) -> None:
    assert may_send_again(status_error(429, "too_many_requests"), method)
    assert not may_send_again(status_error(429, "rate_limit_error"), method)  # a quota, used up
    assert not may_send_again(status_error(400, "too_many_requests"), method)


@given(method=methods, attempt=st.integers(1, 30), more=st.integers(0, 5))
def test_the_delays_double_a_fifth_more_or_less(method: str, attempt: int, more: int) -> None:
    delay = delay_before(NEVER_CONNECTED["refused"], attempt, method, attempt + more)
    middle = 0.2 * 2 ** (attempt - 1)
    assert delay is not None
    assert 0.79 * middle <= delay <= 1.21 * middle


def test_the_delays_differ() -> None:
    assert len({delay_before(NEVER_CONNECTED["refused"], 1, "GET", 1) for _ in range(20)}) > 1


@given(method=methods, retries=st.integers(0, 30), beyond=st.integers(1, 30))
def test_no_more_retries_than_are_allowed(method: str, retries: int, beyond: int) -> None:
    assert delay_before(NEVER_CONNECTED["refused"], retries + beyond, method, retries) is None


@given(method=methods, seconds=st.floats(0, MAX_RETRY_AFTER), attempt=st.integers(1, 8))
def test_a_retry_after_is_respected(method: str, seconds: float, attempt: int) -> None:
    delay = delay_before(
        status_error(429, "too_many_requests", seconds), attempt, method, max_retries=8
    )
    assert delay is not None
    assert delay >= seconds
    assert delay >= 0.79 * 0.2 * 2 ** (attempt - 1)


@given(method=methods, seconds=st.floats(MAX_RETRY_AFTER, exclude_min=True, allow_nan=False))
def test_nobody_waits_longer_than_the_bound(method: str, seconds: float) -> None:
    error = status_error(429, "too_many_requests", seconds)
    assert delay_before(error, 1, method, 2) is None
    assert delay_before(status_error(503, None, seconds), 1, method, 2) is None
