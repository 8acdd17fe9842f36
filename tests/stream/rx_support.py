"""Observables in virtual time, in threads and on an event loop, for the tests of the operators."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest
from reactivex import Observable
from reactivex.abc import SchedulerBase
from reactivex.disposable import Disposable
from reactivex.scheduler.eventloop import AsyncIOScheduler
from reactivex.testing import ReactiveTest, TestScheduler

from dify_java_compat import ConnectionException
from tests.support import TIMEOUT

from .support import item

on_next, on_error, on_completed = (
    ReactiveTest.on_next,
    ReactiveTest.on_error,
    ReactiveTest.on_completed,
)
ONE, TWO, THREE = (item("message", answer=text) for text in ("one", "two", "three"))
BROKEN = ConnectionException("broken")
HOT_AND_COLD = pytest.mark.parametrize("is_hot", [True, False], ids=["hot", "cold"])


def source(scheduler: TestScheduler, is_hot: bool, *messages: Any) -> Any:
    """An Observable whose times count from the subscription, which is at 200."""
    if not is_hot:
        return scheduler.create_cold_observable(*messages)
    for message in messages:
        message.time += ReactiveTest.subscribed
    return scheduler.create_hot_observable(*messages)


def emitted(
    scheduler: TestScheduler, observable: Observable[Any], disposed: float = 1000
) -> list[tuple[float, Any]]:
    """Times since the subscription, and items; an error as itself, the end as "completed"."""
    found: list[tuple[float, Any]] = []

    def subscribe(_: SchedulerBase, __: object = None) -> None:
        subscription = observable.subscribe(
            lambda value: found.append((time(), value)),
            lambda error: found.append((time(), error)),
            lambda: found.append((time(), "completed")),
            scheduler=scheduler,
        )
        scheduler.schedule_absolute(disposed, lambda *_: subscription.dispose())

    def time() -> float:
        return float(scheduler.to_seconds(scheduler.now)) - ReactiveTest.subscribed

    scheduler.schedule_absolute(ReactiveTest.subscribed, subscribe)
    scheduler.advance_to(max(disposed, 1000))
    return found


def timer_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if isinstance(thread, threading.Timer)]


def in_thread(target: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=target, daemon=True)
    thread.start()
    return thread


async def events_of(observable: Observable[Any]) -> list[Any]:
    """What a subscriber on the running loop gets; the loop's scheduler is not thread-safe."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[None] = loop.create_future()
    seen: list[Any] = []

    def end(value: Any = "completed") -> None:
        seen.append(value)
        loop.call_soon_threadsafe(done.set_result, None)

    observable.subscribe(seen.append, end, end, scheduler=AsyncIOScheduler(loop))
    await asyncio.wait_for(done, TIMEOUT)
    return seen


def from_thread(*values: Any) -> Observable[Any]:
    """Cold: emits from a thread of its own, an exception as an error."""

    def subscribe(observer: Any, scheduler: object = None) -> Disposable:
        def emit() -> None:
            for value in values:
                if isinstance(value, Exception):
                    observer.on_error(value)
                else:
                    observer.on_next(value)
            observer.on_completed()

        in_thread(emit)
        return Disposable()

    return Observable(subscribe)
