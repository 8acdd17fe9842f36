"""A response and an exchange without a socket, for the wing of the streams alone."""

from __future__ import annotations

import json
import threading
from typing import Any

from dify_java_compat import ChatMessageSendCompletionResponse, ClientConfig
from dify_java_compat._api.codec import event_decoder
from dify_java_compat._http.deadline import Deadline
from dify_java_compat._http.request import ApiKey, HttpRequest
from dify_java_compat._stream.reader import EventReader
from dify_java_compat.errors import ConnectionException

REQUEST = HttpRequest("test", "POST", "/v1/chat-messages", ApiKey("key"), streams=True)
Item = ChatMessageSendCompletionResponse


def frame(event: Any, **fields: Any) -> bytes:
    text = json.dumps({"event": event, "task_id": "t-1", **fields}, ensure_ascii=False)
    return f"data: {text}\n\n".encode()


def item(event: Any, **fields: Any) -> Item:
    return event_decoder()(frame(event, **fields)[len(b"data: ") :])


def new_reader(**config: Any) -> EventReader:
    return EventReader(event_decoder(), ClientConfig(**config), {"operation": "test"})


class FakeResponse:
    """Gives its blocks; then ends, or, with `held`, is cut once that is set."""

    content_type = "text/event-stream"
    headers = {"Content-Type": "text/event-stream"}
    path = "/v1/chat-messages"

    def __init__(self, *blocks: bytes, held: threading.Event | None = None) -> None:
        self._blocks = list(blocks)
        self._held = held
        self.deadline = Deadline(REQUEST, ClientConfig())

    def read_block(self, seconds: float | None) -> bytes:
        if self._blocks:
            return self._blocks.pop(0)
        if self._held is not None:
            assert self._held.wait(30)
            raise ConnectionException("the answer was cut", operation="test")
        return b""

    def redact(self, text: str) -> str:
        return text

    def close(self) -> None:
        pass


class FakeExchange:
    """Its response is cut when the exchange is cancelled."""

    def __init__(self, *blocks: bytes) -> None:
        self._blocks = blocks
        self.cancelled = threading.Event()

    def open(self) -> FakeResponse:
        return FakeResponse(*self._blocks, held=self.cancelled)

    def cancel(self) -> None:
        self.cancelled.set()

    def cancel_unless_sent(self) -> bool:
        return False
