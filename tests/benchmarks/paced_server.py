"""A server of paced and of short streams: `python -m tests.benchmarks.paced_server [PEM]`.

It shall not be what the readers wait for, at 25,000 events a second on the other core: one thread
and a selector, no HTTP library, frames prepared but for their stamp. With a PEM (key and
certificates) it speaks TLS. It prints its port, responds to each line on its standard input with a
line of JSON about its own CPU and punctuality, and serves until that input is closed.

The `query` of a POST says what comes. `paced 5 25 2000 1.0 0`: five events a second, 25 in all,
each saying when it was sent, from a second after the 2,000th such stream was asked for; with 1 at
the end the head does not come before the first event, as from Dify. `short 10`: ten events and the
end at once, a write each. A connection serves one request.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import selectors
import socket
import ssl
import sys
import time
from array import array
from typing import Any

from tests.support.frames import LAST_CHUNK, STREAM_HEAD, chunk
from tests.support.server import content_length

from . import payloads
from .contenders.protocol import raise_descriptor_limit

_LIMIT = 90.0  # seconds until all streams of a group are open
_BURST = 512  # events between two looks at the sockets
_STAMP = b"%017.6f"  # of time.monotonic(), which is the same clock in every process
_GOLDEN = 0.6180339887  # its multiples spread evenly over a second, however many there are

_HEAD = STREAM_HEAD.replace(b"\r\n", b"\r\nServer: gunicorn\r\nConnection: close\r\n", 1)
_END = chunk(payloads.end_frame()) + LAST_CHUNK
_STAMPED = chunk(payloads.paced_frame("0" * len(_STAMP % 0.0)))
_BEFORE, _, _AFTER = _STAMPED.partition(b"0" * len(_STAMP % 0.0))


@functools.cache
def _short(events: int) -> tuple[bytes, ...]:
    """The writes of a short stream."""
    *frames, end = payloads.stream("messages", events + 1).frames
    return _HEAD, *map(chunk, frames), chunk(end) + LAST_CHUNK


class Connection:
    """One request, and the stream that responds to it."""

    def __init__(self, server: PacedServer, sock: socket.socket) -> None:
        self._server = server
        self._sock = sock
        self._received: bytes | None = b""  # None once the request is here
        self._unsent = b""
        self._finished = False
        self.is_open = True
        server.selector.register(sock, selectors.EVENT_READ, self.ready)

    def ready(self, mask: int) -> None:
        try:
            if mask & selectors.EVENT_WRITE:
                self._flush()
            if mask & selectors.EVENT_READ and self.is_open:
                self._receive()
        except (ssl.SSLWantReadError, BlockingIOError):
            pass
        except OSError:
            self.close()

    def _receive(self) -> None:
        block = self._sock.recv(65536)  # shakes hands first, where there is TLS
        if not block:
            self.close()
        elif self._received is not None:
            self._received += block
            head, found, body = self._received.partition(b"\r\n\r\n")
            if found and len(body) >= content_length(head):
                self._received = None
                self._server.respond(self, json.loads(body)["query"].split())

    def send(self, data: bytes) -> None:
        if self._unsent:
            self._unsent += data
            return
        try:
            sent = self._sock.send(data)
        except (ssl.SSLWantWriteError, BlockingIOError):
            sent = 0
        except OSError:
            self.close()
            return
        if sent < len(data):
            self._unsent = data[sent:]
            self._server.selector.modify(
                self._sock, selectors.EVENT_READ | selectors.EVENT_WRITE, self.ready
            )

    def _flush(self) -> None:
        self._unsent = self._unsent[self._sock.send(self._unsent) :]
        if not self._unsent:
            self._server.selector.modify(self._sock, selectors.EVENT_READ, self.ready)
            if self._finished:
                self.close()

    def finish(self) -> None:
        """Close once all is sent."""
        self._finished = True
        if not self._unsent:
            self.close()

    def close(self) -> None:
        if self.is_open:
            self.is_open = False
            self._server.selector.unregister(self._sock)
            with contextlib.suppress(OSError):
                if isinstance(self._sock, ssl.SSLSocket):
                    self._sock.unwrap()  # says goodbye and waits for nothing
            self._sock.close()


class Group:
    """Paced streams that begin together: their turns are spread over the interval."""

    def __init__(self, rate: str, count: str, size: str, delay: str, late: str) -> None:
        self._interval, self._delay = 1 / float(rate), float(delay)
        self._count, self._size, self._late = int(count), int(size), late == "1"
        self._members: list[tuple[float, Connection]] = []
        self._given_up_at = time.monotonic() + _LIMIT
        self._begin = 0.0
        self._beat = self._turn = 0
        self._behind = array("d")
        self._cpu = self._clock = 0.0
        self.punctuality: dict[str, float] | None = None

    @property
    def is_complete(self) -> bool:
        return len(self._members) >= self._size

    @property
    def is_over(self) -> bool:
        return self._beat > self._count

    def add(self, connection: Connection) -> None:
        phase = len(self._members) * _GOLDEN % 1.0 * self._interval
        self._members.append((phase, connection))
        if not self._late:
            connection.send(_HEAD)
        if self.is_complete:
            self._members.sort(key=lambda member: member[0])
            self._begin = time.monotonic() + self._delay

    def advance(self) -> float:
        """Send what is due; how long until there is more."""
        if not self.is_complete:
            if time.monotonic() > self._given_up_at:
                for _, connection in self._members:
                    connection.close()
                self._beat = self._count + 1
            return 1.0
        for _ in range(_BURST):
            phase, connection = self._members[self._turn]
            due = self._begin + self._beat * self._interval + phase
            now = time.monotonic()
            if due > now:
                return due - now
            if connection.is_open:
                self._send(connection, now, now - due)
            self._turn = (self._turn + 1) % self._size
            if self._turn == 0:
                self._next_beat()
                if self.is_over:
                    break
        return 0.0

    def _send(self, connection: Connection, now: float, behind: float) -> None:
        if self._beat == self._count:
            connection.send(_END)
            connection.finish()
            return
        event = _BEFORE + _STAMP % now + _AFTER
        connection.send(_HEAD + event if self._late and self._beat == 0 else event)
        self._behind.append(behind)

    def _next_beat(self) -> None:
        self._beat += 1
        if self._beat == 1:
            # the opening is over, and does not count
            self._cpu, self._clock = time.process_time(), time.monotonic()
        elif self._beat == self._count:
            behind = sorted(self._behind) or [0.0]
            self.punctuality = {
                "core": (time.process_time() - self._cpu) / (time.monotonic() - self._clock),
                "p99_ms": behind[len(behind) * 99 // 100] * 1000,
            }


class PacedServer:
    """The listener, its connections, and the groups whose time has come."""

    def __init__(self, listener: socket.socket, context: ssl.SSLContext | None) -> None:
        self.selector = selectors.DefaultSelector()
        self._listener = listener
        self._context = context
        self._groups: dict[str, Group] = {}
        self._punctuality: dict[str, float] | None = None
        listener.setblocking(False)
        self.selector.register(listener, selectors.EVENT_READ, self._accept)
        self.selector.register(sys.stdin.fileno(), selectors.EVENT_READ, self._report)

    def run(self) -> None:
        pause = 1.0
        while True:
            # epoll counts in milliseconds: what falls due within one goes out together
            for key, mask in self.selector.select(pause):
                key.data(mask)
            pause = min([group.advance() for group in self._groups.values()], default=1.0)
            for name, group in list(self._groups.items()):
                if group.is_over:
                    del self._groups[name]
                    self._punctuality = group.punctuality

    def respond(self, connection: Connection, query: list[str]) -> None:
        name, *numbers = query
        if name == "paced":
            if (name := " ".join(numbers)) not in self._groups:
                self._groups[name] = Group(*numbers)
            self._groups[name].add(connection)
            return
        for piece in _short(int(numbers[0])):
            connection.send(piece)
        connection.finish()

    def _accept(self, mask: int) -> None:
        for _ in range(64):
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setblocking(False)
            if self._context:
                sock = self._context.wrap_socket(
                    sock, server_side=True, do_handshake_on_connect=False
                )
            Connection(self, sock)

    def _report(self, mask: int) -> None:
        if not os.read(sys.stdin.fileno(), 4096):
            os._exit(0)  # whatever is still being sent
        report: dict[str, Any] = {"cpu": time.process_time(), "clock": time.monotonic()}
        print(json.dumps({**report, "punctuality": self._punctuality}), flush=True)


def main() -> None:
    raise_descriptor_limit()
    context = None
    if len(sys.argv) > 1:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(sys.argv[1])
    with socket.create_server(("127.0.0.1", 0), backlog=4096) as listener:
        print(listener.getsockname()[1], flush=True)
        PacedServer(listener, context).run()


if __name__ == "__main__":
    main()
