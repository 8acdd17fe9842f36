"""What drives the reading of streams: the shared loop, a caller's thread, or an asyncio loop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from .._http.clock import monotonic as monotonic  # by which all of them measure time

Step = Callable[[bool], None]
Leave = Callable[["Handle"], None]


class Turns(Protocol):
    """`seconds`: how long a step may deliver items before others get their turn, by `take`."""

    seconds: float

    def take(self) -> None:
        """A step has taken long: those that are scheduled follow once others had their turn."""
        ...


class Handle(Protocol):
    """One task of a driver: its `step` is called by one thread at a time.

    It is told whether somebody asked for it, or a timer did, and not only the socket.

    `due`: when the timer that is set will have it called, None where none is. `is_dead`: the driver
    is gone, as an event loop that was closed or a `for` that was left: a last step may look for
    another one. `takes_subscribers`: those it delivers to are then gone with it. `raises`: what a
    step raises comes out of whoever waits, be it a signal handler's, as Celery's. `is_paused`:
    nothing is to be read, and no time runs out. `turns`: of those that share its thread; None where
    there are no others.
    """

    takes_subscribers: bool
    raises: bool
    due: float | None
    is_dead: bool
    is_paused: bool

    @property
    def turns(self) -> Turns | None: ...

    def schedule(self) -> bool:
        """Have `step` called soon, from any thread; False where it was closed."""
        ...

    def watch(self, sock: Any) -> None:
        """Have `step` called whenever `sock` is readable; within a step."""
        ...

    def unwatch(self) -> None:
        """Look at the socket no more; before it is closed, and within a step."""
        ...

    def call_at(self, when: float) -> None:
        """Have `step` called at `when`, of `monotonic`, instead of at `due`; within a step."""
        ...

    def close(self) -> None:
        """No step follows; within a step."""
        ...


class Driver(Protocol):
    def attach(self, step: Step, leave: Leave) -> Handle:
        """A task of it; nothing is called before it is scheduled.

        `leave` is called with the handle, instead of a last step, once the driver is gone.
        """
        ...
