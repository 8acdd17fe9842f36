"""What the operators share: checks of arguments, the scheduler of timers, the end by an error."""

from __future__ import annotations

from typing import Any

from reactivex.abc import DisposableBase, ObservableBase, ObserverBase, SchedulerBase
from reactivex.scheduler import NewThreadScheduler, TimeoutScheduler
from reactivex.scheduler.eventloop import AsyncIOScheduler, AsyncIOThreadSafeScheduler

from ..errors import IllegalArgumentException, excerpt


def fail(upstream: DisposableBase, observer: ObserverBase[Any], error: Exception) -> None:
    """End a subscription, to both sides, with what a function of the caller's raised."""
    try:
        upstream.dispose()
    finally:
        observer.on_error(error)


def timer_scheduler(scheduler: SchedulerBase | None) -> SchedulerBase:
    """The scheduler for timers that any thread may set and cancel."""
    if scheduler is None or type(scheduler) is NewThreadScheduler:
        # `run()` passes the latter, whose threads sleep to the end of a timer that was cancelled
        return TimeoutScheduler.singleton()
    if type(scheduler) is AsyncIOScheduler:
        # the items, and with them the end, may come from another thread than the loop's
        return AsyncIOThreadSafeScheduler(scheduler._loop)
    return scheduler


def check_number(name: str, value: object, least: float, most: float) -> None:
    if (
        isinstance(value, bool)
        or not isinstance(value, int | float)
        or not least <= value <= most  # nor is a NaN
    ):
        raise IllegalArgumentException(f"{name} must be {least} to {most}, not {excerpt(value)}")


def check_callable(name: str, value: object) -> None:
    if not callable(value):
        raise IllegalArgumentException(f"{name} must be callable, not {type(value).__name__}")


def check_observable(name: str, value: object) -> None:
    if not isinstance(value, ObservableBase):
        raise IllegalArgumentException(f"{name} must be an Observable, not {type(value).__name__}")
