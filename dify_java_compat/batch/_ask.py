"""The three ways to ask many questions: a loop, an Observable, an asynchronous loop."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import sys
import threading
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Generator, Iterable
from queue import Empty
from typing import TYPE_CHECKING, Any, TypeVar

from reactivex.abc import DisposableBase, ObserverBase, SchedulerBase
from reactivex.disposable import Disposable

from .._stream.eventloop import can_read
from .._stream.observable import EventStream
from .._stream.schedulers import EventLoopScheduler
from ..client.streaming import StreamingClient
from ..errors import IllegalArgumentException, excerpt
from ..models.requests import BaseChatRequest
from ._pace import Pace
from ._result import Answered, AnyResult
from ._run import AHEAD, Asks, AsksAsync, IterableSource, Run, Source

if TYPE_CHECKING:
    from distributed import Client

    Requests = Iterable[Any]
    AnyRequests = Iterable[Any] | AsyncIterable[Any]
    AskAgain = Callable[[Exception], bool]

RETRIES = 10

Q = TypeVar("Q")
R = TypeVar("R")

_LEAST_RATE = 1e-6  # a second


def ask_all(
    chat: Asks[Q, R],
    requests: Iterable[Q],
    *,
    concurrency: int = 16,
    per_second: float | None = None,
    ordered: bool = False,
    retries: int = RETRIES,
    ask_again: AskAgain | None = None,
) -> Generator[Answered[Q, R], None, None]:
    """Ask many questions, many at once; a result for each, as soon as it has ended.

    Works for chat, agent and chatflow apps, and with WorkflowRunRequest for workflow apps: every
    question is a stream. A failure is a result, too, and so is a run that failed.
    The requests are taken one by one, in the thread of the loop, when there is room for the next;
    what their iterable raises is raised after the results of the questions that are open. Leaving
    the loop stops these on the server.

    concurrency: how many are open at once, at most; also at most `ClientConfig.max_requests`.
    per_second: how many are sent in a second, at most; None for any number.
    ordered: results in the order of the requests; then at most 4 × `concurrency` requests are
        ahead of the one that is waited for.
    retries: how often a question is sent again that the server has certainly not looked at: after
        429 too_many_requests, and where no connection was made.
    ask_again: called with the exception of any other failure; True sends that question again, which
        may cost its money again. As often as `retries` says, both counted.

    After such a refusal the whole batch waits, for as long as `Retry-After` says (300 seconds at
    most), else for 0.2 seconds and twice as long each time; and fewer are open for a while.
    IllegalArgumentException for a value that cannot work.
    """
    settings = _Settings(chat, concurrency, per_second, ordered, retries, ask_again)
    return _results(settings.run(_source(requests)))


def ask_all_stream(
    chat: Asks[Q, R],
    requests: Iterable[Q],
    *,
    concurrency: int = 16,
    per_second: float | None = None,
    ordered: bool = False,
    retries: int = RETRIES,
    ask_again: AskAgain | None = None,
) -> EventStream[Answered[Q, R]]:
    """`ask_all` as an Observable: each subscription asks all questions that `requests` then has.

    It has a thread of its own, which takes the requests and runs the subscriber's functions, in a
    copy of the subscriber's context; a function that takes long delays the questions that follow.
    `dispose` stops what is open on the server. A failed question is an item; on_error has what the
    iterable of the requests raises.
    """
    settings = _Settings(chat, concurrency, per_second, ordered, retries, ask_again)
    _source(requests)

    def subscribe(
        observer: ObserverBase[Answered[Q, R]], scheduler: SchedulerBase | None = None
    ) -> DisposableBase:
        run = settings.run(_source(requests))
        context = contextvars.copy_context()
        target = (_deliver, run, observer)
        threading.Thread(target=context.run, args=target, name="dify-batch", daemon=True).start()
        return Disposable(run.stop)

    return EventStream(subscribe)


def ask_all_async(
    chat: Asks[Q, R] | AsksAsync[Q, R],
    requests: Iterable[Q] | AsyncIterable[Q],
    *,
    concurrency: int = 16,
    per_second: float | None = None,
    ordered: bool = False,
    retries: int = RETRIES,
    ask_again: AskAgain | None = None,
) -> AsyncGenerator[Answered[Q, R], None]:
    """`ask_all` for `async for`: the event loop reads all streams itself, without a thread.

    `requests` may be an asynchronous iterable, which is waited for while answers come. Leaving the
    loop stops what is open on the server: at once by `contextlib.aclosing`, else when the
    generator is collected.
    """
    settings = _Settings(chat, concurrency, per_second, ordered, retries, ask_again)
    if not isinstance(requests, AsyncIterable):
        _source(requests)
    return _results_async(settings, requests)


def on_dask(
    dask: Client | str,
    chat: Asks[Q, R],
    requests: Iterable[Q],
    *,
    concurrency: int = 16,
    per_second: float | None = None,
    retries: int = RETRIES,
    ask_again: AskAgain | None = None,
) -> Generator[Answered[Q, R], None, None]:
    """`ask_all` on the workers of a Dask cluster; `dask` is its `distributed.Client`, or the
    address of its scheduler.

    The questions go to the workers in blocks of half the `concurrency`, which is that of each
    worker; a worker keeps one client of Dify. A block's results come back when it has ended.
    `per_second` is for the whole cluster, an equal share for each worker. Workers may come and go.

    At least once: where a worker dies its blocks are asked again, and their results are `repeated`;
    a block that three workers died with is given up. Dask carries the API key to the workers.
    ImportError without the extra `cluster`.
    """
    _Settings(chat, concurrency, per_second, False, retries, ask_again)
    source = _source(requests)
    from ._cluster import ask_on  # by those alone who have a cluster

    settings = chat, concurrency, None, False, retries, ask_again
    return ask_on(dask, settings, source, concurrency, per_second)


class _Settings:
    """The checked arguments."""

    def __init__(
        self,
        chat: Any,
        concurrency: int,
        per_second: float | None,
        ordered: bool,
        retries: int,
        ask_again: AskAgain | None,
    ) -> None:
        _check_count("concurrency", concurrency, 1)
        _check_count("retries", retries, 0)
        _check_rate(per_second)
        if ask_again is not None and not callable(ask_again):
            raise IllegalArgumentException("ask_again must be a function of an exception")
        chat = getattr(chat, "_client", chat)  # of coroutines
        if not isinstance(chat, StreamingClient):
            raise IllegalArgumentException(f"chat must be a client: {type(chat).__name__}")
        # the batch itself sends again, and slows down with it
        self._client: Any = chat.with_options(
            stop_on_dispose=True, raise_stream_errors=True, max_retries=0
        )
        config = chat._config
        limits = [limit for limit in (config.max_requests, config.max_requests_per_host) if limit]
        self._concurrency = min([concurrency, *limits])
        self._per_second = per_second
        self._ahead = AHEAD * self._concurrency if ordered else None
        self._retries = retries
        self._ask_again = ask_again

    def run(self, source: Source, **driver: Any) -> Run:
        """A batch of these settings, not begun."""
        return Run(
            self._client,
            Pace(self._concurrency, self._per_second),
            source,
            retries=self._retries,
            ask_again=self._ask_again,
            ahead=self._ahead,
            **driver,
        )


def _check_count(name: str, value: object, least: int) -> None:
    is_number = isinstance(value, int) and not isinstance(value, bool)
    if not (is_number and least <= value <= sys.maxsize):  # type: ignore[operator]
        words = excerpt(value)
        raise IllegalArgumentException(f"{name} must be an integer from {least}, not {words}")


def _check_rate(value: object) -> None:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if value is not None and not (is_number and _LEAST_RATE <= value <= sys.maxsize):  # type: ignore[operator]
        words = excerpt(value)
        raise IllegalArgumentException(f"per_second must be a number above 0, not {words}")


def _source(requests: Requests) -> IterableSource:
    if isinstance(requests, BaseChatRequest) or not isinstance(requests, Iterable):
        kind = type(requests).__name__
        raise IllegalArgumentException(f"requests must be an iterable of requests: {kind}")
    return IterableSource(requests)


def _results(run: Run) -> Generator[AnyResult, None, None]:
    try:
        while not (run.is_over or run.is_stopped):
            result = run.step()
            if result is not None:
                yield result
                continue
            seconds = run.wait_seconds()
            if seconds == 0 or run.is_over:
                continue
            with contextlib.suppress(Empty):
                run.settle(run.ended.get(timeout=seconds))
        run.raise_failure()
    finally:
        run.stop()


def _deliver(run: Run, observer: ObserverBase[AnyResult]) -> None:
    """What the thread of a subscription does."""
    results = _results(run)
    try:
        with contextlib.closing(results):
            for result in results:
                if run.is_stopped:
                    return
                observer.on_next(result)
    except Exception as error:
        observer.on_error(error)
        return
    if not run.is_stopped or run.is_over:
        observer.on_completed()


async def _results_async(
    settings: _Settings, requests: AnyRequests
) -> AsyncGenerator[AnyResult, None]:
    loop = asyncio.get_running_loop()
    changed = asyncio.Event()

    def wake() -> None:
        if asyncio._get_running_loop() is loop:
            changed.set()
        else:
            with contextlib.suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(changed.set)

    source: Source
    if isinstance(requests, AsyncIterable):
        source = _AsyncSource(requests, wake)
    else:
        source = _source(requests)
    scheduler = EventLoopScheduler(loop) if can_read(loop) else None
    run = settings.run(source, wake=wake, scheduler=scheduler)
    try:
        while not run.is_over:
            changed.clear()
            result = run.step()
            if result is not None:
                yield result
                continue
            seconds = run.wait_seconds()
            if run.is_over:
                continue
            if seconds == 0:
                await asyncio.sleep(0)  # to begin many is work: others get their turn
            else:
                await _wait(changed, seconds)
        run.raise_failure()
    finally:
        run.stop()


async def _wait(changed: asyncio.Event, seconds: float | None) -> None:
    if seconds is None:
        await changed.wait()
        return
    timer = asyncio.get_running_loop().call_later(seconds, changed.set)
    try:
        await changed.wait()
    finally:
        timer.cancel()


class _AsyncSource:
    """The requests of an asynchronous iterable; the next is waited for in a task of its own."""

    def __init__(self, requests: AsyncIterable[Any], wake: Callable[[], None]) -> None:
        self._requests = aiter(requests)
        self._wake = wake
        self._task: asyncio.Task[Any] | None = None
        self.is_over = False
        self.error: BaseException | None = None

    @property
    def is_waiting(self) -> bool:
        return self._task is not None and not self._task.done()

    def take(self) -> Any:
        task = self._task
        if task is None:
            self._task = asyncio.ensure_future(self._next())
            self._task.add_done_callback(lambda _: self._wake())
        elif task.done():
            self._task = None
            try:
                return task.result()
            except StopAsyncIteration:
                self.is_over = True
            except (Exception, asyncio.CancelledError) as error:
                self.is_over, self.error = True, error
        return None

    async def _next(self) -> Any:
        return await anext(self._requests)

    def close(self) -> None:
        self.is_over = True
        if self._task is not None:
            self._task.cancel()
