"""The operators in virtual time and by rule: what comes out, and what is disposed of."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
import reactivex
from hypothesis import given
from hypothesis import strategies as st
from reactivex import Observable
from reactivex import operators as ops
from reactivex.abc import SchedulerBase
from reactivex.disposable import Disposable
from reactivex.scheduler import HistoricalScheduler
from reactivex.subject import Subject
from reactivex.testing import TestScheduler
from reactivex.testing.subscription import Subscription

from dify_java_compat import (
    DifyException,
    IllegalArgumentException,
    collect,
)
from dify_java_compat import operators as dify_ops
from tests.support import TIMEOUT
from tests.support.hostile import NO_NUMBERS

from .rx_support import (
    BROKEN,
    HOT_AND_COLD,
    ONE,
    THREE,
    TWO,
    emitted,
    events_of,
    from_thread,
    in_thread,
    on_completed,
    on_error,
    on_next,
    source,
)
from .support import Item, item

ALL: dict[str, Callable[[Any], Any]] = {
    "buffer_until": dify_ops.buffer_until(lambda item: True),
    "collected": dify_ops.collected(),
    "do_on_cancel": dify_ops.do_on_cancel(lambda: None),
    "heartbeat": dify_ops.heartbeat(3600),
    "retry_when": dify_ops.retry_when(dify_ops.backoff(0, 1)),
    "switch_if_empty": dify_ops.switch_if_empty(reactivex.never()),
}
EACH = pytest.mark.parametrize("operator", ALL.values(), ids=ALL)


def test_the_table_has_every_operator() -> None:
    assert set(ALL) == set(dify_ops.__all__) - {"backoff"}


@EACH
@HOT_AND_COLD
def test_a_source_is_left_when_its_subscriber_disposes(operator: Any, is_hot: bool) -> None:
    scheduler = TestScheduler()
    xs = source(scheduler, is_hot, on_next(50, ONE), on_next(350, TWO))
    emitted(scheduler, xs.pipe(operator), disposed=500)
    assert xs.subscriptions == [Subscription(200, 500)]


@EACH
@HOT_AND_COLD
@pytest.mark.parametrize("end", ["completed", BROKEN], ids=["completed", "error"])
def test_a_source_is_left_at_its_end(operator: Any, is_hot: bool, end: Any) -> None:
    scheduler = TestScheduler()
    last = on_completed(150) if end == "completed" else on_error(150, end)
    xs = source(scheduler, is_hot, on_next(50, ONE), last)
    assert emitted(scheduler, xs.pipe(operator))[-1] == (150, end)
    assert xs.subscriptions == [Subscription(200, 350)]


@EACH
def test_the_scheduler_is_handed_on(operator: Any) -> None:
    seen: list[SchedulerBase | None] = []

    def subscribe(observer: Any, scheduler: SchedulerBase | None = None) -> Disposable:
        seen.append(scheduler)
        return Disposable()

    scheduler = HistoricalScheduler()
    Observable(subscribe).pipe(operator).subscribe(scheduler=scheduler).dispose()
    assert seen == [scheduler]


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (lambda: dify_ops.do_on_cancel(None), "action must be callable"),
        (lambda: dify_ops.switch_if_empty([1]), "alternative must be an Observable, not list"),
        (lambda: dify_ops.buffer_until("message_end"), "predicate must be callable"),
        (lambda: dify_ops.retry_when(3), "policy must be callable"),
        (lambda: dify_ops.backoff(-1, 1), "max_attempts"),
        (lambda: dify_ops.backoff(True, 1), "max_attempts"),
        (lambda: dify_ops.backoff(3, -0.1), "first_delay"),
        (lambda: dify_ops.backoff(3, float("nan")), "first_delay"),
        (lambda: dify_ops.backoff(3, timedelta(seconds=1)), "first_delay"),
        (lambda: dify_ops.backoff(3, 2, max_delay=1), "first_delay must be 0 to 1, not 2"),
        (lambda: dify_ops.backoff(3, 1, max_delay=float("inf")), "max_delay"),
        (lambda: dify_ops.backoff(3, 1, jitter=1.5), "jitter"),
        (lambda: dify_ops.backoff(3, 1, only="x"), "only must be"),
        (lambda: dify_ops.backoff(3, 1, only=(KeyError, 1)), "only must be"),
        (lambda: dify_ops.backoff(3, 1, only=int), "only must be"),
        (lambda: dify_ops.heartbeat(0), "seconds"),
        (lambda: dify_ops.heartbeat(float("inf")), "seconds"),
        (lambda: dify_ops.heartbeat(1, "beat"), "make must be callable, not str"),
        *((partial(dify_ops.heartbeat, value), "seconds") for value in NO_NUMBERS.values()),
        *((partial(dify_ops.backoff, 3, value), "first_delay") for value in NO_NUMBERS.values()),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_argument_that_cannot_work_is_refused_at_once(make: Any, problem: str) -> None:
    with pytest.raises(IllegalArgumentException, match=problem):
        make()


# do_on_cancel


@HOT_AND_COLD
@pytest.mark.parametrize(
    ("last", "expected"), [(on_completed, []), (None, ["cancelled"]), (BROKEN, [])]
)
def test_the_action_runs_only_where_the_stream_has_not_ended(
    is_hot: bool, last: Any, expected: list[str]
) -> None:
    scheduler, called = TestScheduler(), list[str]()
    messages = [on_next(50, ONE)]
    if last is not None:
        messages.append(on_completed(100) if last is on_completed else on_error(100, last))
    xs = source(scheduler, is_hot, *messages)
    emitted(scheduler, xs.pipe(dify_ops.do_on_cancel(lambda: called.append("cancelled"))))
    assert called == expected


def test_the_action_runs_once_a_subscription_and_before_the_source_is_disposed_of() -> None:
    called: list[str] = []

    def subscribe(observer: Any, scheduler: object = None) -> Disposable:
        return Disposable(lambda: called.append("disposed"))

    stream = Observable(subscribe).pipe(dify_ops.do_on_cancel(lambda: called.append("action")))
    for times in (1, 2):
        subscription = stream.subscribe()
        subscription.dispose()
        subscription.dispose()
        assert called == ["action", "disposed"] * times


def test_an_operator_that_has_enough_cancels_too() -> None:
    subject: Subject[int] = Subject()
    called: list[str] = []
    cancel = dify_ops.do_on_cancel(lambda: called.append("action"))
    subject.pipe(cancel, ops.take(1)).subscribe()
    subject.on_next(1)
    assert called == ["action"]
    assert subject.observers == []


def test_a_dispose_at_the_end_is_no_cancel() -> None:
    subject: Subject[int] = Subject()
    called: list[str] = []
    stream = subject.pipe(dify_ops.do_on_cancel(lambda: called.append("action")))
    subscription = stream.subscribe(on_completed=lambda: subscription.dispose())
    subject.on_completed()
    subscription.dispose()
    assert called == []


def test_what_the_action_raises_comes_out_of_dispose_and_the_source_is_disposed_of() -> None:
    subject: Subject[int] = Subject()

    def fail() -> None:
        raise KeyError("mine")

    subscription = subject.pipe(dify_ops.do_on_cancel(fail)).subscribe()
    with pytest.raises(KeyError, match="mine"):
        subscription.dispose()
    assert subject.observers == []


def test_an_end_and_a_dispose_at_once_are_never_both_seen() -> None:
    for _ in range(200):
        subject: Subject[int] = Subject()
        seen: list[str] = []
        stream = subject.pipe(dify_ops.do_on_cancel(lambda seen=seen: seen.append("cancelled")))
        subscription = stream.subscribe(on_completed=lambda seen=seen: seen.append("completed"))
        for thread in [in_thread(subscription.dispose), in_thread(subject.on_completed)]:
            thread.join(TIMEOUT)
        assert len(seen) <= 1


# switch_if_empty


@given(st.lists(st.integers()), st.lists(st.integers()))
def test_the_alternative_is_taken_where_there_was_nothing(
    items: list[int], others: list[int]
) -> None:
    found: list[int] = []
    switch = dify_ops.switch_if_empty(reactivex.from_iterable(others))
    reactivex.from_iterable(items).pipe(switch).subscribe(found.append)
    assert found == (items or others)


@HOT_AND_COLD
def test_the_alternative_begins_where_the_source_ends(is_hot: bool) -> None:
    scheduler = TestScheduler()
    other = scheduler.create_cold_observable(on_next(50, TWO), on_completed(70))
    xs = source(scheduler, is_hot, on_completed(100))
    found = emitted(scheduler, xs.pipe(dify_ops.switch_if_empty(other)))
    assert found == [(150, TWO), (170, "completed")]
    assert other.subscriptions == [Subscription(300, 370)]


@HOT_AND_COLD
def test_an_error_is_no_empty_stream(is_hot: bool) -> None:
    scheduler = TestScheduler()
    other = scheduler.create_cold_observable(on_next(50, TWO))
    xs = source(scheduler, is_hot, on_error(100, BROKEN))
    assert emitted(scheduler, xs.pipe(dify_ops.switch_if_empty(other))) == [(100, BROKEN)]
    assert other.subscriptions == []


def test_the_alternative_is_disposed_of_and_has_the_scheduler() -> None:
    scheduler = TestScheduler()
    other = reactivex.interval(100)  # its timers are those of the scheduler that is handed on
    xs = source(scheduler, False, on_completed(0))
    found = emitted(scheduler, xs.pipe(dify_ops.switch_if_empty(other)), disposed=450)
    assert found == [(100, 0), (200, 1)]


# buffer_until


@given(st.lists(st.integers(0, 5)), st.sets(st.integers(0, 5)))
def test_each_list_ends_with_its_only_match(items: list[int], closing: set[int]) -> None:
    found: list[list[int]] = []
    buffers = dify_ops.buffer_until(closing.__contains__)
    reactivex.from_iterable(items).pipe(buffers).subscribe(found.append)
    assert [number for numbers in found for number in numbers] == items
    for numbers in found:
        assert not closing & set(numbers[:-1])
    assert all(numbers[-1] in closing for numbers in found[:-1])
    assert [] not in found


@HOT_AND_COLD
def test_a_list_comes_with_its_last_item_and_the_rest_at_the_end(is_hot: bool) -> None:
    scheduler = TestScheduler()
    messages = [on_next(50, 1), on_next(100, 2), on_next(150, 3), on_completed(200)]
    xs = source(scheduler, is_hot, *messages)
    found = emitted(scheduler, xs.pipe(dify_ops.buffer_until(lambda number: number == 2)))
    assert found == [(100, [1, 2]), (200, [3]), (200, "completed")]


def test_the_rest_is_dropped_on_an_error() -> None:
    scheduler = TestScheduler()
    xs = source(scheduler, True, on_next(50, 1), on_error(100, BROKEN))
    assert emitted(scheduler, xs.pipe(dify_ops.buffer_until(lambda _: False))) == [(100, BROKEN)]


@HOT_AND_COLD
def test_what_the_predicate_raises_ends_both_sides(is_hot: bool) -> None:
    scheduler, error = TestScheduler(), KeyError("mine")

    def fail(number: int) -> bool:
        raise error

    xs = source(scheduler, is_hot, on_next(50, 1), on_next(60, 2))
    assert emitted(scheduler, xs.pipe(dify_ops.buffer_until(fail))) == [(50, error)]
    assert xs.subscriptions == [Subscription(200, 250)]


def test_a_predicate_that_raised_is_not_called_again() -> None:
    """Not even where the items come before `subscribe` has returned."""
    calls: list[int] = []

    def subscribe(observer: Any, scheduler: object = None) -> Disposable:
        for number in range(10):
            observer.on_next(number)
        return Disposable()

    def fail(number: int) -> bool:
        calls.append(number)
        raise KeyError("mine")

    errors: list[Exception] = []
    Observable(subscribe).pipe(dify_ops.buffer_until(fail)).subscribe(on_error=errors.append)
    assert calls == [0]
    assert [type(error) for error in errors] == [KeyError]


# collected

EVENTS = [
    *(ONE, TWO, THREE),
    item("message_replace", answer="new"),
    item("agent_message", answer="agent"),
    item("workflow_finished", data={"outputs": {"answer": "whole"}}),
    item("message_end", metadata={"usage": {"total_tokens": 3}}),
    item("node_started"),
]


@given(st.lists(st.sampled_from(EVENTS)))
def test_it_is_what_collect_gives(events: list[Item]) -> None:
    stream = reactivex.from_iterable(events)
    assert stream.pipe(dify_ops.collected()).run() == collect(stream)


def test_subscribers_of_a_shared_stream_have_the_answer_and_the_items() -> None:
    subject: Subject[Item] = Subject()
    shared = subject.pipe(ops.share())
    answers: list[Any] = []
    items: list[Item] = []
    shared.pipe(dify_ops.collected()).subscribe(answers.append)
    shared.subscribe(items.append)
    subject.on_next(ONE)
    subject.on_next(TWO)
    assert answers == []
    subject.on_completed()
    assert [each.answer for each in answers] == ["onetwo"]
    assert items == [ONE, TWO]


def test_an_error_has_the_answer_so_far() -> None:
    error = DifyException("broken")
    stream = reactivex.concat(reactivex.of(ONE, TWO), reactivex.throw(error))
    with pytest.raises(DifyException) as caught:
        stream.pipe(dify_ops.collected()).run()
    assert caught.value is error
    assert error.partial.answer == "onetwo"


def test_an_error_of_another_kind_comes_as_it_is() -> None:
    error = KeyError("x")
    stream = reactivex.concat(reactivex.of(ONE), reactivex.throw(error))
    with pytest.raises(KeyError) as caught:
        stream.pipe(dify_ops.collected()).run()
    assert caught.value is error


def test_what_is_no_item_is_an_error() -> None:
    subject: Subject[Any] = Subject()
    errors: list[Exception] = []
    subject.pipe(dify_ops.collected()).subscribe(on_error=errors.append)
    subject.on_next({"answer": "x"})
    assert [type(error) for error in errors] == [IllegalArgumentException]
    assert subject.observers == []


# on an event loop


@EACH
def test_an_operator_works_on_a_loop(operator: Any) -> None:
    seen = asyncio.run(events_of(from_thread(ONE, TWO).pipe(operator)), debug=True)
    assert seen[-1] == "completed"
    assert len(seen) >= 2
