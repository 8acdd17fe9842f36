"""The floor: a raw socket, chunk framing and `orjson.loads`. Less cannot be done in Python."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import orjson

from .protocol import USER, Contender, serve, text_of


class Floor(Contender):
    distributions = ("orjson",)

    def __init__(self, url: str) -> None:
        super().__init__(url)
        parts = urlsplit(url)
        self._address = (parts.hostname or "", parts.port or 80)
        self._kept = socket.create_connection(self._address)

    def items(self, query: str) -> Iterator[Any]:
        body = orjson.dumps({"query": query, "user": USER, "inputs": {}})
        head = b"POST /v1/chat-messages HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"
        with contextlib.closing(socket.create_connection(self._address)) as connection:
            connection.sendall(head % len(body) + body)
            block = connection.recv(65536)
            block = block[block.index(b"\r\n\r\n") + 4 :]
            while True:
                position = 0
                while (line_end := block.find(b"\r\n", position)) >= 0:
                    size = int(block[position:line_end], 16)
                    if size == 0:
                        return
                    end = line_end + 2 + size
                    if len(block) < end + 2:
                        break
                    frame = block[line_end + 2 : end]
                    if frame.startswith(b"data: "):
                        yield orjson.loads(frame[6:-2])
                    position = end + 2
                block = block[position:] + connection.recv(65536)

    def text(self, item: Any) -> str | None:
        return text_of(item)

    def parameters(self) -> str:
        opening: str = self._get(b"/v1/parameters")["opening_statement"]
        return opening

    def messages(self) -> int:
        return len(self._get(b"/v1/messages?conversation_id=c&user=u&limit=100")["data"])

    def _get(self, target: bytes) -> Any:
        self._kept.sendall(b"GET %b HTTP/1.1\r\nHost: x\r\n\r\n" % target)
        block = self._kept.recv(262144)
        start = block.index(b"\r\n\r\n") + 4
        at = block.index(b"Content-Length: ") + 16
        size = int(block[at : block.index(b"\r\n", at)])
        while len(block) < start + size:
            block += self._kept.recv(262144)
        return orjson.loads(block[start:])


if __name__ == "__main__":
    serve(Floor)
