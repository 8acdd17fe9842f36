"""What the events of a Dify 1.14's runs say, live, as a snapshot and when a run is resumed."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dify_java_compat import (
    AgentLogData,
    ClientConfig,
    CompletionData,
    RequestsDifyChat,
    WorkflowRunStreamResponse,
    WorkflowStartedData,
    collect,
)
from dify_java_compat._api.codec import event_decoder
from dify_java_compat.models.events import EVENT_DATA
from tests.support.facade import KEY
from tests.support.frames import LAST_CHUNK, STREAM_HEAD, chunk, response
from tests.support.replay import replay
from tests.support.server import Peer, ScriptedServer
from tests.support.watching import Watcher

from .asking import QUESTION
from .comparing import differences, mistyped, undeclared
from .library import STREAMS_1_14, Recording
from .test_generations import named, one, served, stream_of

Event = dict[str, Any]
NODES = ("node_started", "node_finished")


@pytest.mark.parametrize("recording", STREAMS_1_14, ids=repr)
def test_each_event_has_its_class_and_each_field_a_place(recording: Recording) -> None:
    of_workflow = recording.path == "/v1/workflows/run"
    decode = event_decoder(WorkflowRunStreamResponse) if of_workflow else event_decoder()
    for data, event in zip(recording.event_data, recording.events, strict=True):
        item = decode(data)
        assert differences(item, event) == []
        assert undeclared(item, event) == set()
        assert mistyped(item, event) == set()
        if "data" in event:
            assert type(item.data) is EVENT_DATA.get(event["event"], CompletionData)


def items_of(name: str) -> list[Any]:
    recording = named(name)
    with served(replay(recording.raw)) as chat:
        return Watcher(stream_of(chat, recording)).wait().items


def test_a_run_says_why_it_started() -> None:
    for recording in STREAMS_1_14:
        if recording.path == "/v1/workflows/run":
            continue
        started = [item for item in items_of(recording.name) if item.event == "workflow_started"]
        filled = {event["event"] for event in recording.events} & {"human_input_form_filled"}
        assert all(isinstance(item.data, WorkflowStartedData) for item in started)
        reasons = [item.data.reason for item in started]
        assert set(reasons) <= {"initial", "resumption"}
        assert ("resumption" in reasons) == bool(filled)


@pytest.mark.parametrize("name", ["events-live-after-submit", "human-submit-then-events"])
def test_what_follows_a_form(name: str) -> None:
    """The form's node starts again, under the id it had when it asked."""
    items = items_of(name)
    assert [item.event for item in items[:4]] == [
        "workflow_started", "node_started", "human_input_form_filled", "node_finished",
    ]  # fmt: skip
    started, again, filled, finished = (item.data for item in items[:4])
    assert started.reason == "resumption"
    assert (again.id, again.node_type) == (finished.id, "human-input")
    assert (filled.node_id, finished.status) == (again.node_id, "succeeded")
    if name == "events-live-after-submit":  # the pause of this run was recorded, too
        asked = items_of("human-pause")
        assert asked[0].workflow_run_id == items[0].workflow_run_id
        assert [item.data.id for item in asked if item.event == "node_started"][-1] == again.id


@pytest.mark.parametrize("name", ["events-running-snapshot", "events-paused-snapshot"])
def test_a_snapshot_has_the_states_and_not_the_values(name: str) -> None:
    items = items_of(name)
    replaced = items[1]
    assert [item.event for item in items[:3]] == [
        "workflow_started", "message_replace", "node_started",
    ]  # fmt: skip
    assert (replaced.answer, replaced.reason) == ("", "")
    states = []
    for item in items[2:]:
        if item.event not in NODES:
            break
        states.append(item.data)
    numbers = [state.index for state in states]
    assert numbers == sorted(numbers)
    assert set(numbers) == set(range(1, len(set(numbers)) + 1))
    assert len({(state.id, state.index) for state in states}) == len(set(numbers))
    for state in states:
        assert state.inputs is None
        assert (getattr(state, "outputs", None), getattr(state, "process_data", None)) == (
            None, None,
        )  # fmt: skip
    live = [item.data.index for item in items[2 + len(states) :] if item.event in NODES]
    assert set(live) <= {1}


def test_a_paused_run_s_snapshot_asks_again_with_the_same_token() -> None:
    items, asked = items_of("events-paused-snapshot"), items_of("human-pause")
    forms = [item.data for item in (*items, *asked) if item.event == "human_input_required"]
    if items[0].workflow_run_id == asked[0].workflow_run_id:
        assert len({form.form_token for form in forms}) == 1
    for form in forms:
        assert form.resolved_default_values == {}
    assert "{{#" in forms[0].form_content  # unresolved in a snapshot
    assert items[-1].event == "workflow_paused"
    answer = collect_of("events-paused-snapshot")
    assert (answer.event, answer.workflow_status) == ("workflow_paused", "paused")


def collect_of(name: str) -> Any:
    recording = named(name)
    with served(replay(recording.raw)) as chat:
        return collect(stream_of(chat, recording))


def test_the_events_of_a_finished_run_are_its_end_alone() -> None:
    (only,) = items_of("events-finished")
    assert only.event == "workflow_finished"
    assert (only.conversation_id, only.message_id, only.created_at) == (None, None, None)
    answer = collect_of("events-finished")
    assert answer.answer == only.data.outputs["answer"]
    assert (answer.workflow_status, answer.message_id) == ("succeeded", None)
    assert answer.workflow_run_id == only.workflow_run_id


def test_an_agents_step_comes_twice_under_one_id() -> None:
    logs = [item.data for item in items_of("agent-log") if item.event == "agent_log"]
    assert all(isinstance(log, AgentLogData) for log in logs)
    for id in {log.id for log in logs}:
        assert [log.status for log in logs if log.id == id] == ["start", "success"]
    done = next(log for log in logs if (log.id, log.status) == ("model-1", "success"))
    assert (done.metadata.provider, done.metadata.total_tokens) == ("fake/fakellm/fakellm", 12)
    assert (done.metadata.started_at, done.metadata.elapsed_time) == (1.0, 0.2)


def test_a_new_agent_s_one_message_is_the_answer() -> None:
    items = items_of("new-agent-streaming")
    assert [item.event for item in items] == ["message", "message_end"]
    answer = collect_of("new-agent-streaming")
    assert answer.answer
    assert answer.answer == items[0].answer
    assert answer.metadata.usage.total_tokens == 0


# -- resumed -------------------------------------------------------------------------------------


def whole(events: list[Event]) -> bytes:
    return STREAM_HEAD + b"".join(map(framed, events)) + LAST_CHUNK


def framed(event: Event) -> bytes:
    return chunk(b"data: " + json.dumps(event, ensure_ascii=False).encode() + b"\n\n")


def resumed(first: bytes, rest: bytes) -> Watcher:
    """What a consumer gets of a stream that is cut behind `first`, and goes on with `rest`."""

    def serve(peer: Peer) -> None:
        while (received := peer.receive()) is not None:
            if received.method == "POST":
                peer.send(first)
                return
            if "/workflows/run/" in received.target:
                peer.send(response(b'{"id": "r", "status": "succeeded"}'))
                return
            assert received.target.endswith("&include_state_snapshot=true")
            peer.send(rest)

    config = ClientConfig(resume_streams=True, max_retries=0)
    with (
        ScriptedServer(serve) as server,
        RequestsDifyChat(server.url, config, api_key=KEY) as chat,
    ):
        return Watcher(chat.sendChatMessageStream(QUESTION)).wait()


def snapshot_of(before: list[Event], stored: str) -> list[Event]:
    """What 1.14 puts before the rest of a run's events: the shape is that of its recordings."""
    started = next(event for event in before if event["event"] == "workflow_started")
    ids = ("task_id", "conversation_id", "message_id", "created_at")
    replace = {"event": "message_replace", "answer": stored, "reason": ""}
    states, numbers = [], dict[str, int]()
    for event in before:
        if event["event"] in NODES:
            data = event["data"]
            number = numbers.setdefault(data["id"], len(numbers) + 1)
            hidden = dict.fromkeys({"inputs", "outputs", "process_data"} & data.keys())
            states.append({**event, "data": {**data, "index": number, **hidden}})
    return [started, replace | {name: started[name] for name in ids}, *states]


def test_a_snapshot_that_is_made_here_is_as_the_recorded_one() -> None:
    recorded = named("events-running-snapshot").events[:5]
    made = snapshot_of([recorded[0], *recorded[2:]], "")
    assert [(e["event"], e.get("answer"), e.get("reason")) for e in made] == [
        (e["event"], e.get("answer"), e.get("reason")) for e in recorded
    ]
    for ours, theirs in zip(made[2:], recorded[2:], strict=True):
        assert ours["data"] == theirs["data"]


RUNS = [
    recording
    for recording in STREAMS_1_14
    if recording.path == "/v1/chat-messages"
    and recording.events[-1]["event"] == "workflow_finished"
    and recording.events[-1]["data"]["status"] == "succeeded"
]


@pytest.mark.parametrize("recording", RUNS, ids=repr)
@settings(max_examples=8, deadline=None)
@given(data=st.data())
def test_a_run_is_resumed_and_nothing_told_twice(recording: Recording, data: st.DataObject) -> None:
    """Cut anywhere behind its first event, with what the server has meanwhile published unread."""
    events = recording.events
    cut = data.draw(st.integers(1, len(events) - 2), label="cut behind")
    joined = data.draw(st.integers(cut, len(events) - 1), label="resumed before")
    first = STREAM_HEAD + b"".join(map(framed, events[:cut]))
    watcher = resumed(first, whole([*snapshot_of(events[:joined], ""), *events[joined:]]))
    assert watcher.completed
    told = [item.raw for item in watcher.items]
    assert told[:cut] == events[:cut]
    assert told[len(told) - len(events) + joined :] == events[joined:]
    # between the two: the states of nodes that were not told yet, and nothing else
    between = told[cut : len(told) - len(events) + joined]
    missed = [event for event in events[cut:joined] if event["event"] in NODES]
    assert [(e["event"], e["data"]["id"]) for e in between] == [
        (e["event"], e["data"]["id"]) for e in missed
    ]


def cut_before_text() -> tuple[bytes, Recording]:
    """The recorded snapshot's own run, cut behind its first words, which nobody recorded."""
    recording = named("events-running-snapshot")
    started, _, *states = recording.events[:5]
    live = [{**e, "data": {**e["data"], "index": 1, "inputs": {}}} for e in states]
    ids = {name: started[name] for name in ("task_id", "conversation_id", "message_id")}
    words = {"event": "message", **ids, "answer": "tok0 词 tok1 词 "}
    return STREAM_HEAD + b"".join(map(framed, [started, *live, words])), recording


def test_the_recorded_snapshot_wipes_no_text_and_tells_no_node_twice() -> None:
    first, recording = cut_before_text()
    watcher = resumed(first, recording.raw)
    assert watcher.completed
    assert [item.raw for item in watcher.items][5:] == recording.events[5:]
    names = [item.event for item in watcher.items]
    assert "message_replace" not in names
    ids = [(item.event, item.raw["data"]["id"]) for item in watcher.items if item.event in NODES]
    assert len(ids) == len(set(ids)) == 6


def _moved(frames: list[bytes]) -> list[bytes]:
    ping, started, replace, node, *rest = frames
    return [ping, started, node, replace, *rest]


def _stored(text: str) -> bytes:
    return f'"answer":"{text}","reason"'.encode()


@pytest.mark.parametrize(
    ("change", "obeyed"),
    [
        (lambda raw: raw, False),
        (lambda raw: raw.replace(_stored(""), _stored("tok0 词 "), 1), False),
        (lambda raw: raw.replace(_stored(""), _stored("other"), 1), True),
        (lambda raw: raw.replace(b'"reason":""', b'"reason":"output_moderation"', 1), True),
        (lambda raw: b"\n\n".join(_moved(raw.split(b"\n\n"))), True),
    ],
    ids=["as recorded", "of what was told", "of another text", "with a reason", "behind a node"],
)
def test_which_replacement_of_a_snapshot_is_obeyed(
    change: Callable[[bytes], bytes], obeyed: bool
) -> None:
    first, recording = cut_before_text()
    watcher = resumed(first, STREAM_HEAD + chunk(change(recording.body)) + LAST_CHUNK)
    assert watcher.completed
    assert ("message_replace" in [item.event for item in watcher.items]) == obeyed


# -- history -------------------------------------------------------------------------------------


def test_what_is_stored_of_a_run_that_is_paused_stopped_or_left() -> None:
    def stored(name: str) -> tuple[str, str]:
        (message,) = one(name).json["data"]
        return message["answer"], message["status"]

    assert stored("human-pause-messages") == ("", "paused")
    assert stored("chatflow-client-disconnect.messages-early") == ("", "normal")
    assert stored("chatflow-stop-messages")[1] == "normal"
    whole_answer, status = stored("chatflow-client-disconnect.messages-late")
    heard = named("chatflow-client-disconnect").answer
    assert status == "normal"
    assert whole_answer.startswith(heard)
    assert len(whole_answer) > 2 * len(heard)
