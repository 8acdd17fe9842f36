"""The rules of a batch's pace, without a clock."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dify_java_compat.batch._pace import LONGEST_HOLD, MAX_RETRY_AFTER, Pace


@given(
    rate=st.floats(0.1, 1000),
    waits=st.lists(st.floats(0, 2), min_size=2, max_size=60),
)
def test_no_second_sees_more_than_per_second(rate: float, waits: list[float]) -> None:
    pace, now, starts = Pace(10, rate), 0.0, []
    for wait in waits:
        now += wait
        now += pace.delay(now)
        pace.on_start(now)
        starts.append(now)
    assert all(
        later - earlier >= (1 / rate) * (1 - 1e-6) for earlier, later in itertools.pairwise(starts)
    )


@given(
    concurrency=st.integers(1, 1000),
    acts=st.lists(st.tuples(st.sampled_from("srb"), st.floats(0, 3), st.floats(0, 9)), max_size=80),
)
def test_the_limit_stays_between_one_and_the_concurrency(
    concurrency: int, acts: list[tuple[str, float, float]]
) -> None:
    pace, now = Pace(concurrency, None), 0.0
    for act, wait, age in acts:
        now += wait
        if act == "s":
            pace.on_success(now - age)
        elif act == "b":
            pace.on_busy(now - age, now)
        else:
            pace.on_refused(now - age, now, None)
        assert 1 <= pace.limit <= concurrency
        assert 0 <= pace.delay(now) <= LONGEST_HOLD * 1.2


def test_refusals_of_one_moment_are_one() -> None:
    pace = Pace(16, None)
    for _ in range(16):
        pace.on_refused(1.0, 2.0, None)
    assert pace.limit == 8
    assert 0.1 < pace.delay(2.0) < 0.3


def test_a_hold_doubles_until_one_succeeds() -> None:
    pace, now, holds = Pace(16, None), 0.0, []
    for _ in range(10):
        pace.on_refused(now, now, None)
        holds.append(pace.delay(now))
        now += holds[-1]
    assert holds == [pytest.approx(min(0.2 * 2**n, LONGEST_HOLD), rel=0.21) for n in range(10)]
    pace.on_success(now)
    pace.on_refused(now, now, None)
    assert pace.delay(now) < 0.3


@pytest.mark.parametrize(("seconds", "held"), [(0.0, 0.2), (7.5, 7.5), (1e9, MAX_RETRY_AFTER)])
def test_the_server_s_time_is_respected_up_to_a_bound(seconds: float, held: float) -> None:
    pace = Pace(16, None)
    pace.on_refused(0.0, 0.0, seconds)
    assert pace.delay(0.0) == pytest.approx(held, rel=0.21)


def test_the_limit_comes_back() -> None:
    pace = Pace(500, None)
    pace.on_refused(0.0, 1.0, None)
    assert pace.limit == 250
    for _ in range(520):
        pace.on_success(2.0)
    assert pace.limit == 500
