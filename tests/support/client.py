"""HTTP by hand: send bytes, read bytes, take nothing for granted."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

from . import TIMEOUT


@dataclass
class Response:
    """One HTTP response as it was on the wire."""

    status_line: str
    headers: list[tuple[str, str]]
    body: bytes
    chunks: list[bytes] | None
    complete: bool
    continued: bool = False

    @property
    def status(self) -> int:
        return int(self.status_line.split()[1])

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def events(self) -> list[dict[str, Any]]:
        return [event_of(frame) for frame in self.body.decode().split("\n\n") if frame]

    @property
    def names(self) -> list[str]:
        """The names of the events, each run of one name collapsed."""
        names: list[str] = []
        for one in self.events:
            if names[-1:] != [one["event"]]:
                names.append(one["event"])
        return names

    @property
    def text(self) -> str:
        return "".join(one.get("answer", "") for one in self.events)


def event_of(frame: str) -> dict[str, Any]:
    """One frame; a ping is an event without data."""
    if frame.startswith("event: "):
        return {"event": frame.removeprefix("event: ")}
    found = json.loads(frame.removeprefix("data: "))
    assert isinstance(found, dict)
    return found


class Connection:
    """Sends requests and reads responses, piece by piece or whole; or reads recorded ones."""

    def __init__(self, source: BinaryIO, sock: socket.socket | None = None) -> None:
        self._file = source
        self._sock = sock

    @property
    def sock(self) -> socket.socket:
        assert self._sock is not None
        return self._sock

    def send(self, request: bytes) -> None:
        self.sock.sendall(request)

    def close(self) -> None:
        self._file.close()
        if self._sock is not None:
            self._sock.close()

    def head(self) -> Response:
        status_line = self._file.readline().decode().rstrip("\r\n")
        headers = []
        while line := self._file.readline().decode("latin-1").rstrip("\r\n"):
            name, _, value = line.partition(": ")
            headers.append((name, value))
        return Response(status_line, headers, b"", None, complete=False)

    def chunks(self) -> Iterator[bytes]:
        """The chunks up to the last, empty one; a cut connection is an ``EOFError``."""
        while True:
            size = self._file.readline()
            if not size.endswith(b"\r\n"):
                raise EOFError("cut in the middle of a chunked body")
            length = int(size, 16)
            chunk = self._file.read(length)
            if self._file.read(2) != b"\r\n":
                raise EOFError("cut in the middle of a chunk")
            if not length:
                return
            yield chunk

    def response(self, method: str = "GET") -> Response:
        found = self.head()
        if found.status == 100:
            found = self.head()
            found.continued = True
        if method == "HEAD" or found.status == 204:
            found.complete = True
        elif found.header("Transfer-Encoding") == "chunked":
            found.chunks = []
            try:
                for chunk in self.chunks():
                    found.chunks.append(chunk)
                found.complete = True
            except EOFError:
                pass
            found.body = b"".join(found.chunks)
        elif (length := found.header("Content-Length")) is not None:
            found.body = self._file.read(int(length))
            found.complete = len(found.body) == int(length)
        else:
            found.body = self._file.read()
        return found

    def at_end(self) -> bool:
        """Wait for the server to close; False where it sends something instead."""
        try:
            return self._file.read(1) == b""
        except ConnectionResetError:
            return True


def connect(port: int) -> Connection:
    sock = socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT)
    return Connection(sock.makefile("rb"), sock)


def request_bytes(
    method: str,
    path: str,
    key: str | None,
    body: Any = None,
    headers: tuple[str, ...] = (),
    version: str = "HTTP/1.1",
) -> bytes:
    """A request; a body that is not bytes goes as JSON."""
    lines = [f"{method} {path} {version}", "Host: 127.0.0.1", *headers]
    if key is not None:
        lines.append(f"Authorization: Bearer {key}")
    if body is not None and not isinstance(body, bytes):
        body = json.dumps(body).encode()
        lines.append("Content-Type: application/json")
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + (body or b"")
