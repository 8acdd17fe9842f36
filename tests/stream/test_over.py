"""When a stream is over whose server keeps it open, and what its end means: on real sockets."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from dify_java_compat import (
    ChatMessageSendCompletionResponse,
    ClientConfig,
    RequestsDifyChat,
    StreamErrorException,
    StreamInterruptedException,
    TimeoutException,
    collect,
)
from tests.support import sockets
from tests.support.frames import (
    ERROR,
    LAST_CHUNK,
    MESSAGE_END,
    PING,
    STREAM_HEAD,
    chunk,
    chunks,
    data_frame,
    event,
    message,
    stream,
)
from tests.support.server import Peer, ScriptedServer, always
from tests.support.watching import Watcher, join_streams, request

GRACE = 0.2
SOON = 5.0  # a busy machine
Item = ChatMessageSendCompletionResponse
STARTED = event("workflow_started", workflow_run_id="w-1", data={"id": "w-1"})
SPEECH = event("tts_message", audio="")
PAUSED = event("workflow_paused", workflow_run_id="w-1", data={})


def finished(status: str, error: str | None = None, **outputs: str) -> bytes:
    data = {"id": "w-1", "status": status, "error": error, "outputs": outputs}
    return event("workflow_finished", workflow_run_id="w-1", data=data)


def kept_open(*frames: bytes) -> Callable[[Peer], None]:
    """Sends them, and then keeps the connection open in silence."""

    def script(peer: Peer) -> None:
        while peer.receive():
            peer.send(STREAM_HEAD + chunks(*frames))

    return script


def pinging(*frames: bytes) -> Callable[[Peer], None]:
    """Sends them, and then pings for ever."""

    def script(peer: Peer) -> None:
        peer.receive()
        peer.send(STREAM_HEAD + chunks(*frames))
        while not peer.closing.wait(GRACE / 4):
            peer.send(chunk(PING))

    return script


def paced(*steps: bytes | float, end: bytes = LAST_CHUNK) -> Callable[[Peer], None]:
    """Sends each frame, waits for the seconds between them, ends the body, closes."""

    def script(peer: Peer) -> None:
        peer.receive()
        peer.send(STREAM_HEAD)
        for step in steps:
            if isinstance(step, bytes):
                peer.send(chunk(step))
            else:
                peer.closing.wait(step)
        peer.send(end)

    return script


def watched(
    script: Callable[[Peer], None], *, of_run: bool = False, secure: bool = False, **config: Any
) -> tuple[Watcher, float]:
    """What a subscriber saw, and after how many seconds it ended."""
    settings = ClientConfig(**{"stream_grace": GRACE, "max_retries": 0, **config})
    tls = None
    if secure:
        tls, settings.verify = sockets.tls()
    with (
        ScriptedServer(script, tls) as server,
        RequestsDifyChat(server.url, settings, api_key="app-test") as client,
    ):
        began = time.perf_counter()
        watcher = Watcher(
            client.workflowEvents("w-1", user_id="u")
            if of_run
            else client.sendChatMessageStream(request())
        ).wait()
        join_streams()
    return watcher, watcher.ended_at - began


def events_of(watcher: Watcher) -> list[str | None]:
    return [item.event for item in watcher.items]


@pytest.mark.parametrize("secure", [False, True])
@pytest.mark.parametrize("script", [kept_open, pinging])
@pytest.mark.parametrize("frames", [(PING, ERROR), (PING, STARTED, message("x"), ERROR)])
def test_an_error(script: Any, frames: tuple[bytes, ...], secure: bool) -> None:
    watcher, seconds = watched(script(*frames), secure=secure)
    assert events_of(watcher)[-1] == "error"
    assert isinstance(watcher.error, StreamErrorException)
    assert (watcher.error.status, watcher.error.code) == (400, "invalid_param")
    assert GRACE <= seconds < SOON


@pytest.mark.parametrize("script", [kept_open, pinging])
def test_an_error_in_java_s_way(script: Any) -> None:
    assert watched(script(ERROR), raise_stream_errors=False)[0].completed


@pytest.mark.parametrize("script", [kept_open, pinging])
def test_the_end_of_a_run_s_own_events(script: Any) -> None:
    frames = PING, STARTED, message("x"), MESSAGE_END, finished("succeeded")
    watcher, seconds = watched(script(*frames), of_run=True)
    assert watcher.completed
    assert len(watcher.items) == 4
    assert GRACE <= seconds < SOON


def test_a_run_that_is_resumed() -> None:
    rest = kept_open(PING, STARTED, finished("succeeded"))

    def script(peer: Peer) -> None:
        first = peer.receive()
        assert first is not None
        if first.method == "POST":
            peer.send(STREAM_HEAD + chunks(PING, STARTED))
        elif "/events?" in first.target:
            peer.send(STREAM_HEAD + chunks(PING, STARTED, finished("failed", "no")))
            rest(peer)
        # else the run's status, which nobody asks for: it failed

    watcher, seconds = watched(script, resume_streams=True)
    assert isinstance(watcher.error, StreamErrorException)
    assert watcher.error.message == "no"
    assert GRACE <= seconds < SOON


def test_a_chatflow_without_a_run() -> None:
    watcher, seconds = watched(kept_open(PING, message("blocked"), MESSAGE_END))
    assert watcher.completed
    assert watcher.text == "blocked"
    assert GRACE <= seconds < SOON


def test_a_whole_answer_is_collected_and_its_connection_is_nobody_s() -> None:
    script = kept_open(PING, message("blocked"), MESSAGE_END)
    config = ClientConfig(stream_grace=GRACE, keep_alive_seconds=60)
    with (
        ScriptedServer(script) as server,
        RequestsDifyChat(server.url, config, api_key="app-test") as client,
    ):
        assert collect(client.sendChatMessageStream(request())).answer == "blocked"
        assert client.send(request()).answer == "blocked"  # answered with a stream
        assert server.connections == 2


@pytest.mark.parametrize(
    "frames",
    [
        (message("x"), MESSAGE_END),
        (PING, STARTED, message("x"), MESSAGE_END),
        (PING, message("x"), SPEECH, MESSAGE_END),
        (PING, STARTED, message("x"), MESSAGE_END, finished("succeeded")),
    ],
)
def test_late_speech_is_not_cut(frames: tuple[bytes, ...]) -> None:
    watcher, _ = watched(paced(*frames, 3 * GRACE, SPEECH, event("tts_message_end")))
    assert watcher.completed
    assert events_of(watcher)[-2:] == ["tts_message", "tts_message_end"]


def test_without_a_grace_the_server_ends_it() -> None:
    watcher, seconds = watched(paced(PING, ERROR, 3 * GRACE), stream_grace=0)
    assert isinstance(watcher.error, StreamErrorException)
    assert seconds >= 3 * GRACE


@pytest.mark.parametrize("secure", [False, True])
def test_a_short_idle_time_behind_the_end_is_no_timeout(secure: bool) -> None:
    script = kept_open(message("x"), MESSAGE_END)
    watcher, seconds = watched(script, sse_read_timeout=0.4, stream_grace=30, secure=secure)
    assert watcher.completed
    assert 0.4 <= seconds < SOON


@pytest.mark.parametrize("frames", [(message("x"), MESSAGE_END), (PING, message("x"), MESSAGE_END)])
def test_the_whole_time_is_a_timeout_behind_the_end_too(frames: tuple[bytes, ...]) -> None:
    watcher, _ = watched(kept_open(*frames), call_timeout=0.3, stream_grace=30)
    assert isinstance(watcher.error, TimeoutException)
    assert watcher.error.phase == "total"


@pytest.mark.parametrize("end", [MESSAGE_END, finished("stopped"), finished("failed", "x"), PAUSED])
def test_a_cut_body_is_an_interruption(end: bytes) -> None:
    watcher, _ = watched(paced(PING, message("x"), end, end=b""))
    assert isinstance(watcher.error, StreamInterruptedException)
    assert watcher.error.task_id == "t-1"


def test_a_pause_goes_on() -> None:
    pings = [step for _ in range(8) for step in (GRACE / 2, PING)]
    going_on = event("node_started", data={}), message("y"), MESSAGE_END, finished("succeeded")
    watcher, seconds = watched(paced(PING, STARTED, PAUSED, *pings, *going_on), of_run=True)
    assert watcher.completed
    assert events_of(watcher)[-1] == "workflow_finished"
    assert seconds >= 4 * GRACE


# -- the first event ---------------------------------------------------------------------------


@pytest.mark.parametrize("secure", [False, True])
def test_silence_behind_the_first_ping(secure: bool) -> None:
    script = paced(PING, 0.4, PING, 30.0)
    config = {"sse_read_timeout": 0.2, "first_event_timeout": 0.6}
    watcher, seconds = watched(script, secure=secure, **config)
    assert isinstance(watcher.error, TimeoutException)
    assert watcher.error.phase == "first_event"
    assert "0.6 s" in str(watcher.error)
    assert "first_event_timeout" in str(watcher.error)
    assert 1.0 <= seconds < SOON


def test_a_run_that_waits_for_a_worker() -> None:
    script = paced(PING, 0.8, STARTED, finished("succeeded"))
    watcher, _ = watched(script, sse_read_timeout=0.3)
    assert watcher.completed


@pytest.mark.parametrize(
    ("steps", "config"),
    [
        ((30.0,), {"first_event_timeout": 30}),  # before the first byte
        ((PING, STARTED, 30.0), {"first_event_timeout": 30}),  # behind the first event
        ((PING, 30.0), {"first_event_timeout": None}),
    ],
)
def test_silence_elsewhere_is_idle(steps: tuple[Any, ...], config: dict[str, Any]) -> None:
    watcher, seconds = watched(paced(*steps), sse_read_timeout=0.3, **config)
    assert isinstance(watcher.error, TimeoutException)
    assert watcher.error.phase == "idle"
    assert "sse_read_timeout" in str(watcher.error)
    assert 0.3 <= seconds < SOON


def test_a_slow_consumer_lets_no_clock_run_out() -> None:
    """What lies ready when it is done is read first."""
    gone_on = threading.Event()

    def script(peer: Peer) -> None:
        peer.receive()
        peer.send(STREAM_HEAD + chunks(PING, STARTED))
        assert gone_on.wait(30)
        peer.send(chunks(message("x"), ERROR, SPEECH) + LAST_CHUNK)

    def slow(watcher: Watcher) -> None:
        gone_on.set()
        time.sleep(0.3)

    with (
        ScriptedServer(script) as server,
        RequestsDifyChat(
            server.url, ClientConfig(sse_read_timeout=0.2, stream_grace=0.1), api_key="app-test"
        ) as client,
    ):
        watcher = Watcher(client.sendChatMessageStream(request()), slow).wait()
    assert events_of(watcher) == ["workflow_started", "message", "error", "tts_message"]
    assert isinstance(watcher.error, StreamErrorException)


# -- failures ----------------------------------------------------------------------------------


def test_a_run_that_fails_without_an_error_event() -> None:
    node = event("node_finished", data={"title": "LLM", "status": "failed", "error": "503"})
    watcher, _ = watched(paced(PING, STARTED, node, finished("failed", "upstream: 503")))
    assert events_of(watcher)[-1] == "workflow_finished"
    error = watcher.error
    assert isinstance(error, StreamErrorException)
    assert (error.message, error.status, error.code) == ("upstream: 503", None, None)
    assert "LLM" in str(error)
    assert error.workflow_run_id == "w-1"
    watcher, _ = watched(paced(finished("failed", "x")), raise_stream_errors=False)
    assert watcher.completed


def test_a_stopped_run_ends_well() -> None:
    text = "Aborted: User requested stop"
    behind = data_frame({"event": "error", "status": 400, "message": f"Run failed: {text}"})
    assert watched(paced(STARTED, finished("failed", text)))[0].completed
    watcher, _ = watched(paced(STARTED, finished("failed", text), behind))
    assert watcher.completed
    assert events_of(watcher)[-1] == "error"


def test_what_is_not_json_behind_the_end_is_passed_over() -> None:
    watcher, _ = watched(paced(message("x"), MESSAGE_END, b"data: [DONE]\n\n"))
    assert watcher.completed
    assert len(watcher.items) == 2


def test_a_replacement_behind_the_end_of_the_run_is_the_answer() -> None:
    frames = STARTED, message("bad"), finished("succeeded", answer="bad")
    replaced = event("message_replace", answer="good")
    with (
        ScriptedServer(always(stream(*frames, replaced))) as server,
        RequestsDifyChat(server.url, api_key="app-test") as client,
    ):
        assert collect(client.sendChatMessageStream(request())).answer == "good"


@pytest.mark.parametrize(
    "last",
    [
        data_frame({"error": {"message": "upstream timed out", "code": 504}}),
        data_frame({"error": "upstream timed out"}),
        data_frame({"code": "x", "message": "upstream timed out"}),
        b"upstream timed out",
        b"<html><h1>upstream timed out</h1></html>",
        b'{"error":{"message":"upstream timed out"}}\n',
    ],
)
@pytest.mark.parametrize("end", [LAST_CHUNK, b""])
def test_a_gateway_s_own_words_are_in_the_exception(last: bytes, end: bytes) -> None:
    watcher, _ = watched(paced(PING, message("x"), last, end=end))
    assert isinstance(watcher.error, StreamInterruptedException)
    assert "upstream timed out" in str(watcher.error)
    assert "html" not in str(watcher.error)
