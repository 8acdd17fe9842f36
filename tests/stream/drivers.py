"""The ways to consume a stream, each a driver or a way into one, behind one signature."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from reactivex.scheduler.eventloop import AsyncIOScheduler
from reactivex.subject import Subject

from dify_java_compat import ChatMessageSendCompletionResponse, aiterate, collect, iterate
from dify_java_compat._stream.observable import EventStream
from tests.support import TIMEOUT

Item = ChatMessageSendCompletionResponse
Stream = EventStream[Item]
See = Callable[[Item], Any]  # whatever is true: the consumer leaves
Gone = threading.Event


class Interrupted(Exception):
    """Raised by a signal, as Ctrl-C and Celery's time limits are."""


class Driver(NamedTuple):
    """`consume` returns at the end of the stream, or where `see` says so, and raises its error.

    `leave` consumes, and leaves in whatever is the way of it once the event is set.
    """

    name: str
    consume: Callable[[Stream, See], None]
    leave: Callable[[Stream, threading.Event], None]


def same(item: Item) -> Item:
    return item


def piped(stream: Stream) -> Stream:
    return stream.map(same)


# -- callbacks -----------------------------------------------------------------------------------


def subscribed(stream: Stream, see: See) -> None:
    ready, over = threading.Event(), threading.Event()
    errors: list[BaseException] = []

    def on_next(item: Item) -> None:
        assert ready.wait(TIMEOUT)
        if see(item):
            subscription.dispose()
            over.set()

    def on_error(error: BaseException) -> None:
        errors.append(error)
        over.set()

    subscription = stream.subscribe(on_next, on_error, over.set)
    ready.set()
    assert over.wait(TIMEOUT)
    if errors:
        raise errors[0]


def subscribed_and_disposed(stream: Stream, now: threading.Event) -> None:
    told: list[object] = []
    subscription = stream.subscribe(lambda _: None, told.append, lambda: told.append("completed"))
    assert now.wait(TIMEOUT)
    subscription.dispose()
    assert told == []


def on_event_loop(stream: Stream, see: See) -> None:
    async def consume() -> None:
        loop = asyncio.get_running_loop()
        over: asyncio.Future[None] = loop.create_future()

        def on_next(item: Item) -> None:
            if see(item):
                subscription.dispose()
                over.set_result(None)

        scheduler = AsyncIOScheduler(loop)
        subscription = stream.subscribe(
            on_next, over.set_exception, lambda: over.set_result(None), scheduler=scheduler
        )
        await asyncio.wait_for(over, TIMEOUT)

    asyncio.run(consume())


def on_event_loop_and_disposed(stream: Stream, now: threading.Event) -> None:
    """By another thread than the loop's."""

    async def consume() -> None:
        told: list[object] = []
        subscription = stream.subscribe(
            lambda _: None,
            told.append,
            lambda: told.append("completed"),
            scheduler=AsyncIOScheduler(asyncio.get_running_loop()),
        )

        def dispose() -> None:
            assert now.wait(TIMEOUT)
            subscription.dispose()

        await asyncio.to_thread(dispose)
        await asyncio.sleep(0)
        assert told == []

    asyncio.run(consume())


# -- the thread that waits -----------------------------------------------------------------------


def by_loop(items: Iterable[Item], see: See) -> None:
    for item in items:
        if see(item):
            break


_WAITS = (
    "select",
    "readinto",
    "read",
    "recv_into",
    "_connect",
    "wait_for_socket",
    "poll_wait_for_socket",
)


@contextlib.contextmanager
def interrupted(now: threading.Event) -> Iterator[None]:
    """What waits within is interrupted by a signal, once the event is set.

    Python calls a handler between any two steps of a program, also between the read of a socket and
    what is made of it; here it is the wait that is interrupted.
    """
    consumer = threading.get_ident()

    def interrupt(*_: object) -> None:
        raise Interrupted

    def send() -> None:
        assert now.wait(TIMEOUT)
        seen = 0
        for _ in range(1000):
            time.sleep(0.001)
            is_waiting = sys._current_frames()[consumer].f_code.co_name in _WAITS
            seen = seen + 1 if is_waiting else 0
            if seen == 20:
                break
        os.kill(os.getpid(), signal.SIGUSR1)

    before = signal.signal(signal.SIGUSR1, interrupt)
    sender = threading.Thread(target=send)
    sender.start()
    try:
        yield
        raise AssertionError("not interrupted")
    except Interrupted:
        pass
    finally:
        sender.join()
        signal.signal(signal.SIGUSR1, before)


def by_signal(consume: Callable[[Stream], Any]) -> Callable[[Stream, threading.Event], None]:
    def leave(stream: Stream, now: threading.Event) -> None:
        with interrupted(now):
            consume(stream)

    return leave


def by_another_source(stream: Stream, now: threading.Event) -> None:
    """`take_until`, by what another thread emits."""
    over: Subject[None] = Subject()

    def emit() -> None:
        assert now.wait(TIMEOUT)
        over.on_next(None)

    emitter = threading.Thread(target=emit)
    emitter.start()
    list(stream.take_until(over))
    emitter.join()


# -- asyncio -------------------------------------------------------------------------------------


async def by_async_loop(stream: Stream, see: See) -> None:
    async with contextlib.aclosing(aiterate(stream)) as items:
        async for item in items:
            if see(item):
                break


async def async_for(stream: Stream) -> None:
    async for _ in stream:
        pass


async def awaited(stream: Stream) -> object:
    return await stream


def by_cancelling(
    consume: Callable[[Stream], Any],
) -> Callable[[Stream, threading.Event], None]:
    def leave(stream: Stream, now: threading.Event) -> None:
        async def main() -> None:
            task = asyncio.ensure_future(consume(stream))
            assert await asyncio.to_thread(now.wait, TIMEOUT)
            task.cancel()
            await asyncio.wait([task])
            assert task.cancelled()

        asyncio.run(main())

    return leave


SUBSCRIBE = Driver("subscribe", subscribed, subscribed_and_disposed)
FOR = Driver("for", lambda s, see: by_loop(s, see), by_signal(list))
PIPED_FOR = Driver("piped for", lambda s, see: by_loop(piped(s), see), by_another_source)
RUN = Driver("run", lambda s, see: void(s.do_action(see).run()), by_signal(Stream.run))
COLLECT = Driver("collect", lambda s, see: void(collect(s.do_action(see))), by_signal(collect))
ASYNC_FOR = Driver(
    "async for", lambda s, see: asyncio.run(by_async_loop(s, see)), by_cancelling(async_for)
)
PIPED_ASYNC_FOR = Driver(
    "piped async for",
    lambda s, see: asyncio.run(by_async_loop(piped(s), see)),
    by_cancelling(lambda s: async_for(piped(s))),
)
AWAIT = Driver(
    "await", lambda s, see: void(asyncio.run(awaited(s.do_action(see)))), by_cancelling(awaited)
)
SCHEDULER = Driver("subscribe(AsyncIOScheduler)", on_event_loop, on_event_loop_and_disposed)

DRIVERS = (
    SUBSCRIBE,
    FOR,
    PIPED_FOR,
    RUN,
    COLLECT,
    ASYNC_FOR,
    PIPED_ASYNC_FOR,
    AWAIT,
    SCHEDULER,
)


def void(value: object) -> None:
    """The last item, or the answer, which the caller has seen otherwise."""


def consumed(driver: Driver, stream: Stream) -> tuple[list[Item], BaseException | None]:
    """All its items, and what it ended with."""
    items: list[Item] = []
    try:
        driver.consume(stream, items.append)
    except Exception as error:
        return items, error
    return items, None


def iterated(stream: Stream) -> list[Item]:
    return list(iterate(stream))
