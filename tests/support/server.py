"""A server that speaks plain bytes, scripted by the test: the other end of every client test."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from . import TIMEOUT


@dataclass(frozen=True)
class RecordedRequest:
    """A request as it came in; header names in lower case."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def line(self) -> str:
        return f"{self.method} {self.target}"

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Peer:
    """One accepted connection, in the hands of the script.

    `closing` is set once the test is over: whoever waits for something else gives up then.
    """

    block_bytes = 1 << 16  # read at a time

    def __init__(
        self,
        sock: socket.socket,
        requests: list[RecordedRequest] | None = None,
        closing: threading.Event | None = None,
    ) -> None:
        self.sock = sock
        self.closing = closing or threading.Event()
        self._requests = requests
        self._buffer = b""

    def receive(self) -> RecordedRequest | None:
        """The next request, which is recorded; None when the client has closed."""
        head = self.read_head()
        if head is None:
            return None
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {
            name.lower(): value.strip()
            for name, _, value in (line.partition(":") for line in lines)
        }
        body = bytearray()
        self.read_body(int(headers.get("content-length", "0")), body.extend)
        method, target, _ = first.split(" ")
        request = RecordedRequest(method, target, headers, bytes(body))
        if self._requests is not None:
            self._requests.append(request)
        return request

    def discard_request(self) -> int:
        """Read a request without keeping it; its body's size."""
        head = self.read_head()
        assert head is not None
        length = content_length(head)
        self.read_body(length, lambda block: None)
        return length

    def read_head(self) -> bytes | None:
        """The lines of the next request's head; None when the client has closed."""
        while (end := self._buffer.find(b"\r\n\r\n")) < 0:
            if not (block := self.sock.recv(self.block_bytes)):
                return None
            self._buffer += block
        head, self._buffer = self._buffer[:end], self._buffer[end + 4 :]
        return head

    def read_body(self, length: int, take: Callable[[bytes], object]) -> int:
        """Hand the body to `take`, block by block; how much of it came."""
        rest = length
        while rest > 0:
            block = self._buffer or self.sock.recv(min(rest, self.block_bytes))
            if not block:
                break
            self._buffer = block[rest:]
            take(block[:rest])
            rest -= min(rest, len(block))
        return length - rest

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def wait_closed(self) -> None:
        """Return once the client has closed its end."""
        with contextlib.suppress(OSError):
            while self.sock.recv(self.block_bytes):
                pass

    def reset(self) -> None:
        """End with RST instead of FIN."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.sock.close()


def content_length(head: bytes) -> int:
    """The length that a request's head promises."""
    _, _, after = head.lower().partition(b"\r\ncontent-length:")
    return int(after.partition(b"\r\n")[0])


Script = Callable[[Peer], None]


def always(data: bytes) -> Script:
    """Respond to each request of a connection with the same bytes."""

    def script(peer: Peer) -> None:
        while peer.receive():
            peer.send(data)

    return script


class ScriptedServer:
    """Runs `script` for each connection, in a thread of its own; `requests` has what came in.

    A script that fails makes the test fail on exit, unless its client is gone.
    """

    def __init__(self, script: Script, tls: ssl.SSLContext | None = None) -> None:
        self._script = script
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        scheme, host = ("https", "localhost") if tls else ("http", "127.0.0.1")
        self.url = f"{scheme}://{host}:{self.port}"
        self.requests: list[RecordedRequest] = []
        self.connections = 0
        self.closing = threading.Event()
        self._threads: list[threading.Thread] = []
        self._open: set[socket.socket] = set()
        self._failures: list[BaseException] = []

    def __enter__(self) -> ScriptedServer:
        self._start(self._accept)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.closing.set()
        # a closed listener does not wake accept() everywhere; a connection does
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", self.port), TIMEOUT).close()
        self._threads[0].join(TIMEOUT)
        self._listener.close()
        for sock in list(self._open):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(TIMEOUT)
        if error is None:
            assert not any(thread.is_alive() for thread in self._threads), "a script hangs"
            if self._failures:
                raise self._failures[0]

    def _start(self, target: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=target, args=args, name="scripted-server", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            sock, _ = self._listener.accept()
            if self.closing.is_set():
                sock.close()
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls:
                # the handshake comes later: until then the socket can be shut down too
                sock = self._tls.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
            self.connections += 1
            self._open.add(sock)
            self._start(self._serve, sock)

    def _serve(self, sock: socket.socket) -> None:
        try:
            with sock:
                if isinstance(sock, ssl.SSLSocket):
                    sock.do_handshake()
                self._script(Peer(sock, self.requests, self.closing))
        except OSError:
            pass  # the client is gone
        except BaseException as error:
            self._failures.append(error)
        finally:
            self._open.discard(sock)
