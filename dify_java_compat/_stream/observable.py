"""A stream as an Observable that keeps, stage by stage, to the contract of streams."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Generator
from typing import Any, TypeVar

import reactivex
from reactivex import ConnectableObservable
from reactivex import Observable as Observable
from reactivex.abc import DisposableBase, ObserverBase, SchedulerBase, SubjectBase
from reactivex.disposable import Disposable

from ..models.responses import ChatMessageSendCompletionResponse as Item
from .aiterate import AsyncItems, await_last
from .caller import read_here
from .drain import Drain
from .drain import Stop as Stop
from .driver import Driver
from .guard import Disposable as Detachable
from .guard import Guard, subscribing
from .iterate import iterate, wait_for_last
from .schedulers import WaitingConsumer, driver_of
from .source import StreamSource
from .subscription import Observer, Subscription

__all__ = ["EventStream"]

T = TypeVar("T", covariant=True)
S = TypeVar("S")


def observe(
    new_source: Callable[[], StreamSource],
    process: Callable[[Item], Item] | None,
    stop: Stop | None,
    drain_seconds: float,
    loop: Driver,
) -> EventStream[Item]:
    """A cold stream: each subscription has a source of its own.

    It is read by what its scheduler stands for, else by `loop`. `process` turns each item into the
    one that is delivered. `stop` is called with the task id of a subscription that is disposed of;
    what follows is read unseen for at most `drain_seconds`. Either may be None.
    """

    def begin(observer: Observer, scheduler: SchedulerBase | None) -> Subscription:
        drain = None if stop is None else Drain(stop, drain_seconds)
        driver = driver_of(scheduler) or loop
        guard = subscribing.guard
        is_shared = guard is not None and guard.is_shared
        subscription = Subscription(new_source(), process, observer, drain, driver, loop, is_shared)
        subscription.begin()
        return subscription

    def subscribe(
        observer: ObserverBase[Item], scheduler: SchedulerBase | None = None
    ) -> DisposableBase:
        return Disposable(begin(observer, scheduler).dispose)

    stream: EventStream[Item] = EventStream(subscribe)
    stream._begin = begin
    if stop is None:  # else it may have to be stopped wherever it is left
        stream._read_here = lambda: read_here(new_source, process)
    return stream


class EventStream(Observable[T]):
    """An Observable of RxPY, and more: `for`, `async for`, `await` and `run()` end on it.

    `for` and `async for` go through its items, `await` and `run()` give the last one;
    SequenceContainsNoElementsError where there is none. What a function or an operator raises ends
    the subscription and comes out of the loop, `await` and `run()`, or goes to on_error. Operators,
    by `pipe` or as methods, `stream[a:b]` and `+` give an EventStream again. The types of the
    methods are in the stub.
    """

    _read_here: Callable[[], Generator[Any, None, None]] | None = None  # in the thread that waits
    _begin: Callable[[Observer, SchedulerBase | None], Subscription] | None = None

    def subscribe(
        self,
        on_next: Any = None,
        on_error: Callable[[Any], object] | None = None,
        on_completed: Callable[[], object] | None = None,
        *,
        scheduler: SchedulerBase | None = None,
    ) -> DisposableBase:
        """Begin; returns at once. Takes an observer, or up to three functions, as RxPY does.

        Without `on_error` what the stream fails with goes to `threading.excepthook`.
        """
        waits = isinstance(on_next, WaitingConsumer)
        is_subject = isinstance(on_next, SubjectBase)
        if callable(getattr(on_next, "on_next", None)):
            observer = on_next
            on_next, on_error = observer.on_next, observer.on_error
            on_completed = observer.on_completed
        outer = subscribing.guard
        # a consumer that waits is the last stage, whatever it was called from
        downstream = None if waits else outer
        guard = Guard(on_next, on_error, on_completed, waits=waits, downstream=downstream)
        guard.is_shared = is_subject or (outer is not None and outer.is_shared)
        subscribing.guard = guard
        try:
            guard.attach(self._subscribed(guard, scheduler))
        finally:
            subscribing.guard = outer
        return Disposable(guard.dispose)

    def _subscribed(self, guard: Guard, scheduler: SchedulerBase | None) -> Detachable:
        if self._begin is None:
            return super().subscribe(
                guard.on_next, guard.on_error, guard.on_completed, scheduler=scheduler
            )
        # a source of ours delivers later and ends once: it needs no trampoline of RxPY
        try:
            return self._begin(guard, scheduler)
        except Exception as error:
            guard.fail(error)
            return Disposable()

    def __iter__(self) -> Generator[T, None, None]:
        return iterate(self)

    def __aiter__(self) -> AsyncItems[T]:
        return AsyncItems(self)

    def __await__(self) -> Generator[Any, None, T]:
        return await_last(self).__await__()

    def run(self, scheduler: SchedulerBase | None = None) -> T:
        """Wait for the end and give the last item; raises what the stream ends with.

        Disposes of the stream when it is interrupted, by Ctrl-C for instance.
        SequenceContainsNoElementsError where there is no item.
        """
        return wait_for_last(self, scheduler)

    def pipe(self, *operators: Callable[[Any], Any]) -> Any:
        """RxPY's `pipe`; each stage is an EventStream, or what else its operator gives."""
        result: Any = self
        for operator in operators:
            if getattr(operator, "__module__", "") == "reactivex.operators._tofuture":
                result = _in_running_loop(result)
            result = as_stream(operator(result))
        return result

    def __getitem__(self, key: slice | int) -> EventStream[T]:
        result: EventStream[T] = as_stream(super().__getitem__(key))
        return result

    def __add__(self, other: Observable[Any]) -> EventStream[Any]:
        result: EventStream[Any] = as_stream(reactivex.concat(self, other))
        return result

    def __radd__(self, other: Observable[Any]) -> EventStream[Any]:
        result: EventStream[Any] = as_stream(reactivex.concat(other, self))
        return result

    __iadd__ = __add__


class ConnectableEventStream(EventStream[S], ConnectableObservable[S]):
    """What `publish` and `replay` give: an EventStream with RxPY's `connect`."""

    def auto_connect(self, subscriber_count: int = 1) -> EventStream[S]:
        result: EventStream[S] = as_stream(super().auto_connect(subscriber_count))
        return result


def as_stream(result: Any) -> Any:
    """What an operator gave, as an EventStream where it is an Observable and no more than that."""
    if type(result) is Observable:
        return EventStream(result._subscribe_core)
    if type(result) is ConnectableObservable:
        return ConnectableEventStream(result.source, result.subject)
    if isinstance(result, list):  # of `partition`
        return [as_stream(part) for part in result]
    return result


def _in_running_loop(source: Any) -> Any:
    """`source` with its items in the running event loop, for futures are not thread-safe."""
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        return source
    from reactivex import operators as ops
    from reactivex.scheduler.eventloop import AsyncIOThreadSafeScheduler

    return source.pipe(ops.observe_on(AsyncIOThreadSafeScheduler(loop)))


def _through_as_stream(name: str) -> Callable[..., Any]:
    method: Callable[..., Any] = getattr(Observable, name)

    @functools.wraps(method)
    def wrapped(self: EventStream[Any], *args: Any, **kwargs: Any) -> Any:
        return as_stream(method(self, *args, **kwargs))

    return wrapped


# The methods of RxPY that do not go through `pipe`; a test tries all there are.
for _name in (
    "dematerialize",
    "exclusive",
    "last_or_default",
    "partition_indexed",
    "pluck",
    "ref_count",
    "sum",
    "switch_latest",
):
    setattr(EventStream, _name, _through_as_stream(_name))
