"""A server of bytes that lie ready, in a process of its own: `python -m tests.benchmarks.server`.

It prints its port and serves until its standard input is closed. The `query` of a POST says what
comes: `messages 20000` is that stream with so many events as fast as they are taken, `paced 50 300
100` an event fifty times a second, 300 in all, each saying when it was sent, and the first of them
once a hundred such streams are open.
"""

from __future__ import annotations

import contextlib
import functools
import heapq
import json
import os
import socket
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from . import payloads

_STREAM_HEAD = (
    b"HTTP/1.1 200 OK\r\nServer: gunicorn\r\nConnection: keep-alive\r\n"
    b"Transfer-Encoding: chunked\r\nContent-Type: text/event-stream; charset=utf-8\r\n\r\n"
)
_LAST_CHUNK = b"0\r\n\r\n"
_PATIENCE = 20.0  # seconds until all streams of a group are open
_STAMP = "%017.6f"  # of time.monotonic(), which is the same clock in every process


def _chunk(frame: bytes) -> bytes:
    return b"%X\r\n%b\r\n" % (len(frame), frame)


def _whole(status: bytes, body: bytes) -> bytes:
    head = b"HTTP/1.1 %b\r\nServer: gunicorn\r\nConnection: keep-alive\r\n" % status
    head += b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
    return head + body


_UPLOADED = _whole(b"201 CREATED", payloads.upload_body())
_LISTED = {
    b"/parameters": _whole(b"200 OK", payloads.parameters_body()),
    b"/messages": _whole(b"200 OK", payloads.messages_body()),
}


@functools.cache
def _stream(name: str, count: int) -> bytes:
    frames = payloads.stream(name, count).frames
    return _STREAM_HEAD + b"".join(map(_chunk, frames)) + _LAST_CHUNK


@dataclass(order=True)
class _Turn:
    """A paced stream and when it is to send next."""

    at: float
    number: int
    sock: socket.socket
    done: threading.Event
    interval: float
    left: int


class Pacer:
    """Sends to all paced streams from one thread: their beats are spread evenly over a second."""

    def __init__(self) -> None:
        self._turns: list[_Turn] = []
        self._changed = threading.Condition()
        self._barriers: dict[int, threading.Barrier] = {}
        self._streams = 0
        head, _, tail = payloads.paced_frame("@").partition(b"@")
        stamp_bytes = len(_STAMP % 0.0)
        size = b"%X\r\n" % (len(head) + stamp_bytes + len(tail))
        self._head, self._tail = size + head, tail + b"\r\n"
        self._end = _chunk(payloads.end_frame()) + _LAST_CHUNK
        threading.Thread(target=self._run, daemon=True).start()

    def serve(self, sock: socket.socket, rate: float, count: int, group: int) -> None:
        """Return once the stream is over or its reader has left."""
        sock.sendall(_STREAM_HEAD)
        with self._changed:
            barrier = self._barriers.setdefault(group, threading.Barrier(group))
            self._streams += 1
            number = self._streams
        try:
            barrier.wait(_PATIENCE)
        except threading.BrokenBarrierError:
            self._barriers.pop(group, None)
            raise OSError("the other streams of the group were not opened") from None
        phase = number * 0.6180339887 % 1.0 / rate
        at = time.monotonic() + 0.5 + phase
        turn = _Turn(at, number, sock, threading.Event(), 1.0 / rate, count)
        with self._changed:
            heapq.heappush(self._turns, turn)
            self._changed.notify()
        turn.done.wait()

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._turns or (wait := self._turns[0].at - time.monotonic()) > 0:
                    self._changed.wait(wait if self._turns else None)
                turn = heapq.heappop(self._turns)
            if self._send(turn):
                turn.at = max(turn.at + turn.interval, time.monotonic())
                turn.left -= 1
                with self._changed:
                    heapq.heappush(self._turns, turn)
            else:
                turn.done.set()

    def _send(self, turn: _Turn) -> bool:
        """Whether there is more to come."""
        try:
            if turn.left == 0:
                turn.sock.sendall(self._end)
                return False
            stamp = (_STAMP % time.monotonic()).encode()
            turn.sock.sendall(self._head + stamp + self._tail)
        except OSError:
            return False  # the reader has left
        return True


class Connection:
    """Answers one client's requests."""

    def __init__(self, sock: socket.socket, pacer: Pacer) -> None:
        self._sock = sock
        self._pacer = pacer
        self._buffer = b""

    def serve(self) -> None:
        with self._sock, contextlib.suppress(OSError):
            while (head := self._head()) is not None:
                self._answer(head)

    def _answer(self, head: bytes) -> None:
        method, target, _ = head.split(b" ", 2)
        operation = target.partition(b"?")[0].rpartition(b"/v1")[2]
        if operation == b"/files/upload":
            size = self._body(head, lambda block: None)
            if size < payloads.UPLOAD_BYTES:
                raise OSError(f"an upload of {size} bytes only")
            self._sock.sendall(_UPLOADED)
        elif method == b"POST":
            body = bytearray()
            self._body(head, body.extend)
            name, *numbers = json.loads(body)["query"].split()
            if name == "paced":
                rate, count, group = map(int, numbers)
                self._pacer.serve(self._sock, rate, count, group)
            else:
                self._sock.sendall(_stream(name, int(numbers[0])))
        else:
            self._sock.sendall(_LISTED[operation])

    def _head(self) -> bytes | None:
        while (end := self._buffer.find(b"\r\n\r\n")) < 0:
            if not (block := self._sock.recv(65536)):
                return None
            self._buffer += block
        head, self._buffer = self._buffer[: end + 2], self._buffer[end + 4 :]
        return head

    def _body(self, head: bytes, take: Callable[[bytes], None]) -> int:
        lower = head.lower()
        start = lower.index(b"\r\ncontent-length:") + 17
        left = size = int(lower[start : lower.index(b"\r\n", start)])
        while left > 0:
            block = self._buffer or self._sock.recv(min(left, 1 << 20))
            if not block:
                raise OSError("the client left")
            self._buffer = block[left:]
            take(block[:left])
            left -= min(left, len(block))
        return size


def main() -> None:
    pacer = Pacer()
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listener:

        def accept() -> None:
            while True:
                sock, _ = listener.accept()
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(target=Connection(sock, pacer).serve, daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        print(listener.getsockname()[1], flush=True)
        sys.stdin.read()
        os._exit(0)  # whatever is still being sent


if __name__ == "__main__":
    main()
