"""Chatflow runs that live by themselves: paused and resumed, left and found again."""

import logging
import threading
import time
from collections.abc import Callable, Iterator

from ..http.response_writer import ClientLeft
from .run import Run
from .stream import LOOK_SECONDS, PING_STEP, Step, Steps

logger = logging.getLogger("dify_java_compat.emulator")
_PAUSED = "workflow_paused"
_LOOK_SECONDS = 0.2
_STATES = ("workflow_started", "node_started", "node_finished")
_QUESTIONS = ("human_input_required", _PAUSED)


class LiveRun:
    """One run in a thread of its own, and all it told so far, for whoever reads it.

    ``waits`` says whether a paused run has to wait still, ``form_seconds`` how long it does at
    most.
    """

    def __init__(self, run: Run, waits: Callable[[], bool], form_seconds: float) -> None:
        self._generation = run
        run.on_stop = self.resume
        self._waits = waits
        self._changed = threading.Condition()
        self._form_seconds = form_seconds
        self._steps: Iterator[Step] = iter(())
        self._thread: threading.Thread | None = None
        self._told: list[Step] = []
        self._given = 0
        self._watches: list[Callable[[], bool]] = []
        self._lost = False
        self._closed = False
        self._paused = False
        self.over = False

    def play(self, steps: Iterator[Step]) -> None:
        self._steps = steps
        self._thread = threading.Thread(target=self._run, name="dify-emulator-run", daemon=True)
        self._thread.start()

    def resume(self) -> None:
        """Go on after a pause, if what it waited for has come; else nothing."""
        with self._changed:
            self._changed.notify_all()

    def _wait_for_answer(self) -> bool:
        """Wait for what the run asked for; False where the server closes before."""
        end = time.monotonic() + self._form_seconds
        with self._changed:
            while not (self._closed or self._generation.stopped) and self._waits():
                left = end - time.monotonic()
                if left <= 0:
                    break
                # Whoever answers may be a process that cannot wake this one.
                self._changed.wait(min(left, _LOOK_SECONDS))
            self._paused = False
            return not self._closed

    def _run(self) -> None:
        try:
            for step in self._steps:
                with self._changed:
                    self._told.append(step)
                    self._paused = step.name == _PAUSED
                    self._changed.notify_all()
                if step.name == _PAUSED and not self._wait_for_answer():
                    return
        except Exception:
            logger.exception("a run failed")
        with self._changed:
            self.over = True
            self._changed.notify_all()

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def join(self, seconds: float) -> None:
        if self._thread is not None:
            self._thread.join(seconds)

    def left(self, stopped: bool) -> bool:
        """Whether nobody reads: the last connection broke, or is closed at its other end."""
        with self._changed:
            watches, lost = list(self._watches), self._lost
        return lost or (stopped and bool(watches) and all(watch() for watch in watches))

    def reader(
        self,
        client_left: Callable[[], bool],
        ping_seconds: float,
        *,
        snapshot: bool = False,
        through_pauses: bool = False,
    ) -> Steps:
        """What no other reader was given yet, and all that follows, up to a pause or the end.

        With ``snapshot`` the states of the nodes so far come first. Counts as reading from
        here on.
        """
        with self._changed:
            past = self._snapshot() if snapshot else []
            position = self._given
            self._watches.append(client_left)
            self._lost = False
        return self._read(past, position, client_left, ping_seconds, through_pauses)

    def _snapshot(self) -> list[Step]:
        past = self._told[: self._given]
        kept = [step for step in past if step.name in _STATES]
        if past and past[-1].name == _PAUSED and self._paused:
            kept += [step for step in past if step.name in _QUESTIONS][-2:]
        return kept

    def _read(
        self,
        past: list[Step],
        position: int,
        watch: Callable[[], bool],
        ping_seconds: float,
        through_pauses: bool,
    ) -> Steps:
        finished = False
        try:
            yield from past
            if past and past[-1].name == _PAUSED and not through_pauses:
                finished = True
                return
            while not finished:
                step = self._next(position, time.monotonic() + ping_seconds, watch)
                if step is None:
                    finished = True
                    return
                # The first bytes after a client has left are sent without an error.
                left = watch()
                yield step
                if step is not PING_STEP:
                    position += 1
                    if not left:
                        with self._changed:
                            self._given = max(self._given, position)
                finished = step.name == _PAUSED and not through_pauses
        finally:
            with self._changed:
                self._watches.remove(watch)
                self._lost = not finished and not self._watches

    def _next(self, position: int, ping_at: float, watch: Callable[[], bool]) -> Step | None:
        """The step at ``position``, a ping for want of it, or None at the end."""
        look_at = time.monotonic() + LOOK_SECONDS
        while True:
            if time.monotonic() >= look_at:
                look_at = time.monotonic() + LOOK_SECONDS
                if watch():
                    raise ClientLeft("the client left")
            with self._changed:
                if self._closed:
                    return None
                if position < len(self._told):
                    return self._told[position]
                if self.over:
                    return None
                now = time.monotonic()
                if now >= ping_at:
                    return PING_STEP
                self._changed.wait(max(min(ping_at, look_at) - now, 0.0))


class Lives:
    """The live runs, by workflow run id."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._runs: dict[str, LiveRun] = {}
        self.closed = threading.Event()

    def add(self, run_id: str, live: LiveRun) -> None:
        with self._lock:
            self._runs = {key: one for key, one in self._runs.items() if not one.over}
            self._runs[run_id] = live

    def get(self, run_id: str) -> LiveRun | None:
        with self._lock:
            live = self._runs.get(run_id)
        return None if live is None or live.over else live

    def resume(self, run_id: str) -> None:
        live = self.get(run_id)
        if live is not None:
            live.resume()

    def close(self) -> list[LiveRun]:
        """Let nobody read on; the runs, which end when they notice."""
        self.closed.set()
        with self._lock:
            runs = list(self._runs.values())
        for live in runs:
            live.close()
        return runs
