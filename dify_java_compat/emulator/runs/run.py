"""The runs under way, and how they are stopped from outside."""

import threading
from collections.abc import Callable

from ..store.database import new_id

# Seconds from a stop to the end of the stream. On the real server these are 0.8 to 1.0, and a
# client that hangs up in between loses the partial reply; a shorter time keeps that observable.
_STOP_GRACE_SECONDS = 0.05


class Run:
    """One run, which makes one reply.

    It ends early where it is ``stopped``, ``aborted`` at its end by another user, or ``closed``
    with the server. It is ``lost`` where the stop ends it as if it had failed. A run that is
    ``paused`` may be deaf to stops. ``on_stop`` is called when it is stopped.
    """

    def __init__(self, app_id: str, user_id: str) -> None:
        self.task_id: str = new_id()
        self.app_id = app_id
        self.user_id = user_id
        self.stopped: bool = False
        self.aborted = False
        self.lost = False
        self.paused = False
        self.closed: bool = False
        self.on_stop: Callable[[], None] = lambda: None
        self._wake = threading.Event()
        self._close = threading.Event()

    def pause(self, seconds: float) -> None:
        """Wait ``seconds``, at most until the run is stopped or the server closes."""
        if not self.stopped:
            self._wake.wait(seconds)

    def settle(self) -> None:
        """Wait for the time between a stop and the end of the stream."""
        self._close.wait(_STOP_GRACE_SECONDS)

    def stop(self) -> None:
        self.stopped = True
        self._wake.set()
        self.on_stop()

    def close(self) -> None:
        self.closed = True
        self._close.set()
        self._wake.set()


class Runs:
    """The runs under way, by task id."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._runs: dict[str, Run] = {}
        self._closed = False
        self._stops = 0

    def start(self, app_id: str, user_id: str, max_runs: int | None) -> Run | None:
        """A new run; None where the app has ``max_runs`` already."""
        run = Run(app_id, user_id)
        with self._lock:
            if max_runs is not None:
                running = sum(one.app_id == app_id for one in self._runs.values())
                if running >= max_runs:
                    return None
            self._runs[run.task_id] = run
            if self._closed:
                run.close()
        return run

    def finish(self, run: Run) -> None:
        with self._lock:
            self._runs.pop(run.task_id, None)

    def stop(self, task_id: str, app_id: str, user_id: str, *, others_abort: bool) -> None:
        """Stop a run of that user's. By another user it is ignored, or aborts the run."""
        run = self._found(task_id, app_id)
        if run is None:
            return
        if run.user_id == user_id:
            run.stop()
        elif others_abort:
            run.aborted = True

    def stop_by_race(self, task_id: str, app_id: str, user_id: str) -> None:
        """Stop a run: whoever wins, the run is stopped or as if it had failed.

        It fails by another user's stop always, and by every second one of its own user's. Another
        stop of it changes nothing.
        """
        run = self._found(task_id, app_id)
        if run is None:
            return
        with self._lock:
            if run.stopped:
                return
            own = run.user_id == user_id
            run.lost = not own or self._stops % 2 == 1
            self._stops += own
            run.stopped = True
        run.stop()

    def is_paused(self, task_id: str, app_id: str) -> bool:
        run = self._found(task_id, app_id)
        return run is not None and run.paused

    def _found(self, task_id: str, app_id: str) -> Run | None:
        with self._lock:
            run = self._runs.get(task_id)
        return run if run is not None and run.app_id == app_id else None

    def close(self) -> None:
        """Close all runs, and those that are started later."""
        with self._lock:
            self._closed = True
            runs = list(self._runs.values())
        for run in runs:
            run.close()
