"""Speech in a stream, for an app that reads its text out by itself."""

import base64
import re
from contextlib import closing

from ..model.prose import speech
from ..model.speaker import TEXT_EVENTS
from ..script.base import EventDict, Script
from .frames import Frames, frames

_SENTENCE_END = re.compile(r"[.!?。！？]")


def with_speech(stream: Frames, script: Script) -> Frames:
    """``stream`` with a piece of speech after each sentence, and the rest behind the last event.

    A chatflow's is cut at its end in Dify 1.14.
    """
    text, count = "", 0
    cut = script.in_background and script.turn.version.cuts_speech
    with closing(stream):
        for frame in stream:
            yield frame
            if frame.name not in TEXT_EVENTS:
                continue
            piece = frame.event().get("answer", "")
            text += piece
            if _SENTENCE_END.search(piece):
                yield from frames([_speech_event(script, speech(piece)[0])])
                count += 1
    if cut:
        return
    rest = [_speech_event(script, sound) for sound in speech(text)[count:]]
    yield from frames([*rest, script.event("tts_message_end", audio="")])


def _speech_event(script: Script, sound: bytes) -> EventDict:
    return script.event("tts_message", audio=base64.b64encode(sound).decode())
