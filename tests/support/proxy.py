"""A proxy as a script of a server: it opens tunnels."""

from __future__ import annotations

import contextlib
import socket
import threading

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
