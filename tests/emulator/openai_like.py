"""An OpenAI-like server in plain bytes: it answers each connection by a list of writes."""

import json
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
DONE = b"data: [DONE]\n\n"
WAIT = object()
"""In place of a write: hold until the client is gone."""


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def event(**value: Any) -> bytes:
    return b"data: " + json.dumps(value, ensure_ascii=False).encode() + b"\n\n"


def delta(text: str | None, finish: str | None = None) -> bytes:
    return event(choices=[{"index": 0, "delta": {"content": text}, "finish_reason": finish}])


def stream(*frames: bytes) -> list[bytes]:
    return [HEAD, *map(chunk, frames), b"0\r\n\r\n"]


def plain(status: str, body: bytes) -> list[bytes]:
    return [b"HTTP/1.1 %b\r\nContent-Length: %d\r\n\r\n%b" % (status.encode(), len(body), body)]


class OpenAiLike:
    """``asked`` are the requests: head lines and body. ``gone`` is set as a waiting client goes."""

    def __init__(self, writes: Sequence[Any]) -> None:
        self.writes = writes
        self.asked: list[tuple[list[str], Any]] = []
        self.gone = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = "http://127.0.0.1:{1}/v1".format(*self._listener.getsockname())
        self._closing = False
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._closing = True
        with suppress(OSError):
            socket.create_connection(self._listener.getsockname(), timeout=5.0).close()
        self._thread.join(10.0)
        self._listener.close()

    def _serve(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            with connection, suppress(OSError):
                if self._closing:
                    return
                connection.settimeout(10.0)
                self._answer(connection)

    def _answer(self, connection: socket.socket) -> None:
        with connection.makefile("rb") as file:
            head = list(iter(lambda: file.readline().decode().rstrip("\r\n"), ""))
            length = next(int(one[15:]) for one in head if one.lower().startswith("content-length"))
            self.asked.append((head, json.loads(file.read(length))))
        for write in self.writes:
            if write is WAIT:
                if not connection.recv(1):
                    self.gone.set()
                return
            connection.sendall(write)


@contextmanager
def openai_like(*writes: Any) -> Iterator[OpenAiLike]:
    server = OpenAiLike(writes)
    try:
        yield server
    finally:
        server.close()
