"""The emulator's life: bind, serve, close."""

import socket
import threading
import time
from types import MappingProxyType, TracebackType

from .apps import APPS
from .calls import Settings
from .framing import Server
from .routes import Dispatcher
from .runs import Runs
from .state import State

_BACKLOG = 512
_CLOSE_SECONDS = 0.8


class DifyEmulator:
    """A Dify server on this machine, with four apps and state of its own.

    Use it as a context manager, or call ``start()`` and ``close()``. ``port=0`` takes a free
    port; a taken one is an ``OSError`` from ``start()``. ``token_pause`` is the time between two
    tokens, ``ping_seconds`` the silence after which a stream sends a ping, ``keep_alive_seconds``
    the patience with idle connections, all in seconds.
    """

    keys = MappingProxyType({app.mode: app.key for app in APPS})
    """The API key of each app mode: chat, agent-chat, advanced-chat, workflow."""

    def __init__(
        self,
        port: int = 0,
        *,
        host: str = "127.0.0.1",
        token_pause: float = 0.02,
        ping_seconds: float = 10.0,
        keep_alive_seconds: float = 2.0,
    ) -> None:
        if token_pause < 0 or ping_seconds <= 0 or keep_alive_seconds <= 0:
            raise ValueError("pauses must not be negative, ping and keep-alive not zero")
        self._host = host
        self._wanted_port = port
        self._settings = Settings(token_pause, ping_seconds)
        self._keep_alive_seconds = keep_alive_seconds
        self._lock = threading.Lock()
        self._server: Server | None = None
        self._thread: threading.Thread | None = None
        self._runs = Runs()
        self._state: State | None = None

    @property
    def port(self) -> int:
        """The port it listens on."""
        if self._server is None:
            raise RuntimeError("the emulator is not running")
        return int(self._server.server_address[1])

    @property
    def base_url(self) -> str:
        """The base URL a client needs, ``/v1`` included."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self._host, self._host)
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}/v1"

    def start(self) -> "DifyEmulator":
        """Bind in this thread, then serve in another one. Starts with empty state."""
        with self._lock:
            if self._server is not None:
                raise RuntimeError("the emulator is running already")
            family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
            address = (self._host, self._wanted_port)
            listener = socket.create_server(address, family=family, backlog=_BACKLOG)
            self._runs, self._state = Runs(), State()
            app = Dispatcher(self._state, self._runs, self._settings)
            self._server = Server(listener, app, self._keep_alive_seconds)
            self._thread = threading.Thread(
                target=self._server.serve,
                name="dify-emulator",
                daemon=True,
            )
            self._thread.start()
        return self

    def close(self) -> None:
        """Stop serving: streams are cut, sockets closed, threads ended. May be called twice."""
        with self._lock:
            server, thread, state = self._server, self._thread, self._state
            self._server = self._thread = self._state = None
            if server is None or thread is None or state is None:
                return
            server.stop_serving()
            thread.join(_CLOSE_SECONDS)
            server.server_close()
            # Cut first, wake then: a stream must not look as if it had ended well.
            threads = server.hang_up()
            self._runs.close()
            end = time.monotonic() + _CLOSE_SECONDS
            for connection in threads:
                connection.join(max(0.0, end - time.monotonic()))
            state.close()

    def __enter__(self) -> "DifyEmulator":
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
