"""Cancelling a call from another thread than the one that makes it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .exchange import Exchange


class Cancellation:
    """Cancels the exchanges of one call, those that it is yet to make too.

    A context manager for the thread of the call: an exchange made within belongs to it. Where a
    call makes a call, as the progress callback of an upload may, that one is part of it.
    """

    def __init__(self) -> None:
        self._exchanges: list[Exchange] = []
        self._lock = threading.Lock()
        self.is_cancelled = False

    def cancel(self) -> None:
        """Cancel what there is and what will be; from any thread, returns at once."""
        with self._lock:
            self.is_cancelled = True
            exchanges, self._exchanges = self._exchanges, []
        for exchange in exchanges:
            exchange.cancel()

    def add(self, exchange: Exchange) -> None:
        """`exchange` is part of the call."""
        with self._lock:
            if not self.is_cancelled:
                self._exchanges.append(exchange)
                return
        exchange.cancel()

    def __enter__(self) -> None:
        self._outer = _current.cancellation
        _current.cancellation = self

    def __exit__(self, *_: object) -> None:
        _current.cancellation = self._outer


class _Current(threading.local):
    cancellation: Cancellation | None = None


_current = _Current()


def add_to_current(exchange: Exchange) -> None:
    """Make `exchange` part of the call that this thread makes, where that can be cancelled."""
    cancellation = _current.cancellation
    if cancellation is not None:
        cancellation.add(exchange)
