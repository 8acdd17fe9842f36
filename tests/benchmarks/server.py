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

from tests.support.frames import LAST_CHUNK, STREAM_HEAD, chunk, chunks, response
from tests.support.server import Peer, content_length

from . import payloads

_LIMIT = 20.0  # seconds until all streams of a group are open
_STAMP = "%017.6f"  # of time.monotonic(), which is the same clock in every process

# as Dify's own server has them
_GUNICORN = "Server: gunicorn\r\nConnection: keep-alive\r\n"
_STREAM_HEAD = STREAM_HEAD.replace(b"\r\n", b"\r\n" + _GUNICORN.encode(), 1)
_UPLOADED = response(payloads.upload_body(), "201 CREATED", headers=_GUNICORN)
_LISTED = {
    b"/parameters": response(payloads.parameters_body(), headers=_GUNICORN),
    b"/messages": response(payloads.messages_body(), headers=_GUNICORN),
}


@functools.cache
def _stream(name: str, count: int) -> bytes:
    return _STREAM_HEAD + chunks(*payloads.stream(name, count).frames) + LAST_CHUNK


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
        self._end = chunk(payloads.end_frame()) + LAST_CHUNK
        threading.Thread(target=self._run, daemon=True).start()

    def serve(self, sock: socket.socket, rate: float, count: int, group: int) -> None:
        """Return once the stream is over or its reader is gone."""
        sock.sendall(_STREAM_HEAD)
        with self._changed:
            barrier = self._barriers.setdefault(group, threading.Barrier(group))
            self._streams += 1
            number = self._streams
        try:
            barrier.wait(_LIMIT)
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
            return False  # the reader is gone
        return True


class Connection(Peer):
    """Responds to one client's requests."""

    block_bytes = 1 << 20

    def __init__(self, sock: socket.socket, pacer: Pacer) -> None:
        super().__init__(sock)
        self._pacer = pacer

    def serve(self) -> None:
        with self.sock, contextlib.suppress(OSError):
            while (head := self.read_head()) is not None:
                self._respond(head)

    def _respond(self, head: bytes) -> None:
        method, target, _ = head.split(b" ", 2)
        operation = target.partition(b"?")[0].rpartition(b"/v1")[2]
        if operation == b"/files/upload":
            size = self._read_whole_body(head, lambda block: None)
            if size < payloads.UPLOAD_BYTES:
                raise OSError(f"an upload of {size} bytes only")
            self.send(_UPLOADED)
        elif method == b"POST":
            body = bytearray()
            self._read_whole_body(head, body.extend)
            name, *numbers = json.loads(body)["query"].split()
            if name == "paced":
                rate, count, group = map(int, numbers)
                self._pacer.serve(self.sock, rate, count, group)
            else:
                self.send(_stream(name, int(numbers[0])))
        else:
            self.send(_LISTED[operation])

    def _read_whole_body(self, head: bytes, take: Callable[[bytes], object]) -> int:
        length = content_length(head)
        if self.read_body(length, take) < length:
            raise OSError("the client is gone")
        return length


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
