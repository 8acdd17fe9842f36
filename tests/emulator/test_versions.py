"""What a Dify 1.14 does otherwise than 1.12: a test for each line of the emulator's table."""

import inspect
import json
import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import dify_java_compat.emulator as package
from dify_java_compat.emulator import DifyEmulator
from dify_java_compat.emulator.runs.run import Run, Runs
from dify_java_compat.emulator.version import V1_12, V1_14, differences
from tests.support import TIMEOUT
from tests.support.client import event_of, request_bytes
from tests.support.watching import wait_until

from .caller import Caller

NEWER = pytest.mark.dify_emulator(version="1.14", linger_seconds=0.2)
FORM = {"comment": "fine 好", "priority": "low"}


@pytest.fixture
def both() -> Iterator[Callable[..., tuple[Caller, Caller]]]:
    """Callers of an app of each generation."""
    with (
        DifyEmulator(version="1.12", token_pause=0.0) as old,
        DifyEmulator(version="1.14", token_pause=0.0, linger_seconds=0.0) as new,
    ):
        yield lambda key, user="ann": (Caller(old, key, user), Caller(new, key, user))


def names(caller: Caller, query: str = "Hi", **more: Any) -> list[str]:
    return caller.say(query, **more).names


def submit(caller: Caller, token: str, **inputs: Any) -> int:
    body = {"inputs": FORM | inputs, "action": "approve", "user": caller.user}
    return caller.post(f"/form/human_input/{token}", body).status


def token_of(event: dict[str, Any]) -> str:
    return str(event["data"]["reasons"][0]["form_token"])


def test_each_difference_is_made_somewhere() -> None:
    root = Path(inspect.getfile(package)).parent
    code = "".join(
        file.read_text(encoding="utf-8") for file in root.rglob("*.py") if file.name != "version.py"
    )
    assert [one.name for one in differences() if f"version.{one.name}" not in code] == []
    assert not any(getattr(V1_12, one.name) for one in differences())
    assert all(getattr(V1_14, one.name) for one in differences())


def test_the_newest_is_the_default() -> None:
    with DifyEmulator() as emulator:
        assert Caller(emulator).get("/info").header("X-Version") == "1.14.2"
    with pytest.raises(ValueError, match=r"1\.12 or 1\.14, not '2\.0'"):
        DifyEmulator(version="2.0")


def test_headers_and_welcome(both: Callable[..., tuple[Caller, Caller]]) -> None:
    old, new = both("app-chat")
    assert old.get("/info").header("Vary") is None
    assert new.get("/info").header("Vary") == "Cookie"
    assert old.raw(request_bytes("GET", "/v1/", None)).status == 404
    welcome = new.raw(request_bytes("GET", "/v1/", None)).json()
    assert (welcome["api_version"], welcome["server_version"]) == ("v1", "1.14.2")
    assert "/2.11/" in old.get("/messages").json()["message"]
    assert "/2.12/" in new.get("/messages").json()["message"]


def test_a_new_agent(both: Callable[..., tuple[Caller, Caller]]) -> None:
    old, new = both("app-new-agent")
    assert old.get("/info").status == 401
    assert new.get("/info").json()["mode"] == "agent"
    assert names(new) == names(new, mode=None) == ["message", "message_end"]
    assert new.say(mode="blocking").json()["code"] == "bad_request"


def test_the_ends_of_a_chatflow(both: Callable[..., tuple[Caller, Caller]]) -> None:
    old, new = both("app-chatflow-plain")
    for caller in (old, new):
        caller.emulator.reply("die", answer="half ", error="completion_request_error: died")
    assert (names(old)[0], names(old)[-2:]) == (
        "workflow_started", ["workflow_finished", "message_end"],
    )  # fmt: skip
    assert (names(new)[0], names(new)[-2:]) == ("ping", ["message_end", "workflow_finished"])
    assert names(old, "die")[-1] == "error"
    last = new.say("die").events[-1]
    assert (last["event"], last["data"]["status"]) == ("workflow_finished", "failed")
    assert last["data"]["error"] == "died"
    for caller in (old, new):
        assert caller.say("die", "blocking").json()["message"] == "Run failed: died"


def test_what_is_wrong_is_said_in_the_stream(both: Callable[..., tuple[Caller, Caller]]) -> None:
    old, new = both("app-chatflow")
    theirs = new.upload().json()["id"]
    files = [{"type": "image", "transfer_method": "local_file", "upload_file_id": theirs}]
    for wrong in (
        {"query": ""},
        {"files": files, "user": "thief"},
        {"inputs": {"style": "banana"}},
        {"inputs": {"n": []}},
    ):
        answer = new.say(**wrong)
        assert answer.status == 200
        assert answer.names == ["ping", "error"]
        assert set(answer.events[-1]) == {"event", "message", "status"}
        assert new.say(mode="blocking", **wrong).status == 400
    assert old.say("").status == 400


@NEWER
def test_a_stream_without_an_end_stays_open(emulator: DifyEmulator) -> None:
    moderated = Caller(emulator, "app-chatflow-moderated")
    reader, chunks = moderated.open_stream("forbidden")
    seen = [next(chunks) for _ in range(3)]
    assert [b"event" in one for one in seen] == [True] * 3
    reader.sock.settimeout(0.05)
    with pytest.raises(TimeoutError):
        next(chunks)
    reader.close()
    assert moderated.say("forbidden").complete


def test_an_unknown_conversation(both: Callable[..., tuple[Caller, Caller]]) -> None:
    unknown = str(uuid.uuid4())
    for key in ("app-chat", "app-chatflow"):
        old, new = both(key)
        assert old.say(conversation_id=unknown).status == 404
        assert new.say(conversation_id=unknown).status == (404 if key == "app-chat" else 200)
    told = both("app-chatflow")[1].say(conversation_id=unknown).events[-1]
    assert told["conversation_id"] != unknown


def stopped(caller: Caller, stopper: str | None = None) -> dict[str, Any]:
    """The last event of a run that is stopped at its first word."""
    reader, chunks = caller.open_stream()
    last: dict[str, Any] = {}
    for chunk in chunks:
        if chunk.startswith(b"data: "):
            last = json.loads(chunk.removeprefix(b"data: "))
            if last["event"] == "message":
                caller.stop(last["task_id"], stopper)
                caller.stop(last["task_id"])  # too late to change anything
    reader.close()
    return last


@pytest.mark.dify_emulator(version="1.14", token_pause=0.05)
def test_a_stop_is_a_race(emulator: DifyEmulator) -> None:
    flow = Caller(emulator, "app-chatflow-plain")
    ends = [stopped(flow), stopped(flow), stopped(flow, "somebody")]
    assert [end["data"]["status"] for end in ends] == ["stopped", "failed", "failed"]
    assert ends[1]["data"]["error"] == "Aborted: User requested stop"
    kept = [flow.messages(end["conversation_id"])[0] for end in ends]
    assert kept[0]["answer"]
    assert [one["answer"] for one in kept[1:]] == ["", ""]
    assert [one["status"] for one in kept] == ["normal", "error", "error"]
    runs = [flow.get(f"/workflows/run/{end['workflow_run_id']}").json() for end in ends]
    assert [run["status"] for run in runs] == ["running", "stopped", "stopped"]


@pytest.mark.dify_emulator(version="1.14", token_pause=0.01)
@pytest.mark.parametrize("followed", [False, True])
def test_the_answer_is_kept_although_nobody_reads(emulator: DifyEmulator, followed: bool) -> None:
    flow = Caller(emulator, "app-chatflow-plain")
    reader, chunks = flow.open_stream()
    assert next(chunks) == b"event: ping\n\n"
    started = json.loads(next(chunks).removeprefix(b"data: "))
    if followed:
        watcher, events = flow.open_events(started["workflow_run_id"])
        reader.close()
        assert [chunk for chunk in events if b'"event":"message"' in chunk]
        watcher.close()
    reader.close()
    run = f"/workflows/run/{started['workflow_run_id']}"
    wait_until(lambda: flow.get(run).json()["status"] != "running")
    (kept,) = flow.messages(started["conversation_id"])
    assert kept["answer"].startswith("You said")
    assert kept["answer"].endswith("any time.")


def asked(flow: Caller) -> dict[str, Any]:
    return flow.say("Hi").events[-1]


@NEWER
def test_a_pause_outlives_a_stop(emulator: DifyEmulator) -> None:
    flow = Caller(emulator, "app-human")
    event = asked(flow)
    flow.stop(event["task_id"])
    run = f"/workflows/run/{event['workflow_run_id']}"
    assert flow.get(run).json()["status"] == "paused"
    (kept,) = flow.messages(event["conversation_id"])
    assert (kept["status"], kept["answer"]) == ("paused", "")
    (form,) = kept["extra_contents"]
    assert form["form_definition"]["form_token"] == token_of(event)
    assert not form["submitted"]
    reader, chunks = flow.open_events(event["workflow_run_id"])
    assert submit(flow, token_of(event)) == 200
    *_, last = (json.loads(one.removeprefix(b"data: ")) for one in chunks if one[:5] == b"data:")
    reader.close()
    assert last["data"]["status"] == "succeeded"


@NEWER
def test_events_are_those_to_come(emulator: DifyEmulator) -> None:
    flow = Caller(emulator, "app-human")
    event = asked(flow)
    reader, chunks = flow.open_events(event["workflow_run_id"])
    assert submit(flow, token_of(event)) == 200
    told = [json.loads(one.removeprefix(b"data: ")) for one in chunks if one[:5] == b"data:"]
    reader.close()
    assert told[0]["data"]["reason"] == "resumption"
    assert [one["event"] for one in told[:3]] == [
        "workflow_started", "node_started", "human_input_form_filled",
    ]  # fmt: skip
    assert told[-1]["data"]["outputs"]["answer"].endswith("[fine 好|low|approve]")
    (kept,) = flow.messages(event["conversation_id"])
    assert kept["extra_contents"][0]["form_submission_data"]["submitted_data"] == FORM
    (last,) = flow.follow(event["workflow_run_id"]).events
    assert last["task_id"] == event["workflow_run_id"]
    bad = flow.get(f"/workflow/zz/events?user={flow.user}")
    assert bad.status == 404  # 500 with quirks


@NEWER
def test_a_snapshot_comes_first(emulator: DifyEmulator) -> None:
    flow = Caller(emulator, "app-human")
    event = asked(flow)
    run_id = event["workflow_run_id"]
    told = flow.follow(run_id, include_state_snapshot="true")
    assert told.complete
    assert told.names[:4] == ["ping", "workflow_started", "message_replace", "node_started"]
    assert told.names[-2:] == ["human_input_required", "workflow_paused"]
    nodes = [one["data"] for one in told.events if one["event"] == "node_finished"]
    assert [(one["index"], one["status"]) for one in nodes] == [(1, "succeeded"), (2, "paused")]
    assert "{{#sys.query#}}" in told.events[-1]["data"]["reasons"][0]["form_content"]


@NEWER
def test_a_run_fails_at_a_number_for_a_paragraph(emulator: DifyEmulator) -> None:
    flow = Caller(emulator, "app-human")
    event = asked(flow)
    reader, chunks = flow.open_events(event["workflow_run_id"])
    assert submit(flow, token_of(event), comment=3) == 200
    *_, last = (json.loads(one.removeprefix(b"data: ")) for one in chunks if one[:5] == b"data:")
    reader.close()
    assert last["data"]["status"] == "failed"


def test_smaller_things(both: Callable[..., tuple[Caller, Caller]]) -> None:
    old, new = both("app-chatflow-tts")
    assert names(old)[-1] == "tts_message_end"
    assert names(new)[-1] == "workflow_finished"
    old, new = both("app-retry")
    assert "DEFAULT" in old.say().text
    assert "DEFAULT" not in new.say().text
    assert "DEFAULT" in new.say().events[-1]["data"]["outputs"]["answer"]
    old, new = both("app-loop")
    rounds = [sum(one["event"] == "loop_next" for one in each.say().events) for each in (old, new)]
    assert rounds == [2, 3]
    old, new = both("app-rich")
    before = [each.say("a b").names.index("message") for each in (old, new)]
    started = [each.say("a b").names for each in (old, new)]
    assert started[0][before[0] - 1] == started[1][before[1] + 1] == "node_started"
    old, new = both("app-workflow")
    body = {"inputs": {"query": "x"}, "user": "ann", "response_mode": "streaming"}
    ends = [each.post("/workflows/run", body).events[-2]["data"] for each in (old, new)]
    assert [bool(end["inputs"]) for end in ends] == [False, True]
    unknown = f"/workflows/run/{uuid.uuid4()}"
    assert [each.get(unknown).status for each in (old, new)] == [200, 404]


def test_small_things_of_chats(both: Callable[..., tuple[Caller, Caller]]) -> None:
    old, new = both("app-chat")
    unknown = f"/conversations/{uuid.uuid4()}"
    assert [each.delete(unknown, {"user": "ann"}).status for each in (old, new)] == [204, 404]
    assert [each.get("/apps/annotations?page=0").status for each in (old, new)] == [200, 400]
    assert [list(each.upload().json())[1] for each in (old, new)] == ["name", "reference"]
    for each, wanted in ((old, "message_file"), (new, "message")):
        picture = {"type": "image", "transfer_method": "local_file"}
        answer = each.say(files=[picture | {"upload_file_id": each.upload().json()["id"]}])
        assert answer.names == [wanted, "message_end"]
        assert (answer.events[-1]["files"] is None) == (each is old)


def test_the_agents_node_logs_each_step_twice(
    both: Callable[..., tuple[Caller, Caller]],
) -> None:
    logs = [one["data"] for one in both("app-chatflow-agent")[1].say().events
            if one["event"] == "agent_log"]  # fmt: skip
    assert [(one["id"], one["status"]) for one in logs[:3]] == [
        ("round-1", "start"), ("model-1", "start"), ("model-1", "success"),
    ]  # fmt: skip
    assert len(logs) == 6


@NEWER
def test_who_follows_a_run_between_its_end_and_that_of_its_thread_gets_the_end(
    app: Callable[[str], Caller], monkeypatch: pytest.MonkeyPatch
) -> None:
    may_end, finish = threading.Event(), Runs.finish

    def hold(runs: Runs, run: Run) -> None:
        assert may_end.wait(TIMEOUT)
        finish(runs, run)

    monkeypatch.setattr(Runs, "finish", hold)  # what the run's thread does last
    flow = app("app-chatflow")
    reader, chunks = flow.open_stream()
    try:
        events = (event_of(chunk.decode().strip()) for chunk in chunks)
        event = next(one for one in events if one["event"] == "workflow_finished")
        assert flow.follow(event["workflow_run_id"]).names == ["workflow_finished"]
    finally:
        may_end.set()
        reader.close()
