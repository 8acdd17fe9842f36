"""The processes of a run: the server, and one for each contender, asked a JSON line at a time."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

ROOT = Path(__file__).parents[2]

Answer = dict[str, Any]


class Process:
    """A child that says a line once it is ready, and ends when its standard input is closed."""

    def __init__(self, command: Sequence[str]) -> None:
        self._command = " ".join(command)
        self._errors = tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115 - until close
        environment = {name: v for name, v in os.environ.items() if "proxy" not in name.lower()}
        self._child = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**environment, "PYTHONDONTWRITEBYTECODE": ""},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            encoding="utf-8",
        )
        try:
            self.first_line = self.read_line()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self._child.stdin.close()
        try:
            self._child.wait(10.0)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
        self._child.stdout.close()
        self._errors.close()

    def __enter__(self) -> Process:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def read_line(self) -> str:
        assert self._child.stdout is not None
        line = self._child.stdout.readline()
        if not line:
            status = self._child.wait()
            self._errors.seek(0)
            told = self._errors.read().strip().rpartition("\n")[2]
            raise RuntimeError(f"{self._command} ended with {status}: {told}")
        return line

    def write_line(self, line: str) -> None:
        assert self._child.stdin is not None
        self._child.stdin.write(line + "\n")
        self._child.stdin.flush()


def start_server(python: str) -> tuple[Process, str]:
    """The process and the URL of the server, without /v1."""
    process = Process([python, "-m", "tests.benchmarks.server"])
    return process, f"http://127.0.0.1:{int(process.first_line)}"


class Runner:
    """A contender at work."""

    def __init__(self, name: str, command: Sequence[str], url: str) -> None:
        self.name = name
        self.process = Process([part.replace("{url}", url) for part in command])
        self.versions: dict[str, str] = json.loads(self.process.first_line)["versions"]

    def ask(self, do: str, **order: Any) -> Answer:
        """The answer; `failed` in it says what went wrong."""
        self.process.write_line(json.dumps({"do": do, **order}))
        answer: Answer = json.loads(self.process.read_line())
        return answer
