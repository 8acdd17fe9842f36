"""The checks for a real Dify, made of the emulator in both versions."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from dify_java_compat.emulator import DifyEmulator
from tests.support.facade import METHODS

from .__main__ import GROUPS, main, outcomes
from .live import Live, NotTried, outcome

KEYS = {"chat": "app-chat", "agent": "app-agent", "chatflow": "app-chatflow"}


@pytest.mark.parametrize("version", ["1.12", "1.14"])
@pytest.mark.parametrize("group", GROUPS)
def test_the_emulator_passes(version: str, group: str) -> None:
    human = "app-human-twice" if version == "1.14" else "app-human"
    with DifyEmulator(version=version, token_pause=0.005, linger_seconds=5.0) as emulator:
        live = Live(
            emulator.base_url, KEYS | {"human": human}, wait=10.0, settle=0.2, embedding=("a", "b")
        )
        found = list(outcomes(live, [group]))
    assert [one for one in found if one.result not in ("ok", "refused")] == []
    refused = [one.name for one in found if one.result == "refused"]
    assert refused == (["serverInfo"] if version == "1.12" and group == "methods" else [])


def test_every_method_is_called() -> None:
    named = ", ".join(name for checks in GROUPS.values() for name in checks)
    assert [name for name in METHODS if name not in named] == []


def test_what_is_kept_is_reported() -> None:
    with DifyEmulator(token_pause=0.005) as emulator:
        live = Live(emulator.base_url, KEYS, wait=10.0, settle=0.2)
        (found,) = outcomes(live, ["leaving"], "cancel a task (chat)")
    assert found.detail == "stored: 0 characters, status normal"


def test_what_goes_wrong_is_said() -> None:
    live = Live("http://127.0.0.1:9", {"chat": "app-secret"})

    def missing(_: Live) -> str:
        raise NotTried("no such app")

    def broken(_: Live) -> str:
        raise RuntimeError("in the test itself")

    assert outcome("g", "n", missing, live).result == "not tried"
    assert "RuntimeError" in outcome("g", "n", broken, live).detail
    found = Counter(one.result for one in outcomes(live, ["methods"], "send"))
    assert found == {"FAILED": 2}
    assert all("app-secret" not in one.detail for one in outcomes(live, ["methods"], "send"))


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keys = tmp_path / "keys.json"
    keys.write_text(json.dumps({"chat": "app-chat"}), encoding="utf-8")
    with DifyEmulator(token_pause=0.0) as emulator:
        options = ["--url", emulator.base_url, "--keys", str(keys), "--only", "methods"]
        assert main([*options, "--match", "Info"]) == 0
        assert main([*options, "--match", "send"]) == 0
    table = capsys.readouterr().out
    assert "| methods | serverInfo | ok |" in table
    assert "app-chat" not in table
    assert main(["--url", "http://127.0.0.1:9", "--keys", "chat=x", "--match", "messages"]) == 1
    for wrong in (str(tmp_path / "none"), "banana=x"):
        with pytest.raises(SystemExit):
            main(["--url", "http://127.0.0.1:9", "--keys", wrong])
