"""How many streams of a client may be open at once."""

from __future__ import annotations

import threading
from collections.abc import Callable


class StreamLimiter:
    """As many slots as the smallest of `sizes` says; a size of 0 is no limit."""

    def __init__(self, *sizes: int) -> None:
        self._free = min((size for size in sizes if size), default=0)
        self._is_bounded = self._free > 0
        self._changed = threading.Condition()

    def acquire(self, is_cancelled: Callable[[], bool], seconds: float | None) -> bool:
        """Wait for a slot, at most so long, None for any time.

        False if none came free in time, or if the wait was cancelled; see `notify`.
        """
        if not self._is_bounded:
            return True
        with self._changed:
            ready = self._changed.wait_for(lambda: self._free > 0 or is_cancelled(), seconds)
            if not ready or is_cancelled():
                return False
            self._free -= 1
            return True

    def release(self) -> None:
        """Give a slot back."""
        if self._is_bounded:
            with self._changed:
                self._free += 1
                self._changed.notify_all()

    def notify(self) -> None:
        """Have those who wait look whether they were cancelled."""
        if self._is_bounded:
            with self._changed:
                self._changed.notify_all()
