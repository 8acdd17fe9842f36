"""The life of one streamed answer: pace, pings, pauses, stop, abort, and the client that leaves.

Which events a mode sends is told by its script (``scripts.py``); when they are sent, and what
is stored in the end, is told here and is the same for all modes.
"""

import math
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import NamedTuple

from ..http.reply import PING, frame
from ..http.response_writer import ClientLeft
from ..model.speaker import ModelFailure
from ..script.base import Event, Script
from ..store.state import State
from .run import Run, Runs

# How long a client that says nothing may be gone before it is noticed.
LOOK_SECONDS = 0.5


class Step(NamedTuple):
    """One server-sent event: its name, and its bytes."""

    name: str
    frame: bytes


Steps = Generator[Step, None, None]
PING_STEP = Step("ping", PING)


def told(events: Iterable[Event]) -> Iterator[Step]:
    """The events, ready to send."""
    for event in events:
        yield Step(event["event"], frame(event))


class Frames:
    """The bytes of events. What is to be done at their end is done, were they begun or not."""

    def __init__(self, told: Steps, at_end: Callable[[], None]) -> None:
        self._told = told
        self._at_end = at_end

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        return next(self._told).frame

    def close(self) -> None:
        self._told.close()
        self._at_end()


class Pace:
    """Waits until something is due: with pings in silence, and an eye on the client."""

    def __init__(self, run: Run, ping_seconds: float, gone: Callable[[], bool]) -> None:
        self._run = run
        self._ping_seconds = ping_seconds
        self._gone = gone
        self._heard = self._looked = time.monotonic()

    def heard(self) -> None:
        """Something was just sent, so that the client is there."""
        self._heard = self._looked = time.monotonic()

    def look(self) -> Iterator[Step]:
        """A ping if it is time for one; ``ClientLeft`` if nobody is there to hear it."""
        now = time.monotonic()
        if now - self._looked >= LOOK_SECONDS:
            self._looked = now
            if self._gone():
                raise ClientLeft("the client left")
        if now - self._heard >= self._ping_seconds:
            self._heard = now
            yield PING_STEP

    def until(self, due: float) -> Iterator[Step]:
        run = self._run
        while not (run.stopped or run.closed) and (now := time.monotonic()) < due:
            yield from self.look()
            ping_at, look_at = self._heard + self._ping_seconds, self._looked + LOOK_SECONDS
            run.pause(max(min(due, ping_at, look_at) - now, 0.0))


def steps(
    script: Script,
    run: Run,
    runs: Runs,
    state: State,
    *,
    token_pause: float,
    left: Callable[[bool], bool],
    gone: Callable[[], bool] = lambda: False,
    ping_seconds: float = math.inf,
) -> Steps:
    """The events of one answer. After a pause of the flow the next one is asked for late.

    The answer is stored when all was said, or in part when the run was stopped by its user who
    then reads on: ``left``, told whether the run was stopped, says if nobody reads any more. A
    client that merely goes away, as ``gone`` says in between, leaves an empty answer behind, as
    on the real server, where the model runs on for nobody.
    """
    text, speaker = "", script.turn.speaker
    try:
        yield from told(script.opening())
        for _ in range(script.pauses):
            yield from told(script.asking(state))
            if run.stopped or run.closed:
                break
            yield from told(script.answered(state))
        # Tokens are due at fixed times: a slow reader finds them waiting, as behind a model.
        due, pace = time.monotonic() + speaker.delay, Pace(run, ping_seconds, gone)
        if not run.stopped:
            yield from told(script.before_text())
        yield from pace.until(due)
        for piece in script.pieces:
            if piece is None:
                yield from pace.look()
            elif isinstance(piece, str) and not speaker.own_pace:
                due += token_pause
                yield from pace.until(due)
            if run.stopped or run.closed:
                break
            if piece is None:
                continue
            text += script.text_of(piece)
            if isinstance(piece, str):
                yield Step(script.delta_name, script.delta(piece))
            else:
                yield from told([piece])
            if script.must_replace(text):
                break
            pace.heard()
        stopped = run.stopped
        if stopped:
            run.settle()
        if run.closed:
            return
        events, answer = ending(script, run, text, stopped=stopped)
        if not left(stopped):
            script.store(state, answer, stopped=stopped)
        script.conclude(state, events)
        yield from told(events)
    except ModelFailure as failure:
        yield from told(fail(script, state, failure))
    except (GeneratorExit, ClientLeft):
        if not (run.stopped or run.closed):
            script.abandoned(state)
        raise
    finally:
        speaker.close()
        runs.finish(run)


def fail(script: Script, state: State, failure: ModelFailure) -> list[Event]:
    """The last events where the model failed, with what is kept of it."""
    events = script.failed(failure)
    state.fail_message(script.turn.message_id, script.reported(failure).message)
    script.conclude(state, events)
    return events


def ending(script: Script, run: Run, text: str, *, stopped: bool) -> tuple[list[Event], str]:
    """The last events, and the answer to keep."""
    if stopped:
        return script.stopped(), text
    if script.must_replace(text):
        return script.replaced(), script.replacement
    if run.aborted and script.can_abort:
        return script.aborted(), text
    answer = script.final(text)
    return [*script.last_deltas(), *script.closing(answer)], answer
