"""Under gevent and eventlet, patched before the import, each in a process of its own."""

from __future__ import annotations

import json

import pytest

from tests.support import sockets
from tests.support.frames import LAST_CHUNK, MESSAGE_END, STREAM_HEAD, chunk, message
from tests.support.processes import python
from tests.support.server import Peer, ScriptedServer

from .green_child import MANY


class Dify:
    """Answers in five pieces; where it is asked to, with one, and then waits to be left."""

    def __init__(self) -> None:
        self.left = 0

    def __call__(self, peer: Peer) -> None:
        while received := peer.receive():
            peer.send(STREAM_HEAD)
            if b"for ever" in received.body:
                peer.send(chunk(message("a")))
                peer.wait_closed()
                self.left += 1
                return
            for _ in range(5):
                peer.send(chunk(message("a")))
            peer.send(chunk(MESSAGE_END) + LAST_CHUNK)


@pytest.mark.parametrize("secure", [False, True])
@pytest.mark.parametrize("kind", ["gevent", "eventlet"])
def test_green_threads(kind: str, secure: bool) -> None:
    dify = Dify()
    context, ca = sockets.tls()
    with (
        ScriptedServer(dify, context if secure else None) as server,
        python("-m", "tests.http.green_child", kind, server.url, ca) as child,
    ):
        output, errors = child.communicate(timeout=120)
    assert child.returncode == 0, errors
    assert json.loads(output) == {
        "for": "aaaaa",
        "collect": "aaaaa",
        "iterate": "aaaaa",
        "subscribe": "aaaaa",
        "dispose": True,
        "many": MANY,
        "total": "total",
        "in use": 0,
    }
    assert dify.left == 3  # disposed of, left by `break`, out of time
