"""Every output on consoles that cannot write all of it, and on outputs that are closed or full."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from dify_java_compat.emulator import DifyEmulator
from tests.support import TIMEOUT
from tests.support.frames import dify_error, message, stream
from tests.support.server import ScriptedServer, always

from .history import as_server
from .processes import MODULE, Ended, environment, run
from .servers import Server, message_end

TEXT = "你好 🙂 é"
CONSOLES = [
    ("cp437", {"PYTHONIOENCODING": "cp437"}),
    ("cp437", {"PYTHONIOENCODING": "cp437", "LC_ALL": "zh_CN.UTF-8"}),
    ("gbk", {"PYTHONIOENCODING": "gbk", "LC_ALL": "zh_CN.GBK"}),
    ("utf-8", {"PYTHONIOENCODING": "ascii"}),  # which is a mistake of the environment
    ("utf-8", {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}),
]
EACH_CONSOLE = pytest.mark.parametrize(("encoding", "console"), CONSOLES)


def fitting(text: str, encoding: str) -> str:
    return text.encode(encoding, "replace").decode(encoding)


def shown(*arguments: str, encoding: str, env: Mapping[str, str], stdin: bytes = b"") -> Ended:
    ended = run(*arguments, env=env, encoding=encoding, stdin=stdin)
    assert "Traceback" not in ended.err
    return ended


@EACH_CONSOLE
def test_help(encoding: str, console: dict[str, str]) -> None:
    ended = shown("--help", encoding=encoding, env=console)
    assert (ended.code, ended.err) == (0, "")
    assert f'dify-chat "{fitting("你好", encoding)}"' in ended.out


@EACH_CONSOLE
def test_answer(encoding: str, console: dict[str, str]) -> None:
    with Server(chat_messages=stream(message(TEXT), message_end())) as server:
        ended = shown("Hi", encoding=encoding, env={**server.env, **console})
    assert (ended.code, ended.out) == (0, fitting(TEXT, encoding) + "\n")
    says_so = "PYTHONIOENCODING=utf-8" in ended.err
    assert says_so == (fitting(TEXT, encoding) != TEXT)
    assert "conversation_id=" in ended.err


@EACH_CONSOLE
def test_error(encoding: str, console: dict[str, str]) -> None:
    broken = dify_error("400 BAD REQUEST", "invalid_param", TEXT)
    with Server(chat_messages=broken) as server:
        ended = shown("Hi", encoding=encoding, env={**server.env, **console})
    assert (ended.code, ended.out) == (1, "")
    assert f"invalid_param: {fitting(TEXT, encoding)}" in ended.err


@EACH_CONSOLE
def test_usage_error(encoding: str, console: dict[str, str]) -> None:
    ended = shown("Hi", "--file", "/无 🙂", encoding=encoding, env=console)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("dify-chat: ")
    assert ended.err.count("\n") == 1


@EACH_CONSOLE
def test_batch(encoding: str, console: dict[str, str]) -> None:
    """JSON is UTF-8 wherever it is written or read."""
    question = f'{{"content": "{TEXT}"}}\n'.encode()
    with Server(chat_messages=stream(message(TEXT), message_end())) as server:
        env = environment({**server.env, **console})
        ended = subprocess.run(
            [sys.executable, *MODULE, "--batch", "-"],
            input=question,
            capture_output=True,
            env=env,
            timeout=TIMEOUT,
            check=True,
        )
    assert server.requests[0].json["query"] == TEXT
    assert f'"answer":"{TEXT}"' in ended.stdout.decode("utf-8")
    assert ended.stderr.decode(encoding).startswith("dify-chat: ")


@EACH_CONSOLE
def test_doctor(dify_emulator: DifyEmulator, encoding: str, console: dict[str, str]) -> None:
    key = dify_emulator.keys["workflow"]
    env = {**as_server(dify_emulator, key), **console}
    ended = shown("doctor", encoding=encoding, env=env)
    assert (ended.code, ended.err) == (1, "")
    assert "Emulator workflow" in ended.out


# -- closed, broken, full ------------------------------------------------------------------------

OUTPUTS = [("--help",), ("--version",), ("doctor",), ("doctor", "--json")]
EACH_OUTPUT = pytest.mark.parametrize("arguments", OUTPUTS, ids=" ".join)


def run_with(
    arguments: tuple[str, ...], env: Mapping[str, str], redirection: str
) -> subprocess.CompletedProcess[bytes]:
    """By a shell, which closes or redirects."""
    script = f'"$0" -m dify_java_compat "$@" {redirection}'
    return subprocess.run(
        ["sh", "-c", script, sys.executable, *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env=environment(env),
        timeout=TIMEOUT,
        check=False,
    )


@pytest.fixture
def env(dify_emulator: DifyEmulator) -> dict[str, str]:
    return as_server(dify_emulator, dify_emulator.keys["workflow"])


@EACH_OUTPUT
def test_stdout_that_is_closed(arguments: tuple[str, ...], env: dict[str, str]) -> None:
    ended = run_with(arguments, env, ">&-")
    assert ended.returncode == (1 if arguments[-1] in ("doctor", "--json") else 0)
    assert ended.stdout == b""
    assert b"Traceback" not in ended.stderr
    assert b"dify-chat" in ended.stderr or b"Emulator workflow" in ended.stderr


@EACH_OUTPUT
def test_stdout_that_is_full(arguments: tuple[str, ...], env: dict[str, str]) -> None:
    ended = run_with(arguments, env, ">/dev/full")
    assert ended.returncode == 1
    assert ended.stderr == b"dify-chat: this cannot go on: No space left on device\n"


@EACH_OUTPUT
def test_a_reader_that_is_gone(arguments: tuple[str, ...], env: dict[str, str]) -> None:
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "wb") as pipe:
        ended = subprocess.run(
            [sys.executable, *MODULE, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=pipe,
            stderr=subprocess.PIPE,
            env=environment(env),
            timeout=TIMEOUT,
            check=False,
        )
    assert (ended.returncode, ended.stderr) == (0, b"")


@pytest.mark.parametrize("redirection", ["2>&-", "2>/dev/full", "2>&- >&-"])
def test_stderr_that_is_closed_or_full(redirection: str) -> None:
    with ScriptedServer(always(stream(message("fine"), message_end()))) as server:
        env = {"DIFY_URL": server.url, "DIFY_API_KEY": "app-key"}
        for arguments, code, out in [
            (("Hi",), 0, b"fine\n"),
            (("--nothing",), 2, b""),
            (("Hi", "--file", "/none"), 2, b""),
        ]:
            ended = run_with(arguments, env, redirection)
            closed = ">&-" in redirection.partition(" ")[2]
            assert (ended.returncode, ended.stdout) == ((2, b"") if closed else (code, out))


def test_a_reader_of_stderr_that_is_gone(tmp_path: Path) -> None:
    source = tmp_path / "q.jsonl"
    source.write_text('{"content": "a"}\n')
    read, write = os.pipe()
    os.close(read)
    with (
        Server(chat_messages=stream(message("fine"), message_end())) as server,
        os.fdopen(write, "wb") as pipe,
    ):
        for arguments in (("Hi",), ("--batch", str(source))):
            ended = subprocess.run(
                [sys.executable, *MODULE, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=pipe,
                env=environment(server.env),
                timeout=TIMEOUT,
                check=False,
            )
            assert ended.returncode == 0
            assert b"fine" in ended.stdout
