"""The rules of sending again and of redirects, without a socket."""

from __future__ import annotations

from urllib.parse import urlsplit

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
from dify_java_compat._http.retry import (
    MAX_RETRY_AFTER,
    delay_before,
    may_send_again,
    redirect_target,
)
from dify_java_compat.errors import http_error

POOL = urllib3.HTTPConnectionPool("dify.test")
CONNECTION = urllib3.connection.HTTPConnection("dify.test")
URL = "https://dify.test:8443/v1/chat-messages"

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


# -- redirects -----------------------------------------------------------------------------------

paths = st.from_regex(r"/[a-z0-9/._~-]{0,20}(\?[a-z0-9=&]{0,10})?", fullmatch=True)


@given(method=methods, status=st.sampled_from([307, 308]), path=paths)
def test_the_same_request_goes_where_the_same_server_says(
    method: str, status: int, path: str
) -> None:
    assume(not path.startswith("//"))
    absolute = f"https://dify.test:8443{path}"
    for location in (path, absolute):
        target = redirect_target(method, URL, status, location)
        assert target is not None
        assert urlsplit(target)[:2] == urlsplit(URL)[:2]
        assert urlsplit(target).query == urlsplit(path).query


@given(method=others, status=st.sampled_from([301, 302, 303]), path=paths)
def test_a_redirect_that_makes_a_get_of_it_is_not_followed(
    method: str, status: int, path: str
) -> None:
    assert redirect_target(method, URL, status, path) is None


@given(status=st.sampled_from([301, 302, 303, 307, 308]))
def test_a_get_stays_a_get(status: int) -> None:
    target = redirect_target("GET", URL, status, "/there")
    assert target == "https://dify.test:8443/there"
    assert redirect_target("GET", URL, status, "there") == "https://dify.test:8443/v1/there"


@given(method=methods, status=st.integers(200, 599), location=st.none() | st.just(""))
def test_no_status_is_a_redirect_without_a_location(
    method: str, status: int, location: str | None
) -> None:
    assert redirect_target(method, URL, status, location) is None


@given(method=methods, status=st.integers(200, 599))
def test_any_other_status_is_no_redirect(method: str, status: int) -> None:
    assume(status not in (301, 302, 303, 307, 308))
    assert redirect_target(method, URL, status, "/there") is None


@pytest.mark.parametrize(
    "location",
    [
        "https://elsewhere.test:8443/v1/chat-messages",
        "https://dify.test/v1/chat-messages",
        "https://dify.test:443/v1/chat-messages",
        "http://dify.test:8443/v1/chat-messages",
        "//elsewhere.test/v1",
        "https://dify.test:8443@elsewhere.test/",
        "https://user@dify.test:8443/",
        "https://dify.test:8443.elsewhere.test/",
        "ftp://dify.test:8443/",
        "javascript:alert(1)",
        "\\\\elsewhere.test\\",
        "/\\elsewhere.test/",
        "https://dify.test:8443\\@elsewhere.test/",
        "http://[",
        "//[::1",
        "https://[dify.test]:8443/",
    ],
)
@given(method=methods, status=st.sampled_from([307, 308]))
def test_the_key_goes_to_no_other_server(location: str, method: str, status: int) -> None:
    assert redirect_target(method, URL, status, location) is None


@given(
    method=methods,
    status=st.integers(200, 599),
    location=st.text() | st.from_regex(r"(https?:)?[/\\]{1,3}[^/]{0,12}[@:/\\].*", fullmatch=True),
)
def test_any_location_is_on_the_same_server_or_refused(
    method: str, status: int, location: str
) -> None:
    target = redirect_target(method, URL, status, location)
    if target is not None:
        assert urlsplit(target)[:2] == ("https", "dify.test:8443")
        assert "\\" not in location
        assert requests.Request("GET", target).prepare().url is not None
