"""What eight services had by hand, under real servers: tenants, spans, kept answers, times."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.support.frames import MESSAGE_END, message
from tests.support.watching import wait_until

from .servers import Browser, Upstream, serving

PATHS = {"service-flask": ["/chat"], "service-fastapi": ["/chat", "/plain/chat"]}
CASES = [(name, path) for name, paths in PATHS.items() for path in paths]


def seen(port: int) -> dict[str, Any]:
    with Browser(port, "/seen") as browser:
        browser.read_head()
        found: dict[str, Any] = json.loads(browser.read_rest())
    return found


def wait_for_end(port: int) -> dict[str, Any]:
    """What the service has seen, once it has seen the end of a stream."""
    found: dict[str, Any] = {}

    def is_there() -> bool:
        found.update(seen(port))
        has_span = any(name == "chat dify" for name, *_ in found["spans"])
        return bool(found["calls"] and found["kept"] and has_span)

    wait_until(is_there)
    return found


@pytest.mark.parametrize(("name", "path"), CASES)
def test_tenant_and_span_are_seen_everywhere_and_a_listener_has_the_times(
    name: str, path: str
) -> None:
    with serving(name) as port, Upstream() as dify:
        target = f"{path}?{urlencode({'dify': dify.url})}"
        with Browser(port, target, headers={"X-Tenant": "t-9"}) as browser:
            dify.emit(message("a"), message("b"), MESSAGE_END)
            dify.end()
            assert browser.read_head().status == 200
            browser.read_rest()
        found = wait_for_end(port)
    assert dify.requests[0].headers["x-tenant"] == "t-9"
    [(span, parent)] = [(span, parent) for n, span, parent in found["spans"] if n == "chat dify"]
    assert parent in {span for _, span, above in found["spans"] if above is None}
    assert found["hook"] == found["operator"] == [["t-9", span]] * 3
    [[status, events, is_cancelled, first, whole]] = found["calls"]
    assert (status, events, is_cancelled) == (200, 3, False)
    assert 0 < first <= whole
    assert found["kept"] == ["ab"]


@pytest.mark.parametrize(("name", "path"), CASES)
def test_the_partial_answer_is_kept_when_the_browser_leaves(name: str, path: str) -> None:
    with serving(name) as port, Upstream() as dify:
        with Browser(port, f"{path}?{urlencode({'dify': dify.url})}") as browser:
            dify.emit(message("half an "), message("answer"))
            browser.read_head()
            browser.read_until(b'"answer":"answer"')
            browser.leave()
            assert dify.wait_for_stop() < 1.0
        found = wait_for_end(port)
    assert found["kept"] == ["half an answer"]
    assert found["calls"][0][2] is True
