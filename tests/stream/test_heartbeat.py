"""`heartbeat`: when one comes, in whose thread, and what it never does."""

from __future__ import annotations

import asyncio
import threading
from contextvars import ContextVar
from datetime import datetime, timedelta, timezone
from itertools import accumulate
from typing import Any

import pytest
import reactivex
from hypothesis import given
from hypothesis import strategies as st
from reactivex import Observable
from reactivex import operators as ops
from reactivex.disposable import Disposable
from reactivex.scheduler import HistoricalScheduler
from reactivex.scheduler.scheduler import Scheduler
from reactivex.subject import Subject
from reactivex.testing import TestScheduler
from reactivex.testing.subscription import Subscription

from dify_java_compat import operators as dify_ops
from tests.support import TIMEOUT
from tests.support.watching import wait_until

from .rx_support import (
    BROKEN,
    HOT_AND_COLD,
    emitted,
    events_of,
    in_thread,
    on_completed,
    on_error,
    on_next,
    source,
    timer_threads,
)

SILENCE = 10


@HOT_AND_COLD
@pytest.mark.parametrize("end", [None, on_completed, on_error])
@given(gaps=st.lists(st.integers(1, 45).filter(lambda gap: gap % SILENCE), max_size=12))
def test_a_heartbeat_comes_after_each_silence(is_hot: bool, end: Any, gaps: list[int]) -> None:
    scheduler = TestScheduler()
    times = list(accumulate(gaps))
    last = (times or [0])[-1] + 25
    messages = [on_next(time, "item") for time in times]
    expected: list[tuple[float, Any]] = []
    for start, stop in zip([0, *times], [*times, last], strict=True):
        expected += [(time, "beat") for time in range(start + SILENCE, stop, SILENCE)]
        expected += [(stop, "item")] if stop != last else []
    if end is on_completed:
        messages, expected = [*messages, end(last)], [*expected, (last, "completed")]
    elif end is on_error:
        messages, expected = [*messages, end(last, BROKEN)], [*expected, (last, BROKEN)]
    xs = source(scheduler, is_hot, *messages)
    beats = dify_ops.heartbeat(SILENCE, lambda: "beat")
    disposed = 200 + last if end is None else 1000
    assert emitted(scheduler, xs.pipe(beats), disposed) == expected
    assert [each.unsubscribe for each in xs.subscriptions] == [200 + last]


def test_a_heartbeat_is_none_where_nothing_makes_one() -> None:
    scheduler = TestScheduler()
    stream = reactivex.never().pipe(dify_ops.heartbeat(100))
    assert emitted(scheduler, stream, disposed=450) == [(100, None), (200, None)]


class Counting(HistoricalScheduler):
    """Counts the timers that are set, and those that wait at once."""

    def __init__(self) -> None:
        super().__init__()
        self.timers = 0

    def schedule_relative(self, duetime: Any, action: Any, state: Any = None) -> Any:
        self.timers += 1
        return super().schedule_relative(duetime, action, state)


def test_a_thousand_items_do_not_make_a_thousand_timers() -> None:
    scheduler = Counting()
    subject: Subject[int] = Subject()
    beats: list[Any] = []
    stream = subject.pipe(dify_ops.heartbeat(15))
    stream.subscribe(beats.append, scheduler=scheduler)
    for number in range(1000):
        scheduler.advance_by(0.1)
        subject.on_next(number)
    assert beats == list(range(1000))
    assert scheduler.timers <= 100 / 15 + 2


def test_what_make_raises_ends_both_sides() -> None:
    scheduler, error = TestScheduler(), KeyError("mine")

    def fail() -> str:
        raise error

    xs = source(scheduler, True, on_next(50, "item"), on_next(500, "item"))
    found = emitted(scheduler, xs.pipe(dify_ops.heartbeat(100, fail)))
    assert found == [(50, "item"), (150, error)]
    assert xs.subscriptions == [Subscription(200, 350)]


def test_a_subscriber_that_raises_on_a_heartbeat_is_the_last_to_get_one() -> None:
    scheduler = HistoricalScheduler()
    subject: Subject[int] = Subject()
    calls: list[Any] = []

    def fail(value: Any) -> None:
        calls.append(value)
        raise KeyError("the subscriber's own")

    subject.pipe(dify_ops.heartbeat(10)).subscribe(fail, scheduler=scheduler)
    with pytest.raises(KeyError):
        scheduler.advance_by(10)
    assert subject.observers == []
    scheduler.stop()
    scheduler.advance_by(100)
    assert calls == [None]


def test_a_subscriber_with_an_item_in_hand_gets_no_heartbeat_and_keeps_nobody_waiting() -> None:
    scheduler = HistoricalScheduler()
    subject: Subject[str] = Subject()
    seen: list[Any] = []
    entered, released = threading.Event(), threading.Event()

    def slow(value: Any) -> None:
        seen.append(value)
        entered.set()
        assert released.wait(TIMEOUT)

    subject.pipe(dify_ops.heartbeat(10)).subscribe(slow, scheduler=scheduler)
    thread = in_thread(lambda: subject.on_next("item"))
    assert entered.wait(TIMEOUT)
    scheduler.advance_by(35)  # the thread of the timers comes back from each
    assert seen == ["item"]
    released.set()
    thread.join(TIMEOUT)
    scheduler.advance_by(10)
    assert seen == ["item", None]


def test_timers_that_run_within_a_subscriber_bring_no_heartbeat() -> None:
    scheduler = HistoricalScheduler()
    subject: Subject[str] = Subject()
    seen: list[Any] = []

    def waits(value: Any) -> None:
        seen.append(value)
        if value is not None:
            scheduler.advance_by(35)

    subject.pipe(dify_ops.heartbeat(10)).subscribe(waits, scheduler=scheduler)
    subject.on_next("item")
    assert seen == ["item"]
    scheduler.advance_by(10)
    assert seen == ["item", None]


@pytest.mark.parametrize("end", [True, False], ids=["end", "item"])
def test_what_comes_during_a_heartbeat_is_delivered_behind_it(end: bool) -> None:
    scheduler = HistoricalScheduler()
    subject: Subject[str] = Subject()
    seen: list[Any] = []
    entered, released = threading.Event(), threading.Event()

    def slow(value: Any) -> None:
        if value is None:
            entered.set()
            assert released.wait(TIMEOUT)
        seen.append(value)

    subject.pipe(dify_ops.heartbeat(10)).subscribe(
        slow, on_completed=lambda: seen.append("completed"), scheduler=scheduler
    )
    timers = in_thread(lambda: scheduler.advance_by(10))
    assert entered.wait(TIMEOUT)
    other = in_thread(subject.on_completed if end else lambda: subject.on_next("item"))
    assert seen == []
    released.set()
    timers.join(TIMEOUT)
    other.join(TIMEOUT)
    assert seen == [None, "completed" if end else "item"]


class Manual(Scheduler):
    """Timers that run when the test says so, beside a clock that says what the test wants."""

    def __init__(self) -> None:
        self.clock = datetime(2026, 1, 1, tzinfo=timezone.utc)
        self._elapsed = 0.0
        self._timers: list[tuple[float, Any]] = []

    @property
    def now(self) -> datetime:
        return self.clock

    def schedule(self, action: Any, state: Any = None) -> Any:
        raise NotImplementedError

    schedule_absolute = schedule

    def schedule_relative(self, duetime: Any, action: Any, state: Any = None) -> Any:
        timer = (self._elapsed + duetime, action)
        self._timers.append(timer)
        return Disposable(lambda: self._timers.remove(timer) if timer in self._timers else None)

    def run_for(self, seconds: float) -> None:
        end = self._elapsed + seconds
        while due := sorted(timer for timer in self._timers if timer[0] <= end):
            self._timers.remove(due[0])
            self._elapsed = due[0][0]
            due[0][1](self, None)
        self._elapsed = end


@pytest.mark.parametrize("hours", [-5, 0, 5], ids=["back", "frozen", "ahead"])
def test_a_clock_that_is_set_does_not_stop_the_heartbeats(hours: int) -> None:
    scheduler = Manual()
    subject: Subject[str] = Subject()
    seen: list[Any] = []
    subject.pipe(dify_ops.heartbeat(10)).subscribe(seen.append, scheduler=scheduler)
    subject.on_next("item")
    scheduler.clock += timedelta(hours=hours)
    scheduler.run_for(39)
    assert seen == ["item", None, None, *([None] if hours > 0 else [])]


@pytest.mark.parametrize("disposed", [True, False])
def test_an_end_leaves_no_thread_of_a_timer(disposed: bool) -> None:
    subject: Subject[str] = Subject()
    subscription = subject.pipe(dify_ops.heartbeat(3600)).subscribe()
    assert timer_threads()
    if disposed:
        subscription.dispose()
    else:
        subject.on_completed()
    wait_until(lambda: not timer_threads())


def test_a_heartbeat_has_the_context_of_its_subscriber() -> None:
    user = ContextVar("user", default="nobody")
    seen: list[str] = []
    user.set("u-1")
    beats = reactivex.never().pipe(dify_ops.heartbeat(0.001, user.get), ops.take(2))
    beats.pipe(ops.do_action(lambda _: seen.append(user.get()))).run()
    assert seen == ["u-1", "u-1"]
    assert beats.run() == "u-1"


def test_run_leaves_no_thread() -> None:
    """RxPY's `run()` passes a scheduler whose threads sleep on where their timer is cancelled."""
    before = threading.active_count()
    assert reactivex.of(1, 2).pipe(dify_ops.heartbeat(3600)).run() == 2
    wait_until(lambda: threading.active_count() <= before)


def test_a_heartbeat_comes_by_the_clock_too() -> None:
    beats = reactivex.never().pipe(dify_ops.heartbeat(0.01, lambda: "beat"), ops.take(3))
    assert beats.pipe(ops.to_list()).run() == ["beat"] * 3
    wait_until(lambda: not timer_threads())


def test_heartbeats_come_on_the_loop_between_the_items_of_a_thread() -> None:
    threads: list[int] = []

    def make() -> str:
        threads.append(threading.get_ident())
        beaten.set()
        return "beat"

    beaten = threading.Event()

    def subscribe(observer: Any, scheduler: object = None) -> Disposable:
        def emit() -> None:
            assert beaten.wait(TIMEOUT)
            observer.on_completed()

        in_thread(emit)
        return Disposable()

    beats = dify_ops.heartbeat(0.001, make)
    seen = asyncio.run(events_of(Observable(subscribe).pipe(beats)), debug=True)
    assert seen == ["beat"] * (len(seen) - 1) + ["completed"]
    assert set(threads) == {threading.get_ident()}
