"""An OpenAI-like server: it responds to each request by a list of writes."""

from __future__ import annotations

import threading
from typing import Any

from tests.support.frames import data_frame
from tests.support.server import Peer, ScriptedServer

DONE = b"data: [DONE]\n\n"
WAIT = object()
"""In place of a write: hold until the client is gone."""


def delta(text: str | None, finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": finish}
    return data_frame({"choices": [choice]})


class OpenAiLike(ScriptedServer):
    """Writes the same to every request; ``gone`` is set once a client leaves it waiting."""

    def __init__(self, *writes: Any) -> None:
        super().__init__(self._respond)
        self.url += "/v1"
        self.gone = threading.Event()
        self._writes = writes

    def _respond(self, peer: Peer) -> None:
        if peer.receive() is None:
            return
        for write in self._writes:
            if write is WAIT:
                peer.wait_closed()
                self.gone.set()
            else:
                peer.send(write)

    def __enter__(self) -> OpenAiLike:
        super().__enter__()
        return self
