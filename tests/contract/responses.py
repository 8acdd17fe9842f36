"""Responses as Dify would frame them, and a client of a server that gives one."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from dify_java_compat import ClientConfig, RequestsDifyChat
from tests.support import frames
from tests.support.facade import KEY
from tests.support.replay import replay
from tests.support.server import ScriptedServer


def response(status: int, content: Any, kind: str = "application/json") -> bytes:
    """A whole response; `content` is bytes or what JSON is made of."""
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return frames.response(body, f"{status} Status", kind, "Connection: close\r\n")


def event_stream(events: Iterable[dict[str, Any]], *, whole: bool = True) -> bytes:
    """A stream: one chunk an event, with a ping here and there; not `whole`, its end is missing."""
    blocks = [frames.PING]
    for event in events:
        blocks += [frames.data_frame(event), frames.PING]
    last = frames.LAST_CHUNK if whole else b""
    return frames.STREAM_HEAD + frames.chunks(*blocks) + last


@contextmanager
def client_of_response(raw: bytes) -> Iterator[tuple[RequestsDifyChat, ScriptedServer]]:
    """A client of a server that responds to everything with `raw`."""
    with (
        ScriptedServer(replay(raw)) as server,
        RequestsDifyChat(server.url, ClientConfig(max_retries=0), api_key=KEY) as chat,
    ):
        yield chat, server
