"""A fast model and a buffering proxy look alike, but for what the server says of its time."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from dify_java_compat.cli.arrivals import Arrivals, Verdict

STEADY = [n * 0.03 for n in range(50)]
AT_ONCE = [1.5 + n * 0.0001 for n in range(50)]
# as nginx sends them: 4 KiB at a time
IN_LUMPS = [0.4 * (1 + n // 17) + n % 17 * 0.0001 for n in range(50)]
FAST = [n * 0.001 for n in range(50)]


def item(event: str, **fields: Any) -> SimpleNamespace:
    return SimpleNamespace(event=event, raw={"event": event, **fields})


def arrivals(times: Sequence[float], *ends: SimpleNamespace) -> Arrivals:
    found = Arrivals()
    for seconds in times:
        found.add(seconds, item("message"))
    for end in ends:
        found.add(times[-1], end)
    return found


def said(**usage: Any) -> SimpleNamespace:
    return item("message_end", metadata={"usage": usage})


@pytest.mark.parametrize(
    ("times", "end", "verdict"),
    [
        (STEADY, said(time_to_generate=1.5), Verdict.ONE_BY_ONE),
        (STEADY, said(latency=1.6, time_to_first_token=0.1), Verdict.ONE_BY_ONE),
        (STEADY, said(), Verdict.ONE_BY_ONE),
        (STEADY, said(time_to_generate="odd", latency=True), Verdict.ONE_BY_ONE),
        (AT_ONCE, said(time_to_generate=1.5), Verdict.HELD_BACK),
        (AT_ONCE, said(latency=1.6, time_to_first_token=0.1), Verdict.HELD_BACK),
        (AT_ONCE, item("workflow_finished", data={"elapsed_time": 1.5}), Verdict.HELD_BACK),
        (IN_LUMPS, said(time_to_generate=1.5), Verdict.LUMPS),
        # a model that thinks for long, and then says all at once
        (AT_ONCE, said(latency=1.6, time_to_first_token=1.55), Verdict.UNKNOWN),
        (AT_ONCE, said(latency=1.6), Verdict.UNKNOWN),
        (AT_ONCE, item("message_end", metadata=None), Verdict.UNKNOWN),
        (FAST, said(time_to_generate=0.05), Verdict.UNKNOWN),
        (STEADY[:3], said(time_to_generate=9.0), Verdict.UNKNOWN),
    ],
)
def test_verdict(times: list[float], end: SimpleNamespace, verdict: Verdict) -> None:
    assert arrivals(times, end).verdict() is verdict


def test_a_run_in_which_the_model_is_silent_for_long_is_no_proxy() -> None:
    """Nodes before it took their time; it then spoke fast."""
    found = Arrivals()
    found.add(0.0, item("workflow_started"))
    for n in range(50):
        found.add(3.0 + n * 0.0005, item("message"))
    found.add(3.1, said(time_to_generate=0.03))
    found.add(3.1, item("workflow_finished", data={"elapsed_time": 3.1}))
    assert found.verdict() is Verdict.ONE_BY_ONE


def test_moments() -> None:
    assert arrivals(IN_LUMPS).moments == 3
    assert arrivals(STEADY).moments == 50
    assert Arrivals().moments == 0
