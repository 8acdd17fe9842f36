"""The command as a process: run to its end, or driven while it runs."""

import os
import pty
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType, TracebackType
from typing import Any

from tests.support import TIMEOUT
from tests.support.processes import ROOT, Child

NOTHING: Mapping[str, str] = MappingProxyType({})
MODULE = ("-m", "dify_java_compat")


def prepared(code: str) -> tuple[str, str]:
    """The command after a line of Python that changes the world it finds."""
    return (
        "-c",
        f"import sys; {code}; from dify_java_compat.cli.main import main; sys.exit(main())",
    )


def environment(more: Mapping[str, str]) -> dict[str, str]:
    """This process's, without what would steer the command; a warning in it is an error."""
    drop = re.compile(r"DIFY_|PYTHON|LC_|LANG|(http|https|all|no)_proxy$", re.IGNORECASE)
    kept = {name: value for name, value in os.environ.items() if not drop.match(name)}
    kept |= {"PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error"}
    return {**kept, "LC_ALL": "C.UTF-8", "TERM": "dumb", **more}


@dataclass(frozen=True)
class Ended:
    """A command that has ended."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        """The lines on stderr, each of which must be the command's own."""
        lines = self.err.splitlines()
        assert all(line.startswith("dify-chat: ") for line in lines), self.err
        return [line.removeprefix("dify-chat: ") for line in lines]

    def fact(self, name: str) -> str:
        """An id from the last line that has it."""
        return str(re.findall(rf"{name}=(\S+)", self.err)[-1])


def run(
    *args: str,
    stdin: bytes = b"",
    how: Sequence[str] = MODULE,
    env: Mapping[str, str] = NOTHING,
    encoding: str = "utf-8",
) -> Ended:
    """Run the command to its end."""
    ended = subprocess.run(
        [sys.executable, *how, *args],
        input=stdin,
        capture_output=True,
        env=environment(env),
        timeout=TIMEOUT,
        check=False,
    )
    out, err = (text.decode(encoding) for text in (ended.stdout, ended.stderr))
    return Ended(ended.returncode, out, err)


class _Output:
    """What a file descriptor gave so far, read by a thread until it ends."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._bytes = b""
        self._ended = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        block = b"-"
        while block:
            try:
                block = os.read(self._descriptor, 65536)
            except OSError:  # the other side of a terminal was closed
                block = b""
            with self._changed:
                self._bytes += block
                self._ended = not block
                self._changed.notify_all()

    @property
    def text(self) -> str:
        return self._bytes.decode("utf-8", "replace").replace("\r\n", "\n")

    def wait(self, text: str, count: int) -> str:
        with self._changed:
            seen = self._changed.wait_for(
                lambda: self._ended or self.text.count(text) >= count, TIMEOUT
            )
        assert seen, f"waited in vain for {text!r}, got {self.text!r}"
        assert self.text.count(text) >= count, f"ended before {text!r}, with {self.text!r}"
        return self.text

    def all(self) -> str:
        self._thread.join(TIMEOUT)
        assert not self._thread.is_alive(), f"still open, with {self.text!r}"
        return self.text


class Live(Child[bytes]):
    """The command while it runs. With `terminal`, its stdin is one; `screen`: its stdout too."""

    def __init__(
        self,
        *args: str,
        terminal: bool = False,
        screen: bool = False,
        how: Sequence[str] = MODULE,
        env: Mapping[str, str] = NOTHING,
    ) -> None:
        self._master = -1
        stdin: Any = subprocess.DEVNULL
        slave = -1
        if terminal or screen:
            self._master, slave = pty.openpty()
            stdin = slave
        super().__init__(
            [sys.executable, *how, *args],
            cwd=None,
            stdin=stdin,
            stdout=slave if screen else subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(env),
            bufsize=0,
        )
        if slave >= 0:
            os.close(slave)
        assert self.stderr is not None
        self._out = _Output(self.stdout.fileno() if self.stdout is not None else self._master)
        self._err = _Output(self.stderr.fileno())

    def out(self, text: str, count: int = 1) -> str:
        """Wait until stdout has `text`, that often; all of it so far."""
        return self._out.wait(text, count)

    def err(self, text: str, count: int = 1) -> str:
        """Wait until stderr has `text`, that often; all of it so far."""
        return self._err.wait(text, count)

    def enter(self, text: str) -> None:
        os.write(self._master, text.encode())

    def interrupt(self) -> None:
        self.send_signal(signal.SIGINT)

    def interrupt_prompt(self) -> None:
        """Ctrl-C at a prompt; the blank line, which means nothing, wakes a late reader."""
        self.interrupt()
        self.enter("\n")

    def end(self) -> Ended:
        """Wait for its end."""
        code = self.wait(TIMEOUT)
        return Ended(code, self._out.all(), self._err.all())

    def __enter__(self) -> "Live":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.kill()
        self.wait()
        self._out.all()
        self._err.all()
        super().__exit__(kind, error, trace)
        if self._master >= 0:
            os.close(self._master)
