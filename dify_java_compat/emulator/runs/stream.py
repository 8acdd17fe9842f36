"""The events of a reply in time: pace, pings, pauses, stop, abort, a client that disconnects.

Which events an app mode sends is decided by its script (the folder ``script``). When they are
sent, and what is stored in the end, is the same for all modes and is decided here.
"""

import math
from collections.abc import Callable, Generator
from dataclasses import dataclass

from ..http.clock import monotonic
from ..http.response_writer import ClientDisconnected
from ..model.speaker import ModelFailure
from ..script.base import EventDict, Script
from ..script.flow import ABORTED
from ..store.state import State
from .frames import Frame, Frames, frames
from .pings import Pace
from .run import Run, Runs


@dataclass
class Emitter:
    """Emits the events of one reply, and stores what is to be kept of it.

    The reply is stored when all of it was emitted, or in part when its user stopped the run and
    still reads: ``has_no_reader`` gets whether the run was stopped, and says whether nobody
    reads any more. Where a client merely disconnects, which ``client_gone`` says while the reply
    is emitted, the stored reply stays empty, as on the real server.
    """

    script: Script
    run: Run
    runs: Runs
    state: State
    token_pause: float
    """Seconds between two tokens."""
    has_no_reader: Callable[[bool], bool]
    client_gone: Callable[[], bool] = lambda: False
    ping_seconds: float = math.inf

    def emit(self) -> Frames:
        """All events. After a pause the next one must only be taken when the run goes on."""
        script, run = self.script, self.run
        try:
            yield from self._opening()
            text = yield from self._text()
            yield from self._ending(text)
        except ModelFailure as failure:
            yield from frames(fail(script, self.state, failure))
        except (GeneratorExit, ClientDisconnected):
            if not (run.stopped or run.closed):
                script.abandoned(self.state)
            raise
        finally:
            script.turn.speaker.close()
            self.runs.finish(run)

    def _opening(self) -> Frames:
        script, run = self.script, self.run
        yield from frames(script.opening())
        for _ in range(script.pause_count):
            yield from frames(script.pause(self.state))
            run.paused = False
            if run.stopped or run.closed:
                break
            yield from frames(script.resume(self.state))

    def _text(self) -> Generator[Frame, None, str]:
        """The events of the text; returns the text."""
        script, run, speaker = self.script, self.run, self.script.turn.speaker
        # Tokens are due at fixed times: for a slow reader they queue up, as with a model.
        due = monotonic() + speaker.delay
        pace = Pace(run, self.ping_seconds, self.client_gone)
        text = ""
        if not run.stopped:
            yield from frames(script.before_text())
        yield from pace.until(due)
        for piece in script.pieces:
            if piece is None:
                yield from pace.check()
            elif isinstance(piece, str) and not speaker.own_pace:
                due += self.token_pause
                yield from pace.until(due)
            if run.stopped or run.closed:
                break
            if piece is None:
                continue
            text += script.text_of(piece)
            if isinstance(piece, str):
                yield Frame(script.delta_name, script.delta(piece))
            else:
                yield from frames([piece])
            if script.must_replace(text):
                break
            pace.sent()
        return text

    def _ending(self, text: str) -> Frames:
        script, run = self.script, self.run
        stopped = run.stopped
        if stopped:
            run.settle()
        if run.closed:
            return
        events, final = ending(script, run, text, stopped=stopped)
        if stopped and run.lost and script.can_abort:
            self.state.fail_message(script.turn.message_id, ABORTED)
        elif not self.has_no_reader(stopped):
            script.store(self.state, final, stopped=stopped)
        script.conclude(self.state, events)
        yield from frames(events)


def fail(script: Script, state: State, failure: ModelFailure) -> list[EventDict]:
    """The last events where the model failed; keeps why there is no reply."""
    events = script.failed(failure)
    state.fail_message(script.turn.message_id, script.reported(failure).message)
    script.conclude(state, events)
    return events


def ending(script: Script, run: Run, text: str, *, stopped: bool) -> tuple[list[EventDict], str]:
    """The last events, and the text to keep."""
    if stopped and run.lost and script.can_abort:
        return script.aborted(), ""
    if stopped:
        return script.stopped(), text
    if script.must_replace(text):
        return script.replaced(), script.replacement
    if run.aborted and script.can_abort:
        return script.aborted(), text
    final = script.final(text)
    return [*script.last_deltas(), *script.closing(final)], final
