"""A selector that other threads can wake, with timers beside its sockets."""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
import time
from heapq import heapify, heappop, heappush
from typing import Any

from .._http.clock import monotonic

_AGAIN_SECONDS = 0.02  # until what the system had no room for is tried again
_LONGEST = 86_400.0  # of one wait: some systems take no more than 24 days
_CHANGE_WHILE_POLLED = ("EpollSelector", "KqueueSelector")
_MANY = 64  # of the timers that were cancelled lie in the heap before it is cleared


class Timer:
    """What is due at a time; `cancel` makes it nothing."""

    __slots__ = ("_poll", "value")

    def __init__(self, poll: Poll, value: Any) -> None:
        self._poll = poll
        self.value = value

    def cancel(self) -> None:
        self._poll.cancel(self)


class Poll:
    """Sockets and timers, each with a value that comes back when it is readable or due.

    One thread at a time is in `select`; all else may be called by any thread. A socket is taken out
    before it is closed: its number may be another's at once. Where the system has no descriptors
    for it, or no room for a socket, it tries again every 20 ms, and takes those for readable.
    """

    def __init__(self) -> None:
        self._selector: selectors.BaseSelector | None = None
        self._without_room: dict[Any, Any] = {}  # sockets to their values
        self._changes_while_polled = True
        self._lock = threading.RLock()  # the garbage collector may wake it anywhere
        self._timers: list[tuple[float, int, Timer]] = []
        self._number = self._cancelled = 0
        self._until: float | None = None
        self._is_polled = self._is_woken = self._is_closed = False
        self._open()

    def add(self, sock: Any, value: Any) -> None:
        """Give `value` whenever `sock` is readable."""
        with self._lock:
            try:
                if self._selector is None:
                    raise OSError("no selector")
                with contextlib.suppress(KeyError):  # one of its number that was closed in there
                    self._selector.unregister(sock)
                self._selector.register(sock, selectors.EVENT_READ, value)
            except (OSError, ValueError):  # no room, or it was closed by others than us
                self._without_room[sock] = value
                self.wake()
            if self._is_polled and not self._changes_while_polled:
                self.wake()

    def remove(self, sock: Any) -> None:
        with self._lock:
            if self._without_room.pop(sock, None) is None and self._selector is not None:
                with contextlib.suppress(KeyError):  # a signal came before it was in
                    self._selector.unregister(sock)

    def at(self, when: float, value: Any) -> Timer:
        """Give `value` once that time of `time.monotonic` has come."""
        with self._lock:
            self._clear()
            self._number += 1
            timer = Timer(self, value)
            heappush(self._timers, (when, self._number, timer))
            if self._is_polled and (self._until is None or when < self._until):
                self.wake()
            return timer

    def cancel(self, timer: Timer) -> None:
        """It is due no more; again, or too late, it does nothing."""
        with self._lock:
            if timer.value is not None:
                timer.value = None
                self._cancelled += 1

    def wake(self) -> None:
        """End the wait of the thread that is in `select`, or its next one."""
        with self._lock:
            if not self._is_woken and not self._is_closed and self._selector is not None:
                with contextlib.suppress(BlockingIOError):
                    self._sender.send(b"x")
                self._is_woken = True

    def select(self, *, at_once: bool = False) -> list[Any]:
        """Wait until a socket is readable, a timer due, or someone calls; the sockets' values."""
        with self._lock:
            selector, without_room = self._selector or self._open(), self._without_room
            for sock in list(without_room):
                self.add(sock, without_room.pop(sock))
            values = list(without_room.values())
            self._clear()
            timers = self._timers
            while timers and timers[0][2].value is None:
                heappop(timers)
                self._cancelled -= 1
            self._until = until = timers[0][0] if timers else None
            self._is_polled = True
        seconds = None if until is None else min(max(0.0, until - monotonic()), _LONGEST)
        if values or selector is None:
            seconds = _AGAIN_SECONDS if seconds is None else min(seconds, _AGAIN_SECONDS)
        if at_once:
            seconds = 0.0
        try:
            events = _select(selector, seconds)
        finally:
            self._is_polled = False
        for key, _ in events:
            if key.data is not None:
                values.append(key.data)
            else:
                with self._lock, contextlib.suppress(BlockingIOError):
                    self._is_woken = False
                    self._receiver.recv(4096)
        return values

    def due(self, now: float) -> list[Any]:
        """The values of the timers that were due then, which are gone."""
        timers = self._timers
        if not timers:
            return []
        values = []
        with self._lock:
            while timers and timers[0][0] <= now:
                timer = heappop(timers)[2]
                if timer.value is None:
                    self._cancelled -= 1
                else:
                    values.append(timer.value)
                    timer.value = None
        return values

    def close_inherited(self) -> None:
        """`close`, in a process that was just forked: no thread is left to give up the lock."""
        self._lock = threading.RLock()
        self.close()

    def close(self) -> None:
        """Close this process's descriptors; what they are of is left alone."""
        with self._lock:
            self._is_closed = True
            if self._selector is not None:
                self._selector.close()
                self._receiver.close()
                self._sender.close()

    def _clear(self) -> None:
        """Where most of the timers were cancelled, let go of those."""
        if self._cancelled > _MANY and 2 * self._cancelled > len(self._timers):
            self._timers[:] = [each for each in self._timers if each[2].value is not None]
            heapify(self._timers)
            self._cancelled = 0

    def _open(self) -> selectors.BaseSelector | None:
        """Have a selector, and what wakes it; None where there are no descriptors for them."""
        try:
            selector = selectors.DefaultSelector()
        except OSError:
            return None
        try:
            self._receiver, self._sender = socket.socketpair()
        except OSError:
            selector.close()
            return None
        self._receiver.setblocking(False)
        self._sender.setblocking(False)
        selector.register(self._receiver, selectors.EVENT_READ, None)
        self._changes_while_polled = type(selector).__name__ in _CHANGE_WHILE_POLLED
        self._selector = selector
        return selector


def _select(selector: selectors.BaseSelector | None, seconds: float | None) -> list[Any]:
    if selector is not None:
        try:
            return selector.select(seconds)
        except OSError:  # a descriptor that others than we have closed
            pass
    time.sleep(_AGAIN_SECONDS if seconds is None else min(seconds, _AGAIN_SECONDS))
    return []
