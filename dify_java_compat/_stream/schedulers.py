"""Schedulers that bring their driver along, and the observers that wait for a stream."""

from __future__ import annotations

import asyncio
import contextvars
from collections import deque
from collections.abc import Callable
from typing import Any, TypeVar

from reactivex.abc import DisposableBase, ObserverBase, SchedulerBase
from reactivex.disposable import CompositeDisposable, Disposable, SingleAssignmentDisposable
from reactivex.scheduler.eventloop import AsyncIOScheduler, AsyncIOThreadSafeScheduler
from reactivex.scheduler.periodicscheduler import PeriodicScheduler

from .._http.clock import monotonic
from .caller import IN_A_ROW, CallerLoop
from .driver import Driver
from .eventloop import TURN_SECONDS, EventLoopDriver, can_read

T = TypeVar("T")


class WaitingConsumer(ObserverBase[T]):
    """An observer whose own thread or task waits for the end, and raises what it comes with."""


class CallerScheduler(PeriodicScheduler):
    """Schedules in the loop of a caller that waits, where the streams below it are read too."""

    def __init__(self, loop: CallerLoop) -> None:
        super().__init__()
        self.driver = loop

    def schedule(self, action: Any, state: Any = None) -> DisposableBase:
        disposable = SingleAssignmentDisposable()

        def run() -> None:
            if not disposable.is_disposed:
                disposable.disposable = self.invoke_action(action, state=state)

        self.driver.call(run)
        return disposable

    def schedule_relative(self, duetime: Any, action: Any, state: Any = None) -> DisposableBase:
        seconds = self.to_seconds(duetime)
        if seconds <= 0:
            return self.schedule(action, state)
        disposable = SingleAssignmentDisposable()

        def run() -> None:
            disposable.disposable = self.invoke_action(action, state=state)

        timer = self.driver.call_at(monotonic() + seconds, run)
        return CompositeDisposable(disposable, Disposable(timer.cancel))

    def schedule_absolute(self, duetime: Any, action: Any, state: Any = None) -> DisposableBase:
        delay = self.to_datetime(duetime) - self.now
        return self.schedule_relative(self.to_seconds(delay), action, state)


class EventLoopScheduler(AsyncIOThreadSafeScheduler):
    """Schedules in an event loop, where the streams below it are read too.

    An item is through its pipeline before another stream is begun, as with `CallerLoop`: none is
    while there are actions, up to IN_A_ROW of them. They share turns of the loop, but where they
    are slow.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self.driver = EventLoopDriver(loop)
        self._actions: deque[tuple[contextvars.Context, Callable[[], None]]] = deque()
        self._is_called = False
        self._in_a_row = 0

    def schedule(self, action: Any, state: Any = None) -> DisposableBase:
        disposable = SingleAssignmentDisposable()

        def run() -> None:
            if not disposable.is_disposed:
                disposable.disposable = self.invoke_action(action, state=state)

        self._actions.append((contextvars.copy_context(), run))
        if not self._is_called:
            self._call_soon()
        return disposable

    def _call_soon(self) -> None:
        self._is_called = True
        loop = self.driver.loop
        if asyncio._get_running_loop() is loop:
            loop.call_soon(self._run)
        else:
            loop.call_soon_threadsafe(self._run)

    def _run(self) -> None:
        self._is_called = False  # first: who schedules adds first, and looks here then
        actions, end = self._actions, monotonic() + TURN_SECONDS
        try:
            while actions and self._in_a_row < IN_A_ROW:
                self._in_a_row += 1
                context, run = actions.popleft()
                context.run(run)
                if monotonic() > end:
                    break
        finally:
            if not actions or self._in_a_row == IN_A_ROW:
                self._in_a_row = 0
            self.driver.may_begin = self._in_a_row == 0
            if actions and not self._is_called:
                self._call_soon()


def driver_of(scheduler: SchedulerBase | None) -> Driver | None:
    """What drives the streams that are subscribed to with `scheduler`; None for the shared loop."""
    if isinstance(scheduler, (CallerScheduler, EventLoopScheduler)):
        return scheduler.driver
    if isinstance(scheduler, AsyncIOScheduler) and can_read(scheduler._loop):
        return EventLoopDriver(scheduler._loop)
    return None
