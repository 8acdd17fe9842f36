"""`retry_when` and `backoff`: which attempts are made, and when."""

from __future__ import annotations

import asyncio
import threading
from contextvars import ContextVar
from typing import Any

import pytest
import reactivex
from hypothesis import given
from hypothesis import strategies as st
from reactivex import Observable
from reactivex import operators as ops
from reactivex.testing import TestScheduler
from reactivex.testing.subscription import Subscription

from dify_java_compat import (
    ConnectionException,
    IllegalArgumentException,
    TimeoutException,
)
from dify_java_compat import operators as dify_ops
from tests.support.watching import wait_until

from .rx_support import (
    BROKEN,
    ONE,
    emitted,
    events_of,
    from_thread,
    on_error,
    on_next,
    timer_threads,
)


def test_the_attempts_are_a_doubling_delay_apart() -> None:
    scheduler = TestScheduler()
    xs = scheduler.create_cold_observable(on_next(5, ONE), on_error(10, BROKEN))
    policy = dify_ops.backoff(4, 10, max_delay=30, jitter=0)
    found = emitted(scheduler, xs.pipe(dify_ops.retry_when(policy)))
    starts = [0, 20, 50, 90, 130]  # 10 s until it breaks, then 10, 20, 30 and 30
    assert found == [(start + 5, ONE) for start in starts] + [(140, BROKEN)]
    assert [each.subscribe - 200 for each in xs.subscriptions] == starts


def test_the_attempts_are_counted_for_each_subscription() -> None:
    scheduler = TestScheduler()
    xs = scheduler.create_cold_observable(on_error(10, BROKEN))
    stream = xs.pipe(dify_ops.retry_when(dify_ops.backoff(1, 0, jitter=0)), ops.retry(2))
    assert emitted(scheduler, stream) == [(40, BROKEN)]
    assert len(xs.subscriptions) == 4


@given(
    st.integers(0, 8),
    st.floats(0, 1e6),
    st.floats(0, 1e6),
    st.floats(0, 1),
    st.integers(0, 100),
)
def test_a_delay_is_within_its_bounds(
    attempts: int, first: float, more: float, jitter: float, retries: int
) -> None:
    delay = dify_ops.backoff(attempts, first, first + more, jitter)(BROKEN, retries)
    if retries >= attempts:
        assert delay is None
    else:
        assert delay is not None
        middle = min(first * 2**retries, first + more)
        assert first <= delay <= first + more
        assert middle * (1 - jitter) * 0.999 <= delay <= max(first, middle * (1 + jitter)) * 1.001


@pytest.mark.parametrize(
    ("only", "error", "expected"),
    [
        (ConnectionException, BROKEN, 1.0),
        (ConnectionException, TimeoutException("late"), None),
        ((ConnectionException, TimeoutException), TimeoutException("late"), 1.0),
        ((ConnectionException, TimeoutException), KeyError(), None),
        (lambda error: isinstance(error, KeyError), KeyError(), 1.0),
        (lambda error: isinstance(error, KeyError), BROKEN, None),
        (Exception, KeyError(), 1.0),
    ],
)
def test_only_says_which_errors(only: Any, error: Exception, expected: float | None) -> None:
    assert dify_ops.backoff(1, 1, jitter=0, only=only)(error, 0) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (KeyError("mine"), KeyError),
        (-1, IllegalArgumentException),
        (float("nan"), IllegalArgumentException),
        ("soon", IllegalArgumentException),
    ],
)
def test_a_policy_that_fails_ends_the_stream(seconds: Any, expected: type[Exception]) -> None:
    def policy(error: Exception, retries: int) -> float:
        if isinstance(seconds, Exception):
            raise seconds
        return seconds  # type: ignore[no-any-return]

    scheduler = TestScheduler()
    xs = scheduler.create_cold_observable(on_error(10, BROKEN))
    found = emitted(scheduler, xs.pipe(dify_ops.retry_when(policy)))
    assert [(time, type(error)) for time, error in found] == [(10, expected)]
    assert xs.subscriptions == [Subscription(200, 210)]


def test_a_policy_sees_the_error_and_the_retries_so_far() -> None:
    seen: list[tuple[Exception, int]] = []

    def policy(error: Exception, retries: int) -> float | None:
        seen.append((error, retries))
        return 1 if retries < 2 else None

    scheduler = TestScheduler()
    xs = scheduler.create_cold_observable(on_error(10, BROKEN))
    assert emitted(scheduler, xs.pipe(dify_ops.retry_when(policy))) == [(32, BROKEN)]
    assert seen == [(BROKEN, 0), (BROKEN, 1), (BROKEN, 2)]


def test_no_attempt_follows_a_dispose_in_the_pause() -> None:
    scheduler = TestScheduler()
    xs = scheduler.create_cold_observable(on_error(10, BROKEN))
    retry = dify_ops.retry_when(dify_ops.backoff(3, 100))
    assert emitted(scheduler, xs.pipe(retry), disposed=250) == []
    assert xs.subscriptions == [Subscription(200, 210)]


def test_a_pause_that_is_disposed_of_leaves_no_thread() -> None:
    retry = dify_ops.retry_when(dify_ops.backoff(1, 3600))
    subscription = reactivex.throw(BROKEN).pipe(retry).subscribe()
    wait_until(timer_threads)
    subscription.dispose()
    wait_until(lambda: not timer_threads())


def test_each_attempt_has_the_context_of_the_subscriber() -> None:
    user = ContextVar("user", default="nobody")
    seen: list[str] = []

    def fail(_: object) -> Observable[Any]:
        seen.append(user.get())
        return reactivex.throw(BROKEN)

    user.set("u-1")
    stream = reactivex.defer(fail).pipe(dify_ops.retry_when(dify_ops.backoff(2, 0.001)))
    with pytest.raises(ConnectionException):
        stream.run()
    assert seen == ["u-1"] * 3


def test_a_scheduler_of_its_own_comes_before_that_of_subscribe() -> None:
    own = TestScheduler()
    failing = reactivex.throw(BROKEN)
    retry = dify_ops.retry_when(dify_ops.backoff(1, 100, jitter=0), scheduler=own)
    errors: list[Exception] = []
    failing.pipe(retry).subscribe(on_error=errors.append)
    own.advance_to(99)
    assert errors == []
    own.advance_to(101)
    assert errors == [BROKEN]


def test_a_pause_runs_on_the_loop_though_the_error_came_from_a_thread() -> None:
    threads: list[int] = []

    def subscribed(_: object) -> Observable[Any]:
        threads.append(threading.get_ident())
        return from_thread(1, BROKEN)

    retry = dify_ops.retry_when(dify_ops.backoff(2, 0.001, jitter=0))
    seen = asyncio.run(events_of(reactivex.defer(subscribed).pipe(retry)), debug=True)
    assert seen == [1, 1, 1, BROKEN]
    assert threads == [threading.get_ident()] * 3
