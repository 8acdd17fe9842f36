"""What a client is held to: settings that make sense, and a number of streams at once."""

from __future__ import annotations

import threading
from collections.abc import Callable


class StreamLimiter:
    """Room for a number of streams; 0 for any number."""

    def __init__(self, *sizes: int) -> None:
        self._free = min((size for size in sizes if size), default=0)
        self._bounded = self._free > 0
        self._changed = threading.Condition()

    def acquire(self, given_up: Callable[[], bool], seconds: float | None) -> bool:
        """Wait for room, at most so long; False where there was none, or it was given up."""
        if not self._bounded:
            return True
        with self._changed:
            ready = self._changed.wait_for(lambda: self._free > 0 or given_up(), seconds)
            if not ready or given_up():
                return False
            self._free -= 1
            return True

    def release(self) -> None:
        if self._bounded:
            with self._changed:
                self._free += 1
                self._changed.notify_all()

    def notify(self) -> None:
        """Let those who wait see whether they were given up."""
        if self._bounded:
            with self._changed:
                self._changed.notify_all()
