"""Where a redirect may lead, without a socket."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
import requests
from hypothesis import assume, given
from hypothesis import strategies as st

from dify_java_compat._http.redirects import redirect_target

URL = "https://dify.test:8443/v1/chat-messages"

others = st.sampled_from(["POST", "PUT", "PATCH", "DELETE"])
methods = others | st.just("GET")
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
