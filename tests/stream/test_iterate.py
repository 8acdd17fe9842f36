"""`iterate` and `aiterate`: any Observable as a loop, bounded, and left cleanly."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from typing import Any

import pytest
import reactivex
from reactivex import Observable
from reactivex.abc import DisposableBase, ObserverBase, SchedulerBase
from reactivex.disposable import Disposable
from reactivex.subject import Subject

from dify_java_compat import IllegalArgumentException, aiterate, collect, iterate
from tests.support import TIMEOUT
from tests.support.hostile import NO_NUMBERS


class Source:
    """Emits 0, 1, 2, ... from a thread of its own until it is disposed of."""

    def __init__(self, end: int | None = None, error: Exception | None = None) -> None:
        self.emitted = 0
        self.subscriptions = 0
        self.disposed = threading.Event()
        self.finished = threading.Event()
        self._end, self._error = end, error
        self.observable: Observable[int] = reactivex.create(self._subscribe)

    def _subscribe(
        self, observer: ObserverBase[int], scheduler: SchedulerBase | None = None
    ) -> DisposableBase:
        self.subscriptions += 1
        threading.Thread(target=self._run, args=(observer,)).start()
        return Disposable(self.disposed.set)

    def _run(self, observer: ObserverBase[int]) -> None:
        while not self.disposed.is_set() and self.emitted != self._end:
            observer.on_next(self.emitted)
            self.emitted += 1
        if self._error is not None:
            observer.on_error(self._error)
        else:
            observer.on_completed()
        self.finished.set()


async def alist(items: AsyncIterator[int]) -> list[int]:
    return [item async for item in items]


@pytest.mark.parametrize("prefetch", [1, 2, 16, 1000])
@pytest.mark.parametrize("count", [0, 1, 100])
def test_everything_comes_in_order(prefetch: int, count: int) -> None:
    assert list(iterate(Source(count).observable, prefetch)) == list(range(count))
    assert asyncio.run(alist(aiterate(Source(count).observable, prefetch))) == list(range(count))


def test_what_came_before_an_error_comes_first() -> None:
    seen: list[int] = []
    with pytest.raises(KeyError):
        seen.extend(iterate(Source(5, KeyError("x")).observable))
    assert seen == list(range(5))

    async def consume() -> None:
        async for item in aiterate(Source(5, KeyError("x")).observable):
            seen.append(item)

    with pytest.raises(KeyError):
        asyncio.run(consume())
    assert seen == [*range(5), *range(5)]


def test_nothing_is_subscribed_before_the_first_item() -> None:
    source = Source(1)
    items = iterate(source.observable)
    assert source.subscriptions == 0
    assert next(items) == 0
    assert source.subscriptions == 1


def test_the_source_waits_for_the_loop() -> None:
    source = Source()
    for item in iterate(source.observable, prefetch=3):
        # what is in the loop, what lies ready, and what waits to be put
        assert source.emitted <= item + 2 * 3 + 1
        if item == 50:
            break
    assert source.finished.wait(TIMEOUT)


def test_leaving_the_loop_disposes() -> None:
    source = Source()
    for _ in iterate(source.observable):
        break
    assert source.disposed.is_set()
    assert source.finished.wait(TIMEOUT)  # the source's thread was not left waiting


def test_leaving_an_async_loop_disposes() -> None:
    source = Source()

    async def consume() -> None:
        items = aiterate(source.observable)
        async for _ in items:
            break
        await items.aclose()

    asyncio.run(consume())
    assert source.disposed.is_set()
    assert source.finished.wait(TIMEOUT)


def test_cancelling_a_task_disposes() -> None:
    silent: Subject[int] = Subject()

    async def consume() -> None:
        task = asyncio.ensure_future(alist(aiterate(silent)))
        while not silent.observers:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(consume())
    assert silent.observers == []


def test_the_event_loop_runs_while_the_stream_is_silent() -> None:
    silent: Subject[int] = Subject()

    async def consume() -> list[int]:
        task = asyncio.ensure_future(alist(aiterate(silent)))
        while not silent.observers:
            await asyncio.sleep(0)
        silent.on_next(7)
        silent.on_completed()
        return await task

    assert asyncio.run(consume()) == [7]


def test_a_source_that_emits_while_it_is_subscribed_to_does_not_block() -> None:
    assert list(iterate(reactivex.range(0, 100), prefetch=2)) == list(range(100))
    assert asyncio.run(alist(aiterate(reactivex.range(0, 100), prefetch=2))) == list(range(100))


@pytest.mark.parametrize("prefetch", [0, -1])
def test_a_prefetch_of_nothing_is_refused_at_once(prefetch: int) -> None:
    with pytest.raises(IllegalArgumentException, match="prefetch"):
        iterate(reactivex.empty(), prefetch)
    with pytest.raises(IllegalArgumentException, match="prefetch"):
        aiterate(reactivex.empty(), prefetch)


@pytest.mark.parametrize("given", [None, 5, "x", [1], object()])
def test_what_is_no_observable_is_refused(given: Any) -> None:
    for use in (iterate, aiterate, collect):
        with pytest.raises(IllegalArgumentException, match="observable must be an Observable"):
            use(given)


NO_COUNTS = [value for value in NO_NUMBERS.values() if not isinstance(value, int) or value < 0]


@pytest.mark.parametrize("prefetch", [0, -1, None, 1.5, *NO_COUNTS], ids=lambda _: "")
def test_a_prefetch_that_is_none(prefetch: Any) -> None:
    for use in (iterate, aiterate):
        with pytest.raises(IllegalArgumentException, match="prefetch must be"):
            use(reactivex.of(1), prefetch)
