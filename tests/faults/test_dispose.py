"""Leaving a stream, at every moment and in every way: at once, for good, with nothing left."""

from __future__ import annotations

import contextlib
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

from dify_java_compat import ClientConfig, RequestsDifyChat
from tests.support import TIMEOUT, sockets
from tests.support.frames import LAST_CHUNK, MESSAGE_END, STREAM_HEAD, chunk, message, stream
from tests.support.server import Peer, ScriptedServer, always
from tests.support.watching import Watcher, join_streams, request, wait_until

from .playing import KEY, client_of, server_of
from .table import Case, Seen, case, row, rows

AT_ONCE = 50.0  # milliseconds that a dispose may take
FIRST = chunk(message("a"))


class Silence:
    """A script that sends `data` and then nothing, until the client closes."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.fell, self.ended = threading.Event(), threading.Event()

    def __call__(self, peer: Peer) -> None:
        if peer.receive():
            peer.send(self._data)
            self.fell.set()
            peer.wait_closed()
            self.ended.set()


def dispose(seen: Seen, watcher: Watcher) -> int:
    """Dispose, in 50 ms; how many items there were. `ms` is the longest that one took."""
    longest = seen.ms or 0.0
    with seen.timing():
        watcher.subscription.dispose()
    seen.ms = max(longest, seen.ms or 0.0)
    seen.within("dispose", seen.ms, AT_ONCE)
    return len(watcher.items)


def nothing_follows(seen: Seen, watcher: Watcher, items: int) -> None:
    join_streams()
    seen.events = len(watcher.items)
    seen.ended = "left"
    seen.figures["after"] = len(watcher.items) - items
    seen.equal("delivered afterwards", len(watcher.items), items)
    seen.equal("error", watcher.error, None)
    seen.check(not watcher.completed, "on_completed was called")


def plain_and_tls(name: str, chinese: str, **arguments: Any) -> Iterator[Case]:
    """A row over a plain connection and one over TLS, which the test knows as `secure`."""
    for secure in (False, True):
        tls, tls_chinese = (", TLS", "，TLS") if secure else ("", "")
        yield case(name + tls, chinese + tls_chinese, **arguments, secure=secure)


# where a stream is silent, in both languages; what was sent by then
SILENCES = (
    ("waiting for headers", "等待响应头时", b""),
    ("in the headers", "响应头收到一半时", STREAM_HEAD[:40]),
    ("waiting for the first event", "等待首个事件时", STREAM_HEAD),
    ("between two events", "两个事件之间", STREAM_HEAD + FIRST),
    ("inside an event", "事件收到一半时", STREAM_HEAD + FIRST + FIRST[:50]),
)


@rows(
    "dispose",
    [each for name, chinese, sent in SILENCES for each in plain_and_tls(name, chinese, sent=sent)],
)
def test_disposed_of_in_silence(seen: Seen, *, sent: bytes, secure: bool) -> None:
    silence = Silence(sent)
    with server_of(silence, secure=secure) as server, client_of(server, secure=secure) as client:
        watcher = Watcher(client.sendChatMessageStream(request()))
        seen.check(silence.fell.wait(TIMEOUT), "no request")
        watcher.wait_for_items(sent.count(b"\n\n"))
        items = dispose(seen, watcher)
        seen.check(silence.ended.wait(TIMEOUT), "the connection stays")
        nothing_follows(seen, watcher, items)


def with_and_without_stop(name: str, chinese: str, **arguments: Any) -> Iterator[Case]:
    """A row without `stop_on_dispose` and one with it: nothing is sent yet, so none is needed."""
    for stop in (False, True):
        more, more_chinese = (", a stop asked for", "，带 stop_on_dispose") if stop else ("", "")
        yield case(name + more, chinese + more_chinese, stop=stop, **arguments)


def dispose_before_it_is_sent(
    seen: Seen, client: RequestsDifyChat, wait: Callable[[], object]
) -> None:
    """`wait` returns at the moment in question."""
    watcher = Watcher(client.sendChatMessageStream(request()))
    wait()
    items = dispose(seen, watcher)
    since = time.perf_counter()
    nothing_follows(seen, watcher, items)
    gone = (time.perf_counter() - since) * 1000
    seen.figures["gone_ms"] = f"{gone:.0f}"
    seen.within("all is freed", gone, 250.0)


@rows("dispose", with_and_without_stop("waiting for its turn", "排队等待时"))
def test_disposed_of_while_it_waits_for_its_turn(seen: Seen, *, stop: bool) -> None:
    sent, may_end = threading.Event(), threading.Event()

    def script(peer: Peer) -> None:
        peer.receive()
        sent.set()
        assert may_end.wait(TIMEOUT)
        peer.send(stream(message("a"), MESSAGE_END))

    config = {"max_requests": 1, "stop_on_dispose": stop}
    with ScriptedServer(script) as server, client_of(server, config) as client:
        first = Watcher(client.sendChatMessageStream(request()))
        assert sent.wait(TIMEOUT)
        slots = client._transport.streams
        second = Watcher(client.sendChatMessageStream(request()))
        wait_until(lambda: slots._queue)
        items = dispose(seen, second)
        wait_until(lambda: not slots._queue)
        may_end.set()
        seen.check(first.wait().completed, "the other stream did not complete")
        nothing_follows(seen, second, items)
        seen.equal("requests", len(server.requests), 1)


@rows(
    "dispose",
    [
        *with_and_without_stop("while TCP connects", "TCP 建连时", secure=False),
        *with_and_without_stop("while TCP connects, TLS", "TCP 建连时，TLS", secure=True),
    ],
)
def test_disposed_of_while_tcp_connects(seen: Seen, *, stop: bool, secure: bool) -> None:
    """To a listener whose queue is full: the system answers nothing."""
    with sockets.full_listener() as port:
        scheme = "https" if secure else "http"
        config = ClientConfig(stop_on_dispose=stop)
        with RequestsDifyChat(f"{scheme}://127.0.0.1:{port}", config, api_key=KEY) as client:
            dispose_before_it_is_sent(seen, client, lambda: wait_until(lambda: connecting(port)))


def connecting(port: int) -> bool:
    """Whether the reader's own socket is on its way, beside the one that filled the queue."""
    target, syn_sent = f"0100007F:{port:04X}", "02"
    with open("/proc/net/tcp", encoding="ascii") as table:
        states = [line.split()[2:4] for line in table]
    return states.count([target, syn_sent]) > 1


@rows("dispose", with_and_without_stop("while the name is looked up", "解析主机名时"))
def test_disposed_of_while_the_name_is_looked_up(seen: Seen, *, stop: bool) -> None:
    """No system call can end it; but nothing is sent once it has ended."""
    begun, may_end = threading.Event(), threading.Event()
    real = socket.getaddrinfo

    def slow(*args: object, **more: object) -> object:
        begun.set()
        assert may_end.wait(TIMEOUT)
        return real(*args, **more)  # type: ignore[arg-type]

    config = ClientConfig(stop_on_dispose=stop)
    with ScriptedServer(always(b"")) as server:
        url = server.url.replace("127.0.0.1", "localhost")
        with (
            RequestsDifyChat(url, config, api_key=KEY) as client,
            mock.patch("socket.getaddrinfo", slow),
        ):
            watcher = Watcher(client.sendChatMessageStream(request()))
            assert begun.wait(TIMEOUT)
            items = dispose(seen, watcher)
            may_end.set()
            nothing_follows(seen, watcher, items)
        seen.equal("requests", len(server.requests), 0)


@rows("dispose", with_and_without_stop("in the TLS handshake", "TLS 握手时"))
def test_disposed_of_in_the_tls_handshake(seen: Seen, *, stop: bool) -> None:
    closed = threading.Event()

    def script(peer: Peer) -> None:  # plain: the client's hello is never answered
        peer.wait_closed()
        closed.set()

    config = ClientConfig(stop_on_dispose=stop)
    with ScriptedServer(script) as server:
        url = server.url.replace("http:", "https:")
        with RequestsDifyChat(url, config, api_key=KEY) as client:
            dispose_before_it_is_sent(seen, client, lambda: wait_until(lambda: server.connections))
            seen.check(closed.wait(TIMEOUT), "the connection stays")


@rows("dispose", plain_and_tls("while the request is written", "发送请求时"))
def test_disposed_of_while_the_request_is_written(seen: Seen, *, secure: bool) -> None:
    """A request larger than the buffers between the two; the server takes its head only."""
    begun, ended = threading.Event(), threading.Event()

    def script(peer: Peer) -> None:
        peer.sock.recv(1000)
        begun.set()
        assert ended.wait(TIMEOUT)

    with server_of(script, secure=secure) as server, client_of(server, secure=secure) as client:
        watcher = Watcher(client.sendChatMessageStream(request(content="x" * 30_000_000)))
        seen.check(begun.wait(TIMEOUT), "no request")
        items = dispose(seen, watcher)
        nothing_follows(seen, watcher, items)
        ended.set()


@rows("dispose", plain_and_tls("in on_next, by another thread", "on_next 运行时，由另一个线程取消"))
def test_disposed_of_in_on_next_by_another_thread(seen: Seen, *, secure: bool) -> None:
    """By another thread, while the consumer is busy; it does not wait for that."""
    silence = Silence(STREAM_HEAD + FIRST * 5)
    busy, free = threading.Event(), threading.Event()

    def on_item(watcher: Watcher) -> None:
        busy.set()
        assert free.wait(TIMEOUT)

    with server_of(silence, secure=secure) as server, client_of(server, secure=secure) as client:
        watcher = Watcher(client.sendChatMessageStream(request()), on_item)
        assert busy.wait(TIMEOUT)
        items = dispose(seen, watcher)
        seen.check(silence.ended.wait(TIMEOUT), "the connection waits for the consumer")
        free.set()
        nothing_follows(seen, watcher, items)


@rows("dispose", plain_and_tls("from on_next itself", "在 on_next 中取消"))
def test_disposed_of_from_on_next_itself(seen: Seen, *, secure: bool) -> None:
    silence = Silence(STREAM_HEAD + FIRST * 5)
    ready = threading.Event()

    def on_item(watcher: Watcher) -> None:
        assert ready.wait(TIMEOUT)
        dispose(seen, watcher)

    with server_of(silence, secure=secure) as server, client_of(server, secure=secure) as client:
        watcher = Watcher(client.sendChatMessageStream(request()), on_item)
        ready.set()
        seen.check(silence.ended.wait(TIMEOUT), "the connection stays")
        nothing_follows(seen, watcher, 1)


@rows("dispose", plain_and_tls("after completion, twice", "正常完成后 dispose 两次"))
def test_disposed_of_after_completion(seen: Seen, *, secure: bool) -> None:
    """Twice; the connection, back in the pool, is not broken by it."""
    script = always(stream(message("a"), MESSAGE_END))
    with server_of(script, secure=secure) as server, client_of(server, secure=secure) as client:
        for _ in range(2):
            watcher = Watcher(client.sendChatMessageStream(request())).wait()
            dispose(seen, watcher)
            dispose(seen, watcher)
            seen.check(watcher.completed, "did not complete")
        join_streams()
        seen.events, seen.ended = len(watcher.items), "completed"
        seen.figures["connections"] = server.connections
        seen.equal("connections", server.connections, 1)


@row("dispose", "by 8 threads at once", "8 个线程同时取消")
def test_disposed_of_by_many_threads_at_once(seen: Seen) -> None:
    silence = Silence(STREAM_HEAD + FIRST)
    with ScriptedServer(silence) as server, client_of(server) as client:
        watcher = Watcher(client.sendChatMessageStream(request()))
        watcher.wait_for_items(1)
        together = threading.Barrier(8)

        def go() -> None:
            together.wait()
            dispose(seen, watcher)

        threads = [threading.Thread(target=go) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        nothing_follows(seen, watcher, 1)


@row(
    "dispose", "right after subscribing, or somewhat later, often", "订阅后立即或稍后取消，反复多次"
)
def test_disposed_of_at_any_moment(seen: Seen) -> None:
    """The stream is fast: none of its items may come once dispose has returned."""
    rounds = 60 if seen.short else 1000
    frames = STREAM_HEAD + FIRST * 500 + chunk(MESSAGE_END) + LAST_CHUNK
    late, slowest = [0], 0.0
    with ScriptedServer(always(frames)) as server, client_of(server) as client, hurried():
        for number in range(rounds):
            gone = threading.Event()

            def count(item: object, gone: threading.Event = gone) -> None:
                late[0] += gone.is_set()

            subscription = client.sendChatMessageStream(request()).subscribe(count)
            time.sleep(number % 20 * 0.0002)
            with seen.timing():
                subscription.dispose()
            gone.set()
            slowest = max(slowest, seen.ms or 0.0)
        join_streams()
    seen.ms, seen.ended = slowest, "left"
    seen.within("dispose", slowest, AT_ONCE)
    seen.figures.update(streams=rounds, late=late[0])
    seen.equal("delivered afterwards", late[0], 0)


@contextlib.contextmanager
def hurried() -> Iterator[None]:
    """Threads take turns some thousand times as often as usual, so that races happen."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        yield
    finally:
        sys.setswitchinterval(usual)
