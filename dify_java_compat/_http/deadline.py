"""The clock of one call: how long its next step may take, and the exception when it took longer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from ..config import ClientConfig
from ..errors import TimeoutException
from .clock import monotonic
from .request import HttpRequest

Phase = Literal["connect", "write", "read", "first_event", "total"]

_TEXTS: dict[Phase, str] = {
    "connect": "no connection within {:g} s ({})",
    "write": "a block was not sent within {:g} s ({})",
    "read": "nothing came for {:g} s ({})",
    "first_event": "no event within {:g} s of the last sign of life ({})",
    "total": "not done within {:g} s ({})",
}
_SETTINGS: dict[Phase, str] = {
    "connect": "connect_timeout",
    "write": "write_timeout",
    "read": "read_timeout",
    "first_event": "first_event_timeout",
    "total": "call_timeout",
}
_STREAM_SETTINGS: dict[Phase, str] = {**_SETTINGS, "read": "sse_read_timeout"}
_EARLY = 0.01  # seconds by which a socket's timeout may come before this clock says so


class Deadline:
    """Starts with the call and counts for all its attempts, their delays included.

    `call_timeout` bounds the whole; within it each step has a timeout of its own: `connect_timeout`
    for one address, `write_timeout` for one block, and for one read `read_timeout`, of a stream
    `sse_read_timeout`, and `first_event_timeout` until its first event. 0 is no limit. All in
    seconds. `sent_at` is when the request was last sent, by `clock`.
    """

    def __init__(
        self,
        request: HttpRequest,
        config: ClientConfig,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._request = request
        self._config = config
        self.clock = clock
        self.sent_at = clock()
        idles = request.streams and config.sse_read_timeout is not None
        self._settings = _STREAM_SETTINGS if idles else _SETTINGS
        if config.first_event_timeout is None:
            self._settings = {**self._settings, "first_event": self._settings["read"]}
        self._end = self.sent_at + config.call_timeout if config.call_timeout else None
        # whether the whole call has a limit, so that the time for a read becomes less and less
        self.is_total = self._end is not None

    @property
    def end(self) -> float | None:
        """When the time of the whole call is over; None for never."""
        return self._end

    def time_left(self, phase: Phase) -> float | None:
        """Seconds the next step of that kind may take, None for no limit.

        Raises TimeoutException when the time of the whole call is over.
        """
        return self.within_total(self.limit(phase))

    def limit(self, phase: Phase) -> float | None:
        """Seconds a step of that kind may take by its own setting, None for no limit."""
        seconds: float = getattr(self._config, self._settings[phase])
        return seconds or None

    def within_total(self, seconds: float | None) -> float | None:
        """`seconds`, or what is left of the whole call, where that is less; None for no limit.

        Raises TimeoutException when the time of the whole call is over.
        """
        if self._end is None:
            return seconds
        remaining = self._end - self.clock()
        if remaining <= 0:
            raise self.timed_out("total")
        return remaining if seconds is None else min(seconds, remaining)

    @property
    def is_over(self) -> bool:
        """Whether the time of the whole call is over."""
        return self._end is not None and self.clock() > self._end - _EARLY

    def go_on(self, other: Deadline) -> None:
        """This call is a part of another, and is within the time of that whole."""
        self._end = other._end
        self.is_total = self._end is not None

    def on_send(self) -> None:
        """The request goes out now."""
        self.sent_at = self.clock()

    def allows(self, delay: float) -> bool:
        """Whether a delay of so many seconds would end before the whole call has to."""
        return self._end is None or self.clock() + delay < self._end

    def timed_out(self, phase: Phase) -> TimeoutException:
        """The exception for a step of that kind that took too long.

        Its phase is `total` when the whole call's time is over as well, and `idle` for a read of a
        stream, also one that has no time of its own for the first event.
        """
        if self.is_over:
            phase = "total"
        setting = self._settings[phase]
        text = _TEXTS[phase].format(getattr(self._config, setting), setting)
        reported: str = phase
        if phase == "first_event" and setting != _SETTINGS[phase]:
            reported = "read"
        if reported == "read" and self._request.streams:
            reported = "idle"
        return TimeoutException(text, phase=reported, **self._request.context())
