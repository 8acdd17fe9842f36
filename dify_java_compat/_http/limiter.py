"""How many streams of a client may be open at once."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable


class Slot:
    """A place among the open streams, or in the queue for one; `release` gives up either."""

    def __init__(self, limiter: StreamLimiter, on_granted: Callable[[], None]) -> None:
        self._limiter = limiter
        self.on_granted = on_granted
        self.is_granted = False

    def acquire(self) -> bool:
        """Ask for it; whether it is granted at once."""
        self._limiter.ask(self)
        return self.is_granted

    def release(self) -> None:
        """Give it back, or wait no longer; again it does nothing."""
        self._limiter.release(self)


class StreamLimiter:
    """As many slots as the smallest of `sizes` says; a size of 0 is no limit.

    Who comes first gets the next one. What a signal handler's exception leaves half done the next
    `release` does, of the same slot, too.
    """

    def __init__(self, *sizes: int) -> None:
        self._size = min((size for size in sizes if size), default=0)
        self._queue: deque[Slot] = deque()
        self._untold: deque[Slot] = deque()  # granted, and not told so yet
        self._held: set[Slot] = set()
        self._lock = threading.RLock()  # the garbage collector may release anywhere

    def acquire(self, on_granted: Callable[[], None]) -> Slot | None:
        """A slot, `is_granted` at once or later; None where there is no limit.

        `on_granted` is called in the thread that gives one back, if it had to be waited for.
        """
        slot = self.slot(on_granted)
        if slot is not None:
            slot.acquire()
        return slot

    def slot(self, on_granted: Callable[[], None]) -> Slot | None:
        """A slot that is still to be asked for."""
        return Slot(self, on_granted) if self._size else None

    def ask(self, slot: Slot) -> None:
        with self._lock:
            if len(self._held) < self._size and not self._queue:
                self._grant(slot)
            else:
                self._queue.append(slot)

    def release(self, slot: Slot) -> None:
        queue, untold = self._queue, self._untold
        with self._lock:
            if slot in self._held:
                self._held.discard(slot)
            elif slot in queue:
                queue.remove(slot)
            while queue and len(self._held) < self._size:
                untold.append(queue[0])
                self._grant(queue[0])
                queue.popleft()
        while untold:
            try:
                each = untold.popleft()
            except IndexError:  # another thread was first
                return
            each.on_granted()

    def _grant(self, slot: Slot) -> None:
        self._held.add(slot)
        slot.is_granted = True
