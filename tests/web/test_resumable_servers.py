"""A stream that is kept, under each framework's servers: reloads, tabs, stop, strangers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.support.frames import MESSAGE_END, dify_error, message

from .servers import Browser, Upstream, serving

SERVERS = (
    "flask", "flask-gunicorn-gevent", "starlette-uvicorn", "starlette-hypercorn", "django",
    "django-uvicorn",
)  # fmt: skip


@pytest.fixture(scope="module", params=SERVERS)
def port(request: pytest.FixtureRequest) -> Iterator[int]:
    with serving(request.param) as port:
        yield port


@pytest.fixture
def dify() -> Iterator[Upstream]:
    with Upstream() as dify:
        yield dify


def ask(port: int, path: str, **query: object) -> tuple[int, Any]:
    with Browser(port, f"{path}?{urlencode(query)}") as browser:
        head = browser.read_head()
        return head.status, json.loads(browser.read_rest())


def start(port: int, dify: Upstream, **query: object) -> str:
    status, body = ask(port, "/start", dify=dify.url, **query)
    assert status == 200
    return str(body["id"])


def follow(port: int, stream_id: str, last: str | None = None, **query: object) -> Browser:
    headers = {} if last is None else {"Last-Event-ID": last}
    return Browser(port, f"/follow?{urlencode({'id': stream_id, **query})}", headers=headers)


def fields(body: bytes) -> list[dict[str, str]]:
    """The lines of each event."""
    frames = body.decode().split("\n\n")
    assert frames.pop() == ""
    return [
        {name: value for name, _, value in (line.partition(": ") for line in frame.split("\n"))}
        for frame in frames
        if frame[0] != ":"
    ]


def text_of(events: list[dict[str, str]]) -> str:
    return "".join(json.loads(event["data"]).get("answer") or "" for event in events)


def test_a_reloaded_page_goes_on_behind_its_last_event(port: int, dify: Upstream) -> None:
    stream_id = start(port, dify)
    with follow(port, stream_id) as page:
        dify.emit(message("你"), message("好"))
        head = page.read_head()
        assert head.status == 200
        assert head.header("Content-Type").startswith("text/event-stream")
        page.read_until("好".encode())
        first = fields(page.body)
    dify.emit(message("吗"))
    with follow(port, stream_id, last=first[-1]["id"]) as page:
        page.read_head()
        page.read_until("吗".encode())
        dify.emit(MESSAGE_END)
        dify.end()
        second = fields(page.read_rest())
    assert text_of(first) + text_of(second) == "你好吗"
    assert [event["id"] for event in first + second] == ["1", "2", "3", "4", "5"]
    assert second[-1] == {"id": "5", "event": "end", "data": '{"event":"end","reason":"completed"}'}
    assert dify.stops == []
    assert ask(port, "/answer", id=stream_id)[1]["answer"] == "你好吗"


def test_two_tabs_see_the_same_and_a_stop_ends_both(port: int, dify: Upstream) -> None:
    stream_id = start(port, dify)
    with follow(port, stream_id) as one, follow(port, stream_id) as two:
        dify.emit(message("a"), message("b"))
        for page in (one, two):
            page.read_head()
            page.read_until(b'"answer":"b"')
        assert ask(port, "/stop", id=stream_id) == (200, {})
        bodies = [page.read_rest() for page in (one, two)]
    assert bodies[0] == bodies[1]
    assert fields(bodies[0])[-1]["data"] == '{"event":"end","reason":"stopped"}'
    dify.wait_for_stop()
    assert ask(port, "/answer", id=stream_id)[1]["answer"] == "ab"


def test_the_run_goes_on_when_nobody_watches(port: int, dify: Upstream) -> None:
    stream_id = start(port, dify)
    with follow(port, stream_id) as page:
        dify.emit(message("a"))
        page.read_head()
        page.read_until(b'"answer":"a"')
    dify.emit(message("b"), MESSAGE_END)
    dify.end()
    with follow(port, stream_id) as page:
        page.read_head()
        assert text_of(fields(page.read_rest())) == "ab"
    assert dify.stops == []


def test_a_stranger_is_told_nothing(port: int, dify: Upstream) -> None:
    stream_id = start(port, dify)
    dify.emit(message("secret"))
    for query in ({"user": "u-2", "id": stream_id}, {"id": "x" * 22}, {"id": "../x"}):
        with follow(port, str(query["id"]), user=query.get("user", "u-1")) as page:
            assert page.read_head().status == 404
            assert json.loads(page.read_rest())["code"] == "not_found"
        for path in ("/stop", "/answer"):
            assert ask(port, path, **query) == (404, {"code": "not_found"})
    ask(port, "/stop", id=stream_id)


def test_a_refused_stream_keeps_its_status(port: int) -> None:
    refusal = dify_error("401 UNAUTHORIZED", "unauthorized", "Access token is invalid")
    with Upstream(refusal) as dify:
        stream_id = start(port, dify)
        with follow(port, stream_id) as page:
            assert page.read_head().status == 401
            assert json.loads(page.read_rest())["code"] == "unauthorized"


def test_a_stream_that_breaks_says_so_to_who_comes_later(port: int, dify: Upstream) -> None:
    stream_id = start(port, dify)
    dify.emit(message("a"))
    dify.cut()
    with follow(port, stream_id) as page:
        page.read_head()
        events = fields(page.read_rest())
    assert events[-1]["event"] == "error"
    assert json.loads(events[-1]["data"])["taskId"] == "t-1"
    with follow(port, stream_id, last=events[0]["id"]) as page:
        page.read_head()
        assert fields(page.read_rest()) == events[1:]
