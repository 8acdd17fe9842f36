"""The events of a reply in time: pace, pings, pauses, stop, abort, a client that disconnects.

Which events an app mode sends is decided by its script (the folder ``script``). When they are
sent, and what is stored in the end, is the same for all modes and is decided here.
"""

import json
import math
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from ..http.clock import monotonic
from ..http.reply import PING, encode_event
from ..http.response_writer import ClientDisconnected
from ..model.speaker import ModelFailure
from ..script.base import EventDict, Script
from ..script.flow import ABORTED
from ..store.state import State
from .run import Run, Runs

# Seconds between two checks that the client of a silent connection is still there.
CLIENT_CHECK_SECONDS = 0.5


class Frame(NamedTuple):
    """One server-sent event: its name, and its bytes."""

    name: str
    data: bytes

    def event(self) -> dict[str, Any]:
        """The event, decoded. Not for pings, which have no data."""
        return dict(json.loads(self.data.removeprefix(b"data: ")))


Frames = Generator[Frame, None, None]
PING_FRAME = Frame("ping", PING)


def frames(events: Iterable[EventDict]) -> Iterator[Frame]:
    """The events, ready to send."""
    for event in events:
        yield Frame(event["event"], encode_event(event))


class StreamBody:
    """The bytes of a stream. To close it calls ``at_end``, whether it was begun or not."""

    def __init__(self, stream: Frames, at_end: Callable[[], None]) -> None:
        self._stream = stream
        self._at_end = at_end

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        return next(self._stream).data

    def close(self) -> None:
        self._stream.close()
        self._at_end()


class Pace:
    """Waits until a moment, sends pings meanwhile, and checks that the client is still there.

    ``ping_seconds``: the silence after which a ping is sent.
    """

    def __init__(self, run: Run, ping_seconds: float, client_gone: Callable[[], bool]) -> None:
        self._run = run
        self._ping_seconds = ping_seconds
        self._client_gone = client_gone
        self._last_sent = self._last_check = monotonic()

    def sent(self) -> None:
        """Something was just sent, so that the client is there."""
        self._last_sent = self._last_check = monotonic()

    def check(self) -> Iterator[Frame]:
        """A ping if it is time for one; ``ClientDisconnected`` if the client has disconnected."""
        now = monotonic()
        if now - self._last_check >= CLIENT_CHECK_SECONDS:
            self._last_check = now
            if self._client_gone():
                raise ClientDisconnected("the client disconnected")
        if now - self._last_sent >= self._ping_seconds:
            self._last_sent = now
            yield PING_FRAME

    def until(self, due: float) -> Iterator[Frame]:
        """Wait until ``due``, in seconds of the monotonic clock, or until the run is stopped."""
        run = self._run
        while not (run.stopped or run.closed) and (now := monotonic()) < due:
            yield from self.check()
            ping_at = self._last_sent + self._ping_seconds
            check_at = self._last_check + CLIENT_CHECK_SECONDS
            run.pause(max(min(due, ping_at, check_at) - now, 0.0))


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
