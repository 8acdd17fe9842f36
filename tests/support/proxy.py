"""Proxies as scripts of a server: tunnels, and one that sees when its client leaves."""

from __future__ import annotations

import contextlib
import socket
import threading
import time

from . import TIMEOUT
from .server import Peer


def forward(peer: Peer) -> None:
    """A proxy that tunnels: CONNECT, then whatever comes, both ways."""
    connect = peer.receive()
    if connect is None:
        return
    port = connect.target.rpartition(":")[2]
    with socket.create_connection(("127.0.0.1", int(port))) as target:
        peer.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
        back = threading.Thread(target=pump, args=(target, peer.sock))
        back.start()
        pump(peer.sock, target)
        back.join()


def pump(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while block := source.recv(65536):
            target.sendall(block)
    for sock in (source, target):
        with contextlib.suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)


class Gateway:
    """Passes all on to a port of this machine, as a script of the server at `url`.

    It sees when the client leaves whose request begins with `request`.
    """

    url = ""

    def __init__(self, port: int, request: bytes) -> None:
        self._port = port
        self._request = request
        self._left = threading.Event()
        self._left_at = 0.0

    def wait_until_left(self) -> float:
        """Until that client has closed its connection; when it did, by time.monotonic."""
        assert self._left.wait(TIMEOUT)
        return self._left_at

    def __call__(self, peer: Peer) -> None:
        has_asked = False
        with socket.create_connection(("127.0.0.1", self._port)) as target:
            back = threading.Thread(target=pump, args=(target, peer.sock))
            back.start()
            with contextlib.suppress(OSError):
                while block := peer.sock.recv(65536):
                    has_asked = has_asked or block.startswith(self._request)
                    target.sendall(block)
            if has_asked:
                self._left_at = time.monotonic()
                self._left.set()
            with contextlib.suppress(OSError):
                target.shutdown(socket.SHUT_RDWR)
            back.join()


class SocksProxy:
    """SOCKS 4, 4a and 5 as a script of a server: a tunnel, or, with `silent_at`, none.

    `silent_at` is the step after which nothing is said: "greeting" or "target". `targets` has the
    hosts and ports that were asked for, `users` the names and passwords.
    """

    def __init__(self, password: str | None = None, silent_at: str | None = None) -> None:
        self.targets: list[tuple[str, int]] = []
        self.users: list[tuple[str, str]] = []
        self.left = threading.Event()  # a client has gone, or was refused
        self._password = password
        self._silent_at = silent_at

    def __call__(self, peer: Peer) -> None:
        try:
            self._serve(peer)
        finally:
            self.left.set()

    def _serve(self, peer: Peer) -> None:
        version = read_exactly(peer, 1)
        if version == b"\x04":
            target = self._receive_target_4(peer)
        else:
            target = self._receive_target_5(peer)
        if target is None:
            return
        self.targets.append(target)
        if self._silent_at == "target":
            peer.wait_closed()
            return
        with socket.create_connection(("127.0.0.1", target[1])) as far:
            ok = b"\0\x5a" + bytes(6) if version == b"\x04" else b"\5\0\0\1" + bytes(6)
            peer.send(ok)
            back = threading.Thread(target=pump, args=(far, peer.sock))
            back.start()
            pump(peer.sock, far)
            back.join()

    def _receive_target_5(self, peer: Peer) -> tuple[str, int] | None:
        methods = read_exactly(peer, read_exactly(peer, 1)[0])
        if self._silent_at == "greeting":
            peer.wait_closed()
            return None
        if self._password is None:
            peer.send(b"\5\0")
        elif 2 in methods:
            peer.send(b"\5\2")
            read_exactly(peer, 1)
            user = read_exactly(peer, read_exactly(peer, 1)[0]).decode()
            password = read_exactly(peer, read_exactly(peer, 1)[0]).decode()
            self.users.append((user, password))
            peer.send(b"\1\0" if password == self._password else b"\1\1")
            if password != self._password:
                return None
        else:
            peer.send(b"\5\xff")
            return None
        kind = read_exactly(peer, 4)[3]
        if kind == 3:
            host = read_exactly(peer, read_exactly(peer, 1)[0]).decode()
        else:
            family, size = (socket.AF_INET, 4) if kind == 1 else (socket.AF_INET6, 16)
            host = socket.inet_ntop(family, read_exactly(peer, size))
        return host, int.from_bytes(read_exactly(peer, 2), "big")

    def _receive_target_4(self, peer: Peer) -> tuple[str, int] | None:
        port = int.from_bytes(read_exactly(peer, 3)[1:], "big")
        address = read_exactly(peer, 4)
        read_text(peer)
        is_name = address[:3] == bytes(3)
        host = read_text(peer) if is_name else socket.inet_ntoa(address)
        if self._silent_at is not None:
            peer.wait_closed()
            return None
        return host, port


def read_exactly(peer: Peer, size: int) -> bytes:
    data = b""
    while len(data) < size:
        block = peer.sock.recv(size - len(data))
        if not block:
            raise ConnectionError("the client is gone")
        data += block
    return data


def read_text(peer: Peer) -> str:
    """Up to a zero byte."""
    text = b""
    while (byte := read_exactly(peer, 1)) != b"\0":
        text += byte
    return text.decode()
