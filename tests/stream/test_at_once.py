"""A stream is sent at once where nothing has to be waited for, and else by an opener."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from dify_java_compat import (
    ClientConfig,
    ConnectionException,
    RequestsDifyChat,
    TimeoutException,
    aiterate,
)
from dify_java_compat._http.openers import Openers
from tests.support import TIMEOUT, sockets
from tests.support.frames import LAST_CHUNK, MESSAGE_END, STREAM_HEAD, chunks, message
from tests.support.server import Peer, ScriptedServer
from tests.support.watching import Watcher, join_streams, request, wait_until

WHOLE = STREAM_HEAD + chunks(message("a"), MESSAGE_END) + LAST_CHUNK


def subscribed(chat: RequestsDifyChat, **values: object) -> str:
    watcher = Watcher(chat.sendChatMessageStream(request(**values))).wait()
    if watcher.error is not None:
        raise watcher.error
    return watcher.text


def awaited(chat: RequestsDifyChat, **values: object) -> str:
    async def consume() -> str:
        stream = aiterate(chat.sendChatMessageStream(request(**values)))
        return "".join([item.answer or "" async for item in stream])

    return asyncio.run(consume())


READS = pytest.mark.parametrize("read", [subscribed, awaited])


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What openers were given to do."""
    jobs: list[object] = []
    submit = Openers.submit

    def noted(self: Openers, job: Callable[[], object]) -> None:
        jobs.append(job)
        submit(self, job)

    monkeypatch.setattr(Openers, "submit", noted)
    return jobs


def keeps(peer: Peer) -> None:
    while peer.receive():
        peer.send(WHOLE)


def closes(peer: Peer) -> None:
    """As Dify's own server does."""
    if peer.receive():
        peer.send(WHOLE.replace(b"\r\n", b"\r\nConnection: close\r\n", 1))


@contextmanager
def chatting(
    script: Callable[[Peer], None] = keeps, *, secure: bool = False, **config: Any
) -> Iterator[tuple[RequestsDifyChat, ScriptedServer]]:
    context, ca = sockets.tls() if secure else (None, None)
    settings = ClientConfig(**{"verify": ca, **config})
    with ScriptedServer(script, context) as server:
        with RequestsDifyChat(server.url, settings, api_key="app-test") as chat:
            yield chat, server
            join_streams()


@READS
@pytest.mark.parametrize("script", [keeps, closes])
def test_to_an_address_of_this_machine(
    read: Callable[..., str], script: Callable[[Peer], None], opened: list[object]
) -> None:
    with chatting(script) as (chat, server):
        assert [read(chat) for _ in range(3)] == ["a"] * 3
        assert len(server.requests) == 3
    assert not opened


@READS
def test_on_an_idle_connection(read: Callable[..., str], opened: list[object]) -> None:
    with chatting(secure=True, keep_alive_seconds=60.0) as (chat, server):
        assert [read(chat) for _ in range(3)] == ["a"] * 3
        assert server.connections == 1
    assert len(opened) == 1  # the first, which waits for the handshake


@READS
def test_to_a_name(read: Callable[..., str], opened: list[object]) -> None:
    with ScriptedServer(closes) as server:
        url = server.url.replace("127.0.0.1", "localhost")
        with RequestsDifyChat(url, api_key="app-test") as chat:
            assert read(chat) == "a"
    assert len(opened) == 1


@READS
def test_what_may_not_go_out_at_once(read: Callable[..., str], opened: list[object]) -> None:
    with chatting(keep_alive_seconds=60.0) as (chat, server):
        assert read(chat, content="x" * 100_000) == "a"
        assert read(chat, content="x" * 10_000) == "a"
        assert server.connections == 1
    assert len(opened) == 1


@READS
def test_an_interceptor_may_wait(read: Callable[..., str], opened: list[object]) -> None:
    threads: list[str] = []

    def note(chain: Any) -> Any:
        threads.append(threading.current_thread().name)
        return chain.proceed(chain.request())

    with chatting(interceptors=[note]) as (chat, _):
        assert read(chat) == "a"
    assert len(opened) == 1
    assert threads[0].startswith("dify-opener")


@READS
def test_a_connection_that_takes_its_time_is_gone_on_with(
    read: Callable[..., str], opened: list[object]
) -> None:
    """By an opener; there is one connection, and one request."""
    with socket.socket() as listener, socket.socket() as first:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        first.connect(("127.0.0.1", port))  # the queue is full: the next one is not answered
        seen: list[Peer] = []

        def serve() -> None:
            wait_until(lambda: opened)
            listener.accept()[0].close()
            sock, _ = listener.accept()
            seen.append(Peer(sock))
            keeps(seen[0])
            sock.close()
            listener.settimeout(0.0)
            with pytest.raises(BlockingIOError):
                listener.accept()

        thread = threading.Thread(target=serve)
        thread.start()
        with RequestsDifyChat(f"http://127.0.0.1:{port}", api_key="app-test") as chat:
            assert read(chat) == "a"
        thread.join(TIMEOUT)
        assert not thread.is_alive()
    assert len(seen) == len(opened) == 1


@READS
@pytest.mark.parametrize(("slow", "phase"), [("connect", "connect"), ("call", "total")])
def test_a_connection_that_is_never_made(read: Callable[..., str], slow: str, phase: str) -> None:
    with sockets.full_listener() as port:
        config = ClientConfig(max_retries=0, **{f"{slow}_timeout": 0.1})  # type: ignore[arg-type]
        with RequestsDifyChat(f"http://127.0.0.1:{port}", config, api_key="app-test") as chat:
            with pytest.raises(TimeoutException) as caught:
                read(chat)
            join_streams()
    assert caught.value.phase == phase


@READS
def test_a_refused_connection_says_so(read: Callable[..., str]) -> None:
    with sockets.refusing_port() as port:
        config = ClientConfig(max_retries=0)
        with RequestsDifyChat(f"http://127.0.0.1:{port}", config, api_key="app-test") as chat:
            with pytest.raises(ConnectionException, match="refused"):
                read(chat)
            join_streams()


def test_what_was_begun_is_closed_with_its_exchange(monkeypatch: pytest.MonkeyPatch) -> None:
    """An opener finds that it is cancelled, and leaves no socket behind."""
    may_begin = threading.Event()
    submit = Openers.submit

    def held(self: Openers, job: Callable[[], object]) -> None:
        submit(self, lambda: may_begin.wait(TIMEOUT) and job())

    monkeypatch.setattr(Openers, "submit", held)
    with sockets.full_listener() as port:
        url = f"http://127.0.0.1:{port}"
        with RequestsDifyChat(url, api_key="app-test") as chat:
            watcher = Watcher(chat.sendChatMessageStream(request()))
            watcher.subscription.dispose()
            may_begin.set()
            join_streams()
    assert (watcher.items, watcher.error) == ([], None)


def test_a_server_that_is_behind_gets_no_more_connections_at_once(opened: list[object]) -> None:
    """Else it would drop some, and each of them would keep a thread."""

    def silent(peer: Peer) -> None:
        if peer.receive():
            peer.wait_closed()

    with chatting(silent) as (chat, server):
        watchers = [Watcher(chat.sendChatMessageStream(request())) for _ in range(70)]
        wait_until(lambda: len(server.requests) == 70)
        assert opened
        assert len(chat._transport.unanswered) + len(opened) == 70
        for watcher in watchers:
            watcher.subscription.dispose()
        join_streams()
        assert not chat._transport.unanswered
