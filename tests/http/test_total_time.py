"""`call_timeout` is a promise about the wall clock, whatever a server does meanwhile."""

from __future__ import annotations

import socket
import threading
import time
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from dify_java_compat import (
    ClientConfig,
    FileUploadRequest,
    MessagesRequest,
    RequestsDifyChat,
    TextToAudioRequest,
    TimeoutException,
)
from dify_java_compat._http import alarms as alarms_module
from dify_java_compat._http import connect
from dify_java_compat._http.alarms import Alarms
from tests.support import TIMEOUT, sockets
from tests.support.frames import STREAM_HEAD, chunk, event
from tests.support.server import Peer, ScriptedServer
from tests.support.watching import Watcher, join_streams, request

pytestmark = pytest.mark.usefixtures("each_way")

JSON = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
CHUNKED = JSON + b"Transfer-Encoding: chunked\r\n\r\n"


def packed_start() -> bytes:
    packer = zlib.compressobj(wbits=31)
    return packer.compress(b"") + packer.flush(zlib.Z_SYNC_FLUSH)


DRIPPING = {
    "a status line": (b"HTTP/1.1 200 ", b"O"),
    "headers": (JSON, b"a: b\r\n"),
    "interim responses": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "headers of an interim response": (b"HTTP/1.1 103 E\r\n", b"a: b\r\n"),
    "an extension of a chunk": (CHUNKED, b"1"),
    "a chunk": (CHUNKED + b"fffff\r\n", b"1"),
    "a trailer": (CHUNKED + b"0\r\n", b"a"),
    "trailers": (CHUNKED + b"0\r\n", b"a: b\r\n"),
    "a body until the end": (JSON + b"\r\n", b" "),
    "a body with a length": (JSON + b"Content-Length: 99999\r\n\r\n", b" "),
    "empty blocks of gzip": (
        JSON + b"Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n"
        + chunk(packed_start()),
        chunk(b"\0\0\0\xff\xff"),
    ),
    "an error's body": (b"HTTP/1.1 500 X\r\nContent-Length: 99999\r\n\r\n", b" "),
}  # fmt: skip


def dripping(first: bytes, again: bytes) -> Callable[[Peer], None]:
    def script(peer: Peer) -> None:
        peer.receive()
        peer.send(first)
        while not peer.closing.wait(0.03):
            peer.send(again)

    return script


_STREAM = b"text/event-stream"
TYPES = {"audio": b"audio/mpeg", "a loop": _STREAM, "a piped loop": _STREAM}

CALLS: dict[str, Callable[[RequestsDifyChat], object]] = {
    "a GET": lambda chat: chat.messages(MessagesRequest(user_id="u", conversation_id="c")),
    "a POST": lambda chat: chat.send(request()),
    "audio": lambda chat: chat.textToAudio(TextToAudioRequest(user_id="u", text="x")),
    "a loop": lambda chat: list(chat.sendChatMessageStream(request())),
    "a piped loop": lambda chat: list(chat.sendChatMessageStream(request()).map(lambda i: i)),
}


def total_of(act: Callable[[], object]) -> float:
    """How long it took to end by the time of the whole call."""
    begun = time.monotonic()
    with pytest.raises(Exception) as caught:  # noqa: PT011 - an error's body ends in its status
        act()
    took = time.monotonic() - begun
    if getattr(caught.value, "status_code", None) != 500:
        assert isinstance(caught.value, TimeoutException)
        assert caught.value.phase == "total"
    return took


@pytest.mark.parametrize("secure", [False, True])
@pytest.mark.parametrize("name", CALLS)
def test_whatever_drips(name: str, secure: bool) -> None:
    context, ca = sockets.tls()
    call, content_type = CALLS[name], TYPES.get(name, b"application/json")
    config = ClientConfig(call_timeout=0.3, verify=ca)

    def drip(first: bytes, again: bytes) -> float:
        script = dripping(first.replace(b"application/json", content_type), again)
        with (
            ScriptedServer(script, context if secure else None) as server,
            RequestsDifyChat(server.url, config, api_key="app-k") as chat,
        ):
            return total_of(lambda: call(chat))

    with ThreadPoolExecutor(len(DRIPPING)) as pool:
        assert max(pool.map(lambda each: drip(*each), DRIPPING.values())) < 10


@pytest.mark.parametrize("secure", [False, True])
def test_an_upload_that_is_read_slowly(secure: bool) -> None:
    def script(peer: Peer) -> None:
        peer.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        while not peer.closing.wait(0.05) and peer.sock.recv(4096):
            pass

    context, ca = sockets.tls()
    with ScriptedServer(script, context if secure else None) as server:
        config = ClientConfig(call_timeout=0.5, verify=ca)
        with RequestsDifyChat(server.url, config, api_key="app-k") as chat:
            file = ("a.bin", bytes(8 << 20), "text/plain")
            upload = FileUploadRequest(user_id="u", file=file)
            assert total_of(lambda: chat.fileUpload(upload)) < 20


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_all_addresses_of_a_host(
    call: Callable[[RequestsDifyChat], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    with sockets.full_listener() as port:
        address = socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port)
        monkeypatch.setattr(connect.socket, "getaddrinfo", lambda *_: [address] * 200)
        config = ClientConfig(call_timeout=0.3, connect_timeout=0.25)
        with RequestsDifyChat(f"http://many.test:{port}", config, api_key="app-k") as chat:
            assert total_of(lambda: call(chat)) < 10


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_the_lookup_of_a_name(
    call: Callable[[RequestsDifyChat], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = threading.Event()

    def look_up(*_: object) -> list[Any]:
        assert found.wait(TIMEOUT)
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    monkeypatch.setattr(connect.socket, "getaddrinfo", look_up)
    config = ClientConfig(call_timeout=0.2)
    with RequestsDifyChat("http://slow.test", config, api_key="app-k") as chat:
        try:
            assert total_of(lambda: call(chat)) < 10
        finally:
            found.set()
        join_streams()


@pytest.mark.parametrize("by", [list, lambda stream: Watcher(stream).wait().error])
def test_a_run_that_is_resumed_again_and_again(by: Callable[[Any], object]) -> None:
    begun = event("workflow_started", workflow_run_id="w-1", data={"id": "w-1"})

    def script(peer: Peer) -> None:
        peer.receive()
        peer.send(STREAM_HEAD + chunk(begun))
        peer.closing.wait(0.1)

    with ScriptedServer(script) as server:
        config = ClientConfig(call_timeout=0.5, resume_streams=True, resume_attempts=1000)
        with RequestsDifyChat(server.url, config, api_key="app-k") as chat:
            started = time.monotonic()
            try:
                error: Any = by(chat.sendChatMessageStream(request()))
            except Exception as caught:
                error = caught
            assert time.monotonic() - started < 10
            assert "taken up again" in str(error) or error.phase == "total"
            join_streams()


# -- the alarms --------------------------------------------------------------------------------


def test_alarms_are_called_in_their_order_and_cancelled_ones_never() -> None:
    alarms, called, over = Alarms(), list[int](), threading.Event()
    now = time.monotonic()
    alarms.set(now + 0.06, over.set)
    for number in (3, 1, 2):
        alarms.set(now + 0.01 * number, lambda number=number: called.append(number))
    never = alarms.set(now + 0.02, lambda: called.append(99))
    alarms.cancel(never)
    alarms.cancel(never)
    assert over.wait(TIMEOUT)
    assert called == [1, 2, 3]


def test_an_earlier_alarm_wakes_the_thread() -> None:
    alarms, over = Alarms(), threading.Event()
    late = alarms.set(time.monotonic() + 10 * TIMEOUT, over.set)
    alarms.set(time.monotonic(), over.set)
    assert over.wait(TIMEOUT)
    alarms.cancel(late)


def test_cancelled_alarms_are_let_go() -> None:
    alarms = Alarms()
    for _ in range(1000):
        alarms.cancel(alarms.set(time.monotonic() + 1000, lambda: None))
    assert len(alarms._heap) < 200


def test_the_thread_ends_and_begins_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alarms_module, "IDLE_SECONDS", 0.01)
    alarms = Alarms()
    for _ in range(3):
        over = threading.Event()
        alarms.set(time.monotonic(), over.set)
        assert over.wait(TIMEOUT)
        until = time.monotonic() + TIMEOUT
        while alarms._has_thread:
            assert time.monotonic() < until
            time.sleep(0.001)


def test_no_thread_waits_for_an_alarm_that_was_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alarms_module, "IDLE_SECONDS", 0.01)
    monkeypatch.setattr(alarms_module, "_LONGEST_WAIT", 0.01)
    alarms = Alarms()
    alarms.cancel(alarms.set(time.monotonic() + 1000 * TIMEOUT, lambda: None))
    until = time.monotonic() + TIMEOUT
    while alarms._has_thread:
        assert time.monotonic() < until
        time.sleep(0.001)


def test_without_a_thread_no_call_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    def start(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    alarms = Alarms()
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", start)
        alarms.cancel(alarms.set(time.monotonic(), lambda: None))
    over = threading.Event()
    alarms.set(time.monotonic(), over.set)
    assert over.wait(TIMEOUT)
