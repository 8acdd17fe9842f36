"""What settings a client takes, and that those for time and number hold."""

from __future__ import annotations

import dataclasses
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dify_java_compat import (
    ChatMessageSendRequest,
    ClientConfig,
    ConnectionException,
    FileUploadRequest,
    IllegalArgumentException,
    RequestsDifyChat,
    TimeoutException,
    iterate,
)
from dify_java_compat._api import config_check
from dify_java_compat._api.config_check import validated
from tests.support import TIMEOUT, sockets
from tests.support.frames import (
    LAST_CHUNK,
    MESSAGE_END,
    STREAM_HEAD,
    chunk,
    message,
    response,
    stream,
)
from tests.support.server import Peer, ScriptedServer, always
from tests.support.watching import Watcher, request, wait_until

FIELDS = dataclasses.fields(ClientConfig)
NUMBERS = [f.name for f in FIELDS if f.type in (int, float, float | None)]
FLAGS = [f.name for f in FIELDS if f.type is bool]
OK = response()


def client_of(server: ScriptedServer, **config: object) -> RequestsDifyChat:
    return RequestsDifyChat(server.url, ClientConfig(**config), api_key="app-secret-key")  # type: ignore[arg-type]


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("value", [-1, -0.5, float("nan"), float("inf"), "30", True, [1]])
def test_a_number_that_is_none(name: str, value: object) -> None:
    config = ClientConfig()
    setattr(config, name, value)
    with pytest.raises(IllegalArgumentException, match=rf"^ClientConfig\.{name} must "):
        RequestsDifyChat("http://localhost", config)


SECONDS = sorted(config_check._SECONDS)


@pytest.mark.parametrize("name", SECONDS)
def test_a_time_that_no_clock_takes(name: str) -> None:
    config = ClientConfig(**{name: 1e300})  # type: ignore[arg-type]
    with pytest.raises(IllegalArgumentException, match=rf"^ClientConfig\.{name} must be at most"):
        RequestsDifyChat("http://localhost", config)


@pytest.mark.parametrize("name", SECONDS)
def test_the_longest_time(name: str) -> None:
    """It overflows nowhere, as a longer one would in a socket."""

    def script(peer: Peer) -> None:
        while received := peer.receive():
            streams = b"streaming" in received.body
            peer.send(stream(MESSAGE_END) if streams else OK)

    with (
        ScriptedServer(script) as server,
        client_of(server, **{name: config_check._LONGEST}) as client,
    ):
        assert client.send(request()).answer == "yes"
        assert len(list(client.sendChatMessageStream(request()))) == 1
        assert len(client.sendChatMessageStream(request()).to_list().run()) == 1
        client.fileUpload(FileUploadRequest(user_id="u", file=b"x"))


@pytest.mark.parametrize("name", FLAGS)
@pytest.mark.parametrize("value", [None, 1, "true"])
def test_a_flag_that_is_none(name: str, value: object) -> None:
    with pytest.raises(IllegalArgumentException, match=f"{name} must be True or False"):
        RequestsDifyChat("http://localhost", ClientConfig(**{name: value}))  # type: ignore[arg-type]


def test_what_must_be_more_than_zero() -> None:
    with pytest.raises(IllegalArgumentException, match="max_event_bytes must be more than 0"):
        RequestsDifyChat("http://localhost", ClientConfig(max_event_bytes=0))


def test_a_config_that_is_none() -> None:
    with pytest.raises(IllegalArgumentException, match="must be a ClientConfig, not dict"):
        RequestsDifyChat("http://localhost", {"read_timeout": 1})  # type: ignore[arg-type]


@given(st.data())
def test_any_number_that_is_not_negative_is_taken(data: st.DataObject) -> None:
    config = ClientConfig()
    for name in NUMBERS:
        whole = "int" in str(type(getattr(config, name)))
        numbers = st.integers(1, 10**6)
        value = data.draw(numbers if whole else numbers | st.floats(0, 1e6))
        setattr(config, name, value)
    assert validated(config) is config


def test_no_path_and_a_path_for_verify() -> None:
    for value in (None, True, False, "/etc/ca.pem"):
        assert validated(ClientConfig(verify=value)).verify == value
    with pytest.raises(IllegalArgumentException, match="verify must be True or False, or a path"):
        validated(ClientConfig(verify=7))  # type: ignore[arg-type]


def test_zero_is_no_limit() -> None:
    zeros = dict.fromkeys(("connect_timeout", "read_timeout", "sse_read_timeout"), 0)
    with ScriptedServer(always(OK)) as server:
        with client_of(server, **zeros, write_timeout=0) as client:
            assert client.send(request()).answer == "yes"
    with ScriptedServer(always(stream(MESSAGE_END))) as server:
        with client_of(server, **zeros, write_timeout=0, call_timeout=60) as client:
            assert len(list(iterate(client.sendChatMessageStream(request())))) == 1


def test_no_idle_time_of_its_own_is_that_of_reading() -> None:
    def script(peer: Peer) -> None:
        peer.receive()
        peer.wait_closed()

    with ScriptedServer(script) as server:
        with client_of(server, sse_read_timeout=None, read_timeout=0.1) as client:
            with pytest.raises(TimeoutException, match=r"0\.1 s \(read_timeout\)") as caught:
                list(iterate(client.sendChatMessageStream(request())))
    assert caught.value.phase == "idle"


def test_no_connection_is_kept_where_none_may_be() -> None:
    with ScriptedServer(always(OK)) as server:
        with client_of(server, max_idle_connections=0, keep_alive_seconds=60) as client:
            client.send(request())
            client.send(request())
        assert server.connections == 2


@pytest.mark.parametrize("warm", [False, True])
def test_a_server_that_does_not_take_the_request(warm: bool) -> None:
    left = threading.Event()

    def script(peer: Peer) -> None:
        if warm:
            peer.receive()
            peer.send(OK)
        left.wait(TIMEOUT)

    large = ChatMessageSendRequest(content="x" * 50_000_000, user_id="u")
    with ScriptedServer(script) as server:
        config = {"write_timeout": 0.1, "connect_timeout": 60, "keep_alive_seconds": 60}
        with client_of(server, **config) as client:
            if warm:
                client.send(request())
            with pytest.raises(TimeoutException, match=r"0\.1 s \(write_timeout\)") as caught:
                client.send(large)
        left.set()
        assert server.connections == 1
    assert caught.value.phase == "write"


def test_the_total_time_bounds_the_sending_too() -> None:
    left = threading.Event()
    large = ChatMessageSendRequest(content="x" * 50_000_000, user_id="u")

    def script(peer: Peer) -> None:
        left.wait(TIMEOUT)

    with ScriptedServer(script) as server:
        with client_of(server, call_timeout=0.2) as client:
            with pytest.raises(TimeoutException) as caught:
                client.send(large)
        left.set()
    assert caught.value.phase == "total"


class Gate:
    """A server whose streams begin at once and end when they may."""

    def __init__(self) -> None:
        self.begun = threading.Semaphore(0)
        self.may_end = threading.Semaphore(0)
        self.server = ScriptedServer(self._script)

    def _script(self, peer: Peer) -> None:
        while received := peer.receive():
            if b'"streaming"' not in received.body:
                peer.send(OK)
                continue
            peer.send(STREAM_HEAD + chunk(message("a")))
            self.begun.release()
            self.may_end.acquire(timeout=TIMEOUT)
            peer.send(chunk(MESSAGE_END) + LAST_CHUNK)


@pytest.mark.parametrize(
    "limits", [{"max_requests": 2}, {"max_requests": 64, "max_requests_per_host": 2}]
)
def test_the_third_stream_waits_for_its_turn_and_nothing_else_does(limits: dict[str, int]) -> None:
    gate = Gate()
    with gate.server as server, client_of(server, **limits) as client:
        watchers = [Watcher(client.sendChatMessageStream(request())) for _ in range(3)]
        assert gate.begun.acquire(timeout=TIMEOUT)
        assert gate.begun.acquire(timeout=TIMEOUT)
        assert client.send(request()).answer == "yes"  # not a stream: at once
        assert not gate.begun.acquire(blocking=False)
        assert sum(bool(watcher.items) for watcher in watchers) <= 2
        gate.may_end.release()
        gate.begun.acquire()  # the third
        gate.may_end.release(2)
        for watcher in watchers:
            assert watcher.wait().completed


def test_a_stream_that_waits_can_be_left() -> None:
    gate = Gate()
    with gate.server as server, client_of(server, max_requests=1) as client:
        first = Watcher(client.sendChatMessageStream(request()))
        assert gate.begun.acquire(timeout=TIMEOUT)
        slots = client._transport.streams
        second = Watcher(client.sendChatMessageStream(request()))
        wait_until(lambda: slots._queue)
        second.subscription.dispose()
        assert not slots._queue
        gate.may_end.release()
        assert first.wait().completed
        assert len(server.requests) == 1
        assert not second.items


def test_a_stream_waits_no_longer_than_it_may_last() -> None:
    config = ClientConfig(max_requests=1, call_timeout=0.1)
    with RequestsDifyChat("http://localhost", config, api_key="app-secret-key") as client:
        assert client._transport.streams.acquire(lambda: None)  # by a stream that stays
        watcher = Watcher(client.sendChatMessageStream(request())).wait()
    assert isinstance(watcher.error, TimeoutException)
    assert watcher.error.phase == "total"


@pytest.mark.parametrize(
    "data",
    [
        response(b"{}", "500 X"),
        response(b"", "308 X", headers="Location: /there\r\n"),
        response(),
        STREAM_HEAD,
        b"garbage\r\n",
        b"",
    ],
    ids=["error", "redirects", "no stream", "cut", "garbage", "closed"],
)
def test_a_stream_that_fails_gives_its_place_back(data: bytes) -> None:
    def script(peer: Peer) -> None:
        if peer.receive():
            peer.send(data)

    with ScriptedServer(script) as server:
        with client_of(server, max_requests=1, call_timeout=30) as client:
            for _ in range(3):
                watcher = Watcher(client.sendChatMessageStream(request())).wait()
                assert not isinstance(watcher.error, TimeoutException)


def test_a_refused_stream_gives_its_place_back() -> None:
    config = ClientConfig(max_requests=1, max_retries=0, call_timeout=30)
    with (
        sockets.refusing_port() as port,
        RequestsDifyChat(f"http://127.0.0.1:{port}", config, api_key="app-secret-key") as client,
    ):
        for _ in range(3):
            error = Watcher(client.sendChatMessageStream(request())).wait().error
            assert isinstance(error, ConnectionException)
