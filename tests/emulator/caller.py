"""A caller of an emulator's apps, over plain bytes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from dify_java_compat.emulator import DifyEmulator
from tests.support.client import Connection, Response, connect, request_bytes


class Caller:
    """Calls one emulator, each time over a connection of its own."""

    def __init__(self, emulator: DifyEmulator, key: str = "app-chat", user: str = "ann") -> None:
        self.emulator = emulator
        self.key = key
        self.user = user

    def connect(self) -> Connection:
        return connect(self.emulator.port)

    def raw(self, request: bytes) -> Response:
        reader = self.connect()
        try:
            reader.send(request)
            return reader.response(request.split(b" ", 1)[0].decode())
        finally:
            reader.close()

    def get(self, path: str) -> Response:
        return self.raw(request_bytes("GET", f"/v1{path}", self.key))

    def post(self, path: str, body: Any, *headers: str) -> Response:
        return self.raw(request_bytes("POST", f"/v1{path}", self.key, body, headers))

    def put(self, path: str, body: Any) -> Response:
        return self.raw(request_bytes("PUT", f"/v1{path}", self.key, body))

    def delete(self, path: str, body: Any = None) -> Response:
        return self.raw(request_bytes("DELETE", f"/v1{path}", self.key, body))

    def message(self, query: str = "Hello", mode: str = "streaming", **more: Any) -> dict[str, Any]:
        """The body of a message."""
        return {"inputs": {}, "query": query, "user": self.user, "response_mode": mode, **more}

    def say(self, query: str = "Hello", mode: str = "streaming", **more: Any) -> Response:
        return self.post("/chat-messages", self.message(query, mode, **more))

    def open_stream(self, query: str = "Hello", **more: Any) -> tuple[Connection, Iterator[bytes]]:
        """A stream under way, its head read, and its chunks to come."""
        reader = self.connect()
        body = self.message(query, **more)
        reader.send(request_bytes("POST", "/v1/chat-messages", self.key, body))
        head = reader.head()
        assert head.status == 200, head
        return reader, reader.chunks()

    def follow(self, run_id: str, **query: str) -> Response:
        """What follows of a workflow run, to its end or to its next pause."""
        return self.get(self.events_path(run_id, **query))

    def events_path(self, run_id: str, **query: str) -> str:
        more = "".join(f"&{name}={value}" for name, value in query.items())
        return f"/workflow/{run_id}/events?user={self.user}{more}"

    def open_events(self, run_id: str, **query: str) -> tuple[Connection, Iterator[bytes]]:
        """The stream of a run that waits, up to its first ping: from there on it is read."""
        reader = self.connect()
        reader.send(request_bytes("GET", f"/v1{self.events_path(run_id, **query)}", self.key))
        head = reader.head()
        assert head.status == 200, head
        chunks = reader.chunks()
        assert next(chunks) == b"event: ping\n\n"
        return reader, chunks

    def stop(self, task_id: str, user: str | None = None) -> Response:
        return self.post(f"/chat-messages/{task_id}/stop", {"user": user or self.user})

    def upload(self, name: str = "cat.png", mime: str = "image/png") -> Response:
        part = f'Content-Disposition: form-data; name="file"; filename="{name}"'
        return self.post_form("/files/upload", (f"{part}\r\nContent-Type: {mime}", b"\x89PNG1"))

    def post_form(self, path: str, *parts: tuple[str, bytes]) -> Response:
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


def fails(response: Response, status: int, code: str, message: str) -> None:
    """Handled errors have one shape and one order of keys."""
    assert response.status == status, response
    body = response.json()
    assert list(body) == ["code", "message", "status"]
    assert (body["code"], body["status"]) == (code, status)
    assert message in body["message"]
