"""Real servers of the frameworks, each a process of its own, and a Dify that is held in hand."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from typing import Any

from tests.support import TIMEOUT
from tests.support.client import Connection, connect
from tests.support.frames import LAST_CHUNK, STREAM_HEAD, chunk, response
from tests.support.processes import ROOT
from tests.support.server import Peer, RecordedRequest, ScriptedServer
from tests.support.sockets import free_port
from tests.support.watching import wait_until

_GUNICORN = ("gunicorn", "-b", "127.0.0.1:{port}", "--graceful-timeout", "1")
_APPS = "tests.web.apps"
SERVERS: dict[str, tuple[str, ...]] = {
    "flask": (f"{_APPS}.flask_app", "{port}"),
    "flask-gunicorn-sync": (*_GUNICORN, "-k", "sync", f"{_APPS}.flask_app:app"),
    "flask-gunicorn-gthread": (*_GUNICORN, "-k", "gthread", f"{_APPS}.flask_app:app"),
    "flask-gunicorn-gevent": (*_GUNICORN, "-k", "gevent", f"{_APPS}.flask_app:app"),
    "starlette-uvicorn": ("uvicorn", "--port", "{port}", f"{_APPS}.starlette_app:app"),
    "starlette-hypercorn": (
        "hypercorn", "-b", "127.0.0.1:{port}", f"{_APPS}.starlette_app:app",
    ),
    "fastapi-uvicorn": ("uvicorn", "--port", "{port}", f"{_APPS}.fastapi_app:app"),
    "service-flask": (f"{_APPS}.service_flask", "{port}"),
    "service-fastapi": ("uvicorn", "--port", "{port}", f"{_APPS}.service_fastapi:app"),
    "django": ("django", "runserver", "--noreload", "{port}"),
    "django-gunicorn-gthread": (*_GUNICORN, "-k", "gthread", f"{_APPS}.django_app:wsgi"),
    "django-uvicorn": ("uvicorn", "--port", "{port}", f"{_APPS}.django_app:asgi"),
}  # fmt: skip


@contextlib.contextmanager
def serving(name: str) -> Iterator[int]:
    """The port of a server that runs until the block is left."""
    with running(name) as (port, _):
        yield port


@contextlib.contextmanager
def running(name: str, **variables: str) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """The port and the process of a server with these environment variables."""
    port = free_port()
    command = [sys.executable, "-m", *(part.format(port=port) for part in SERVERS[name])]
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": f"{_APPS}.django_app", **variables}
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=said, stderr=said, start_new_session=True
        )
        try:
            _wait_until_it_listens(port, process, said)
            yield port, process
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def _wait_until_it_listens(port: int, process: subprocess.Popen[bytes], said: Any) -> None:
    give_up = time.monotonic() + TIMEOUT
    while True:
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        if process.poll() is not None or time.monotonic() > give_up:
            said.seek(0)
            raise AssertionError(said.read().decode())
        time.sleep(0.02)


class Upstream(ScriptedServer):
    """A Dify whose stream the test emits, event by event."""

    def __init__(self, refusal: bytes | None = None) -> None:
        super().__init__(self._respond)
        self._refusal = refusal
        self._frames: queue.Queue[bytes | None] = queue.Queue()

    def emit(self, *frames: bytes) -> None:
        for frame in frames:
            self._frames.put(frame)

    def end(self) -> None:
        self._frames.put(LAST_CHUNK)

    def cut(self) -> None:
        self._frames.put(None)

    @property
    def stops(self) -> list[RecordedRequest]:
        return [seen for seen in self.requests if seen.target.endswith("/stop")]

    def wait_for_question(self) -> None:
        wait_until(lambda: self.requests)

    def wait_for_stop(self) -> float:
        """Until the run was stopped; how many seconds that took."""
        begun = time.monotonic()
        wait_until(lambda: self.stops)
        return time.monotonic() - begun

    def __exit__(self, *raised: Any) -> None:
        self.cut()
        super().__exit__(*raised)

    def _respond(self, peer: Peer) -> None:
        while request := peer.receive():
            if request.target.endswith("/stop"):
                peer.send(response(b'{"result":"success"}'))
            elif self._refusal is not None:
                peer.send(self._refusal)
            else:
                self._stream(peer)

    def _stream(self, peer: Peer) -> None:
        head = STREAM_HEAD
        while (frame := self._frames.get()) is not None:
            peer.send(head + (frame if frame == LAST_CHUNK else chunk(frame)))
            head = b""
            if frame == LAST_CHUNK:
                return
        peer.sock.shutdown(socket.SHUT_RDWR)


class Browser:
    """A client that reads a response piece by piece, and may leave at any moment."""

    def __init__(
        self, port: int, target: str, method: str = "GET", headers: Mapping[str, str] | None = None
    ) -> None:
        lines = [f"{method} {target} HTTP/1.1", "Host: 127.0.0.1"]
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        self._connection: Connection = connect(port)
        self._connection.send("\r\n".join([*lines, "", ""]).encode())
        self._has_body = method != "HEAD"
        self.body = b""
        self._pieces: Iterator[bytes] | None = None

    def read_head(self) -> Any:
        head = self._connection.head()
        if not self._has_body:
            return head
        length = head.header("Content-Length")
        if head.header("Transfer-Encoding") == "chunked":
            self._pieces = self._connection.chunks()
        elif length is not None:
            self._pieces = iter([self._connection._file.read(int(length))])
        else:
            self._pieces = iter(lambda: self._connection.sock.recv(65536), b"")
            self.body = self._buffered()
        return head

    def read_until(self, text: bytes) -> bytes:
        """Read on until `text` has come; all of the body so far."""
        assert self._pieces is not None
        while text not in self.body:
            self.body += next(self._pieces)
        return self.body

    def read_rest(self) -> bytes:
        assert self._pieces is not None
        self.body += b"".join(self._pieces)
        return self.body

    def leave(self) -> None:
        self._connection.close()

    def _buffered(self) -> bytes:
        """What was read beyond the head."""
        found: bytes = self._connection._file.peek()  # type: ignore[attr-defined]
        return found

    def __enter__(self) -> Browser:
        return self

    def __exit__(self, *_: object) -> None:
        self.leave()
