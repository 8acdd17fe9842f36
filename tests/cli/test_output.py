"""stdout under odd circumstances: locales, pipes that close, disks that are full."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.support import TIMEOUT
from tests.support.frames import TASK, message, response, stream
from tests.support.processes import Child

from .processes import MODULE, Live, environment, prepared, run
from .servers import Server, held, message_end

LINE = "word " * 40 + "\n"
MORE_THAN_A_PIPE_HOLDS = tuple(message(f"{number} {LINE}") for number in range(2000))


def run_into(
    stdout: Any, *args: str, env: Mapping[str, str], how: Sequence[str] = MODULE
) -> subprocess.CompletedProcess[bytes]:
    """Run the command with that stdout."""
    return subprocess.run(
        [sys.executable, *how, "Hi", *args],
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.PIPE,
        env=environment(env),
        timeout=TIMEOUT,
        check=False,
    )


def read_one_line(server: Server, *args: str) -> tuple[str, bytes, int]:
    """What `| head -1` does."""
    process: Child[bytes] = Child(
        [sys.executable, *MODULE, "Hi", *args],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(server.env),
    )
    with process:
        assert process.stdout is not None
        assert process.stderr is not None
        line = process.stdout.readline()
        process.stdout.close()
        return line.decode(), process.stderr.read(), process.wait(TIMEOUT)


@pytest.mark.parametrize(
    "locale",
    [
        {"LC_ALL": "C"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"PYTHONIOENCODING": "ascii"},
    ],
)
def test_ascii_locale_gets_utf_8(locale: dict[str, str]) -> None:
    with Server(chat_messages=stream(message("你好 🙂"), message_end())) as server:
        ended = run(stdin="问".encode(), env={**server.env, **locale})
    assert (ended.code, ended.out) == (0, "你好 🙂\n")
    assert server.requests[0].json["query"] == "问"


def test_other_encodings_are_kept_and_what_does_not_fit_is_replaced() -> None:
    with Server(chat_messages=stream(message("é 你"), message_end())) as server:
        env = {**server.env, "PYTHONIOENCODING": "latin-1"}
        ended = run_into(subprocess.PIPE, env=env)
        events = run("Hi", "--events", env=env)
    assert (ended.returncode, ended.stdout) == (0, b"\xe9 ?\n")
    assert '"answer":"é 你"' in events.out


def test_half_a_character_is_replaced() -> None:
    half = message("a?b").replace(b"?", b"\\ud83d")
    with Server(chat_messages=stream(half, message_end())) as server:
        ended = run("Hi", env=server.env)
    assert (ended.code, ended.out) == (0, "a?b\n")


def test_reader_that_has_enough_stops_the_answer_quietly() -> None:
    answer = held(
        *MORE_THAN_A_PIPE_HOLDS, until=lambda server: server.stopped, then=(message_end(),)
    )
    with Server(chat_messages=answer) as server:
        line, err, code = read_one_line(server)
    assert (line, err, code) == (f"0 {LINE}", b"", 0)
    assert server.lines == ["POST /v1/chat-messages", f"POST /v1/chat-messages/{TASK}/stop"]


def test_reader_that_has_enough_of_events() -> None:
    with Server(chat_messages=stream(*MORE_THAN_A_PIPE_HOLDS, message_end())) as server:
        line, err, code = read_one_line(server, "--events")
    assert line.startswith('{"event":"message"')
    assert (err, code) == (b"", 0)


def test_interrupts_once_the_reader_has_enough_change_nothing() -> None:
    patiently = prepared("import dify_java_compat.cli.session as c; c._STOP_SECONDS = 600.0")
    answer = held(*MORE_THAN_A_PIPE_HOLDS, until=lambda server: server.closing)
    with Server(chat_messages=answer) as server:
        process = subprocess.Popen(
            [sys.executable, *patiently, "Hi"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(server.env),
        )
        with process:
            assert process.stdout is not None
            assert process.stderr is not None
            process.stdout.readline()
            process.stdout.close()
            assert server.stopped.wait(TIMEOUT)
            process.send_signal(signal.SIGINT)
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(0.5)  # the first one lets the answer end
            process.send_signal(signal.SIGINT)
            assert (process.stderr.read(), process.wait(TIMEOUT)) == (b"", 0)


def test_reader_that_is_gone_before_a_blocking_answer() -> None:
    read, write = os.pipe()
    os.close(read)
    answer = response(b'{"answer":"a"}')
    with Server(chat_messages=answer) as server, os.fdopen(write, "wb") as closed:
        ended = run_into(closed, "--blocking", env=server.env)
    assert (ended.returncode, ended.stderr) == (0, b"")


def test_output_that_cannot_be_written_stops_the_answer(tmp_path: Path) -> None:
    full = prepared("import resource as r; r.setrlimit(r.RLIMIT_FSIZE, (0, 0))")
    answer = held(message("a"), until=lambda server: server.stopped, then=(message_end(),))
    with Server(chat_messages=answer) as server, (tmp_path / "out").open("wb") as out:
        ended = run_into(out, env=server.env, how=full)
    assert ended.returncode == 1
    assert ended.stderr == b"dify-chat: this cannot go on: File too large\n"


COMMANDS = "\x1b]52;c;ZXZpbA==\x07\x1b[8mhidden\x1b[0m\x9b31m\rover\x7f\ttab\nline"


def test_a_model_commands_no_terminal() -> None:
    with Server(chat_messages=stream(message(COMMANDS), message_end())) as server:
        with Live("Hi", screen=True, env=server.env) as command:
            shown = command.out("line")
        piped = run("Hi", env=server.env)
    controls = {char for char in shown if not char.isprintable()} - set("\n\t")
    assert not controls
    assert "hidden" in shown
    assert COMMANDS.replace("\r", "\n") in piped.out.replace("\r", "\n")  # a pipe gets it all


def test_an_error_commands_no_terminal_either() -> None:
    body = b'{"code":"x","message":"\\u001b]0;evil\\u0007 no"}'
    with Server(chat_messages=response(body, "400 NO")) as server:
        ended = run("Hi", env=server.env)
    assert "evil" in ended.err
    assert not {char for char in ended.err if not char.isprintable()} - {"\n"}


def test_a_price_of_a_billion_digits_is_not_written_out() -> None:
    end = message_end(total_price="1E999999999")
    with Server(chat_messages=stream(message("Hi"), end)) as server:
        ended = run("Hi", env=server.env)
    assert ended.code == 0
    assert len(ended.err) < 1000
