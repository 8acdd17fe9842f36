"""Whether the events of a stream arrived as the server sent them, or were held back on the way.

A fast model and a buffering proxy look alike: all events are there at once. What tells them apart
is the time that the server itself names: how long the model spoke (`usage`), or the run lasted.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

_TOGETHER = 0.002  # seconds between two events that one read brought
_LONG_ENOUGH = 0.3  # seconds of speech, below which a delay proves nothing
_FEW = 5  # events, below which nothing is said
_LUMPS = 0.8  # the part of the events that came along with another


class Verdict(Enum):
    """How the events arrived."""

    ONE_BY_ONE = "one by one"
    HELD_BACK = "all at once, though the server spoke for a while"
    LUMPS = "some at a time, though the server spoke steadily"
    UNKNOWN = "too few, or too fast, to tell"


@dataclass
class Arrivals:
    """The times of a stream's events, in seconds from its request on."""

    times: list[float] = field(default_factory=list)
    spoken: float | None = None  # how long the model spoke, as the server says
    ran: float | None = None  # how long the run of a chatflow was

    def add(self, seconds: float, event: Any) -> None:
        """One event, a DTO of a stream."""
        self.times.append(seconds)
        raw = event.raw if isinstance(event.raw, dict) else {}
        if event.event == "workflow_finished":
            self.ran = _number(_object(raw, "data").get("elapsed_time"))
        elif event.event == "message_end":
            self.spoken = _spoken_seconds(_object(_object(raw, "metadata"), "usage"))

    @property
    def expected(self) -> float:
        """How long the events took to leave the server, at least, as far as it says."""
        return max(self.spoken or 0.0, self.ran or 0.0)

    @property
    def span(self) -> float:
        """From the first event to the last."""
        return self.times[-1] - self.times[0] if self.times else 0.0

    def verdict(self) -> Verdict:
        """What the times say."""
        count = len(self.times)
        if count < _FEW:
            return Verdict.UNKNOWN
        together = sum(after - before < _TOGETHER for before, after in _pairs(self.times))
        if self.expected < _LONG_ENOUGH:
            is_spread = self.span >= _LONG_ENOUGH and together < count * _LUMPS
            return Verdict.ONE_BY_ONE if is_spread else Verdict.UNKNOWN
        if self.span < self.expected / 4:
            return Verdict.HELD_BACK
        # of a run it is unknown when in it the model spoke
        is_slow = (self.spoken or 0.0) / count > 2 * _TOGETHER
        return Verdict.LUMPS if is_slow and together > count * _LUMPS else Verdict.ONE_BY_ONE

    @property
    def moments(self) -> int:
        """How many times something came."""
        apart = sum(after - before >= _TOGETHER for before, after in _pairs(self.times))
        return apart + bool(self.times)


def _pairs(times: Sequence[float]) -> list[tuple[float, float]]:
    return list(itertools.pairwise(times))


def _spoken_seconds(usage: dict[str, Any]) -> float | None:
    """From the first token to the last; None where it is unknown.

    The time to the first token must be known: a model that thinks for long and then says all at
    once is no proxy.
    """
    generated = _number(usage.get("time_to_generate"))
    if generated is not None:
        return generated
    latency, first = _number(usage.get("latency")), _number(usage.get("time_to_first_token"))
    return latency - first if latency is not None and first is not None else None


def _object(values: dict[str, Any], name: str) -> dict[str, Any]:
    value = values.get(name)
    return value if isinstance(value, dict) else {}


def _number(value: Any) -> float | None:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return float(value) if is_number and 0 <= value < 1e6 else None
