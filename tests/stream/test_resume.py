"""A chatflow's run taken up again where its connection breaks."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable

import pytest

from dify_java_compat import (
    ClientConfig,
    ConnectionException,
    DifyException,
    NotFoundException,
    RequestsDifyChat,
    StreamErrorException,
    StreamInterruptedException,
    TimeoutException,
)
from tests.support import TIMEOUT
from tests.support.frames import (
    ERROR,
    LAST_CHUNK,
    STREAM_HEAD,
    chunk,
    event,
    message,
    response,
    stream,
)
from tests.support.server import Peer, RecordedRequest, ScriptedServer
from tests.support.watching import Watcher, join_streams, request


def of_run(name: str, **data: object) -> bytes:
    return event(name, workflow_run_id="w-1", data=data)


STARTED = of_run("workflow_started", id="w-1")
NODE_1 = of_run("node_started", id="n-1", node_id="start"), of_run("node_finished", id="n-1")
NODE_2 = of_run("node_started", id="n-2", node_id="llm")
FINISHED = of_run("workflow_finished", id="w-1", status="succeeded", outputs={"answer": "ab"})
BROKEN = STREAM_HEAD + b"".join(map(chunk, (STARTED, *NODE_1, NODE_2, message("a"))))

Handler = Callable[[Peer, RecordedRequest], None]


def run_is(status: str) -> bytes:
    return response(json.dumps({"id": "w-1", "status": status}).encode())


class Dify:
    """Breaks the first stream; what follows is scripted per path."""

    def __init__(self, *events: bytes, run: bytes | None = None, first: bytes = BROKEN) -> None:
        self._events = list(events)
        self._run = run or run_is("succeeded")
        self._first = first

    def __call__(self, peer: Peer) -> None:
        while received := peer.receive():
            if received.method == "POST":
                peer.send(self._first)
                return
            if received.target.startswith("/v1/workflow/w-1/events?"):
                data = self._events.pop(0)
                peer.send(data)
                if not data.endswith(LAST_CHUNK) and b"Content-Length" not in data:
                    return
            else:
                assert received.target == "/v1/workflows/run/w-1"
                peer.send(self._run)


def watched(script: Dify, **config: object) -> tuple[Watcher, list[RecordedRequest]]:
    settings = ClientConfig(**{"resume_streams": True, "max_retries": 0, **config})  # type: ignore[arg-type]
    with (
        ScriptedServer(script) as server,
        RequestsDifyChat(server.url, settings, api_key="app-test") as client,
    ):
        watcher = Watcher(client.sendChatMessageStream(request())).wait()
        join_streams()
        return watcher, server.requests


REST = stream(STARTED, *NODE_1, NODE_2, message("b"), of_run("node_finished", id="n-2"), FINISHED)


def test_the_rest_comes_and_nothing_twice() -> None:
    watcher, requests = watched(Dify(REST))
    assert watcher.completed
    assert watcher.text == "ab"
    assert [item.event for item in watcher.items] == [
        "workflow_started",
        "node_started",
        "node_finished",
        "node_started",
        "message",
        "message",
        "node_finished",
        "workflow_finished",
    ]
    assert [(r.method, r.target) for r in requests] == [
        ("POST", "/v1/chat-messages"),
        ("GET", "/v1/workflow/w-1/events?user=u-1&include_state_snapshot=true"),
        ("GET", "/v1/workflows/run/w-1"),
    ]
    assert {r.headers["authorization"] for r in requests} == {"Bearer app-test"}


def test_a_second_break_is_taken_up_too() -> None:
    again = STREAM_HEAD + chunk(message("b"))
    watcher, requests = watched(Dify(again, REST.replace(b'"b"', b'"c"')))
    assert watcher.completed
    assert watcher.text == "abc"
    assert len(requests) == 4


def test_a_finished_run_gives_its_end() -> None:
    watcher, _ = watched(Dify(stream(FINISHED)))
    assert watcher.completed
    assert watcher.items[-1].data.outputs == {"answer": "ab"}


def test_it_is_off_by_default() -> None:
    watcher, requests = watched(Dify(), resume_streams=False)
    assert isinstance(watcher.error, StreamInterruptedException)
    assert len(requests) == 1


HTML = response(b"<h1>Not Found</h1>", "404 NOT FOUND", "text/html")


@pytest.mark.parametrize(
    ("script", "tries"),
    [
        (lambda: Dify(HTML), 1),  # a server without the operation
        (lambda: Dify(*[STREAM_HEAD] * 2), 2),  # broken every time
        (lambda: Dify(*[REST] * 2, run=run_is("running")), 4),  # an outcome Dify denies
        (lambda: Dify(REST, run=HTML), 2),  # an outcome that cannot be confirmed
    ],
    ids=["no operation", "broken again", "denied", "not confirmed"],
)
def test_what_cannot_be_taken_up_is_the_first_interruption(
    script: Callable[[], Dify], tries: int
) -> None:
    watcher, requests = watched(script(), resume_attempts=2)
    error = watcher.error
    assert isinstance(error, StreamInterruptedException)
    assert (error.task_id, error.workflow_run_id) == ("t-1", "w-1")
    assert isinstance(error.__cause__, StreamInterruptedException)
    assert isinstance(error.__cause__.__cause__, ConnectionException)
    assert len(requests) == 1 + tries


def test_a_stopped_run_is_not_asked_after() -> None:
    stopped = FINISHED.replace(b"succeeded", b"stopped")
    watcher, requests = watched(Dify(stream(stopped), run=run_is("running")))
    assert watcher.completed
    assert len(requests) == 2


def test_a_failed_run_fails() -> None:
    failed = FINISHED.replace(b"succeeded", b"failed")
    watcher, _ = watched(Dify(stream(failed, ERROR), run=run_is("failed")))
    assert isinstance(watcher.error, StreamErrorException)


def test_a_chat_without_a_run_is_not_taken_up() -> None:
    watcher, requests = watched(Dify(first=STREAM_HEAD + chunk(message("a"))))
    assert isinstance(watcher.error, StreamInterruptedException)
    assert len(requests) == 1


def test_a_stream_out_of_its_total_time_is_not_taken_up() -> None:
    def script(peer: Peer) -> None:
        peer.receive()
        peer.send(BROKEN)
        peer.wait_closed()

    config = ClientConfig(resume_streams=True, call_timeout=1.0)
    with (
        ScriptedServer(script) as server,
        RequestsDifyChat(server.url, config, api_key="app-test") as client,
    ):
        watcher = Watcher(client.sendChatMessageStream(request())).wait()
        assert isinstance(watcher.error, TimeoutException)
        assert watcher.error.phase == "total"
        assert len(server.requests) == 1


def test_disposing_while_it_is_taken_up() -> None:
    asked, closed = threading.Event(), threading.Event()

    def script(peer: Peer) -> None:
        received = peer.receive()
        assert received is not None
        if received.method == "POST":
            peer.send(BROKEN)
        else:
            asked.set()
            peer.wait_closed()
            closed.set()

    config = ClientConfig(resume_streams=True)
    with (
        ScriptedServer(script) as server,
        RequestsDifyChat(server.url, config, api_key="app-test") as client,
    ):
        watcher = Watcher(client.sendChatMessageStream(request()))
        assert asked.wait(TIMEOUT)
        watcher.subscription.dispose()
        assert closed.wait(TIMEOUT)
        join_streams()
        assert watcher.error is None
        assert not watcher.completed


def test_the_events_of_a_run_by_themselves() -> None:
    with (
        ScriptedServer(Dify(REST)) as server,
        RequestsDifyChat(server.url, api_key="app-test") as client,
    ):
        events = client.workflowEvents(
            workflowRunId="w-1", userId="u", includeStateSnapshot=True, continueOnPause=True
        )
        assert Watcher(events).wait().completed
        target = server.requests[0].target
        assert target == (
            "/v1/workflow/w-1/events?user=u&include_state_snapshot=true&continue_on_pause=true"
        )


def test_an_unknown_run_is_not_found() -> None:
    with (
        ScriptedServer(lambda peer: (peer.receive(), peer.send(HTML), None)[2]) as server,
        RequestsDifyChat(server.url, api_key="app-test") as client,
    ):
        watcher = Watcher(client.workflowEvents("w-9", None, "u")).wait()
        assert isinstance(watcher.error, NotFoundException)
        assert isinstance(watcher.error, DifyException)
