"""What a test can do to the server: look at requests, cut streams, keep the state in a file."""

import json
import sqlite3
from pathlib import Path

import pytest

from dify_java_compat.emulator import DifyEmulator, faults
from tests.support.client import event_of
from tests.support.watching import wait_for_threads

from .caller import Caller


def runs_end() -> None:
    wait_for_threads("dify-emulator-run")


def test_requests_are_noted(emulator: DifyEmulator, chat: Caller) -> None:
    chat.get("/messages?user=a%20b")
    chat.say("你好")
    chat.upload("猫.png")
    chat.post("/chat-messages", b"{half", "Content-Type: application/json")
    listed, said, uploaded, broken = emulator.requests
    assert (listed.method, listed.path, listed.body) == ("GET", "/v1/messages", None)
    assert listed.query == {"user": "a b"}
    assert said.body == chat.message("你好")
    assert said.headers["Authorization"] == "Bearer app-chat"
    assert uploaded.body == {
        "user": "ann",
        "file": {"filename": "猫.png", "content_type": "image/png", "size": 5},
    }
    assert broken.body == b"{half"


def test_no_key_is_shown(emulator: DifyEmulator, chat: Caller) -> None:
    chat.post("/apps/annotations", {"question": "q", "answer": "a", "apiKey": "app-secret-1"})
    chat.get("/info?key=app-chat")
    for shown in map(repr, emulator.requests):
        assert "app-" not in shown
        assert "***" in shown
        assert "/v1/" in shown
    headers = emulator.requests[0].headers
    assert headers["Authorization"] == "Bearer app-chat"
    assert "app-" not in repr(headers)


def test_an_upload_can_be_read_although_it_was_noted(chat: Caller) -> None:
    assert chat.upload().json()["size"] == 5


@pytest.mark.parametrize("count", [0, 1, 7])
@pytest.mark.parametrize("key", ["app-chat", "app-chatflow"])
def test_a_stream_is_cut_after_so_many_events(emulator: DifyEmulator, key: str, count: int) -> None:
    caller = Caller(emulator, key)
    emulator.fault(faults.Cut(after_events=count))
    # Neither answers without a stream nor anything but the next stream are touched.
    assert caller.get("/info").complete
    if count == 0:
        with pytest.raises(IndexError):
            _ = caller.say().status
    else:
        answer = caller.say()
        assert not answer.complete
        assert len(answer.events) == count
    assert caller.say().complete


def test_a_chat_that_was_cut_has_lost_its_answer() -> None:
    with DifyEmulator(version="1.12", token_pause=0.005) as emulator:
        caller = Caller(emulator)
        emulator.fault(faults.Cut(after_events=3))
        first = caller.say().events[0]
        assert caller.messages(first["conversation_id"])[0]["answer"] == ""


def test_a_chatflow_that_was_cut_is_found_again() -> None:
    with DifyEmulator(version="1.12", token_pause=0.02) as emulator:
        flow = Caller(emulator, "app-chatflow")
        emulator.fault(faults.Cut(after_events=9))
        before = flow.say("Hello")
        assert not before.complete
        run_id = before.events[0]["workflow_run_id"]
        after = flow.follow(run_id)
        assert after.complete
        assert after.names[-2:] == ["workflow_finished", "message_end"]
        text = before.text + after.text
        assert text.endswith("stop it at any time.")
        outputs = after.events[-2]["data"]["outputs"]
        (stored,) = flow.messages(before.events[0]["conversation_id"])
        assert text == outputs["answer"] == stored["answer"]
        assert flow.follow(run_id).names == ["workflow_finished"]


def test_a_client_that_left_comes_back_to_what_it_had_not_seen() -> None:
    with DifyEmulator(version="1.12", token_pause=0.02) as emulator:
        flow = Caller(emulator, "app-chatflow")
        reader, chunks = flow.open_stream()
        before = [event_of(next(chunks).decode().rstrip("\n")) for _ in range(8)]
        reader.close()
        after = flow.follow(before[0]["workflow_run_id"])
        text = "".join(one.get("answer", "") for one in before) + after.text
        (stored,) = flow.messages(before[0]["conversation_id"])
        assert text == stored["answer"]
        assert text.endswith("stop it at any time.")


def test_a_snapshot_tells_of_the_nodes_so_far() -> None:
    with DifyEmulator(version="1.12", token_pause=0.02) as emulator:
        flow = Caller(emulator, "app-chatflow")
        emulator.fault(faults.Cut(after_events=9))
        before = flow.say()
        run_id = before.events[0]["workflow_run_id"]
        after = flow.follow(run_id, include_state_snapshot="true")
    assert after.events[:4] == before.events[:4]
    assert after.names[:5] == [
        "workflow_started", "node_started", "node_finished", "node_started", "message",
    ]  # fmt: skip
    assert (before.text + after.text).endswith("stop it at any time.")


def test_a_chatflow_nobody_came_back_to_ran_to_its_end() -> None:
    with DifyEmulator(version="1.12", token_pause=0.005) as emulator:
        flow = Caller(emulator, "app-chatflow")
        emulator.fault(faults.Cut(after_events=5))
        first = flow.say().events[0]
        runs_end()
        assert flow.messages(first["conversation_id"])[0]["answer"] == ""
        run = flow.get(f"/workflows/run/{first['workflow_run_id']}").json()
        assert run["status"] == "succeeded"
        assert flow.follow(first["workflow_run_id"]).names == ["workflow_finished"]


def test_what_is_remembered_outlives_the_server(tmp_path: Path) -> None:
    file = tmp_path / "dify.db"
    with DifyEmulator(version="1.12", token_pause=0.0, database=file) as emulator:
        flow = Caller(emulator, "app-chatflow")
        done = flow.say().events
        (asked,) = [
            one for one in flow.say("[human]").events if one["event"] == "human_input_required"
        ]
    with DifyEmulator(version="1.12", token_pause=0.0, database=str(file)) as emulator:
        flow = Caller(emulator, "app-chatflow")
        conversation_id = done[0]["conversation_id"]
        assert len(flow.get("/conversations?user=ann").json()["data"]) == 2
        assert flow.messages(conversation_id)[0]["answer"]
        again = flow.say("more", conversation_id=conversation_id)
        assert again.events[0]["data"]["inputs"]["sys.dialogue_count"] == 2
        assert flow.follow(done[0]["workflow_run_id"]).names == ["workflow_finished"]
        # A run that waited ended with its server.
        assert flow.get(f"/form/human_input/{asked['data']['form_token']}").status == 412
        (lost,) = flow.follow(asked["workflow_run_id"]).events
        assert (lost["event"], lost["data"]["status"]) == ("workflow_finished", "failed")


def test_a_file_of_another_layout_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "dify.db"
    database = sqlite3.connect(file)
    database.execute("PRAGMA user_version = 99")
    database.close()
    emulator = DifyEmulator(database=file)
    with pytest.raises(ValueError, match="another version"):
        emulator.start()
    emulator.close()


def test_faults_of_the_server_are_copied_on_demand(chat: Caller) -> None:
    header = "Content-Type: application/json"
    assert chat.post("/chat-messages", b"[]", header).json()["code"] == "bad_request"
    with DifyEmulator(quirks=True) as faithful:
        answer = Caller(faithful).post("/chat-messages", b"[]", header)
        assert (answer.status, json.loads(answer.body)["code"]) == (500, "unknown")
