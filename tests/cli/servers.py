"""A server for the command: it responds by the end of the path, and waits where a test says so."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from tests.support import frames
from tests.support.frames import CLOSING_STREAM_HEAD, response
from tests.support.server import Peer, ScriptedServer

KEY = "app-0123456789abcdefghijklmn"
USAGE = {"total_tokens": 7, "total_price": "0.0000420", "currency": "USD", "latency": 1.25}

Responder = Callable[["Server", Peer], None]


def message_end(**usage: Any) -> bytes:
    return frames.message_end(**{**USAGE, **usage})


class Server(ScriptedServer):
    """Each request gets what `responses` has for the end of its path; a stop call, a success.

    A response is bytes, or a function that writes to the connection, which is closed then;
    `stopped` is set once a stop call came in.
    """

    def __init__(self, **responses: bytes | Responder) -> None:
        super().__init__(self._respond)
        self.stopped = threading.Event()
        self._responses = responses

    @property
    def env(self) -> dict[str, str]:
        """What makes it the command's server."""
        return {"DIFY_URL": self.url, "DIFY_API_KEY": KEY}

    @property
    def lines(self) -> list[str]:
        return [request.line for request in self.requests]

    def _respond(self, peer: Peer) -> None:
        while request := peer.receive():
            name = request.target.rpartition("/")[2].replace("-", "_")
            answer = self._responses.get(name, response(b'{"result":"success"}'))
            if name == "stop":
                self.stopped.set()
            if not isinstance(answer, bytes):
                answer(self, peer)
                return
            peer.send(answer)

    def __enter__(self) -> Server:
        super().__enter__()
        return self


def held(
    *first: bytes, until: Callable[[Server], threading.Event], then: tuple[bytes, ...] = ()
) -> Responder:
    """A stream that sends `first`, and `then` once an event has happened."""

    def respond(server: Server, peer: Peer) -> None:
        peer.send(CLOSING_STREAM_HEAD + b"".join(first))
        while not until(server).wait(0.1) and not server.closing.is_set():
            pass  # a test that failed closes the server
        peer.send(b"".join(then))

    return respond
