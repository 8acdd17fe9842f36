"""A server of bytes that lie ready, in a process of its own: `python -m tests.benchmarks.server`.

It prints its port and serves until its standard input is closed. The `query` of a POST says what
comes: `messages 20000` is that stream with so many events, as fast as they are taken.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import socket
import sys
import threading
from collections.abc import Callable

from tests.support.frames import LAST_CHUNK, STREAM_HEAD, chunks, response
from tests.support.server import Peer, content_length

from . import payloads

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


class Connection(Peer):
    """Responds to one client's requests."""

    block_bytes = 1 << 20

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
            name, count = json.loads(body)["query"].split()
            self.send(_stream(name, int(count)))
        else:
            self.send(_LISTED[operation])

    def _read_whole_body(self, head: bytes, take: Callable[[bytes], object]) -> int:
        length = content_length(head)
        if self.read_body(length, take) < length:
            raise OSError("the client is gone")
        return length


def main() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listener:

        def accept() -> None:
            while True:
                sock, _ = listener.accept()
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(target=Connection(sock).serve, daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        print(listener.getsockname()[1], flush=True)
        sys.stdin.read()
        os._exit(0)  # whatever is still being sent


if __name__ == "__main__":
    main()
