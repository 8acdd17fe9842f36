"""Disposing of a stream at every moment: at once, for good, and with nothing left behind."""

from __future__ import annotations

import json
import ssl
import threading
import time
from pathlib import Path

import pytest
import trustme
from reactivex import operators as ops

from dify_java_compat import (
    ChatMessagePipelineModel,
    ClientConfig,
    PipelineContext,
    PipelineException,
    PipelineProcess,
    RequestsDifyChat,
    iterate,
)
from tests.servers import (
    LAST_CHUNK,
    MESSAGE_END,
    STREAM_HEAD,
    Peer,
    ScriptedServer,
    answer,
    chunk,
    message,
    once,
    stream,
)
from tests.watching import PATIENCE, Watcher, join_stream_threads, request

AT_ONCE = 1.0  # it takes well under a millisecond; a reader that is waited for takes seconds


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, str]:
    """A server's context and the file that makes clients trust it."""
    root = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    root.issue_cert("localhost").configure_cert(context)
    path: Path = tmp_path_factory.mktemp("tls") / "ca.pem"
    root.cert_pem.write_to_path(str(path))
    return context, str(path)


@pytest.fixture(params=["plain", "tls"])
def wire(
    request: pytest.FixtureRequest, authority: tuple[ssl.SSLContext, str]
) -> tuple[ssl.SSLContext | None, ClientConfig]:
    context, path = authority
    if request.param == "tls":
        return context, ClientConfig(verify=path)
    return None, ClientConfig()


def dispose_at_once(watcher: Watcher) -> None:
    """The one figure of these tests is a promise to callers, and far from what it takes."""
    started = time.monotonic()
    watcher.subscription.dispose()
    assert time.monotonic() - started < AT_ONCE


class Silence:
    """A script that sends `data` and then nothing, until the client closes."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.fell = threading.Event()
        self.ended = threading.Event()

    def __call__(self, peer: Peer) -> None:
        peer.receive()
        peer.send(self._data)
        self.fell.set()
        peer.wait_closed()
        self.ended.set()


@pytest.mark.parametrize(
    "sent",
    [b"", STREAM_HEAD, STREAM_HEAD + chunk(message("x")), STREAM_HEAD + chunk(message("x"))[:-20]],
    ids=["no headers", "headers", "an item", "half an item"],
)
def test_a_blocked_read_is_freed(
    wire: tuple[ssl.SSLContext | None, ClientConfig], sent: bytes
) -> None:
    tls, config = wire
    silence = Silence(sent)
    items = 1 if sent.endswith(b"}\n\n\r\n") else 0
    with (
        ScriptedServer(silence, tls) as server,
        RequestsDifyChat(server.url, config, api_key="app-test") as client,
    ):
        watcher = Watcher(client.sendChatMessageStream(request()))
        assert silence.fell.wait(PATIENCE)
        watcher.wait_for_items(items)
        dispose_at_once(watcher)
        assert silence.ended.wait(PATIENCE)  # the socket is gone
        join_stream_threads()
        assert len(watcher.items) == items
        assert not watcher.completed
        assert watcher.error is None


def test_disposing_while_the_handshake_hangs_frees_the_thread() -> None:
    closed = threading.Event()

    def script(peer: Peer) -> None:  # plain: the client's hello is never answered
        peer.wait_closed()
        closed.set()

    with (
        ScriptedServer(script) as server,
        RequestsDifyChat(server.url.replace("http:", "https:"), api_key="app-test") as client,
    ):
        watcher = Watcher(client.sendChatMessageStream(request()))
        while not server.connections:
            time.sleep(0)
        dispose_at_once(watcher)
        assert closed.wait(PATIENCE)
        join_stream_threads()


def test_twice_and_after_the_end() -> None:
    with (
        ScriptedServer(once(stream(message("x"), MESSAGE_END))) as server,
        RequestsDifyChat(server.url, api_key="app-test") as client,
    ):
        watcher = Watcher(client.sendChatMessageStream(request())).wait()
        for _ in range(2):
            dispose_at_once(watcher)
        assert watcher.completed
        # the connection went back to the pool and was not broken by the late dispose
        assert Watcher(client.sendChatMessageStream(request())).wait().completed
        assert server.connections == 1


@pytest.mark.parametrize("way", ["take", "from on_next", "take_until", "leaving iterate"])
def test_the_ways_to_leave(way: str) -> None:
    frames = b"".join(chunk(message(str(number))) for number in range(5))
    silence = Silence(STREAM_HEAD + frames)
    with (
        ScriptedServer(silence) as server,
        RequestsDifyChat(server.url, api_key="app-test") as client,
    ):
        observable = client.sendChatMessageStream(request())
        if way == "take":
            assert Watcher(observable.pipe(ops.take(2))).wait().text == "01"
        elif way == "take_until":
            first = ops.take_while(lambda item: item.answer != "2")
            assert Watcher(observable.pipe(first)).wait().text == "01"
        elif way == "from on_next":
            ready = threading.Event()

            def leave(watcher: Watcher) -> None:
                assert ready.wait(PATIENCE)
                watcher.subscription.dispose()

            watcher = Watcher(observable, leave)
            ready.set()
            assert silence.ended.wait(PATIENCE)
            assert watcher.text == "0"
        else:
            for item in iterate(observable):
                assert item.answer == "0"
                break
        assert silence.ended.wait(PATIENCE)
        join_stream_threads()


class StoppableServer:
    """Streams tokens until a stop is posted, then ends as Dify does."""

    def __init__(self) -> None:
        self.stops: list[tuple[str, object, str]] = []
        self.finished = threading.Event()
        self._stopped = threading.Event()

    def script(self, peer: Peer) -> None:
        while received := peer.receive():
            if received.target.endswith("/stop"):
                body = json.loads(received.body)
                self.stops.append((received.target, body, received.headers["authorization"]))
                self._stopped.set()
                peer.send(answer(b'{"result":"success"}'))
                continue
            peer.send(STREAM_HEAD + chunk(message("token")))
            while not self._stopped.wait(0.01):
                peer.send(chunk(message("token")))
            peer.send(chunk(MESSAGE_END) + LAST_CHUNK)
            self.finished.set()  # all was taken: the client stayed to the end


def test_stop_on_dispose_stops_once_and_stays_to_the_end() -> None:
    behaviour = StoppableServer()
    config = ClientConfig(stop_on_dispose=True)
    with (
        ScriptedServer(behaviour.script) as server,
        RequestsDifyChat(server.url, config) as client,
    ):
        watcher = Watcher(client.sendChatMessageStream(request(api_key="app-own")))
        watcher.wait_for_items(2)
        dispose_at_once(watcher)
        seen = len(watcher.items)
        dispose_at_once(watcher)
        join_stream_threads()
        assert behaviour.finished.wait(PATIENCE)
        assert len(watcher.items) <= seen + 1  # one may have been on its way in
        target, body, key = behaviour.stops[0]
        assert (target, body) == ("/v1/chat-messages/t-1/stop", {"user": "u-1"})
        assert key == "Bearer app-own"
        assert len(behaviour.stops) == 1


class FailsAtTheThird(PipelineProcess[ChatMessagePipelineModel]):
    def __init__(self) -> None:
        self._seen = 0

    def process(self, context: PipelineContext[ChatMessagePipelineModel]) -> None:
        self._seen += 1
        if self._seen == 3:
            raise KeyError("a bug")


def test_a_process_that_fails_stops_the_answer_too() -> None:
    behaviour = StoppableServer()
    config = ClientConfig(stop_on_dispose=True)
    with (
        ScriptedServer(behaviour.script) as server,
        RequestsDifyChat(server.url, config, api_key="app-test") as client,
    ):
        client.addProcess(FailsAtTheThird())
        watcher = Watcher(client.sendChatMessageStream(request())).wait()
        join_stream_threads()
        assert isinstance(watcher.error, PipelineException)
        assert len(watcher.items) == 2
        assert behaviour.finished.wait(PATIENCE)
        assert len(behaviour.stops) == 1


def test_a_stream_that_does_not_end_after_the_stop_is_left() -> None:
    closed = threading.Event()

    def script(peer: Peer) -> None:
        received = peer.receive()
        assert received is not None
        if received.target.endswith("/stop"):
            peer.send(answer(b'{"result":"success"}'))
        else:
            peer.send(STREAM_HEAD + chunk(message("x")))
            peer.wait_closed()
            closed.set()

    config = ClientConfig(stop_on_dispose=True, stop_drain_seconds=0.2)
    with (
        ScriptedServer(script) as server,
        RequestsDifyChat(server.url, config, api_key="app-test") as client,
    ):
        watcher = Watcher(client.sendChatMessageStream(request()))
        watcher.wait_for_items(1)
        dispose_at_once(watcher)
        assert closed.wait(PATIENCE)
        join_stream_threads()
        assert len([r for r in server.requests if r.target.endswith("/stop")]) == 1


def test_a_stream_disposed_before_its_task_is_known_is_stopped_when_it_is() -> None:
    behaviour = StoppableServer()
    disposed = threading.Event()

    def script(peer: Peer) -> None:
        received = peer.receive()
        assert received is not None
        if received.target.endswith("/stop"):
            behaviour.stops.append((received.target, None, ""))
            peer.send(answer(b'{"result":"success"}'))
            return
        asked.set()
        assert disposed.wait(PATIENCE)
        peer.send(stream(message("late"), MESSAGE_END)[: -len(LAST_CHUNK)])
        peer.wait_closed()

    asked = threading.Event()
    config = ClientConfig(stop_on_dispose=True, stop_drain_seconds=1.0)
    with (
        ScriptedServer(script) as server,
        RequestsDifyChat(server.url, config, api_key="app-test") as client,
    ):
        watcher = Watcher(client.sendChatMessageStream(request()))
        assert asked.wait(PATIENCE)
        dispose_at_once(watcher)
        disposed.set()
        join_stream_threads()
        assert watcher.items == []
        assert [target for target, _, _ in behaviour.stops] == ["/v1/chat-messages/t-1/stop"]


def test_a_finished_stream_is_not_stopped() -> None:
    config = ClientConfig(stop_on_dispose=True)
    with (
        ScriptedServer(once(stream(message("x"), MESSAGE_END))) as server,
        RequestsDifyChat(server.url, config, api_key="app-test") as client,
    ):
        Watcher(client.sendChatMessageStream(request())).wait()
        join_stream_threads()
        assert len(server.requests) == 1
