"""A large file on its way: a bar on a terminal, which is gone in the end, and nothing elsewhere."""

import contextlib
import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import unicodedata
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.support.frames import dify_error, message, response, stream
from tests.support.processes import Child
from tests.support.server import Peer

from .processes import MODULE, Ended, environment, run
from .servers import Server, message_end

MIB = 1024 * 1024
UPLOADED = response(b'{"id":"f1","mime_type":"image/png"}', "201 Created")
ANSWERED = stream(message("a"), message_end())


def run_on_terminal(
    *args: str,
    env: Mapping[str, str],
    columns: int = 80,
    seen: Callable[[str, "subprocess.Popen[bytes]"], None] = lambda text, process: None,
) -> Ended:
    """Run the command with a terminal for stderr, and show `seen` what it has so far."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    with Child(
        [sys.executable, *MODULE, *args],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=slave,
        env=environment(env),
    ) as process:
        os.close(slave)
        shown = b""
        with contextlib.suppress(OSError):  # the other side was closed
            while block := os.read(master, 65536):
                shown += block
                seen(shown.decode("utf-8", "replace"), process)
        os.close(master)
        assert process.stdout is not None
        out = process.stdout.read().decode()
    return Ended(process.returncode, out, shown.decode())


def cells(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)


def left_on_screen(text: str) -> list[str]:
    """The lines of a terminal after all that was written on it; none may be too long."""
    lines = []
    for line in text.split("\n"):
        row: list[str] = []
        for part in line.split("\r"):
            wide = "".join(char + "\0" * (cells(char) - 1) for char in part)
            row[: len(wide)] = wide
        lines.append("".join(row).replace("\0", "").rstrip())
    return [line for line in lines if line]


def bars(text: str) -> list[str]:
    """Everything of a bar that was on the screen at any time."""
    return [part.rstrip() for part in re.split(r"[\r\n]+", text) if "%" in part]


def percents(text: str) -> list[int]:
    return [int(bar.split()[-2]) for bar in bars(text)]


@pytest.fixture
def large(tmp_path: Path) -> Path:
    path = tmp_path / "图 large.png"
    with path.open("wb") as file:
        file.truncate(3 * MIB)
    return path


def test_a_bar_on_a_terminal_and_gone_in_the_end(large: Path) -> None:
    with Server(upload=UPLOADED, chat_messages=ANSWERED) as server:
        ended = run_on_terminal("Hi", "--file", str(large), env=server.env)
    assert (ended.code, ended.out) == (0, "a\n")
    [facts] = left_on_screen(ended.err)
    assert facts.startswith("dify-chat: 7 tokens")
    told = percents(ended.err)
    assert told == sorted(told)
    assert (told[0], told[-1]) == (0, 100)
    assert bars(ended.err)[0] == f"{large.name} [{'.' * 24}]   0 %"
    assert bars(ended.err)[-1] == f"{large.name} [{'#' * 24}] 100 %"
    assert large.read_bytes() in server.requests[0].body


def test_a_bar_for_each_large_file(large: Path, tmp_path: Path) -> None:
    small, other = tmp_path / "small.png", tmp_path / "other.png"
    small.write_bytes(bytes(MIB))
    other.write_bytes(bytes(MIB + 1))
    files = [f"--file={path}" for path in (large, small, other)]
    with Server(upload=UPLOADED, chat_messages=ANSWERED) as server:
        ended = run_on_terminal("Hi", *files, env=server.env)
    assert len(left_on_screen(ended.err)) == 1
    assert {bar.partition(" [")[0] for bar in bars(ended.err)} == {large.name, other.name}
    assert percents(ended.err).count(0) == percents(ended.err).count(100) == 2


def test_nothing_where_stderr_is_no_terminal(large: Path) -> None:
    with Server(upload=UPLOADED, chat_messages=ANSWERED) as server:
        ended = run("Hi", "--file", str(large), env=server.env)
    assert (ended.code, ended.out, len(ended.lines)) == (0, "a\n", 1)
    assert "\r" not in ended.err


@pytest.mark.parametrize("columns", [0, 10, 38, 40, 44, 45, 46, 47, 48, 200])
def test_no_line_is_longer_than_the_terminal(large: Path, columns: int) -> None:
    with Server(upload=UPLOADED, chat_messages=ANSWERED) as server:
        ended = run_on_terminal("Hi", "--file", str(large), env=server.env, columns=columns)
    shown = bars(ended.err)
    assert shown[-1].endswith("100 %")
    assert max(map(cells, shown)) < (columns or 80)
    assert max(map(cells, shown)) >= min(columns or 80, 48) - 3
    assert len(left_on_screen(ended.err)) == 1


def test_a_name_does_not_steer_the_terminal(tmp_path: Path) -> None:
    path = tmp_path / "a\x1b[2J\r\n\u202e.png"
    path.write_bytes(bytes(2 * MIB))
    with Server(upload=UPLOADED, chat_messages=ANSWERED) as server:
        ended = run_on_terminal("Hi", "--file", str(path), env=server.env)
    assert bars(ended.err)[0].startswith("a?[2J???.png [")
    assert "\x1b" not in ended.err


def test_an_error_stands_on_a_line_of_its_own(large: Path) -> None:
    refused = dify_error("415 X", "unsupported_file_type", "File type not allowed.")
    with Server(upload=refused) as server:
        ended = run_on_terminal("Hi", "--file", str(large), env=server.env)
    assert (ended.code, ended.out) == (1, "")
    assert percents(ended.err)[-1] == 100
    [line] = left_on_screen(ended.err)
    assert line.startswith("dify-chat: status 415")


def test_an_interrupt_leaves_no_bar(large: Path) -> None:
    sent: list[bool] = []

    def interrupt(text: str, process: "subprocess.Popen[bytes]") -> None:
        if "100 %" in text and not sent:
            sent.append(True)
            process.send_signal(signal.SIGINT)

    def silent(server: Server, peer: Peer) -> None:
        server.closing.wait()

    with Server(upload=silent) as server:
        ended = run_on_terminal("Hi", "--file", str(large), env=server.env, seen=interrupt)
    assert (ended.code, ended.out) == (130, "")
    assert left_on_screen(ended.err) == []
