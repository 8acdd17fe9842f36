"""Frames for the machine that reads a stream, and one that has been fed with them."""

from __future__ import annotations

from typing import Any

from dify_java_compat._stream.reader import EventReader

from .support import frame, new_reader

CHAT, EVENTS_PATH = "/v1/chat-messages", "/v1/workflow/w-1/events"
PING = b"event: ping\n\n"
MESSAGE = frame("message", answer="x", message_id="m-1", conversation_id="c-1")
END = frame("message_end")
STARTED = frame("workflow_started", workflow_run_id="w-1", data={"id": "w-1"})
SPEECH = frame("tts_message", audio="")
PAUSED = frame("workflow_paused", data={"id": "w-1"})
ERROR = b'data: {"event":"error","status":400,"code":"invalid_param","message":"no"}\n\n'
IDLE, FIRST_EVENT, GRACE = 60.0, 300.0, 2.0
STOPS = ["Aborted: User requested stop", "Run failed: Aborted: User requested stop"]


def finished(status: str, error: Any = None) -> bytes:
    return frame("workflow_finished", data={"id": "w-1", "status": status, "error": error})


def node(title: Any, error: Any, status: str = "failed") -> bytes:
    return frame(
        "node_finished", data={"id": "n", "title": title, "status": status, "error": error}
    )


def begun(path: str = CHAT, *, idle: float | None = IDLE, **config: Any) -> EventReader:
    """A reader of the response to a request that was sent at 0."""
    reader = new_reader(**config)
    reader.begin(path, 0.0, 0.0, idle=idle, first_event=FIRST_EVENT)
    return reader


def fed(*frames: bytes, path: str = CHAT, **config: Any) -> EventReader:
    """A reader that has got these, the first at 1, then one a second."""
    reader = begun(path, **config)
    for now, each in enumerate(frames, 1):
        reader.receive(each, float(now))
    return reader


def ended(*frames: bytes, path: str = CHAT, **config: Any) -> EventReader:
    reader = fed(*frames, path=path, **config)
    reader.receive_end()
    return reader
