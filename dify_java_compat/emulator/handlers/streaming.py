"""How a reply is streamed, from this connection or from a run in the background."""

from contextlib import closing

from ..http.clock import monotonic
from ..http.errors import ApiError, ServerCrash
from ..http.reply import EVENT_STREAM, Reply
from ..runs.background import BackgroundRun
from ..runs.frames import Frames, StreamBody, frames
from ..runs.pings import CLIENT_CHECK_SECONDS, PING_FRAME
from ..runs.run import Run
from ..runs.speech import with_speech
from ..runs.stream import Emitter
from ..script.base import Script
from .call import Call, client_gone


def stream_of(call: Call, script: Script, run: Run) -> StreamBody:
    """The events of the reply, from this connection or from a run in the background."""
    gone, settings = client_gone(call.request), call.settings
    pinged = call.app.flows and call.version.pings_first
    if script.in_background:
        background = start_in_background(call, script, run)
        stream = background.reader(gone, settings.ping_seconds)
        return StreamBody(_pinged(stream) if pinged else stream, lambda: None)
    emitter = Emitter(
        script,
        run,
        call.runs,
        call.state,
        settings.token_pause,
        has_no_reader=lambda stopped: stopped and gone(),
        client_gone=gone,
        ping_seconds=settings.ping_seconds,
    )
    stream = with_speech(emitter.emit(), script) if call.app.speaks else emitter.emit()
    if script.lingers and call.app.flows and call.version.lingers:
        stream = _lingering(call, stream)
    return StreamBody(_pinged(stream) if pinged else stream, lambda: call.runs.finish(run))


def _pinged(stream: Frames) -> Frames:
    """``stream`` with a ping before it."""
    with closing(stream):
        yield PING_FRAME
        yield from stream


def _lingering(call: Call, stream: Frames) -> Frames:
    """``stream``, and then a silence without pings."""
    with closing(stream):
        yield from stream
    gone, end = client_gone(call.request), monotonic() + call.settings.linger_seconds
    while not gone() and (remaining := end - monotonic()) > 0:
        if call.background.closed.wait(min(remaining, CLIENT_CHECK_SECONDS)):
            return


def refused_in_stream(call: Call, error: ApiError | ServerCrash) -> Reply:
    """A stream with nothing but an event about what is wrong with the request.

    The real server notices it in another process, when it has begun to respond.
    """
    why = error.correct if isinstance(error, ServerCrash) else error
    event = {"event": "error", "message": why.message if why else str(error), "status": 500}

    def stream() -> Frames:
        yield from frames([event])

    body = StreamBody(_pinged(_lingering(call, stream())), lambda: None)
    return Reply(200, body, EVENT_STREAM)


def start_in_background(call: Call, script: Script, run: Run) -> BackgroundRun:
    settings = call.settings
    background = BackgroundRun(run, lambda: script.is_waiting(call.state), settings.form_seconds)
    call.background.add(script.run_id, background)
    has_no_reader = (lambda _: False) if call.version.keeps_running else background.has_no_reader
    emitter = Emitter(script, run, call.runs, call.state, settings.token_pause, has_no_reader)
    background.start(with_speech(emitter.emit(), script) if call.app.speaks else emitter.emit())
    return background
