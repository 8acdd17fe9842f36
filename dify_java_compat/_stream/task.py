"""What a driver steps: work that never waits, and goes on when there is something to do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Protocol

from .._http.clock import monotonic
from .._http.polled import StreamResponse
from ..models.responses import ChatMessageSendCompletionResponse as Item
from .driver import Driver, Handle


class Sink(Protocol):
    """Where what a task reads goes, and its end."""

    def on_items(self, items: list[Item]) -> None: ...

    def on_end(self, error: BaseException | None) -> None: ...

    def on_closed(self) -> None: ...

    def on_driver_gone(self) -> None: ...

    def on_torn(self) -> None: ...


class Inbox(list[Callable[[], None]]):
    """What others want done; a deque would take 700 bytes more."""

    __slots__ = ()

    def empty(self) -> None:
        """Do it, in order."""
        while self:
            try:
                action = self.pop(0)
            except IndexError:  # another thread was first
                return
            try:
                action()
            except BaseException:  # a signal handler's, for one: what was begun is not lost
                self.insert(0, action)
                raise


class Task(ABC):
    """Steps for a driver: what was posted, what the response has, and what time it is.

    `step` is called by its driver, by one thread at a time. `post`, `close` and `move_to` may be
    called by any: threads that work for it, openers, leave functions in its inbox. `driver` is left
    for `loop` where it cannot go on.
    """

    def __init__(self, sink: Sink, driver: Driver, loop: Driver) -> None:
        self._sink = sink
        self._loop = loop
        self._handle: Handle = driver.attach(self.step, self.leave)
        self._next_driver: Driver | None = None
        self._inbox = Inbox()
        self._response: StreamResponse | None = None
        self._is_closed = self._is_over = False
        self._was_paused = self._has_received = False

    def post(self, action: Callable[[], None]) -> None:
        """Have `action` run in a step."""
        self._inbox.append(action)
        handle = self._handle
        while not handle.schedule():
            if handle is self._handle:  # it is over
                self._inbox.empty()
                return
            handle = self._handle  # it has moved meanwhile

    def move_to(self, driver: Driver) -> None:
        """Let another driver go on with it."""
        self._next_driver = driver
        self._handle.schedule()

    def step(self, is_scheduled: bool) -> None:
        """Do what can be done without waiting."""
        if self._is_over:
            return
        self._has_received = False
        try:
            self._inbox.empty()
            if self._handle.is_paused:
                self._was_paused = True
            elif not self._is_closed and not self._is_over:
                self._was_paused = False
                if self._response is not None:
                    self._read(self._response)
                self._check_time()
        except Exception as error:  # of ours: better told than waited for
            if self._is_closed or self._is_over or self._handle.raises:
                raise
            self._end()
            self._sink.on_end(error)
        if self._is_closed and not self._is_over:
            self._end()
            self._sink.on_closed()
        elif self._next_driver is not None:
            self._move(self._next_driver)

    def leave(self, handle: Handle) -> None:
        """The driver that `handle` is of is gone: end, or go on in the loop; again, too.

        What a signal handler has cut through is done once more, as far as it is wanted.
        """
        if handle is not self._handle:  # it has moved, but may not be scheduled yet
            self._handle.schedule()
            return
        if handle.takes_subscribers:
            self._sink.on_driver_gone()
        if not (self._is_over or self._is_closed):
            self._inbox.empty()
        if self._is_over or self._is_closed or not self._can_move():
            self._end()
            self._sink.on_closed()
        else:
            self._move(self._loop)

    def _can_move(self) -> bool:
        """Whether another driver can go on where this one was left."""
        return True

    @abstractmethod
    def _read(self, response: StreamResponse) -> None:
        """Take what the response has."""

    @abstractmethod
    def _due(self, now: float) -> float | None:
        """When the next time is over; None for never."""

    @abstractmethod
    def _on_due(self, now: float) -> None:
        """That time is over."""

    def _free_response(self) -> None:
        response = self._response
        if response is not None:
            if response.socket is not None:
                self._handle.unwatch()
            response.close()
            self._response = None  # last: a signal handler may raise before

    def _check_time(self) -> None:
        now = monotonic()
        due = self._due(now)
        if due is not None and due <= now:
            if self._has_received:
                self._handle.schedule()  # that took long: what has come meanwhile is read first
                return
            self._on_due(now)
            due = self._due(now)
        if due is None or self._is_over:
            return
        armed = self._handle.due
        if armed is None or due < armed:
            self._handle.call_at(due)

    def _end(self) -> None:
        """Free all there is; again, too."""
        self._is_over = True
        self._free_response()
        self._handle.close()
        self._inbox.empty()

    def _move(self, driver: Driver) -> None:
        self._next_driver = None
        if self._is_over:
            return
        response = self._response
        before, handle = self._handle, driver.attach(self.step, self.leave)
        if response is not None and response.socket is not None:
            before.unwatch()
            handle.watch(response.socket)
        self._handle = handle  # before the other is closed: `post` asks one that is open
        before.close()
        try:
            handle.schedule()
        except RuntimeError:  # no thread can be started, as at the end of the interpreter
            self._end()
            self._sink.on_closed()


def forget(task: Task) -> None:
    """Do nothing more, in a process that was forked: neither locks nor sockets are its own."""
    task._is_over, task._response = True, None
