"""How many questions may be open, and when the next may be sent: rules, no clock and no I/O."""

from __future__ import annotations

import math
import random

FIRST_HOLD, LONGEST_HOLD = 0.2, 30.0  # seconds, of holds that double
MAX_RETRY_AFTER = 300.0  # seconds; of a server that asks for more, this much is granted

_JITTER = 0.2


class Pace:
    """The bounds of one batch; `now` is any clock that does not go back.

    ::

        FREE ──a refusal──▶ HELD for Retry-After, else 0.2 s, and twice the last hold each time
          ▲                   │
          └──── the time ─────┘      a refusal halves `limit`, each success lets it grow again

    A hold is for the whole batch. What was sent before it began and is refused too is the same
    refusal, and neither doubles nor halves anything.
    """

    def __init__(self, concurrency: int, per_second: float | None) -> None:
        self._concurrency = concurrency
        self.set_rate(per_second)
        self._limit = float(concurrency)
        self._next_start = self._held_until = self._held_at = -math.inf
        self._hold = 0.0

    @property
    def limit(self) -> int:
        """How many may be open at once; from 1 to the concurrency that was asked for."""
        return int(self._limit)

    def set_rate(self, per_second: float | None) -> None:
        """How many may be sent in a second from now on; None for any number."""
        self._interval = 1 / per_second if per_second else 0.0

    def delay(self, now: float) -> float:
        """Seconds until the next may be sent; 0 for at once."""
        return max(0.0, self._next_start - now, self._held_until - now)

    def on_start(self, now: float) -> None:
        """One is sent. Two of them are never nearer to each other than 1 / per_second."""
        self._next_start = now + self._interval

    def on_success(self, started_at: float) -> None:
        """One that was sent at `started_at` was taken."""
        if started_at >= self._held_at:
            self._hold = 0.0
        growth = max(1 / self._limit, self._concurrency / 1024)
        self._limit = min(self._limit + growth, float(self._concurrency))

    def on_busy(self, started_at: float, now: float) -> bool:
        """The server has too much to do; whether this is news, and not the same refusal again."""
        if started_at < self._held_at:
            return False
        self._held_at = now
        self._limit = max(1.0, self._limit / 2)
        return True

    def on_refused(self, started_at: float, now: float, retry_after: float | None) -> None:
        """One was refused without being looked at: hold the batch, with fewer open afterwards."""
        if self.on_busy(started_at, now):
            self._hold = min(max(FIRST_HOLD, self._hold * 2), LONGEST_HOLD)
            self._hold_for(self._hold * random.uniform(1 - _JITTER, 1 + _JITTER), now)
        self.on_retry_after(retry_after, now)

    def on_retry_after(self, seconds: float | None, now: float) -> None:
        """The server names a time; None: it does not."""
        if seconds is not None:
            self._hold_for(min(seconds, MAX_RETRY_AFTER), now)

    def _hold_for(self, seconds: float, now: float) -> None:
        self._held_until = max(self._held_until, now + seconds)
