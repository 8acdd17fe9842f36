"""Clients of other authors, each in its own environment, complete a chat with the emulator.

Each script in `clients` speaks through its client alone and prints what it was given.
"""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from dify_java_compat.emulator import DifyEmulator

from .environments import python_with

pytestmark = pytest.mark.foreign

CLIENTS = {
    "official": "dify-client==0.1.10",
    "typed": "dify-client-python==1.0.3",
    "builders": "dify-oapi2==1.1.2",
}
SECONDS = 300


def text_of(events: list[dict[str, Any]]) -> str:
    return "".join(event.get("answer") or "" for event in events)


@pytest.mark.parametrize("key", ["app-chat", "app-chatflow"])
@pytest.mark.parametrize("client", CLIENTS)
def test_a_foreign_client_completes_a_chat(
    client: str, key: str, dify_emulator: DifyEmulator, request: pytest.FixtureRequest
) -> None:
    assert request.config.cache is not None
    interpreter = python_with(CLIENTS[client], request.config.cache)
    script = Path(__file__).parent / "clients" / f"{client}.py"
    # 1.14 keeps the answer of a chatflow that is stopped, or not: that is a race
    with DifyEmulator(token_pause=0.5, version="1.12") as slow:
        ended = subprocess.run(
            [interpreter, script, dify_emulator.base_url, slow.base_url, key],
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
    assert ended.returncode == 0, ended.stderr
    told = json.loads(ended.stdout)

    sent = told["sent"]
    assert "One 一" in sent["answer"]
    [message] = told["history"]
    assert (message["id"], message["answer"]) == (sent["message_id"], sent["answer"])
    assert (message["query"], message["feedback"]["rating"]) == ("One 一", "like")
    assert told["rated"] == {"result": "success"}

    events = told["streamed"]["events"]
    assert "message_end" in [each["event"] for each in events[-2:]]  # before the end of a run
    [message] = told["streamed"]["history"]
    assert "Two 二" in message["answer"]
    assert text_of(events) == message["answer"]

    streamed = events[-1]["conversation_id"]
    names = {each["id"]: each["name"] for each in told["listed"]}
    assert names.keys() == {sent["conversation_id"], streamed}
    assert names[sent["conversation_id"]] == "名字"
    assert told["renamed"]["id"] == sent["conversation_id"]
    assert [each["id"] for each in told["left"]] == [streamed]

    stopped = told["stopped"]
    assert stopped["result"] == {"result": "success"}
    assert stopped["events"][-1]["event"] == "message_end"
    [message] = stopped["history"]
    assert len(message["answer"]) < len(sent["answer"])
    assert text_of(stopped["events"]) == message["answer"]
