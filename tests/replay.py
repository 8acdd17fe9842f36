"""A server that answers every request with the same recorded bytes, over a real socket.

It knows nothing of HTTP but where a request ends. What it sends is what was recorded, head and
framing included; afterwards it closes the connection, as the recorded one ended.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any

_PATIENCE = 30.0  # seconds; only a hanging test meets it


@dataclass(frozen=True)
class ReceivedRequest:
    """A request as it came; header names in lower case."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


class ReplayServer:
    """Serves `raw` to any number of connections, as a context manager.

    piece: at most so many bytes a write; None for one write.
    timeline: the recorded reads, `{"ms": ..., "bytes": ...}` each; their bytes are written apart,
        and the pauses between them kept, divided by `time_scale`. `piece` then cuts these further.
    """

    def __init__(
        self,
        raw: bytes,
        *,
        piece: int | None = None,
        timeline: list[dict[str, Any]] | None = None,
        time_scale: float = 50.0,
    ) -> None:
        if timeline and sum(read["bytes"] for read in timeline) != len(raw):
            raise ValueError("the timeline is not of these bytes")
        self.requests: list[ReceivedRequest] = []
        self._raw = raw
        self._piece = piece
        self._timeline = timeline
        self._time_scale = time_scale
        self._closing = threading.Event()
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0))

    @property
    def url(self) -> str:
        return "http://{}:{}".format(*self._listener.getsockname())

    def __enter__(self) -> ReplayServer:
        self._start(self._accept)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._closing.set()
        # a closed listener does not wake accept() everywhere; a connection does
        with contextlib.suppress(OSError):
            socket.create_connection(self._listener.getsockname(), timeout=_PATIENCE).close()
        self._threads[0].join(_PATIENCE)
        self._listener.close()
        with self._lock:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(_PATIENCE)
            assert not thread.is_alive(), "a thread of the replay server hangs"

    def _start(self, target: Any, *args: Any) -> None:
        thread = threading.Thread(target=target, args=args, name="replay", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            if self._closing.is_set():
                connection.close()
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self._open.add(connection)
            self._start(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        # OSError: the client went away, or the test is over
        with connection, contextlib.suppress(OSError):
            connection.settimeout(_PATIENCE)
            request = _received(connection)
            if request is not None:
                self.requests.append(request)
                for pause, block in self._paused_blocks():
                    if pause and self._closing.wait(pause):
                        break
                    connection.sendall(block)
        with self._lock:
            self._open.discard(connection)

    def _paused_blocks(self) -> Iterator[tuple[float, bytes]]:
        at, milliseconds = 0, 0.0
        timeline = self._timeline or [{"ms": 0.0, "bytes": len(self._raw)}]
        for read in timeline:
            pause = max(0.0, read["ms"] - milliseconds) / 1000 / self._time_scale
            milliseconds = read["ms"]
            block = self._raw[at : at + read["bytes"]]
            at += len(block)
            for piece in pieces(block, self._piece):
                yield pause, piece
                pause = 0.0


def pieces(block: bytes, size: int | None) -> Iterable[bytes]:
    """`block` in pieces of `size` bytes, the last one shorter."""
    if size is None:
        return [block]
    return (block[start : start + size] for start in range(0, len(block), size))


def _received(connection: socket.socket) -> ReceivedRequest | None:
    data = b""
    while b"\r\n\r\n" not in data:
        block = connection.recv(65536)
        if not block:
            return None
        data += block
    head, _, body = data.partition(b"\r\n\r\n")
    line, *fields = head.decode("latin-1").split("\r\n")
    method, target, _ = line.split(" ")
    headers = {
        name.lower(): value.strip() for name, _, value in (field.partition(":") for field in fields)
    }
    missing = int(headers.get("content-length", "0")) - len(body)
    while missing > 0:
        block = connection.recv(65536)
        if not block:
            return None
        body += block
        missing -= len(block)
    return ReceivedRequest(method, target, headers, body)
