"""HTTP by hand: send bytes, read bytes, take nothing for granted."""

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from dify_java_compat.emulator import DifyEmulator

TIMEOUT = 10.0
_ROOT = Path(__file__).parents[2]


@dataclass
class Answer:
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
        return [event(frame) for frame in self.body.decode().split("\n\n") if frame]

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


def event(frame: str) -> dict[str, Any]:
    """One frame; a ping is an event without data."""
    if frame.startswith("event: "):
        return {"event": frame.removeprefix("event: ")}
    found = json.loads(frame.removeprefix("data: "))
    assert isinstance(found, dict)
    return found


class Reader:
    """Reads answers off a connection, piece by piece or whole."""

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

    def head(self) -> Answer:
        status_line = self._file.readline().decode().rstrip("\r\n")
        headers = []
        while line := self._file.readline().decode("latin-1").rstrip("\r\n"):
            name, _, value = line.partition(": ")
            headers.append((name, value))
        return Answer(status_line, headers, b"", None, complete=False)

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

    def answer(self, method: str = "GET") -> Answer:
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


def build(
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


class Caller:
    """Calls one emulator, each time over a connection of its own."""

    def __init__(self, emulator: DifyEmulator, key: str = "app-chat", user: str = "ann") -> None:
        self.emulator = emulator
        self.key = key
        self.user = user

    def connect(self) -> Reader:
        sock = socket.create_connection(("127.0.0.1", self.emulator.port), timeout=TIMEOUT)
        return Reader(sock.makefile("rb"), sock)

    def raw(self, request: bytes) -> Answer:
        reader = self.connect()
        try:
            reader.send(request)
            return reader.answer(request.split(b" ", 1)[0].decode())
        finally:
            reader.close()

    def get(self, path: str) -> Answer:
        return self.raw(build("GET", f"/v1{path}", self.key))

    def post(self, path: str, body: Any, *headers: str) -> Answer:
        return self.raw(build("POST", f"/v1{path}", self.key, body, headers))

    def put(self, path: str, body: Any) -> Answer:
        return self.raw(build("PUT", f"/v1{path}", self.key, body))

    def delete(self, path: str, body: Any = None) -> Answer:
        return self.raw(build("DELETE", f"/v1{path}", self.key, body))

    def message(self, query: str = "Hello", mode: str = "streaming", **more: Any) -> dict[str, Any]:
        """The body of a message."""
        return {"inputs": {}, "query": query, "user": self.user, "response_mode": mode, **more}

    def say(self, query: str = "Hello", mode: str = "streaming", **more: Any) -> Answer:
        return self.post("/chat-messages", self.message(query, mode, **more))

    def open_stream(self, query: str = "Hello", **more: Any) -> tuple[Reader, Iterator[bytes]]:
        """A stream under way, its head read, and its chunks to come."""
        reader = self.connect()
        body = self.message(query, **more)
        reader.send(build("POST", "/v1/chat-messages", self.key, body))
        head = reader.head()
        assert head.status == 200, head
        return reader, reader.chunks()

    def follow(self, run_id: str, **query: str) -> Answer:
        """What follows of a workflow run, to its end or to its next pause."""
        return self.get(self.events_path(run_id, **query))

    def events_path(self, run_id: str, **query: str) -> str:
        asked = "".join(f"&{name}={value}" for name, value in query.items())
        return f"/workflow/{run_id}/events?user={self.user}{asked}"

    def open_events(self, run_id: str, **query: str) -> tuple[Reader, Iterator[bytes]]:
        """The stream of a run that waits, up to its first ping: from there on it is read."""
        reader = self.connect()
        reader.send(build("GET", f"/v1{self.events_path(run_id, **query)}", self.key))
        head = reader.head()
        assert head.status == 200, head
        chunks = reader.chunks()
        assert next(chunks) == b"event: ping\n\n"
        return reader, chunks

    def stop(self, task_id: str, user: str | None = None) -> Answer:
        return self.post(f"/chat-messages/{task_id}/stop", {"user": user or self.user})

    def upload(self, name: str = "cat.png", mime: str = "image/png") -> Answer:
        part = f'Content-Disposition: form-data; name="file"; filename="{name}"'
        return self.post_form("/files/upload", (f"{part}\r\nContent-Type: {mime}", b"\x89PNG1"))

    def post_form(self, path: str, *parts: tuple[str, bytes]) -> Answer:
        """A multipart body; the user goes along."""
        user = ('Content-Disposition: form-data; name="user"', self.user.encode())
        body = b"".join(
            b"--frontier\r\n" + head.encode() + b"\r\n\r\n" + content + b"\r\n"
            for head, content in (user, *parts)
        )
        kind = "Content-Type: multipart/form-data; boundary=frontier"
        return self.post(path, body + b"--frontier--\r\n", kind)

    def messages(self, conversation_id: str) -> list[dict[str, Any]]:
        found = self.get(f"/messages?conversation_id={conversation_id}&user={self.user}")
        assert found.status == 200, found
        data = found.json()["data"]
        assert isinstance(data, list)
        return data


def run(*arguments: str) -> subprocess.Popen[str]:
    """A Python of its own, in the root of the project."""
    return subprocess.Popen(
        [sys.executable, *arguments],
        cwd=_ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
