"""Speech in a stream: the answer of an app that reads its text out by itself."""

import base64
import json
import re
from contextlib import closing

from ..model.prose import speech
from ..model.speaker import TEXT_EVENTS
from ..script.base import Event, Script
from .stream import Steps, told

_SENTENCE = re.compile(r"[.!?。！？]")


def spoken(stream: Steps, script: Script) -> Steps:
    """``stream`` with a piece of speech after each sentence, and the rest behind the last event."""
    text, given = "", 0
    with closing(stream):
        for step in stream:
            yield step
            if step.name not in TEXT_EVENTS:
                continue
            said = json.loads(step.frame.removeprefix(b"data: ")).get("answer", "")
            text += said
            if _SENTENCE.search(said):
                yield from told([_piece(script, speech(said)[0])])
                given += 1
    rest = [_piece(script, sound) for sound in speech(text)[given:]]
    yield from told([*rest, script.event("tts_message_end", audio="")])


def _piece(script: Script, sound: bytes) -> Event:
    return script.event("tts_message", audio=base64.b64encode(sound).decode())
