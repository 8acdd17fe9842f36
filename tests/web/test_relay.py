"""`return event_stream(stream)` under each framework's servers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.support.frames import MESSAGE_END, dify_error, error_event, message

from .servers import SERVERS, Browser, Upstream, serving


@pytest.fixture(scope="module", params=[name for name in SERVERS if "service" not in name])
def server(request: pytest.FixtureRequest) -> Iterator[tuple[str, int]]:
    with serving(request.param) as port:
        yield request.param, port


class Relay:
    """A server of a framework, before it a browser, behind it a Dify."""

    def __init__(self, name: str, port: int, dify: Upstream) -> None:
        self.name, self.port, self.dify = name, port, dify

    def ask(self, path: str = "/chat", method: str = "GET", **query: object) -> Browser:
        target = f"{path}?{urlencode({'dify': self.dify.url, **query})}"
        return Browser(self.port, target, method)


@pytest.fixture
def dify() -> Iterator[Upstream]:
    with Upstream() as dify:
        yield dify


@pytest.fixture
def relay(server: tuple[str, int], dify: Upstream) -> Relay:
    return Relay(*server, dify)


def events(body: bytes) -> list[dict[str, Any]]:
    frames = body.decode().split("\n\n")
    assert frames.pop() == ""
    return [json.loads(frame.rpartition("data: ")[2]) for frame in frames if frame[0] != ":"]


def test_each_item_comes_when_dify_sends_it(relay: Relay) -> None:
    with relay.ask() as browser:
        relay.dify.emit(message("你"))
        head = browser.read_head()
        assert head.status == 200
        assert head.header("Content-Type").startswith("text/event-stream")
        assert head.header("Cache-Control") == "no-cache"
        assert head.header("X-Accel-Buffering") == "no"
        browser.read_until("你".encode())
        relay.dify.emit(message("好"))
        browser.read_until("好".encode())
        relay.dify.emit(MESSAGE_END)
        relay.dify.end()
        found = events(browser.read_rest())
    assert [item["event"] for item in found] == ["message", "message", "message_end"]
    assert found[0]["conversationId"] == "c-1"
    assert found[2]["metadata"]["usage"]["totalTokens"] == 3
    assert relay.dify.stops == []


def test_a_refused_stream_keeps_its_status(server: tuple[str, int]) -> None:
    refusal = dify_error("401 UNAUTHORIZED", "unauthorized", "Access token is invalid")
    with Upstream(refusal) as dify, Relay(*server, dify).ask() as browser:
        head = browser.read_head()
        assert head.status == 401
        assert head.header("Content-Type").startswith("application/json")
        assert json.loads(browser.read_rest()) == {
            "status": 401,
            "code": "unauthorized",
            "message": "Access token is invalid",
        }


def test_what_breaks_the_stream_is_its_last_event(relay: Relay) -> None:
    with relay.ask() as browser:
        relay.dify.emit(message("a"))
        relay.dify.cut()
        browser.read_head()
        body = browser.read_rest()
    assert b"\n\nevent: error\ndata: {" in body
    last = events(body)[-1]
    assert (last["event"], last["status"], last["taskId"]) == ("error", 502, "t-1")
    assert relay.dify.url not in body.decode()


def test_an_error_of_difys_is_sent_and_ends_the_stream(relay: Relay) -> None:
    with relay.ask(named="true") as browser:
        relay.dify.emit(message("a"), error_event("no quota", "provider_quota_exceeded"))
        relay.dify.end()
        browser.read_head()
        body = browser.read_rest()
    assert body.startswith(b"event: message\ndata: {")
    _, own, last = events(body)
    assert (own["event"], own["code"]) == ("error", "provider_quota_exceeded")
    assert (last["status"], last["code"], last["message"]) == (
        400,
        "provider_quota_exceeded",
        "no quota",
    )


def test_a_browser_that_leaves_stops_the_run(relay: Relay) -> None:
    with relay.ask() as browser:
        relay.dify.emit(message("a"))
        browser.read_head()
        browser.read_until(b"data: ")
        browser.leave()
        assert relay.dify.wait_for_stop() < 1.0
    assert relay.dify.stops[0].json == {"user": "u-1"}


def test_a_browser_that_leaves_before_the_first_event_stops_the_run(relay: Relay) -> None:
    with relay.ask() as browser:
        relay.dify.wait_for_question()
        browser.leave()
        relay.dify.emit(message("a"))
        assert relay.dify.wait_for_stop() < 1.0


def test_silence_is_bridged(relay: Relay) -> None:
    with relay.ask(heartbeat=0.05) as browser:
        relay.dify.emit(message("a"))
        browser.read_head()
        browser.read_until(b": heartbeat\n\n: heartbeat\n\n")
        relay.dify.emit(message("b"), MESSAGE_END)
        relay.dify.end()
        assert [item["answer"] for item in events(browser.read_rest())] == ["a", "b", None]


def test_the_status_does_not_wait_for_ever(relay: Relay) -> None:
    with relay.ask(first_timeout=0.05, heartbeat=0.05) as browser:
        relay.dify.wait_for_question()
        assert browser.read_head().status == 200
        browser.read_until(b": heartbeat\n\n")
        relay.dify.emit(message("a"), MESSAGE_END)
        relay.dify.end()
        assert len(events(browser.read_rest())) == 2


def test_lines_of_json_without_nulls(relay: Relay) -> None:
    with relay.ask(ndjson=1, exclude_none=1, heartbeat=0.01) as browser:
        relay.dify.emit(message("a"))
        relay.dify.cut()
        assert browser.read_head().header("Content-Type").startswith("application/x-ndjson")
        first, last = map(json.loads, browser.read_rest().splitlines())
    assert first["answer"] == "a"
    assert None not in first.values()
    assert last["event"] == "error"


def test_only_the_head_is_asked_for(relay: Relay) -> None:
    if relay.name == "django-uvicorn":
        return  # it shows its views no method
    with relay.ask(method="HEAD") as browser:
        head = browser.read_head()
    if relay.name.startswith("fastapi"):
        assert head.status == 405  # it lets no HEAD come to a GET
    else:
        assert head.status == 200
        assert head.header("Content-Type").startswith("text/event-stream")
    assert relay.dify.requests == []


def test_a_handler_of_the_apps_own_goes_first(relay: Relay) -> None:
    if relay.name.startswith("django"):
        return  # its middlewares are those of the whole project: test_handlers.py
    with relay.ask("/handled/chat") as browser:
        relay.dify.cut()
        assert browser.read_head().status == 418
        assert json.loads(browser.read_rest())["handled"] in ("ConnectionException",)


def test_an_argument_that_cannot_work(relay: Relay) -> None:
    with relay.ask(heartbeat=-1) as browser:
        assert browser.read_head().status == (500 if relay.name.startswith("django") else 400)
