"""The recordings, read without the client's own code.

What a recording must lead to is decided by its bytes: dechunked here, cut into events here, judged
here. So a recording that is added later needs no line in any test.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

DATA = Path(__file__).parent / "data"
# recordings that are newer than the copy in `data`, where this checkout has them beside it
NEWER = Path(__file__).resolve().parents[3] / "shared" / "recordings"
# the same of a Dify 1.14
DATA_1_14 = DATA.parent / "data-1.14"
NEWER_1_14 = NEWER.parent / "recordings-1.14"

TERMINAL = ("message_end", "workflow_finished", "workflow_paused", "error")

COMPLETED, FAILED, CUT = "completed", "failed", "cut"


class Recording:
    """One recorded exchange."""

    def __init__(self, folder: Path, *, only: int | None = None) -> None:
        """`only`: as if the connection had been cut after so many bytes."""
        self.name = folder.name
        self._folder = folder
        self.raw = (folder / "response.raw").read_bytes()[:only]
        timeline = folder / "timeline.json"
        self.timeline: list[dict[str, Any]] | None = (
            json.loads(timeline.read_bytes()) if timeline.exists() else None
        )
        head, _, self.request_body = (folder / "request.http").read_bytes().partition(b"\r\n\r\n")
        line, self.request_headers = _head(head)
        self.method, self.target, _ = line.split(" ")
        head, _, self.framed_body = self.raw.partition(b"\r\n\r\n")
        while head.startswith(b"HTTP/1.1 1"):  # an interim answer: the real one follows
            head, _, self.framed_body = self.framed_body.partition(b"\r\n\r\n")
        line, self.headers = _head(head)
        self.status = int(line.split(" ")[1])

    def __repr__(self) -> str:
        return self.name

    def cut(self, length: int) -> Recording:
        return Recording(self._folder, only=length)

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def content_type(self) -> str:
        return self.headers.get("content-type", "").partition(";")[0]

    @property
    def is_stream(self) -> bool:
        return self.status == 200 and self.content_type == "text/event-stream"

    @functools.cached_property
    def _unframed(self) -> tuple[bytes, bool]:
        if self.headers.get("transfer-encoding") == "chunked":
            return dechunked(self.framed_body)
        if "content-length" in self.headers:
            length = int(self.headers["content-length"])
            return self.framed_body[:length], len(self.framed_body) >= length
        return self.framed_body, True

    @property
    def body(self) -> bytes:
        return self._unframed[0]

    @property
    def is_whole(self) -> bool:
        """Whether the body came to the end that its framing promised."""
        return self._unframed[1]

    @functools.cached_property
    def json(self) -> Any:
        return json.loads(self.body)

    @functools.cached_property
    def event_data(self) -> list[bytes]:
        """The data of each event that came whole; Dify writes one `data: ` line an event."""
        frames = self.body.split(b"\n\n")[:-1]
        return [frame[6:] for frame in frames if frame.startswith(b"data: ")]

    @functools.cached_property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(data) for data in self.event_data]

    @property
    def error_event(self) -> dict[str, Any] | None:
        return next((event for event in self.events if event["event"] == "error"), None)

    @property
    def failed_run(self) -> dict[str, Any] | None:
        """The data of a run that failed, which a stop is not."""
        ends = (event["data"] for event in self.events if event["event"] == "workflow_finished")
        failed = (data for data in ends if data["status"] == "failed")
        return next((data for data in failed if not is_stop(data["error"])), None)

    @property
    def ending(self) -> str:
        error = self.error_event
        if error is not None and not is_stop(error["message"]):
            return FAILED
        if self.failed_run is not None and self.is_whole:
            return FAILED
        ended = any(event["event"] in TERMINAL for event in self.events)
        return COMPLETED if ended and self.is_whole else CUT

    def last(self, name: str) -> Any:
        """The last value that any event has for an id."""
        return next((event[name] for event in reversed(self.events) if event.get(name)), None)

    @property
    def answer(self) -> str:
        """The answer the events tell, by the rules a reader of Dify's documents would follow."""
        text = ""
        for event in self.events:
            if event["event"] in ("message", "agent_message", "message_file"):
                text += event.get("answer", "")
            elif event["event"] == "message_replace":
                text = event["answer"]
            elif event["event"] == "workflow_finished":
                text = (event["data"]["outputs"] or {}).get("answer", text)
        return text


def is_stop(text: str) -> bool:
    return text.removeprefix("Run failed: ") == "Aborted: User requested stop"


def dechunked(framed: bytes) -> tuple[bytes, bool]:
    """The body and whether its last chunk came."""
    body, position = b"", 0
    while (line_end := framed.find(b"\r\n", position)) >= 0:
        size = int(framed[position:line_end], 16)
        if size == 0:
            return body, True
        body += framed[line_end + 2 : line_end + 2 + size]
        position = line_end + 2 + size + 2
    return body, False


def _head(head: bytes) -> tuple[str, dict[str, str]]:
    line, *fields = head.decode("latin-1").split("\r\n")
    pairs = (field.partition(":") for field in fields)
    return line, {name.lower(): value.strip() for name, _, value in pairs}


def folders(copy: Path, newer: Path) -> Iterable[Path]:
    """The cases of `copy`, then those of `newer` that it lacks."""
    have = sorted(path.parent for path in copy.glob("*/response.raw"))
    names = {folder.name for folder in have}
    more = sorted(path.parent for path in newer.glob("*/response.raw"))
    return [*have, *(folder for folder in more if folder.name not in names)]


@functools.cache
def recordings() -> tuple[Recording, ...]:
    return tuple(Recording(folder) for folder in folders(DATA, NEWER))


@functools.cache
def recordings_1_14() -> tuple[Recording, ...]:
    return tuple(Recording(folder) for folder in folders(DATA_1_14, NEWER_1_14))


def named(name: str) -> Recording:
    return next(recording for recording in recordings() if recording.name == name)


STREAMS = [recording for recording in recordings() if recording.is_stream]
STREAMS_1_14 = [recording for recording in recordings_1_14() if recording.is_stream]
