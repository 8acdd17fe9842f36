"""Child processes of tests: none outlives the block that started it."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, AnyStr

ROOT = Path(__file__).parents[2]


class Child(subprocess.Popen[AnyStr]):
    """A process that runs in the root of the project until the block is left.

    Where a test fails the process is killed: Popen would wait for it, perhaps for ever.
    """

    def __init__(self, command: Sequence[str | Path], **options: Any) -> None:
        super().__init__([str(part) for part in command], **{"cwd": ROOT, **options})

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is not None:
            self.kill()
        super().__exit__(kind, error, traceback)


def fork() -> int:
    """`os.fork`, of a process with threads too.

    From 3.12 on that is a warning; where warnings are errors it is raised in the parent once the
    child is there, which then would go on with the tests.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def python(*arguments: str, **options: Any) -> Child[str]:
    """A Python of its own, whose output is text and is read by the test."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return Child([sys.executable, *arguments], **{**pipes, **options})


class Worker(Child[str]):
    """A child that prints a line once it is ready, and ends when its standard input is closed."""

    def __init__(self, command: Sequence[str], env: Mapping[str, str] | None = None) -> None:
        self._errors = tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115 - until close
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": self._errors}
        super().__init__(command, env=env, text=True, encoding="utf-8", **pipes)
        try:
            self.first_line = self.read_line()
        except BaseException:
            self.close()
            raise

    def read_line(self) -> str:
        assert self.stdout is not None
        line = self.stdout.readline()
        if not line:
            status = self.wait()
            self._errors.seek(0)
            reason = self._errors.read().strip().rpartition("\n")[2]
            raise RuntimeError(f"{' '.join(self.args)} ended with {status}: {reason}")
        return line

    def write_line(self, line: str) -> None:
        assert self.stdin is not None
        self.stdin.write(line + "\n")
        self.stdin.flush()

    def close(self) -> None:
        assert self.stdin is not None
        assert self.stdout is not None
        self.stdin.close()
        try:
            self.wait(10.0)
        except subprocess.TimeoutExpired:
            self.kill()
            self.wait()
        self.stdout.close()
        self._errors.close()

    def __enter__(self) -> Worker:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
