"""A proxy before a server that cuts the first stream of a chat in its midst."""

from __future__ import annotations

import contextlib
import re
import socket
import ssl
import threading
from types import TracebackType
from urllib.parse import urlsplit

_TIMEOUT = 60.0


class CuttingProxy:
    """Listens on this machine, and hands every connection on to `url`.

    The first response to a POST of `/chat-messages` is cut after so many bytes.
    """

    def __init__(self, url: str, *, after_bytes: int) -> None:
        parts = urlsplit(url)
        self._tls = parts.scheme == "https"
        self._host = parts.hostname or "localhost"
        self._port = parts.port or (443 if self._tls else 80)
        self._after_bytes = after_bytes
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._sockets: list[socket.socket] = []
        self.cuts = 0
        path = parts.path.rstrip("/")
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}{path}"

    def __enter__(self) -> CuttingProxy:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._listener.close()
        for one in self._sockets:
            _end(one)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError), client:
            server = socket.create_connection((self._host, self._port), _TIMEOUT)
            if self._tls:
                context = ssl.create_default_context()
                server = context.wrap_socket(server, server_hostname=self._host)
            self._sockets += [client, server]
            with server:
                head = client.recv(65536)
                is_chat = head.startswith(b"POST ") and b"/chat-messages HTTP" in head[:200]
                server.sendall(self._readdressed(head))
                forth = threading.Thread(target=self._forth, args=(client, server), daemon=True)
                forth.start()
                self._back(server, client, cut=is_chat and not self.cuts)

    def _forth(self, client: socket.socket, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while block := client.recv(65536):
                server.sendall(self._readdressed(block))
        _end(server)

    def _back(self, server: socket.socket, client: socket.socket, *, cut: bool) -> None:
        passed = 0
        while block := server.recv(1024):
            passed += len(block)
            if cut and passed > self._after_bytes:
                self.cuts += 1
                break
            client.sendall(block)
        _end(client)
        _end(server)

    def _readdressed(self, block: bytes) -> bytes:
        """With the server's name in the place of this one's."""
        name = f"Host: {self._host}:{self._port}".encode()
        return re.sub(rb"(?i)host: 127\.0\.0\.1:\d+", name, block, count=1)


def _end(one: socket.socket) -> None:
    with contextlib.suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
