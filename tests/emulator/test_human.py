"""Runs that wait for a person: forms, pauses, and what follows."""

import json
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from dify_java_compat.emulator import DifyEmulator
from tests.support.client import Response, event_of

from .caller import Caller

FILLED = {"comment": "Looks good 好", "priority": "high"}
QUESTION = ["node_started", "human_input_required", "workflow_paused"]
OPENING = ["workflow_started", "node_started", "node_finished", *QUESTION]
REST = [
    "node_finished", "node_started", "message", "node_finished", "node_started", "node_finished",
    "workflow_finished", "message_end",
]  # fmt: skip


pytestmark = pytest.mark.dify_emulator(ping_seconds=0.02)


@pytest.fixture
def flow(emulator: DifyEmulator) -> Caller:
    return Caller(emulator, "app-chatflow")


def asked(answer: Response) -> dict[str, Any]:
    """What the flow asks a person, with the id of the run."""
    (found,) = (one for one in answer.events if one["event"] == "human_input_required")
    return {**found["data"], "run_id": found["workflow_run_id"]}


def submit(caller: Caller, token: str, **changed: Any) -> Response:
    body = {"inputs": FILLED, "action": "approve", "user": caller.user, **changed}
    return caller.post(f"/form/human_input/{token}", body)


def rest(chunks: Iterator[bytes]) -> list[dict[str, Any]]:
    found = [event_of(chunk.decode().rstrip("\n")) for chunk in chunks]
    return [one for one in found if one["event"] != "ping"]


def names(events: list[dict[str, Any]]) -> list[str]:
    found: list[str] = []
    for one in events:
        if found[-1:] != [one["event"]]:
            found.append(one["event"])
    return found


@pytest.mark.parametrize("prompt", ["A draft [human]", "草稿 [人工]", "A draft [HUMAN x1]"])
def test_the_stream_ends_at_the_pause(flow: Caller, prompt: str) -> None:
    answer = flow.say(prompt)
    assert answer.complete
    assert answer.names == OPENING
    required, paused = answer.events[-2:]
    assert list(required["data"]) == [
        "form_id", "node_id", "node_title", "form_content", "inputs", "actions", "display_in_ui",
        "form_token", "resolved_default_values", "expiration_time",
    ]  # fmt: skip
    (reason,) = paused["data"]["reasons"]
    assert reason["TYPE"] == "human_input_required"
    assert reason["form_token"] == required["data"]["form_token"]
    assert paused["data"]["paused_nodes"] == [required["data"]["node_id"]]
    assert paused["data"]["status"] == "paused"


def test_a_prompt_about_artificial_intelligence_does_not_pause(flow: Caller) -> None:
    assert "workflow_finished" in flow.say("人工智能是什么？").names


def test_a_form_is_shown_and_filled_in_and_the_run_goes_on(flow: Caller) -> None:
    answer = flow.say("A draft [human]")
    form = asked(answer)
    path = f"/form/human_input/{form['form_token']}"
    shown = flow.get(path).json()
    assert shown["form_content"] == form["form_content"]
    assert shown["inputs"] == form["inputs"]
    assert shown["user_actions"] == form["actions"]
    assert shown["expiration_time"] == form["expiration_time"]
    reader, chunks = flow.open_events(form["run_id"])
    assert (submit(flow, form["form_token"]).status, flow.get(path).status) == (200, 412)
    events = rest(chunks)
    reader.close()
    assert names(events) == ["human_input_form_filled", *REST]
    data = events[0]["data"]
    assert (data["action_id"], data["action_text"]) == ("approve", "Approve 同意")
    assert data["submitted_data"] == FILLED
    text = "".join(one.get("answer", "") for one in events)
    assert text.startswith('You said: "A draft')
    (stored,) = flow.messages(events[0]["conversation_id"])
    assert stored["answer"] == text


def test_a_submitted_form_answers_an_empty_object(flow: Caller) -> None:
    answer = submit(flow, asked(flow.say("[human]"))["form_token"])
    assert (answer.status, answer.json()) == (200, {})


def test_the_first_to_answer_wins(emulator: DifyEmulator, flow: Caller) -> None:
    form = asked(flow.say("[human]"))
    assert submit(Caller(emulator, "app-chatflow", "bob"), form["form_token"]).status == 200
    again = submit(flow, form["form_token"])
    assert (again.status, again.json()["code"]) == (412, "human_input_form_submitted")
    assert form["form_id"] in again.json()["message"]


def test_an_expired_form_is_refused_and_the_run_goes_on(
    emulator: DifyEmulator, flow: Caller
) -> None:
    form = asked(flow.say("[human]"))
    reader, chunks = flow.open_events(form["run_id"])
    emulator.expire_forms()
    for answer in (
        submit(flow, form["form_token"]),
        flow.get(f"/form/human_input/{form['form_token']}"),
    ):
        assert (answer.status, answer.json()["code"]) == (412, "human_input_form_expired")
    events = rest(chunks)
    reader.close()
    assert names(events) == ["human_input_form_timeout", *REST]
    assert events[0]["data"]["node_id"] == form["node_id"]


@pytest.mark.dify_emulator(form_seconds=0.05, ping_seconds=10.0)
def test_forms_expire_by_themselves(flow: Caller) -> None:
    form = asked(flow.say("[human]"))
    assert flow.follow(form["run_id"]).names[0] == "human_input_form_timeout"
    assert submit(flow, form["form_token"]).json()["code"] == "human_input_form_expired"


@pytest.mark.parametrize(
    ("changed", "status", "code", "message"),
    [
        ({"inputs": {}}, 400, "invalid_form_data", "Missing required inputs: comment, priority"),
        ({"action": "banana"}, 400, "invalid_form_data", "Invalid action: banana"),
        (
            {"inputs": {**FILLED, "priority": "none"}},
            400, "invalid_form_data", "Invalid value for select input 'priority': none",
        ),
        ({"user": ""}, 400, "invalid_param", "Arg user must be provided."),
        (
            {"action": None},
            400, "invalid_param", "1 validation error for HumanInputFormSubmitPayload\naction\n",
        ),
    ],
)  # fmt: skip
def test_what_does_not_fit_the_form(
    flow: Caller, changed: dict[str, Any], status: int, code: str, message: str
) -> None:
    token = asked(flow.say("[human]"))["form_token"]
    answer = submit(flow, token, **changed)
    assert (answer.status, answer.json()["code"]) == (status, code)
    assert answer.json()["message"].startswith(message)
    assert submit(flow, token).status == 200


def test_a_form_is_its_apps_own(emulator: DifyEmulator, flow: Caller) -> None:
    token = asked(flow.say("[human]"))["form_token"]
    for caller, wanted in ((Caller(emulator, "app-workflow"), token), (flow, "banana")):
        answer = caller.get(f"/form/human_input/{wanted}")
        assert answer.status == 404
        assert answer.json()["message"].startswith("Form not found. You have requested")
        assert submit(caller, wanted).status == 404


def test_the_token_of_a_form_by_email_is_of_no_use_here(flow: Caller) -> None:
    form = asked(flow.say("[human email]"))
    assert not form["display_in_ui"]
    assert flow.get(f"/form/human_input/{form['form_token']}").status == 404
    assert submit(flow, form["form_token"]).status == 404


def test_two_pauses_in_one_stream(flow: Caller) -> None:
    form = asked(flow.say("[human x2]"))
    reader, chunks = flow.open_events(form["run_id"], continue_on_pause="true")
    submit(flow, form["form_token"])
    events = []
    for chunk in chunks:
        events += rest(iter([chunk]))
        if events and events[-1]["event"] == "human_input_required":
            submit(flow, events[-1]["data"]["form_token"], action="reject")
    reader.close()
    filled = "human_input_form_filled"
    assert names(events) == [filled, "node_finished", *QUESTION, filled, *REST]


def test_two_pauses_in_a_stream_each(flow: Caller) -> None:
    form = asked(flow.say("[human x2]"))
    submit(flow, form["form_token"])
    second = flow.follow(form["run_id"])
    assert second.names == ["human_input_form_filled", "node_finished", *QUESTION]
    again = asked(second)
    assert again["form_token"] != form["form_token"]
    assert again["node_id"] != form["node_id"]
    submit(flow, again["form_token"])
    assert flow.follow(form["run_id"]).names[-2:] in (
        ["workflow_finished", "message_end"],
        ["workflow_finished"],
    )


def test_a_form_that_expired_does_not_speak_for_the_next(
    emulator: DifyEmulator, flow: Caller
) -> None:
    form = asked(flow.say("[human x2]"))
    emulator.expire_forms()
    second = flow.follow(form["run_id"])
    assert second.names == ["human_input_form_timeout", "node_finished", *QUESTION]
    assert submit(flow, form["form_token"]).status == 412
    assert flow.get(f"/workflows/run/{form['run_id']}").json()["status"] == "paused"
    assert submit(flow, asked(second)["form_token"]).status == 200


def test_an_answer_may_come_before_the_pause_was_told(flow: Caller) -> None:
    reader, chunks = flow.open_stream("[human x9]")
    seen = []
    for chunk in chunks:
        one = event_of(chunk.decode().rstrip("\n"))
        seen.append(one["event"])
        if one["event"] == "human_input_required":
            run_id = one["workflow_run_id"]
            submit(flow, one["data"]["form_token"])
    reader.close()
    assert seen[-1] == "workflow_paused"
    for _ in range(8):
        again = flow.follow(run_id)
        submit(flow, asked(again)["form_token"])
    assert flow.follow(run_id).names[-1] in ("message_end", "workflow_finished")


def test_a_snapshot_of_a_waiting_run(flow: Caller) -> None:
    answer = flow.say("[human]")
    run_id = asked(answer)["run_id"]
    snapshot = flow.follow(run_id, include_state_snapshot="true")
    assert snapshot.complete
    assert snapshot.names == OPENING
    assert snapshot.body == answer.body


def test_a_finished_run_is_told_in_one_event(flow: Caller) -> None:
    answer = flow.say("[human]")
    form = asked(answer)
    reader, chunks = flow.open_events(form["run_id"])
    submit(flow, form["form_token"])
    finished = next(one for one in rest(chunks) if one["event"] == "workflow_finished")
    reader.close()
    for query in ({}, {"include_state_snapshot": "true"}):
        (told,) = flow.follow(form["run_id"], **query).events
        assert told["data"] == finished["data"]
        assert "conversation_id" not in told


def test_a_run_reads_as_paused_and_then_as_succeeded(flow: Caller) -> None:
    form = asked(flow.say("[human]"))
    path = f"/workflows/run/{form['run_id']}"
    assert flow.get(path).json()["status"] == "paused"
    reader, chunks = flow.open_events(form["run_id"])
    submit(flow, form["form_token"])
    rest(chunks)
    reader.close()
    found = flow.get(path).json()
    assert (found["status"], found["total_steps"]) == ("succeeded", 4)
    assert json.loads(found["outputs"])["answer"].startswith("You said")


def test_whose_runs_are_told_to_whom(emulator: DifyEmulator, flow: Caller) -> None:
    run_id = asked(flow.say("[human]"))["run_id"]
    for caller, wanted in (
        (Caller(emulator, "app-chatflow", "bob"), run_id),
        (Caller(emulator, "app-workflow"), run_id),
        (flow, str(uuid.uuid4())),
    ):
        answer = caller.follow(wanted)
        assert (answer.status, answer.json()["message"]) == (404, "Workflow run not found")
    assert Caller(emulator).follow(run_id).json()["code"] == "not_workflow_app"
    assert flow.get(f"/workflow/{run_id}/events").json()["message"] == "Arg user must be provided."


def test_a_waiting_run_is_stopped(flow: Caller) -> None:
    answer = flow.say("[human]")
    form = asked(answer)
    reader, chunks = flow.open_events(form["run_id"])
    flow.stop(answer.events[0]["task_id"])
    events = rest(chunks)
    reader.close()
    assert names(events) == ["workflow_finished", "message_end"]
    assert events[0]["data"]["status"] == "stopped"


def test_a_blocking_call_says_that_it_waits(flow: Caller) -> None:
    answer = flow.say("[human]", "blocking").json()
    assert answer["event"] == "workflow_paused"
    (reason,) = answer["data"]["reasons"]
    assert submit(flow, reason["form_token"]).status == 200


def test_closing_ends_runs_that_wait(app: Callable[[str], Caller]) -> None:
    flow = app("app-chatflow")
    form = asked(flow.say("[human]"))
    reader, chunks = flow.open_events(form["run_id"])
    flow.emulator.close()
    with pytest.raises(EOFError):
        list(chunks)
    reader.close()
