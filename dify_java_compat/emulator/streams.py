"""The life of one streamed answer: pace, pings, stop, abort, and the client that leaves.

Which events a mode sends is told by its script (``scripts.py``); when they are sent, and what
is stored in the end, is told here and is the same for all modes.
"""

import time
from collections.abc import Callable, Iterator

from .replies import PING, frame
from .runs import Run, Runs
from .scripts import Script
from .state import State


def _wait(run: Run, due: float, ping_seconds: float, heard: float) -> Iterator[bytes]:
    """Wait until ``due``, with a ping whenever nothing was sent for ``ping_seconds``."""
    while not (run.stopped or run.closed):
        now = time.monotonic()
        if now >= due:
            return
        if now - heard >= ping_seconds:
            heard = now
            yield PING
        else:
            run.pause(min(due, heard + ping_seconds) - now)


def stream(
    script: Script,
    run: Run,
    runs: Runs,
    state: State,
    *,
    token_pause: float,
    ping_seconds: float,
    client_left: Callable[[], bool],
) -> Iterator[bytes]:
    """The events of one answer, one piece of bytes each.

    The answer is stored when all was said, or in part when the run was stopped by its user who
    then reads on. A client that merely goes away leaves an empty answer behind, as on the real
    server, where the model runs on for nobody.
    """
    said: list[str] = []
    try:
        for event in script.opening():
            yield frame(event)
        # Tokens are due at fixed times: a slow reader finds them waiting, as behind a model.
        due = heard = time.monotonic()
        for token in script.turn.tokens:
            due += token_pause
            yield from _wait(run, due, ping_seconds, heard)
            if run.stopped or run.closed:
                break
            said.append(token)
            yield script.delta(token)
            heard = time.monotonic()
        stopped = run.stopped
        if stopped:
            run.settle()
        if run.closed or (stopped and client_left()):
            return
        answer = "".join(said)
        script.store(state, answer, stopped=stopped)
        if stopped:
            events = script.stopped()
        elif run.aborted and script.can_abort:
            events = script.aborted()
        else:
            events = script.closing(answer)
            for _ in range(script.empty_deltas):
                yield script.delta("")
        for event in events:
            yield frame(event)
    except GeneratorExit:
        if not (run.stopped or run.closed):
            script.abandoned(state)
        raise
    finally:
        runs.finish(run)
