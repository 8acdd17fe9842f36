"""A Redis of the test's own, on a free port of this machine."""

from __future__ import annotations

import contextlib
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.sockets import free_port
from tests.support.watching import wait_until

REDIS = shutil.which("redis-server") or shutil.which("valkey-server")


class RedisServer:
    """A process that can be held, killed and started again, with nothing on disk."""

    def __init__(self, folder: Path, *options: str, config: Path | None = None) -> None:
        if REDIS is None:
            pytest.fail("needs redis-server: apt-get install redis-server")
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        first = [REDIS] if config is None else [REDIS, str(config), "--sentinel"]
        kept = ["--save", "", "--appendonly", "no"] if config is None else []
        self._command = [
            *first, "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(folder),
            "--loglevel", "warning", *kept, *options,
        ]  # fmt: skip
        self.start()

    def start(self) -> None:
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL)
        wait_until(self._listens)

    def hold(self) -> None:
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def _listens(self) -> bool:
        assert self._process.poll() is None, "redis-server ended"
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", self.port), 1).close()
            return True
        return False


@contextlib.contextmanager
def redis_server(folder: Path, *options: str, config: Path | None = None) -> Iterator[RedisServer]:
    server = RedisServer(folder, *options, config=config)
    try:
        yield server
    finally:
        server.kill()
