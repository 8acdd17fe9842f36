"""A loop in the thread that waits for a stream's items."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Generator
from typing import Any

from .._http.clock import monotonic
from .._http.threads import start_thread
from ..models.responses import ChatMessageSendCompletionResponse as Item
from .driver import Leave, Step
from .poll import Poll, Timer
from .source import StreamSource

Action = Callable[[], None]

IN_A_ROW = 256  # actions of pipelines before the streams get their turn
_LEAVING_SECONDS = 0.05


def read_here(
    new_source: Callable[[], StreamSource], process: Callable[[Item], Item] | None
) -> Generator[Item, None, None]:
    """The items of a stream that nothing is piped behind, sent and read by the thread itself."""
    source = new_source()
    batches = source.batches()
    try:
        try:
            for items in batches:
                if process is None:
                    yield from items
                else:
                    for item in items:
                        yield process(item)
        finally:
            batches.close()
    except BaseException:  # a signal handler's comes anywhere
        source.free()
        raise


class CallerHandle:
    """A task of a caller's loop."""

    is_paused = False
    takes_subscribers = raises = True
    turns = None

    def __init__(self, loop: CallerLoop, step: Step, leave: Leave) -> None:
        self._loop = loop
        self.step = step
        self.leave = leave
        self.socket: Any = None
        self.due: float | None = None
        self.is_dead = self.is_closed = False
        self._timer: Timer | None = None
        self._is_scheduled = False

    def schedule(self) -> bool:
        if self.is_closed:
            return False
        self._loop.handles.add(self)
        if not self._is_scheduled:
            self._is_scheduled = True
            self._loop.call_step(self._run)
        return True

    def watch(self, sock: Any) -> None:
        self.socket = sock
        if not self.is_dead:
            self._loop.poll.add(sock, self._on_readable)

    def unwatch(self) -> None:
        sock, self.socket = self.socket, None
        if sock is not None:
            self._loop.poll.remove(sock)

    def call_at(self, when: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self.due = when
        self._timer = self._loop.poll.at(when, self._on_time)

    def close(self) -> None:
        self.is_closed = True
        if self._timer is not None:
            self._timer.cancel()

    def _run(self) -> None:
        self._is_scheduled = False
        self._step(True)

    def _on_readable(self) -> None:
        self._step(False)

    def _on_time(self) -> None:
        self.due = self._timer = None
        self._step(True)

    def _step(self, is_scheduled: bool) -> None:
        if not self.is_closed:
            self.step(is_scheduled)
        if self.is_closed:  # and a signal handler did not raise while it was
            self._loop.handles.discard(self)


class CallerLoop:
    """Reads streams, and runs the timers of their pipelines, while its thread waits.

    What comes from other threads wakes it. What lies ready is delivered before timers that are due,
    so that a slow loop body makes no clock run out falsely; but each gets its turn, so that a
    stream that always has more stops no clock. An item is through its pipeline, however often that
    schedules, before another stream is begun: a function that raises keeps a `repeat` above it from
    sending again. The thread is that of the last `run_once`: a generator in a pool of threads has
    another one each time.
    """

    def __init__(self) -> None:
        self.poll = Poll()
        self.handles: set[CallerHandle] = set()  # from the first time that they are scheduled
        self._is_closed = False
        self._actions: deque[Action] = deque()
        self._steps: deque[Action] = deque()
        self._steps_wait = False
        self._thread = threading.get_ident()

    def attach(self, step: Step, leave: Leave) -> CallerHandle:
        return CallerHandle(self, step, leave)

    def call(self, action: Action) -> None:
        """Have `action`, of a pipeline, run in the thread of the loop; from any thread."""
        self._actions.append(action)
        self.wake()

    def call_step(self, step: Action) -> None:
        """Have `step`, of a stream, run there once no pipeline has anything to do."""
        self._steps.append(step)
        self.wake()

    def call_at(self, when: float, action: Action) -> Timer:
        """Have it run then; from any thread."""
        return self.poll.at(when, action)

    def wake(self) -> None:
        """End a wait of the loop's thread; from any thread."""
        if not self.is_here:
            self.poll.wake()

    @property
    def is_here(self) -> bool:
        """Whether this thread is the one that runs it."""
        return threading.get_ident() == self._thread

    def run_once(self) -> None:
        """Do what there is to do, or wait until there is something, and do that."""
        self._thread = threading.get_ident()  # first: who calls adds first, and looks here then
        has_acted = self._run_actions()
        begun = monotonic()
        readable = self.poll.select(at_once=has_acted)
        for on_readable in readable:
            on_readable()
        has_acted = self._run_actions() or has_acted or bool(readable)
        # of what was due before, all that lay ready has been delivered
        for action in self.poll.due(begun if has_acted else monotonic()):
            action()

    def close(self) -> None:
        """The thread waits no more: what still goes on is to look for another driver."""
        self._run_pipelines()
        for handle in list(self.handles):
            handle.is_dead = True
            handle.leave(handle)
            self.handles.discard(handle)
        self.poll.close()
        self._run_pipelines()
        self._is_closed = True

    def leave(self) -> None:
        """`close`, where an exception kept it from its end: a signal handler's comes anywhere.

        Done in another thread, in which none comes.
        """
        if self._is_closed:
            return
        is_done = threading.Event()

        def close() -> None:
            try:
                self.close()
            finally:
                is_done.set()

        try:
            start_thread(close, "dify-leaving")
        except RuntimeError:  # no more threads, or the interpreter ends
            self.close()
        else:
            is_done.wait(_LEAVING_SECONDS)

    def _run_actions(self) -> bool:
        """Whether there was anything to do. The consumer has its item before the steps' turn."""
        steps, count = self._steps, self._run_pipelines()
        self._steps_wait = 0 < count < IN_A_ROW and not self._steps_wait
        if not self._steps_wait:
            for _ in range(len(steps)):
                steps.popleft()()
                count += 1
        return count > 0

    def _run_pipelines(self) -> int:
        actions, count = self._actions, 0
        while actions and count < IN_A_ROW:
            actions.popleft()()
            count += 1
        return count
