"""Answers as Dify would frame them, and a client of a server that gives one."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from dify_java_compat import ClientConfig, RequestsDifyChat
from tests.recordings.asking import KEY
from tests.replay import ReplayServer


def answer(status: int, content: Any, kind: str = "application/json") -> bytes:
    """A whole answer; `content` is bytes or what JSON is made of."""
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    head = f"HTTP/1.1 {status} Status\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
    return f"{head}Connection: close\r\n\r\n".encode() + body


def event_stream(events: Iterable[dict[str, Any]], *, whole: bool = True) -> bytes:
    """A stream: one chunk an event, with a ping here and there; not `whole`, its end is missing."""
    blocks = [b"event: ping\n\n"]
    for event in events:
        text = json.dumps(event, ensure_ascii=False, separators=(",", ":"))
        blocks += [f"data: {text}\n\n".encode(), b"event: ping\n\n"]
    chunks = b"".join(b"%X\r\n%s\r\n" % (len(block), block) for block in blocks)
    head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n"
    last = b"0\r\n\r\n" if whole else b""
    return f"{head}Transfer-Encoding: chunked\r\n\r\n".encode() + chunks + last


@contextmanager
def answered(raw: bytes) -> Iterator[tuple[RequestsDifyChat, ReplayServer]]:
    """A client of a server that answers everything with `raw`."""
    with (
        ReplayServer(raw) as server,
        RequestsDifyChat(server.url, ClientConfig(max_retries=0), api_key=KEY) as chat,
    ):
        yield chat, server
