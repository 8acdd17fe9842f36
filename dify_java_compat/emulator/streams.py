"""The life of one streamed answer: pace, pings, pauses, stop, abort, and the client that leaves.

Which events a mode sends is told by its script (``scripts.py``); when they are sent, and what
is stored in the end, is told here and is the same for all modes.
"""

import math
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from typing import NamedTuple

from .replies import PING, frame
from .runs import Run, Runs
from .scripts import Event, Script
from .state import State


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


def frames(stream: Steps) -> Iterator[bytes]:
    """The bytes of the events."""
    with closing(stream):
        for step in stream:
            yield step.frame


def _wait(run: Run, due: float, ping_seconds: float, heard: float) -> Iterator[Step]:
    """Wait until ``due``, with a ping whenever nothing was sent for ``ping_seconds``."""
    while not (run.stopped or run.closed):
        now = time.monotonic()
        if now >= due:
            return
        if now - heard >= ping_seconds:
            heard = now
            yield PING_STEP
        else:
            run.pause(min(due, heard + ping_seconds) - now)


def steps(
    script: Script,
    run: Run,
    runs: Runs,
    state: State,
    *,
    token_pause: float,
    left: Callable[[bool], bool],
    ping_seconds: float = math.inf,
) -> Steps:
    """The events of one answer. After a pause of the flow the next one is asked for late.

    The answer is stored when all was said, or in part when the run was stopped by its user who
    then reads on: ``left``, told whether the run was stopped, says if nobody reads any more. A
    client that merely goes away leaves an empty answer behind, as on the real server, where the
    model runs on for nobody.
    """
    text = ""
    try:
        yield from told(script.opening())
        for _ in range(script.pauses):
            yield from told(script.asking(state))
            if run.stopped or run.closed:
                break
            yield from told(script.answered(state))
        # Tokens are due at fixed times: a slow reader finds them waiting, as behind a model.
        due = heard = time.monotonic()
        if not run.stopped:
            yield from told(script.before_text())
        for piece in script.pieces:
            due += token_pause * isinstance(piece, str)
            yield from _wait(run, due, ping_seconds, heard)
            if run.stopped or run.closed:
                break
            text += script.text_of(piece)
            if isinstance(piece, str):
                yield Step(script.delta_name, script.delta(piece))
            else:
                yield from told([piece])
            if script.must_replace(text):
                break
            heard = time.monotonic()
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
    except GeneratorExit:
        if not (run.stopped or run.closed):
            script.abandoned(state)
        raise
    finally:
        runs.finish(run)


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
