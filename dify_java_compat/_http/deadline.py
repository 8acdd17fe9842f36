"""The clock of one call: how long its next step may take, and the exception when it took longer."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Literal

from ..config import ClientConfig
from ..errors import TimeoutException
from .request import HttpRequest

Phase = Literal["connect", "write", "read", "total"]

_TEXTS: dict[Phase, str] = {
    "connect": "no connection within {:g} s ({})",
    "write": "a block was not sent within {:g} s ({})",
    "read": "nothing came for {:g} s ({})",
    "total": "not done within {:g} s ({})",
}
_SETTINGS: dict[Phase, str] = {
    "connect": "connect_timeout",
    "write": "write_timeout",
    "read": "read_timeout",
    "total": "call_timeout",
}
_STREAM_SETTINGS: dict[Phase, str] = {**_SETTINGS, "read": "sse_read_timeout"}
_EARLY = 0.01  # seconds by which a socket's timeout may come before this clock says so


class Deadline:
    """Starts with the call and counts for all its attempts, their delays included.

    `call_timeout` bounds the whole; within it each step has a timeout of its own: `connect_timeout`
    for one address, `write_timeout` for one block, and for one read `read_timeout`, of a stream
    `sse_read_timeout`. 0 is no limit. All in seconds.
    """

    def __init__(
        self,
        request: HttpRequest,
        config: ClientConfig,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._request = request
        self._config = config
        self._clock = clock
        idles = request.streams and config.sse_read_timeout is not None
        self._settings = _STREAM_SETTINGS if idles else _SETTINGS
        self._end = clock() + config.call_timeout if config.call_timeout else None
        # whether the whole call has a limit, so that the time for a read becomes less and less
        self.is_total = self._end is not None

    def time_left(self, phase: Phase) -> float | None:
        """Seconds the next step of that kind may take, None for no limit.

        Raises TimeoutException when the time of the whole call is over.
        """
        seconds: float = getattr(self._config, self._settings[phase])
        if self._end is None:
            return seconds or None
        remaining = self._end - self._clock()
        if remaining <= 0:
            raise self.timed_out("total")
        return min(seconds, remaining) if seconds else remaining

    def allows(self, delay: float) -> bool:
        """Whether a delay of so many seconds would end before the whole call has to."""
        return self._end is None or self._clock() + delay < self._end

    def timed_out(self, phase: Phase) -> TimeoutException:
        """The exception for a step of that kind that took too long.

        Its phase is `total` when the whole call's time is over as well, and `idle` for a read of a
        stream.
        """
        if self._end is not None and self._clock() > self._end - _EARLY:
            phase = "total"
        setting = self._settings[phase]
        text = _TEXTS[phase].format(getattr(self._config, setting), setting)
        reported_phase = "idle" if phase == "read" and self._request.streams else phase
        return TimeoutException(text, phase=reported_phase, **self._request.context())
