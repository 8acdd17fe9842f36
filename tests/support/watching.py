"""Seeing what an Observable does, and what it leaves behind."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from dify_java_compat import ChatMessageSendCompletionResponse, ChatMessageSendRequest
from dify_java_compat._http import connection, threads, transport
from dify_java_compat._stream import drain, loop
from dify_java_compat._stream.observable import Observable
from dify_java_compat._stream.opening import Phase
from dify_java_compat._stream.reading import Reading

from . import TIMEOUT

T = TypeVar("T")


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
        """Of the answer, which the items of a workflow have in `raw` alone."""
        pieces = (getattr(item, "answer", (item.raw or {}).get("answer")) for item in self.items)
        return "".join(piece or "" for piece in pieces)

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


def wait_for_threads(name: str) -> None:
    """Until there is none of that name, not even one that is just being started."""
    wait_until(lambda: not [each for each in threading.enumerate() if each.name == name])


def streams_at_work() -> list[str]:
    """What is left of streams: connections, slots, openings, stops, and readings of the loop.

    A connection in its pool is idle; a thread that has no work ends after two seconds.
    """
    left = [repr(each) for each in list(drain._owed)]
    for reads in of_all_clients(loop.Loop):
        with reads.lock:
            left += [f"{reads.tasks} tasks of a loop"] * bool(reads.tasks or reads.busy)
    for client in of_all_clients(transport.Transport):
        slots, openers = client.streams, client.openers
        left += [f"{len(slots._held)} slots, {len(slots._queue)} waited for"] * bool(
            slots._held or slots._queue
        )
        left += ["an opener"] * bool(openers._jobs or openers._working)
    left += [f"a connection, {used.sock}" for used in connections_in_use()]
    return left


def of_all_clients(cls: type[T]) -> list[T]:
    """Those there are, of what a forked child makes anew."""
    return [each for each in threads.members(threads._renewables) if isinstance(each, cls)]


def readings() -> list[Reading]:
    """Those that are not over, wherever they are driven; to find them takes a while."""
    found = [each for each in gc.get_objects() if type(each) is Reading]
    return [each for each in found if each._phase is not Phase.OVER]


def connections_in_use() -> list[connection.InterruptibleConnection]:
    """Those that serve a request, or its response."""
    known = threads.members(connection._connections)
    return [each for each in known if each._exchange and each.sock]


def join_streams() -> None:
    """Wait until no stream is at work; fail when one stays."""
    until = time.monotonic() + TIMEOUT
    while left := streams_at_work():
        assert time.monotonic() < until, f"left of streams: {left}"
        time.sleep(0.001)
