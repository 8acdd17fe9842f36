"""The emulator itself: start, close, and what a test may set up in between."""

import os
import socket
import threading
from collections.abc import Iterable, Mapping
from types import MappingProxyType, TracebackType

from .apps.catalog import APPS
from .dispatch import Dispatcher
from .faults import replay
from .faults.kinds import Fault
from .faults.queue import Faults
from .handlers.call import Settings
from .handlers.recoup import CHATS, RECOUP_KEY
from .http.clock import monotonic
from .http.connection import Server, loopback
from .model.replies import ReplySource, ReplyText, stubbed_reply
from .model.speaker import RawEvent
from .model.upstream import Upstream
from .rules import Rule, When
from .runs.background import BackgroundRuns
from .runs.run import Runs
from .store.state import State
from .version import NEWEST, VERSIONS
from .watch import RecordedRequest, Watch

_BACKLOG = 512
# How long ``close`` waits for the threads.
_CLOSE_SECONDS = 0.8


def _check_version(version: str) -> None:
    if version not in VERSIONS:
        raise ValueError(f"version: {' or '.join(VERSIONS)}, not {version!r}")


class DifyEmulator:
    """A Dify server on this machine, with apps and state of its own.

    Use it as a context manager, or call ``start()`` and ``close()``. ``port=0`` takes a free
    port; a port that is taken is an ``OSError`` from ``start()``. ``token_pause`` is the time
    between two tokens, ``ping_seconds`` the silence after which a stream sends a ping,
    ``keep_alive_seconds`` how long an idle connection is kept, ``form_seconds`` how long a form
    waits for a person, ``linger_seconds`` how long a 1.14 keeps a stream open that is over but
    has no end, all in seconds. ``version`` is the Dify it is, "1.12" or "1.14": the newest by
    default. ``database`` is a file for the state; without it the
    state is gone after ``close()``. ``quirks`` copies the bugs of the real server, which sends
    500 for some requests that deserve better. ``upstream`` is the base URL of an
    OpenAI-compatible API whose ``model`` replies to the prompts, with ``upstream_key`` if it
    needs one. ``cors``: answer the web sites that a browser of this machine has open, too; else
    they, and requests to a name that may be a site's, get a 403. ``ValueError`` where the
    arguments make no sense.
    """

    keys: Mapping[str, str] = MappingProxyType({app.mode: app.key for app in APPS[:4]})
    """The API key of each app mode: chat, agent-chat, advanced-chat, workflow.

    More apps differ in one thing each, and their keys say in which: app-plain, app-required,
    app-moderated, app-limited, app-disabled, app-unpublished, app-completion.
    """

    recoup_key = RECOUP_KEY
    """The key of the Recoup server at ``recoup_url``."""
    recoup_chats = CHATS
    """Its chats: running (until it is stopped), idle, foreign (403), stuck (502), slow (504)."""

    def __init__(
        self,
        port: int = 0,
        *,
        host: str = "127.0.0.1",
        token_pause: float = 0.02,
        ping_seconds: float = 10.0,
        keep_alive_seconds: float = 2.0,
        form_seconds: float = 3600.0,
        linger_seconds: float = 300.0,
        database: str | os.PathLike[str] = ":memory:",
        quirks: bool = False,
        version: str = NEWEST,
        upstream: str | None = None,
        model: str | None = None,
        upstream_key: str | None = None,
        cors: bool = False,
    ) -> None:
        positive = (ping_seconds, keep_alive_seconds, form_seconds)
        if min(token_pause, linger_seconds) < 0 or min(positive) <= 0:
            raise ValueError("pauses must not be negative; ping, keep-alive and form not zero")
        _check_version(version)
        if (upstream is None) != (model is None) or (upstream_key and upstream is None):
            raise ValueError("upstream and model go together, upstream_key only with them")
        source = Upstream(upstream, model, upstream_key) if upstream and model else None
        self._replies = ReplySource(source)
        self._faults = Faults()
        self._host = host
        self._requested_port = port
        times = (token_pause, ping_seconds, form_seconds, linger_seconds)
        self._settings = Settings(*times, quirks, VERSIONS[version])
        self._database = os.fspath(database)
        self._keep_alive_seconds = keep_alive_seconds
        self._lock = threading.Lock()
        self._server: Server | None = None
        self._thread: threading.Thread | None = None
        self._runs, self._background = Runs(), BackgroundRuns()
        self._state: State | None = None
        self._watch = Watch()
        self._cors = cors

    @property
    def port(self) -> int:
        """The port it listens on; ``RuntimeError`` where it is not running."""
        if self._server is None:
            raise RuntimeError("the emulator is not running")
        return int(self._server.server_address[1])

    @property
    def base_url(self) -> str:
        """The base URL for a client, ``/v1`` included."""
        return f"{self.recoup_url}/v1"

    @property
    def recoup_url(self) -> str:
        """The base URL of Recoup's API."""
        host = loopback(self._host)
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    @property
    def requests(self) -> list[RecordedRequest]:
        """The requests so far, at most the last thousand: method, path, query, headers, body."""
        return self._watch.requests()

    @property
    def recordings(self) -> list[str]:
        """The names of the recorded exchanges that can be replayed."""
        return replay.names(self._settings.version.name)

    def reply(
        self,
        when: When = None,
        *,
        answer: ReplyText | None = None,
        events: Iterable[RawEvent] | None = None,
        delay: float = 0.0,
        error: str | None = None,
        status: int | None = None,
        times: int | None = None,
    ) -> Rule:
        """Stub the reply to a prompt; of several stubs that match it, the newest is taken.

        ``when``: a part of the prompt, a compiled pattern found in it, or a function of the
        request's body; None for every prompt. ``answer``: a text, the list of its pieces, or a
        function of the prompt that gives either. ``events``: these and no others; a mapping gets
        the ids it lacks, text and bytes are sent as they are. ``delay``: seconds before the first
        word, or event. ``error``: how the model fails, after the answer where there is one:
        Dify's code, or code, colon and text. ``status``: an HTTP error in place of all that.
        ``times``: for how many prompts, None for all.

        ``ValueError`` where these contradict each other, or the code is unknown.
        """
        reply = stubbed_reply(answer, events, delay, error, status)
        return self._replies.stubs.add(reply, when, times)

    def fault(self, *faults: Fault, when: When = None, times: int | None = 1) -> Rule:
        """Let these faults happen, together, to the next response that they can happen to.

        ``when``: as for ``reply``. ``times``: to how many responses, None for all. Of several
        rules the oldest goes first, one for each response. ``TypeError`` for what is no fault.
        """
        if not faults or not all(isinstance(fault, Fault) for fault in faults):
            raise TypeError("what goes wrong: faults.Cut(after_events=3), for example")
        return self._faults.rules.add(faults, when, times)

    def replay(
        self,
        name: str,
        *,
        when: When = None,
        times: int | None = 1,
        folder: str | os.PathLike[str] | None = None,
    ) -> Rule:
        """Respond to the next request of the recorded operation with the recorded bytes.

        They are those of this version of Dify, where it has a recording of that name.

        ``when`` and ``times``: as for ``fault``. ``folder``: the folder of recordings of your
        own, each a folder with ``request.http`` and ``response.raw``. ``ValueError`` where no
        recording has that name.
        """
        return self._faults.rules.add(
            (replay.load(name, self._settings.version.name, folder),), when, times
        )

    def start(self) -> "DifyEmulator":
        """Bind in this thread, then serve in another one; returns the emulator itself.

        ``OSError`` where the port is taken, ``RuntimeError`` where the emulator is running.
        """
        with self._lock:
            if self._server is not None:
                raise RuntimeError("the emulator is running already")
            family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
            address = (self._host, self._requested_port)
            listener = socket.create_server(address, family=family, backlog=_BACKLOG)
            try:
                self._state = State(self._database)
            except BaseException:
                listener.close()
                raise
            self._runs, self._background = Runs(), BackgroundRuns()
            app = Dispatcher(
                self._state, self._runs, self._background, self._replies,
                self._settings, self._faults, self._watch, cors=self._cors,
            )  # fmt: skip
            self._server = Server(listener, app, self._keep_alive_seconds)
            self._thread = threading.Thread(
                target=self._server.serve,
                name="dify-emulator",
                daemon=True,
            )
            self._thread.start()
        return self

    def close(self) -> None:
        """Stop serving: cut streams, close sockets, end threads. May be called twice."""
        with self._lock:
            server, thread, state = self._server, self._thread, self._state
            self._server = self._thread = self._state = None
            if server is None or thread is None or state is None:
                return
            server.stop_serving()
            thread.join(_CLOSE_SECONDS)
            server.server_close()
            # The connections are cut before the runs end, so that no stream ends as if complete.
            threads = server.hang_up()
            self._runs.close()
            background = self._background.close()
            end = monotonic() + _CLOSE_SECONDS
            for connection in threads:
                connection.join(max(0.0, end - monotonic()))
            for run in background:
                run.join(max(0.0, end - monotonic()))
            state.close()

    def expire_forms(self) -> None:
        """Let all open forms expire; the runs that wait for them go on."""
        if self._state is not None:
            for run_id in self._state.workflow_runs.expire_forms():
                self._background.resume(run_id)

    def __enter__(self) -> "DifyEmulator":
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
