"""The page's worker function in Celery: a worker process, and a Redis between it and who asks."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from dify_java_compat.emulator import DifyEmulator
from tests.batch.service import Service, answer
from tests.docs.pages import DOCS, blocks
from tests.docs.running import WRITTEN
from tests.support import TIMEOUT
from tests.support.processes import ROOT, Child
from tests.web.redis_server import RedisServer, redis_server

PAGE = DOCS / "en" / "batch.md"


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    with redis_server(tmp_path) as server:
        yield server


def write_files(folder: Path, base_url: str, redis: RedisServer) -> dict[str, str | None]:
    """The page's files, for these servers; what it says that each prints."""
    printed = {}
    for block in blocks(PAGE):
        if name := block.file_name:
            text = block.text.replace(WRITTEN, base_url.removesuffix("/v1"))
            text = text.replace("redis://localhost:6379/0", redis.url)
            (folder / name).write_text(text, encoding="utf-8")
            printed[name] = block.output
    return printed


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def worker(folder: Path) -> Child[bytes]:
    """Two processes, which end with the block."""
    command = [sys.executable, "-m", "celery", "-A", "tasks", "worker", "--concurrency", "2"]
    # its own names in Redis go by the host, so that no other worker is needed for it to begin
    command += ["--without-gossip", "--without-mingle", "--loglevel", "ERROR"]
    return Child(command, cwd=folder, env=environment())


def end(process: Child[bytes]) -> None:
    process.terminate()
    assert process.wait(TIMEOUT) == 0


def test_the_files_of_the_page(
    dify_emulator: DifyEmulator, redis: RedisServer, tmp_path: Path
) -> None:
    printed = write_files(tmp_path, dify_emulator.base_url, redis)
    with worker(tmp_path) as process:
        command = [sys.executable, "ask.py"]
        ended = subprocess.run(
            command,
            cwd=tmp_path,
            env=environment(),
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
        )
        end(process)
    assert (ended.returncode, ended.stdout) == (0, printed["ask.py"]), ended.stderr
    assert len(dify_emulator.requests) == 20


# runs in a process of its own: Celery keeps an app for each process
_ASK_AND_KILL = """
import sys
from tasks import app, ask_block

result = ask_block.delay([{"id": n, "content": f"q{n}"} for n in range(3)])
sys.stdin.readline()  # it is asked
(active,) = app.control.inspect(timeout=30, limit=1).active().values()
print(active[0]["worker_pid"], flush=True)
rows = result.get(timeout=60)
print([row["error"] for row in rows], flush=True)
"""


def test_a_block_whose_process_dies_is_asked_again(redis: RedisServer, tmp_path: Path) -> None:
    seen, held = threading.Semaphore(0), threading.Event()

    def respond(text: str, before: int) -> bytes:
        seen.release()
        assert before or held.wait(TIMEOUT)
        return answer(text)

    service = Service(respond)
    with service.chat() as chat:
        write_files(tmp_path, chat.base_url, redis)
        (tmp_path / "ask_and_kill.py").write_text(_ASK_AND_KILL)
        command = [sys.executable, "ask_and_kill.py"]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        options = {"cwd": tmp_path, "env": environment(), **pipes}
        with worker(tmp_path) as process, Child[str](command, **options) as asker:
            assert asker.stdin is not None
            assert asker.stdout is not None
            for _ in range(3):
                assert seen.acquire(timeout=TIMEOUT)
            asker.stdin.write("\n")
            asker.stdin.flush()
            os.kill(int(asker.stdout.readline()), signal.SIGKILL)
            assert asker.stdout.readline() == "[None, None, None]\n"
            held.set()
            end(process)
    assert service.times == {f"q{n}": 2 for n in range(3)}
