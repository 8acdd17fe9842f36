"""A server that speaks plain bytes, scripted by the test: the other end of every client test."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import TracebackType


@dataclass(frozen=True)
class Received:
    """A request as it came in."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


class Peer:
    """One accepted connection, in the hands of the script."""

    def __init__(self, sock: socket.socket, server: ScriptedServer) -> None:
        self.sock = sock
        self._server = server
        self._buffer = b""

    def receive(self) -> Received | None:
        """The next request; None when the client has closed."""
        while b"\r\n\r\n" not in self._buffer:
            if not self._fill():
                return None
        head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {
            name.lower(): value.strip()
            for name, _, value in (line.partition(":") for line in lines)
        }
        length = int(headers.get("content-length", "0"))
        while len(self._buffer) < length and self._fill():
            pass
        body, self._buffer = self._buffer[:length], self._buffer[length:]
        method, target, _ = first.split(" ")
        received = Received(method, target, headers, body)
        self._server.requests.append(received)
        return received

    def discard_request(self) -> int:
        """Take a request without keeping it; its body's size."""
        while b"\r\n\r\n" not in self._buffer and self._fill():
            pass
        head, _, rest = self._buffer.partition(b"\r\n\r\n")
        [length] = [line[15:] for line in head.split(b"\r\n") if line[:15] == b"Content-Length:"]
        self._buffer, left = b"", int(length) - len(rest)
        while left > 0 and (block := self.sock.recv(min(left, 65536))):
            left -= len(block)
        return int(length)

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def wait_closed(self) -> None:
        """Return once the client has closed its end."""
        with contextlib.suppress(OSError):
            while self.sock.recv(65536):
                pass

    def reset(self) -> None:
        """End with RST instead of FIN."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.sock.close()

    def _fill(self) -> bool:
        block = self.sock.recv(65536)
        self._buffer += block
        return bool(block)


Script = Callable[[Peer], None]


class ScriptedServer:
    """Runs `script` for each connection, in a thread of its own; `requests` is what came.

    A script that fails makes the test fail on exit, but for a client that has left.
    """

    def __init__(self, script: Script, tls: ssl.SSLContext | None = None) -> None:
        self._script = script
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        scheme, host = ("https", "localhost") if tls else ("http", "127.0.0.1")
        self.url = f"{scheme}://{host}:{self.port}"
        self.requests: list[Received] = []
        self.connections = 0
        self._peers: list[tuple[threading.Thread, socket.socket]] = []
        self._failures: list[BaseException] = []
        self._accepting = threading.Thread(target=self._accept)

    def __enter__(self) -> ScriptedServer:
        self._accepting.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._accepting.join()
        for thread, sock in self._peers:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            thread.join()
            sock.close()
        if error is None and self._failures:
            raise self._failures[0]

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.connections += 1
            thread = threading.Thread(target=self._serve, args=(sock,))
            self._peers.append((thread, sock))
            thread.start()

    def _serve(self, sock: socket.socket) -> None:
        try:
            with self._wrapped(sock) as wrapped:
                self._script(Peer(wrapped, self))
        except OSError:
            pass  # the client has left
        except BaseException as error:
            self._failures.append(error)

    @contextlib.contextmanager
    def _wrapped(self, sock: socket.socket) -> Iterator[socket.socket]:
        wrapped = self._tls.wrap_socket(sock, server_side=True) if self._tls else sock
        try:
            yield wrapped
        finally:
            wrapped.close()


def answer(
    body: bytes = b"{}",
    status: str = "200 OK",
    content_type: str = "application/json",
    headers: str = "",
) -> bytes:
    """A whole answer with its length."""
    head = f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + headers.encode() + b"\r\n" + body


STREAM_HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n"
)
CLOSING_STREAM_HEAD = b"HTTP/1.0 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n\r\n"
LAST_CHUNK = b"0\r\n\r\n"

_IDS = '"task_id":"t-1","message_id":"m-1","conversation_id":"c-1","id":"m-1"'


def chunk(data: bytes) -> bytes:
    return b"%X\r\n%b\r\n" % (len(data), data)


def event(name: str, more: str = "") -> bytes:
    """A frame of Dify's, with the ids t-1, m-1 and c-1."""
    return f'data: {{"event":"{name}",{_IDS}{more}}}\n\n'.encode()


def message(text: str) -> bytes:
    return event("message", f',"answer":"{text}"')


MESSAGE_END = event("message_end", ',"metadata":{"usage":{"total_tokens":3}}')
ERROR = b'data: {"event":"error","status":400,"code":"invalid_param","message":"Run failed"}\n\n'
PING = b"event: ping\n\n"


def stream(*frames: bytes) -> bytes:
    """A whole chunked stream, a chunk a frame."""
    return STREAM_HEAD + b"".join(chunk(frame) for frame in frames) + LAST_CHUNK


def once(data: bytes) -> Script:
    """Answer each request of a connection with the same bytes."""

    def script(peer: Peer) -> None:
        while peer.receive():
            peer.send(data)

    return script
