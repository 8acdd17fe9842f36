"""Several processes that share a Redis: kill -9, a Redis that is held, killed, or forgets."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dify_java_compat.emulator import DifyEmulator
from tests.support.frames import MESSAGE_END, message
from tests.support.watching import wait_until

from .redis_server import RedisServer, redis_server
from .servers import Browser, Upstream, running
from .test_resumable_servers import ask, fields, follow, start, text_of

LEASE = 2.0


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with redis_server(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def dify() -> Iterator[Upstream]:
    with Upstream() as dify:
        yield dify


@contextlib.contextmanager
def workers(redis: RedisServer, count: int, **settings: Any) -> Iterator[list[Any]]:
    streams = json.dumps({"redis": redis.url, "lease_seconds": LEASE, **settings})
    with contextlib.ExitStack() as stack:
        yield [
            stack.enter_context(running("starlette-uvicorn", STREAMS=streams)) for _ in range(count)
        ]


@pytest.fixture(scope="module")
def ports(redis: RedisServer) -> Iterator[list[int]]:
    with workers(redis, 3) as found:
        yield [port for port, _ in found]


def read_text(page: Browser, text: str) -> None:
    page.read_head()
    page.read_until(json.dumps(text, ensure_ascii=False).encode())


def test_start_here_watch_there_stop_elsewhere(ports: list[int], dify: Upstream) -> None:
    stream_id = start(ports[0], dify)
    with follow(ports[1], stream_id) as page, follow(ports[2], stream_id) as other:
        dify.emit(message("你"), message("好"))
        read_text(page, "好")
        read_text(other, "好")
        assert ask(ports[2], "/stop", id=stream_id) == (200, {})
        bodies = [page.read_rest(), other.read_rest()]
    assert bodies[0] == bodies[1]
    assert json.loads(fields(bodies[0])[-1]["data"])["reason"] == "stopped"
    dify.wait_for_stop()
    for port in ports:
        assert ask(port, "/answer", id=stream_id)[1]["answer"] == "你好"


def test_a_reload_on_another_process(ports: list[int], dify: Upstream) -> None:
    stream_id = start(ports[0], dify)
    with follow(ports[1], stream_id) as page:
        dify.emit(message("a"), message("b"))
        read_text(page, "b")
        first = fields(page.body)
    dify.emit(message("c"), MESSAGE_END)
    dify.end()
    with follow(ports[2], stream_id, last=first[0]["id"]) as page:
        page.read_head()
        second = fields(page.read_rest())
    assert text_of(second) == "bc"
    assert [event["id"] for event in second] == ["2", "3", "4", "5"]


def test_a_stranger_on_another_process(ports: list[int], dify: Upstream) -> None:
    stream_id = start(ports[0], dify)
    with follow(ports[1], stream_id, user="u-2") as page:
        assert page.read_head().status == 404
    assert ask(ports[2], "/stop", id=stream_id, user="u-2")[0] == 404
    assert ask(ports[2], "/stop", id=stream_id)[0] == 200


def test_a_killed_reader_is_noticed_within_its_lease(redis: RedisServer, dify: Upstream) -> None:
    with workers(redis, 2) as [(first, process), (second, _)]:
        stream_id = start(first, dify)
        with follow(second, stream_id) as page:
            dify.emit(message("par"), message("tial"))
            read_text(page, "tial")
            process.kill()
            killed = time.monotonic()
            events = fields(page.read_rest())
            took = time.monotonic() - killed
        assert took < LEASE + 1.5
        told = json.loads(events[-1]["data"])
        assert (told["event"], told["code"], told["taskId"]) == ("error", "interrupted", "t-1")
        assert events[-1]["id"] == "3"
        assert ask(second, "/answer", id=stream_id)[1]["answer"] == "partial"
        with follow(second, stream_id, last="2") as page:  # who comes later is told, too
            page.read_head()
            assert fields(page.read_rest()) == events[-1:]


@contextlib.contextmanager
def lost_run(
    redis: RedisServer, dify: DifyEmulator, key: str
) -> Iterator[tuple[int, str, Browser]]:
    """Another worker, the id of a stream whose reader was killed in mid-answer, and a page."""
    with workers(redis, 2, take_over_from=dify.base_url, key=key) as [
        (first, process),
        (second, _),
    ]:
        question = {"key": key, "q": "a question " * 20}
        stream_id = ask(first, "/start", dify=dify.base_url, **question)[1]["id"]
        with follow(second, stream_id) as page:
            page.read_head()
            page.read_until(TOKEN[key])
            process.kill()
            yield second, stream_id, page


TOKEN = {"app-chatflow": b'"event":"message"', "app-workflow": b'"event":"text_chunk"'}


@pytest.mark.parametrize("key", TOKEN)
def test_a_run_is_taken_over_and_ends_whole(redis: RedisServer, key: str) -> None:
    with (
        DifyEmulator(token_pause=0.1) as dify,
        lost_run(redis, dify, key) as (second, stream_id, page),
    ):
        events = fields(page.read_rest())
        assert json.loads(events[-1]["data"]) == {"event": "end", "reason": "completed"}
        items = [json.loads(event["data"]) for event in events[:-1]]
        [finished] = [item for item in items if item["event"] == "workflow_finished"]
        assert finished["data"]["status"] == "succeeded"
        nodes = [item["data"]["id"] for item in items if item["event"] == "node_started"]
        assert len(nodes) == len(set(nodes))
        if key == "app-chatflow":
            whole = finished["data"]["outputs"]["answer"]
            assert ask(second, "/answer", id=stream_id)[1]["answer"] == whole
            replaced = [item["answer"] for item in items if item["event"] == "message_replace"]
            assert replaced == [whole]
        else:
            assert ask(second, "/answer", id=stream_id)[1]["workflowStatus"] == "succeeded"
        assert [int(event["id"]) for event in events] == [*range(1, len(events) + 1)]
        assert len([seen for seen in dify.requests if seen.method == "POST"]) == 1


@pytest.mark.parametrize("key", TOKEN)
def test_a_run_that_was_taken_over_is_stopped(redis: RedisServer, key: str) -> None:
    with (
        DifyEmulator(token_pause=0.1) as dify,
        lost_run(redis, dify, key) as (second, stream_id, page),
    ):
        wait_until(lambda: any(seen.path.endswith("/events") for seen in dify.requests))
        assert ask(second, "/stop", id=stream_id) == (200, {})
        events = fields(page.read_rest())
        assert json.loads(events[-1]["data"]) == {"event": "end", "reason": "stopped"}
        task_id = json.loads(events[0]["data"])["taskId"]
        wait_until(lambda: dify.requests[-1].path.endswith(f"/{task_id}/stop"))


def test_a_redis_that_is_held_for_three_seconds_loses_nothing(
    redis: RedisServer, dify: Upstream
) -> None:
    with workers(redis, 2, lease_seconds=10) as [(first, _), (second, _)]:
        stream_id = start(first, dify)
        with follow(second, stream_id) as page:
            dify.emit(message("0"))
            read_text(page, "0")
            redis.hold()
            try:
                for number in range(1, 31):
                    dify.emit(message(f"-{number}"))
                    time.sleep(0.1)
            finally:
                redis.go_on()
            dify.emit(MESSAGE_END)
            dify.end()
            events = fields(page.read_rest())
    assert text_of(events) == "".join(f"-{number}" if number else "0" for number in range(31))
    assert json.loads(events[-1]["data"])["reason"] == "completed"
    assert [int(event["id"]) for event in events] == [*range(1, 34)]


def test_a_redis_that_restarts_without_its_data(tmp_path: Path, dify: Upstream) -> None:
    with redis_server(tmp_path) as own, workers(own, 2) as [(first, _), (second, _)]:
        stream_id = start(first, dify)
        with follow(second, stream_id) as page:
            dify.emit(message("a"))
            read_text(page, "a")
            own.kill()
            own.start()
            begun = time.monotonic()
            events = fields(page.read_rest())
            assert time.monotonic() - begun < LEASE + 1
        assert json.loads(events[-1]["data"])["code"] == "interrupted"
        assert json.loads(events[-1]["data"])["taskId"] == "t-1"
        dify.wait_for_stop()
        with follow(second, stream_id, last="1") as page:
            assert page.read_head().status == 404
        with Upstream() as another:  # the store can be used again
            another.emit(message("b"), MESSAGE_END)
            another.end()
            with follow(first, start(second, another)) as page:
                page.read_head()
                assert text_of(fields(page.read_rest())) == "b"


def test_a_redis_that_stays_away(tmp_path: Path, dify: Upstream) -> None:
    with redis_server(tmp_path) as own, workers(own, 2) as [(first, _), (second, _)]:
        stream_id = start(first, dify)
        with follow(second, stream_id) as page:
            dify.emit(message("a"))
            read_text(page, "a")
            own.kill()
            begun = time.monotonic()
            events = fields(page.read_rest())
            assert time.monotonic() - begun < LEASE + 1
        assert json.loads(events[-1]["data"])["code"] == "interrupted"
        assert "id" not in events[-1]
        with follow(second, stream_id, last="1") as page:
            assert page.read_head().status == 502
        own.start()
