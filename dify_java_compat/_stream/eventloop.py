"""Streams that an asyncio event loop reads itself."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import weakref
from typing import Any

from .._http.clock import monotonic
from .driver import Leave, Step

TURN_SECONDS = 0.01  # of work on items, before others of an event loop get their turn


def can_read(loop: asyncio.AbstractEventLoop) -> bool:
    """Whether the loop polls sockets for others, as that of Windows does not."""
    return type(loop).add_reader is not asyncio.AbstractEventLoop.add_reader


class _Hold:
    """Goes with what an event loop is to call; the loop lets go of it unused when it is closed."""

    __slots__ = ("_handle",)

    def __init__(self, handle: EventLoopHandle) -> None:
        self._handle = handle

    def __del__(self) -> None:
        self._handle.on_let_go()


class _Read(_Hold):
    """Called where the socket is readable."""

    __slots__ = ()

    def __call__(self) -> None:
        self._handle.turns.step(self._handle, False)


class _Turns:
    """Of an event loop: who waits once a step has taken long, so that it has its turn between."""

    seconds = TURN_SECONDS

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = weakref.ref(loop)
        self._waiting: dict[EventLoopHandle, bool] = {}
        self.is_taken = False
        self.lock = threading.RLock()  # for steps once the loop is closed

    def take(self) -> None:
        """A step has taken long: no other one follows in this turn of the loop."""
        loop = self._loop()
        if not self.is_taken and loop is not None and not loop.is_closed():
            self.is_taken = True
            loop.call_soon(self._next)

    def step(self, handle: EventLoopHandle, is_scheduled: bool) -> None:
        """Its step, now, or in one of the next turns where it reads and others were first."""
        if self.is_taken and handle.descriptor is not None:
            self._waiting[handle] = self._waiting.get(handle, False) or is_scheduled
        else:
            handle.step(is_scheduled)

    def _next(self) -> None:
        self.is_taken = False
        try:
            while self._waiting and not self.is_taken:
                handle = next(iter(self._waiting))
                is_scheduled = self._waiting.pop(handle)
                if not handle.is_closed:
                    handle.step(is_scheduled)
        finally:
            if self._waiting:
                self.take()


_turns: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Turns] = weakref.WeakKeyDictionary()


class EventLoopHandle:
    """A task of an event loop; its step runs in the loop's thread.

    The last one runs where it is seen that the loop is closed: by whoever schedules then, or by
    who closes it.
    """

    takes_subscribers = True
    raises = False
    __slots__ = (
        "_again", "_driver", "_is_in_last_step", "_is_scheduled", "_leave", "_loop",
        "_timer", "descriptor", "due", "is_closed", "is_dead", "is_paused", "step", "turns",
    )  # fmt: skip

    def __init__(self, driver: EventLoopDriver, step: Step, leave: Leave) -> None:
        self._driver = driver
        self._loop = driver.loop
        self.step = step
        self._leave = leave
        self.descriptor: int | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._is_scheduled = self._is_in_last_step = self._again = False
        self.due: float | None = None
        self.is_dead = self.is_closed = False
        self.is_paused = driver.is_paused
        self.turns = driver.turns

    def schedule(self) -> bool:
        if self.is_closed:
            return False
        if self._is_scheduled and not self._loop.is_closed():
            return True
        self._is_scheduled = True
        try:
            if asyncio._get_running_loop() is self._loop:
                self._loop.call_soon(self._run, _Hold(self))
            else:
                self._loop.call_soon_threadsafe(self._run, _Hold(self))
        except RuntimeError:  # the loop is closed
            self._run_last()
        return True

    def watch(self, sock: Any) -> None:
        self.descriptor = descriptor = sock.fileno()
        if not self.is_paused and not self.is_dead:
            self._loop.add_reader(descriptor, _Read(self))

    def unwatch(self) -> None:
        descriptor, self.descriptor = self.descriptor, None
        if descriptor is not None:
            with contextlib.suppress(RuntimeError):
                self._loop.remove_reader(descriptor)

    def call_at(self, when: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self.due = when
        if self.is_dead:
            return
        seconds = max(0.0, when - monotonic())
        self._timer = self._loop.call_later(seconds, self._on_time, _Hold(self))

    def close(self) -> None:
        self.is_closed = True
        if self._timer is not None:
            self._timer.cancel()
        self._driver.handles.discard(self)

    def pause(self) -> None:
        """Read nothing till `resume`."""
        self.is_paused = True
        if self.descriptor is not None:
            self._loop.remove_reader(self.descriptor)

    def resume(self) -> None:
        self.is_paused = False
        if self.descriptor is not None:
            self._loop.add_reader(self.descriptor, _Read(self))
        self.schedule()

    def on_let_go(self) -> None:
        """The loop has called, or will never call."""
        if not self.is_closed and self._loop.is_closed():
            self._run_last()

    def _run(self, hold: _Hold) -> None:
        if not self._driver.may_begin and self.descriptor is None:
            self._loop.call_soon(self._run, hold)
            return
        self._is_scheduled = False
        if not self.is_closed:
            self.turns.step(self, True)

    def _on_time(self, _: _Hold) -> None:
        self.due = self._timer = None
        self.turns.step(self, True)

    def _run_last(self) -> None:
        """The step of a handle whose loop is closed; what asks for one within it gets it after."""
        with self.turns.lock:
            self.descriptor, self.is_dead = None, True
            self._again = True
            if self._is_in_last_step:
                return
            self._is_in_last_step = True
            try:
                while self._again and not self.is_closed:
                    self._again = False
                    self._leave(self)
            finally:
                self._is_in_last_step = False


class EventLoopDriver:
    """Drives streams in an event loop, as far as their consumer keeps up.

    `may_begin`: a stream may send its request; else it waits for another turn of the loop.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.may_begin = True
        self.handles: set[EventLoopHandle] = set()
        self.is_paused = False
        self.turns = _turns.setdefault(loop, _Turns(loop))

    def attach(self, step: Step, leave: Leave) -> EventLoopHandle:
        handle = EventLoopHandle(self, step, leave)
        self.handles.add(handle)
        return handle

    def pause(self) -> None:
        """Read nothing till `resume`, and let no time run out; in the thread of the loop."""
        if self.is_paused:
            return
        self.is_paused = True
        for handle in self.handles:
            handle.pause()

    def resume(self) -> None:
        self.is_paused = False
        for handle in list(self.handles):
            handle.resume()
