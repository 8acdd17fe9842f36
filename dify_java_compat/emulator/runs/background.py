"""Runs of chatflows and workflows that go on in the background, whoever reads them.

The contract. A run plays in a thread of its own and keeps all its events. A reader gets those
that were not delivered yet to any reader, then those to come, up to a pause or the end; an event
counts as delivered when it was sent to a client that was still there. A live reader, which all but
the first are in Dify 1.14, gets those to come alone. The run goes on when its last reader's client
disconnects; its reply is not stored then, unless somebody reads again before the end, or the run
keeps it anyhow. A pause holds the thread until ``resume`` finds that the form was submitted, until
the form expires, until the run is stopped, or until the server closes.

::

               workflow_paused
    RUNNING ----------------------> PAUSED
       |    <----------------------
       |   submitted, expired, stopped
       | last event
       v
     ENDED         any state -- close() --> CLOSED
"""

import contextlib
import logging
import math
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import Enum, auto

from ..http.clock import monotonic
from ..http.response_writer import ClientDisconnected
from .frames import Frame, Frames
from .pings import CLIENT_CHECK_SECONDS, PING_FRAME
from .run import Run

logger: logging.Logger = logging.getLogger("dify_java_compat.emulator")
_PAUSED, _FINISHED = "workflow_paused", "workflow_finished"
_NODE_STATES = ("workflow_started", "node_started", "node_finished")
_FORM_EVENTS = ("human_input_required", _PAUSED)
# Seconds between two looks into the database for what another process may have written.
POLL_SECONDS = 0.1
# How long a live reader waits for an event of a run that is not over.
_LIVE_SECONDS = 300.0


class RunState(Enum):
    """The states of a run in the background, drawn above."""

    RUNNING = auto()
    PAUSED = auto()
    ENDED = auto()
    CLOSED = auto()


@dataclass(eq=False)
class _Reader:
    client_gone: Callable[[], bool]
    ping_seconds: float
    through_pauses: bool
    stays: bool = False
    """Whether it goes on behind the end of the run."""
    linger_seconds: float = math.inf
    """How long it stays behind the end of the run, with pings."""

    last_event: float = field(default_factory=monotonic)

    def gives_up_at(self, run_ended: bool) -> float:
        """When it has waited for an event long enough."""
        if math.isinf(self.linger_seconds):
            return math.inf
        return self.last_event + (self.linger_seconds if run_ended else _LIVE_SECONDS)

    def ends_with(self, frame: Frame) -> bool:
        return frame.name == _PAUSED and not self.through_pauses


class BackgroundRun:
    """One run in a thread of its own, with its events so far and its readers.

    ``is_waiting``: whether a paused run still has to wait. ``form_seconds``: how long it waits at
    most.
    """

    def __init__(self, run: Run, is_waiting: Callable[[], bool], form_seconds: float) -> None:
        self._run = run
        run.on_stop = self.resume
        self._is_waiting = is_waiting
        self._form_seconds = form_seconds
        self._thread: threading.Thread | None = None
        # Guards all that follows, and is notified when any of it changes.
        self._changed = threading.Condition()
        self._state = RunState.RUNNING
        # All events so far, and how many of them a reader got whose client was there.
        self._events: list[Frame] = []
        self._delivered = 0
        self._readers: list[_Reader] = []
        # The last reader went away before a pause or the end.
        self._last_reader_lost = False

    @property
    def ended(self) -> bool:
        return self._state is RunState.ENDED

    def start(self, stream: Frames) -> None:
        """Play ``stream`` in a thread."""
        name = "dify-emulator-run"
        self._thread = threading.Thread(target=self._play, args=(stream,), name=name, daemon=True)
        self._thread.start()

    def resume(self) -> None:
        """Go on after a pause, if the run need not wait any more; else do nothing."""
        with self._changed:
            self._changed.notify_all()

    def close(self) -> None:
        """End the readers' streams and a pause."""
        with self._changed:
            self._enter(RunState.CLOSED)

    def join(self, seconds: float) -> None:
        if self._thread is not None:
            self._thread.join(seconds)

    def has_no_reader(self, stopped: bool) -> bool:
        """Whether nobody reads: the last connection broke, or is closed by its client.

        The connections are only checked where the run was ``stopped``.
        """
        with self._changed:
            readers, lost = list(self._readers), self._last_reader_lost
        return lost or (stopped and bool(readers) and all(one.client_gone() for one in readers))

    def live_reader(
        self,
        client_gone: Callable[[], bool],
        ping_seconds: float,
        linger_seconds: float,
        *,
        snapshot: Callable[[list[Frame], bool], list[Frame]] | None = None,
        through_pauses: bool = False,
    ) -> Frames | None:
        """The events to come, up to a pause or the end; None where the run's last one has come.

        ``snapshot`` makes what comes first of the events so far, and of whether the run is
        paused. With ``through_pauses`` and without a snapshot neither a pause nor the end ends
        it, but a silence of ``linger_seconds`` behind the end.
        """
        stays = through_pauses and snapshot is None
        reader = _Reader(client_gone, ping_seconds, through_pauses, stays, linger_seconds)
        with self._changed:
            if any(frame.name == _FINISHED for frame in self._events):
                return None  # though its thread may not have ended yet
            paused = self._state is RunState.PAUSED
            past = [PING_FRAME]
            past += snapshot(self._events, paused) if snapshot is not None else []
            position = len(self._events)
            self._readers.append(reader)
        return self._read(reader, past, position)

    def reader(
        self,
        client_gone: Callable[[], bool],
        ping_seconds: float,
        *,
        snapshot: bool = False,
        through_pauses: bool = False,
    ) -> Frames:
        """The events not delivered yet and those to come, up to a pause or the end.

        With ``snapshot`` the states of the nodes so far come first, with ``through_pauses`` a
        pause does not end it. ``ping_seconds``: the silence after which a ping is sent. The run
        has a reader from here on, not only from the first event. Raises ``ClientDisconnected``
        where the client disconnects in a silence.
        """
        reader = _Reader(client_gone, ping_seconds, through_pauses)
        with self._changed:
            past = self._snapshot() if snapshot else []
            position = self._delivered
            self._readers.append(reader)
            self._last_reader_lost = False
        return self._read(reader, past, position)

    # -- the run's thread

    def _play(self, stream: Frames) -> None:
        try:
            for frame in stream:
                paused = frame.name == _PAUSED
                self._run.paused = paused
                with self._changed:
                    self._events.append(frame)
                    self._enter(RunState.PAUSED if paused else RunState.RUNNING)
                if paused and not self._wait_for_form():
                    return
        except Exception:
            logger.exception("a run failed")
        with self._changed:
            self._enter(RunState.ENDED)

    def _wait_for_form(self) -> bool:
        """Wait while the run is paused; False where the server closes meanwhile."""
        end = monotonic() + self._form_seconds
        with self._changed:
            while self._state is RunState.PAUSED and not self._run.stopped and self._is_waiting():
                remaining = end - monotonic()
                if remaining <= 0:
                    break
                # The form may be submitted to another process, which cannot wake this one.
                self._changed.wait(min(remaining, POLL_SECONDS))
            self._enter(RunState.RUNNING)
            return self._state is RunState.RUNNING

    def _enter(self, state: RunState) -> None:
        """Change the state; nothing follows after CLOSED."""
        if self._state is not RunState.CLOSED:
            self._state = state
        self._changed.notify_all()

    # -- the readers

    def _snapshot(self) -> list[Frame]:
        """Of the events delivered so far, the states of the nodes and the form that is open."""
        past = self._events[: self._delivered]
        kept = [frame for frame in past if frame.name in _NODE_STATES]
        if past and past[-1].name == _PAUSED and self._state is RunState.PAUSED:
            kept += [frame for frame in past if frame.name in _FORM_EVENTS][-2:]
        return kept

    def _read(self, reader: _Reader, past: list[Frame], position: int) -> Frames:
        complete = False
        try:
            yield from past
            complete = bool(past) and reader.ends_with(past[-1])
            reader.last_event = monotonic()
            while not complete:
                frame = self._next(reader, position, monotonic() + reader.ping_seconds)
                if frame is None:
                    complete = True
                    break
                if frame is PING_FRAME:
                    yield frame
                    continue
                reader.last_event = monotonic()
                position += 1
                # Checked before: the first bytes after a disconnect are sent without an error.
                with self._delivering(position, is_seen=not reader.client_gone()):
                    yield frame
                complete = reader.ends_with(frame)
        finally:
            with self._changed:
                self._readers.remove(reader)
                self._last_reader_lost = not complete and not self._readers

    @contextlib.contextmanager
    def _delivering(self, position: int, *, is_seen: bool) -> Iterator[None]:
        """Count the event before ``position`` as delivered; not where sending it fails within.

        First, for who has it may ask for those that follow before its sender goes on.
        """
        with self._changed:
            before = self._delivered
            if is_seen:
                self._delivered = max(before, position)
        try:
            yield
        except GeneratorExit:
            with self._changed:
                if self._delivered == position:
                    self._delivered = before
            raise

    def _next(self, reader: _Reader, position: int, ping_at: float) -> Frame | None:
        """The event at ``position``, a ping if none comes until then, None at the end."""
        check_at = monotonic() + CLIENT_CHECK_SECONDS
        while True:
            if monotonic() >= check_at:
                check_at = monotonic() + CLIENT_CHECK_SECONDS
                if reader.client_gone():
                    raise ClientDisconnected("the client disconnected")
            with self._changed:
                if self._state is RunState.CLOSED:
                    return None
                if position < len(self._events):
                    return self._events[position]
                if self.ended and not reader.stays:
                    return None
                now, end = monotonic(), reader.gives_up_at(self.ended)
                if now >= end:
                    return None
                now = monotonic()
                if now >= ping_at:
                    return PING_FRAME
                self._changed.wait(max(min(ping_at, check_at, end) - now, 0.0))


class BackgroundRuns:
    """The runs in the background, by workflow run id. ``closed`` is set when the server closes."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._runs: dict[str, BackgroundRun] = {}
        self.closed: threading.Event = threading.Event()

    def add(self, run_id: str, run: BackgroundRun) -> None:
        with self._lock:
            self._runs = {key: one for key, one in self._runs.items() if not one.ended}
            self._runs[run_id] = run

    def get(self, run_id: str) -> BackgroundRun | None:
        """The run of that id, unless it has ended."""
        with self._lock:
            run = self._runs.get(run_id)
        return None if run is None or run.ended else run

    def resume(self, run_id: str) -> None:
        run = self.get(run_id)
        if run is not None:
            run.resume()

    def close(self) -> list[BackgroundRun]:
        """Close all runs; these, whose threads end when they notice."""
        self.closed.set()
        with self._lock:
            runs = list(self._runs.values())
        for run in runs:
            run.close()
        return runs
