"""Seeing what an Observable does, and what it leaves behind."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from dify_java_compat import ChatMessageSendCompletionResponse, ChatMessageSendRequest
from dify_java_compat._stream.observable import Observable

from . import TIMEOUT


def request(**values: object) -> ChatMessageSendRequest:
    return ChatMessageSendRequest(**{"content": "你好", "user_id": "u-1", **values})  # type: ignore[arg-type]


class Watcher:
    """Subscribes, keeps what comes, and can be waited for."""

    def __init__(
        self,
        observable: Observable[ChatMessageSendCompletionResponse],
        on_item: Callable[[Watcher], None] | None = None,
    ) -> None:
        self.items: list[ChatMessageSendCompletionResponse] = []
        self.error: Exception | None = None
        self.completed = False
        self.ended_at = 0.0  # by time.perf_counter
        self._on_item = on_item
        self._changed = threading.Condition()
        self.subscription = observable.subscribe(self._next, self._fail, self._complete)

    @property
    def text(self) -> str:
        return "".join(item.answer or "" for item in self.items)

    def wait_for_items(self, count: int) -> None:
        self._wait(lambda: len(self.items) >= count)

    def wait(self) -> Watcher:
        """Until the end; then `error` or `completed` is set."""
        self._wait(lambda: self.completed or self.error is not None)
        return self

    def _wait(self, condition: Callable[[], bool]) -> None:
        with self._changed:
            assert self._changed.wait_for(condition, TIMEOUT), "nothing more came"

    def _next(self, item: ChatMessageSendCompletionResponse) -> None:
        with self._changed:
            self.items.append(item)
            self._changed.notify_all()
        if self._on_item is not None:
            self._on_item(self)

    def _fail(self, error: Exception) -> None:
        with self._changed:
            self.error, self.ended_at = error, time.perf_counter()
            self._changed.notify_all()

    def _complete(self) -> None:
        with self._changed:
            self.completed, self.ended_at = True, time.perf_counter()
            self._changed.notify_all()


def wait_until(condition: Callable[[], object]) -> None:
    until = time.monotonic() + TIMEOUT
    while not condition():
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.001)


def stream_threads() -> list[threading.Thread]:
    names = ("dify-stream", "dify-stop")
    return [thread for thread in threading.enumerate() if thread.name.startswith(names)]


def join_stream_threads() -> None:
    """Wait until no thread of a stream is left; fail when one stays."""
    until = time.monotonic() + TIMEOUT
    while threads := stream_threads():  # the one that stops a stream is begun by another
        assert time.monotonic() < until, "a thread of a stream is left"
        threads[0].join(max(0.0, until - time.monotonic()))
