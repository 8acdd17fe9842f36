"""How soon: subscribe returns, a first item arrives, a blocked read is left."""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Callable

from dify_java_compat import RequestsDifyChat
from tests.servers import (
    CLOSING_STREAM_HEAD,
    STREAM_HEAD,
    Peer,
    ScriptedServer,
    chunk,
    message,
)
from tests.watching import Watcher, request

RUNS = 200


def subscribing(chunked: bool) -> tuple[list[float], list[float], list[float]]:
    """Milliseconds of subscribe, from a frame's bytes to its item, and of dispose; RUNS each."""
    sent_at: list[float] = []
    asked = threading.Semaphore(0)

    def script(peer: Peer) -> None:
        frame = chunk(message("x")) if chunked else message("x")
        while peer.receive():
            peer.send(STREAM_HEAD if chunked else CLOSING_STREAM_HEAD)
            asked.acquire()
            sent_at.append(time.perf_counter())
            peer.send(frame)
            peer.wait_closed()

    subscribed, arrived, disposed = [], [], []
    with ScriptedServer(script) as server:
        for _ in range(RUNS):
            with RequestsDifyChat(server.url, api_key="app-benchmark") as chat:
                came_at: list[float] = []
                observable = chat.sendChatMessageStream(request())
                started = time.perf_counter()
                watcher = Watcher(
                    observable, lambda _, came_at=came_at: came_at.append(time.perf_counter())
                )
                subscribed.append(time.perf_counter() - started)
                asked.release()
                watcher.wait_for_items(1)
                arrived.append(came_at[0] - sent_at[-1])
                started = time.perf_counter()
                watcher.subscription.dispose()
                disposed.append(time.perf_counter() - started)
    return subscribed, arrived, disposed


def unary() -> float:
    """Milliseconds of a small call on a kept connection."""

    def script(peer: Peer) -> None:
        while peer.receive():
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

    with ScriptedServer(script) as server:
        with RequestsDifyChat(server.url, api_key="app-benchmark") as chat:
            return statistics.median(_seconds(chat.parameters) for _ in range(RUNS)) * 1000


def _seconds(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def row(name: str, seconds: list[float]) -> str:
    median, worst = statistics.median(seconds) * 1000, max(seconds) * 1000
    return f"{name:44} median {median:6.2f} ms, worst of {len(seconds)} {worst:6.2f} ms"


def main() -> None:
    for chunked in (True, False):
        framing = "chunked" if chunked else "close-delimited"
        subscribed, arrived, disposed = subscribing(chunked)
        print(row(f"subscribe returns ({framing})", subscribed))
        print(row(f"from bytes to item ({framing})", arrived))
        print(row(f"dispose of a blocked read ({framing})", disposed))
    print(f"{'a unary call on a kept connection':44} median {unary():6.2f} ms")
