"""The command: it serves as it is told to, ends cleanly, and says in one line why it cannot."""

import os
import re
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dify_java_compat.emulator import DifyEmulator
from dify_java_compat.emulator.apps.catalog import APPS
from tests.support.client import request_bytes
from tests.support.frames import stream
from tests.support.processes import python

from .caller import Caller
from .openai_like import DONE, OpenAiLike, delta

COMMAND = ("-m", "dify_java_compat.emulator", "--port", "0")


class Elsewhere(DifyEmulator):
    """Stands for an emulator of another process."""

    def __init__(self, port: int) -> None:
        super().__init__(port)
        self._elsewhere = port

    @property
    def port(self) -> int:
        return self._elsewhere


@contextmanager
def served(*arguments: str) -> Iterator[Caller]:
    with python(*COMMAND, *arguments) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        found = re.fullmatch(r"Dify emulator at http://127\.0\.0\.1:(\d+)/v1\n", first)
        assert found, first
        try:
            yield Caller(Elsewhere(int(found[1])))
        finally:
            process.send_signal(signal.SIGTERM)
            _, errors = process.communicate()
    assert (process.returncode, errors) == (0, "")


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_the_command_serves_until_told_to_end(ending: signal.Signals) -> None:
    with python(*COMMAND) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        assert first.startswith("Dify emulator at http://127.0.0.1:")
        process.send_signal(ending)
        rest = process.stdout.read()
        assert process.stderr is not None
        assert process.stderr.read() == ""
    assert process.returncode == 0
    assert all(f"  {app.key} " in rest for app in APPS)


def test_the_command_remembers_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "dify.db"
    with python(*COMMAND, "--database", str(file)) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        process.communicate()  # whoever leaves now would break its pipe
    assert process.returncode == 0
    assert file.read_bytes().startswith(b"SQLite format 3")


def test_the_command_says_in_one_line_that_the_port_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        with python("-m", "dify_java_compat.emulator", "--port", port) as process:
            output, errors = process.communicate()
    assert process.returncode == 2
    assert output == ""
    assert errors.startswith(f"cannot listen on 127.0.0.1:{port}: ")
    assert errors.count("\n") == 1


def test_the_settings_reach_the_emulator() -> None:
    with OpenAiLike(stream(delta("of the model", "stop"), DONE)) as model:
        arguments = ("--upstream", model.url, "--model", "tiny", "--upstream-key", "k", "--quirks")
        with served(*arguments, "--token-pause", "0") as caller:
            assert caller.say().text == "of the model"
            crash = caller.post("/chat-messages", b"[]", "Content-Type: application/json")
            assert crash.status == 500
        assert model.requests[0].headers["authorization"] == "Bearer k"


def test_the_key_of_the_model_may_come_from_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("UPSTREAM_KEY", "sk-secret")
    with OpenAiLike(stream(delta("Hi", "stop"), DONE)) as model:
        with served("--upstream", model.url, "--model", "tiny") as caller:
            assert caller.say().text == "Hi"
        assert model.requests[0].headers["authorization"] == "Bearer sk-secret"
    with served() as caller:
        assert caller.get("/info").status == 200
    with python(*COMMAND, "--help") as process:
        assert "sk-secret" not in process.communicate()[0]


def test_faults_are_laid_down_in_order() -> None:
    faults = ("--fault", "status:503", "--fault", "status:429,times=2", "--fault", "cut:2")
    with served(*faults, "--fault", "status:500,when=boom,times=all") as caller:
        assert [caller.say("boom").status for _ in range(3)] == [503, 429, 429]
        assert len(caller.say("boom").events) == 2
        assert [caller.say(query).status for query in ("boom", "Hi", "boom")] == [500, 200, 500]
        reader = caller.connect()
        reader.send(request_bytes("GET", "/v1/info", "app-chat"))
        assert reader.response().status == 200
        reader.close()


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--fault", "cutt:3"], "did you mean cut?"),
        (["--fault", "delay"], "delay needs seconds"),
        (["--upstream", "http://127.0.0.1:1/v1"], "upstream and model go together"),
        (["--token-pause", "-1"], "pauses must not be negative"),
        (["--database", os.path.join(os.sep, "no", "such", "folder", "x.db")], "cannot use the"),
        (["--port", "99999"], "cannot listen on 127.0.0.1:99999"),
        (["--banana"], "unrecognized arguments"),
    ],
)
def test_what_cannot_be_done_is_said_in_the_last_line(arguments: list[str], reason: str) -> None:
    with python(*COMMAND, *arguments) as process:
        output, errors = process.communicate()
    assert (process.returncode, output) == (2, "")
    assert reason in errors.splitlines()[-1]
    assert "Traceback" not in errors


@pytest.mark.parametrize(
    ("arguments", "version"), [((), "1.14.2"), (("--version", "1.12"), "1.12.1")]
)
def test_the_command_is_the_version_that_is_named(arguments: tuple[str, ...], version: str) -> None:
    with served(*arguments, "--linger-seconds", "0") as caller:
        assert caller.get("/info").header("X-Version") == version
        caller.key = "app-new-agent"
        assert caller.get("/info").status == (200 if version == "1.14.2" else 401)
