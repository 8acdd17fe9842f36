"""Two servers, each a process of its own, on one file."""

import re
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from dify_java_compat.emulator import DifyEmulator
from tests.support import TIMEOUT
from tests.support.client import Response
from tests.support.processes import python

from .caller import Caller

Pair = tuple[SimpleNamespace, SimpleNamespace]


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    """Both started at once: neither finds the tables made."""
    settings = (
        "--version",
        "1.12",
        "--port",
        "0",
        "--token-pause",
        "0",
        "--database",
        str(tmp_path / "chat.db"),
    )
    command = ("-m", "dify_java_compat.emulator", *settings)
    with python(*command) as first, python(*command) as second:
        running = first, second
        yield cast(Pair, tuple(SimpleNamespace(port=port_of(one)) for one in running))
        for one in running:
            one.terminate()
        for one in running:
            one.communicate(timeout=TIMEOUT)


def port_of(process: "subprocess.Popen[str]") -> int:
    assert process.stdout is not None
    found = re.search(r":([0-9]+)/v1", process.stdout.readline())
    assert found
    return int(found[1])


def callers(pair: Pair, key: str, user: str = "ann") -> list[Caller]:
    return [Caller(cast(DifyEmulator, one), key, user) for one in pair]


def said(answer: Response) -> dict[str, Any]:
    assert answer.status == 200, answer
    assert answer.complete
    return answer.events[0]


@pytest.mark.parametrize("key", ["app-chat", "app-agent", "app-chatflow"])
def test_one_conversation_goes_on_in_turns(pair: Pair, key: str) -> None:
    both = callers(pair, key)
    conversation_id = said(both[0].say("q0"))["conversation_id"]
    for number in range(1, 6):
        said(both[number % 2].say(f"q{number}", conversation_id=conversation_id))
    first, second = (caller.messages(conversation_id) for caller in both)
    assert first == second
    assert [one["query"] for one in first] == [f"q{number}" for number in range(6)]
    assert all(one["query"] in one["answer"] for one in first)
    found = [caller.get("/conversations?user=ann").json()["data"] for caller in both]
    assert found[0] == found[1]
    assert len(found[0]) == 1


def test_one_conversation_at_once(pair: Pair) -> None:
    both = callers(pair, "app-chatflow")
    conversation_id = said(both[0].say("q"))["conversation_id"]

    def ask(number: int) -> Any:
        answer = both[number % 2].say(f"q{number}", conversation_id=conversation_id)
        return said(answer)["data"]["inputs"]["sys.dialogue_count"]

    with ThreadPoolExecutor(8) as pool:
        counts = list(pool.map(ask, range(40)))
    # Each turn has a number of its own, in whichever process it was asked.
    assert sorted(counts) == list(range(2, 42))
    pages = [caller.get(f"/messages?conversation_id={conversation_id}&user=ann&limit=100")
             for caller in both]  # fmt: skip
    first, second = (page.json()["data"] for page in pages)
    assert first == second
    assert {one["query"] for one in first} == {"q", *(f"q{number}" for number in range(40))}
    assert all(one["query"] in one["answer"] for one in first)


def test_new_users_and_conversations_at_once(pair: Pair) -> None:
    def begin(number: int) -> str:
        caller = callers(pair, "app-chat", f"user-{number // 4}")[number % 2]
        return str(said(caller.say())["conversation_id"])

    with ThreadPoolExecutor(8) as pool:
        begun = list(pool.map(begin, range(32)))
    assert len(set(begun)) == 32
    for number in range(8):
        for caller in callers(pair, "app-chat", f"user-{number}"):
            found = caller.get(f"/conversations?user={caller.user}").json()["data"]
            assert {one["id"] for one in found} == set(begun[number * 4 : number * 4 + 4])


def test_what_one_is_told_the_other_knows(pair: Pair) -> None:
    here, there = callers(pair, "app-chat")
    file_id = here.upload().json()["id"]
    picture = {"type": "image", "transfer_method": "local_file", "upload_file_id": file_id}
    message = said(there.say("look", files=[picture]))
    assert here.get(f"/files/{file_id}/preview").body == b"\x89PNG1"
    path = f"/messages/{message['message_id']}/feedbacks"
    assert here.post(path, {"user": "ann", "rating": "like"}).status == 200
    (stored,) = there.messages(message["conversation_id"])
    assert stored["feedback"] == {"rating": "like"}
    assert (
        there.delete(f"/conversations/{message['conversation_id']}", {"user": "ann"}).status == 204
    )
    gone = here.get(f"/messages?conversation_id={message['conversation_id']}&user=ann")
    assert gone.status == 404


@pytest.mark.parametrize("reader", [0, 1])
def test_a_form_is_asked_here_and_filled_in_there(pair: Pair, reader: int) -> None:
    both = callers(pair, "app-chatflow")
    (asked,) = (
        one for one in both[0].say("[human]").events if one["event"] == "human_input_required"
    )
    path = f"/form/human_input/{asked['data']['form_token']}"
    body = {"inputs": {"comment": "ok", "priority": "low"}, "action": "approve", "user": "ann"}
    assert both[1].get(path).status == 200
    assert both[1].post(path, body).status == 200
    assert both[0].post(path, body).status == 412
    # Only the process that has the run tells all of it; the other one tells its end.
    told = both[reader].follow(asked["workflow_run_id"])
    assert told.names[-1] == ("message_end" if reader == 0 else "workflow_finished")
    run = both[1].get(f"/workflows/run/{asked['workflow_run_id']}").json()
    assert run["status"] == "succeeded"
