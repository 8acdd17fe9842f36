"""One stream against one script: what its subscriber got, and how soon."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from dify_java_compat import ClientConfig
from tests.support import TIMEOUT, sockets
from tests.support.facades import CHAT
from tests.support.server import Peer, ScriptedServer
from tests.support.watching import Watcher, join_streams, wait_until

from .table import Seen

KEY = "app-faults"
facade = CHAT  # a fixture lets the other take its place
SOON = 250.0  # milliseconds in which a caller knows of what can be known at once


class Cue:
    """Between a script and its subscriber: when the fault happened, and how much was delivered."""

    def __init__(self) -> None:
        self.at = time.perf_counter()
        self._delivered = threading.Semaphore(0)

    def happens(self) -> None:
        """Start the clock: what follows is what the caller is to know."""
        self.at = time.perf_counter()

    def delivered(self) -> None:
        self._delivered.release()

    def wait_for_item(self) -> None:
        """Until one more item was delivered."""
        assert self._delivered.acquire(timeout=TIMEOUT), "nothing more was delivered"


Act = Callable[[Peer, Cue], None]


Config = Mapping[str, object]


def client_of(server: ScriptedServer, config: Config | None = None, *, secure: bool = False) -> Any:
    verify = {"verify": sockets.tls()[1]} if secure else {}
    settings = ClientConfig(**{**verify, **(config or {})})  # type: ignore[arg-type]
    return facade.client(server.url, settings, api_key=KEY)


def server_of(script: Callable[[Peer], None], *, secure: bool = False) -> ScriptedServer:
    return ScriptedServer(script, sockets.tls()[0] if secure else None)


def play(seen: Seen, act: Act, config: Config | None = None, *, secure: bool = False) -> Watcher:
    """Subscribe to a stream that is served by `act`, and note how it went.

    Exactly one request must arrive: whatever happens to a stream, it is not requested again.
    """
    cue = Cue()

    def script(peer: Peer) -> None:
        if peer.receive():
            act(peer, cue)

    with (
        server_of(script, secure=secure) as server,
        client_of(server, config, secure=secure) as client,
    ):
        cue.happens()
        stream = facade.stream(client)
        watcher = Watcher(stream, lambda watcher: cue.delivered()).wait()
        join_streams()
        note(seen, watcher, cue.at)
        wait_until(lambda: server.requests)  # a short timeout may end before it is read
        seen.equal("requests", len(server.requests), 1)
    return watcher


def note(seen: Seen, watcher: Watcher, since: float) -> None:
    seen.events = len(watcher.items)
    seen.ended_with(watcher.error)
    seen.ms = (watcher.ended_at - since) * 1000


def expect(seen: Seen, events: int, ended: str, ms: float | None = SOON) -> None:
    """Check the number of events, the end, and that it was known within `ms`."""
    seen.equal("events", seen.events, events)
    seen.equal("end", seen.ended, ended)
    if ms is not None:
        seen.within("known", seen.ms or 0.0, ms)
