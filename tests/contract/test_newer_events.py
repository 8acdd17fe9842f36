"""Events that no recorded server sends yet: Dify's own examples of streams, and what it tells.

Each stream is framed as the recorded ones are and read through both methods that give one.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from dify_java_compat import (
    ChatMessageSendCompletionResponse,
    ChatMessageSendRequest,
    CompletionData,
    RequestsDifyChat,
    StreamErrorException,
    StreamInterruptedException,
    collect,
    iterate,
)
from dify_java_compat._stream.observable import Observable
from dify_java_compat.models.events import EVENT_DATA
from tests.recordings.comparing import differences, mistyped, undeclared

from .responses import client_of_response, event_stream
from .spec.facts import FROZEN_STREAMS

Event = dict[str, Any]
Item = ChatMessageSendCompletionResponse

IDS = {
    "conversation_id": "9d3a2f1b-6c7d-4e8f-a0b1-c2d3e4f5a6b7",
    "message_id": "2e4f6a8b-1c3d-5e7f-9a0b-2c4d6e8f0a1b",
    "created_at": 1705407629,
    "task_id": "c3800678-a077-43df-a102-53f23ed20b88",
}
RUN = "fb47b2e6-5e43-4f90-be01-d5c5a088d156"


def reply(event: str, **fields: Any) -> Event:
    return {"event": event, **IDS, **fields}


def of_run(event: str, **data: Any) -> Event:
    return {"event": event, **IDS, "workflow_run_id": RUN, "data": data}


def finished(**data: Any) -> Event:
    return of_run("workflow_finished", id=RUN, status="succeeded", **data)


ENDED = reply("message_end", metadata={"usage": {"total_tokens": 42, "latency": 1.5}})
TEXT = "你好，世界\u2028 😀 the whole answer"


def thought(text: str, observation: str) -> Event:
    return reply(
        "agent_thought", id="t1", position=1, thought=text, tool="clock", tool_input="{}",
        observation=observation, message_files=[],
    )  # fmt: skip


# what the description tells of a New Agent app, where it shows no example
NEW_AGENT = [
    thought("", ""),
    *(reply("agent_message", answer=piece) for piece in ("你好，", "世界\u2028", " 😀")),
    thought("What time is it?", "12:00"),
    reply("agent_message", answer=" the who"),
    reply("message", answer=TEXT),
    ENDED,
]
AGENT_LOG = {
    "node_execution_id": "e1",
    "id": "l2",
    "label": "CALL clock",
    "parent_id": "l1",
    "error": None,
    "status": "success",
    "data": {"output": {"tool_call_args": {"时区": "UTC"}}},
    "metadata": {"provider": "langgenius/clock", "icon": "🕐"},
    "node_id": "agent_node",
}
TOLD: dict[str, list[Event]] = {
    "newAgent": NEW_AGENT,
    # an agent_log is the one event of a chatflow's that has no workflow_run_id
    "agentLog": [
        of_run("workflow_started", id=RUN, inputs={}, reason="initial"),
        {"event": "agent_log", **IDS, "data": AGENT_LOG},
        reply("message", answer="It is noon."),
        ENDED,
        finished(outputs={"answer": "It is noon."}),
    ],
    "formTimedOut": [
        of_run("workflow_started", id=RUN, inputs={}, reason="resumption"),
        of_run("human_input_form_timeout", node_id="approval_node", node_title="审批",
               expiration_time=1705494029),
        reply("message", answer="Nobody answered."),
        ENDED,
        finished(outputs={"answer": "Nobody answered."}),
    ],
    "formByMail": [
        of_run("human_input_required", form_id="f1", form_token=None, node_id="n", inputs=[],
               display_in_ui=False, actions=[{"id": "ok", "title": "好"}]),
        of_run("workflow_paused", workflow_run_id=RUN, paused_nodes=["n"], reasons=[],
               status="paused"),
    ],
    # continue_on_pause: one stream over two forms
    "continuedOnPause": [
        of_run("workflow_paused", paused_nodes=["first"], reasons=[], status="paused"),
        of_run("human_input_form_filled", node_id="first", node_title="1", rendered_content="",
               action_id="ok", action_text="好", submitted_data={"文": ["a"]}),
        of_run("workflow_paused", paused_nodes=["second"], reasons=[], status="paused"),
        of_run("human_input_form_filled", node_id="second", node_title="2", rendered_content="",
               action_id="no", action_text="不", submitted_data={}),
        reply("message", answer="Done."),
        ENDED,
        finished(outputs={"answer": "Done."}),
    ],
    "alreadyFinished": [finished(outputs={"answer": TEXT}, total_steps=3)],
}  # fmt: skip
EXAMPLES: dict[str, list[Event]] = {**FROZEN_STREAMS, **TOLD}

ANSWERS = {
    "streamingResponseBasic": " I",
    "streamingResponseAgent": "Here is the image: ",
    "streamingResponseWorkflow": " I",
    "humanInputPause": "",
    "resumedRun": "",  # of a workflow app: it has outputs and no answer
    "resumedRunChatflow": "Approved",
    "newAgent": TEXT,
    "agentLog": "It is noon.",
    "formTimedOut": "Nobody answered.",
    "formByMail": "",
    "continuedOnPause": "Done.",
    "alreadyFinished": TEXT,
}

METHODS: dict[str, Callable[[RequestsDifyChat], Observable[Item]]] = {
    "sendChatMessageStream": lambda chat: chat.sendChatMessageStream(
        ChatMessageSendRequest(content="Hello 你好", user_id="u")
    ),
    "workflowEvents": lambda chat: chat.workflowEvents(RUN, user_id="u"),
}
each_method = pytest.mark.parametrize("method", METHODS)
each_example = pytest.mark.parametrize("name", EXAMPLES)


def read(method: str, events: list[Event], *, whole: bool = True) -> Iterator[Item]:
    with client_of_response(event_stream(events, whole=whole)) as (chat, _):
        yield from iterate(METHODS[method](chat))


def data_of(item: Item) -> Any:
    return item.data


def answer_of(events: list[Event]) -> Any:
    with client_of_response(event_stream(events)) as (chat, _):
        return collect(METHODS["workflowEvents"](chat))


def test_every_newer_event_is_here() -> None:
    assert {event["event"] for events in EXAMPLES.values() for event in events} >= {
        "agent_log",
        "human_input_form_filled",
        "human_input_form_timeout",
        "human_input_required",
        "reasoning_chunk",
        "text_chunk",
        "workflow_paused",
        "workflow_started",
    }
    assert set(ANSWERS) == set(EXAMPLES)


@each_method
@each_example
def test_each_event_is_an_item_of_its_own_class(name: str, method: str) -> None:
    items = list(read(method, EXAMPLES[name]))
    assert [item.raw for item in items] == EXAMPLES[name]
    for item, event in zip(items, EXAMPLES[name], strict=True):
        assert differences(item, event) == []
        assert undeclared(item, event) == set()
        assert mistyped(item, event) == set()
        if "data" in event:
            assert type(item.data) is EVENT_DATA[event["event"]]
            assert item.data.raw == event["data"]
        else:
            assert item.data is None


@each_method
@each_example
def test_a_cut_is_told_with_the_ids(name: str, method: str) -> None:
    events = EXAMPLES[name]
    with pytest.raises(StreamInterruptedException) as raised:
        list(read(method, events, whole=False))
    for identity in ("task_id", "message_id", "conversation_id", "workflow_run_id"):
        known = [event[identity] for event in events if event.get(identity)]
        expected = known[-1] if known else RUN if identity == "workflow_run_id" else None
        if method == "sendChatMessageStream" and not known:
            expected = None
        assert getattr(raised.value, identity) == expected


@each_method
@each_example
def test_an_end_without_its_event_is_a_cut(name: str, method: str) -> None:
    ends = ("message_end", "workflow_finished", "workflow_paused")
    events = [event for event in EXAMPLES[name] if event["event"] not in ends]
    with pytest.raises(StreamInterruptedException):
        list(read(method, events))


@each_example
def test_the_answer(name: str) -> None:
    events = EXAMPLES[name]
    response = answer_of(events)
    assert response.answer == ANSWERS[name]
    assert response.task_id == events[0]["task_id"]
    assert response.message_id == events[0].get("message_id")
    usage = [event["metadata"] for event in events if event["event"] == "message_end"]
    assert differences(response.metadata, usage[-1] if usage else None) == []


@each_method
def test_a_pause_completes(method: str) -> None:
    *_, required, paused = read(method, EXAMPLES["humanInputPause"])
    form, pause = data_of(required), data_of(paused)
    assert (form.form_token, form.formToken) == ("tok_abc123", "tok_abc123")
    assert form.actions[0]["id"] == "approve"
    assert paused.event == "workflow_paused"
    assert paused.workflow_run_id == required.workflow_run_id == pause.workflow_run_id
    assert pause.reasons[0]["form_token"] == form.form_token


@each_method
def test_thinking_aloud_is_no_answer(method: str) -> None:
    items = list(read(method, EXAMPLES["streamingResponseWorkflow"]))
    chunks = [data_of(item) for item in items if item.event == "reasoning_chunk"]
    assert [(chunk.reasoning, chunk.is_final) for chunk in chunks] == [
        ("The user greeted me, so", False),
        ("", True),
    ]


def test_a_run_says_why_it_started() -> None:
    started = ("humanInputPause", "formTimedOut", "streamingResponseWorkflow")
    reasons = [data_of(next(read("workflowEvents", EXAMPLES[name]))).reason for name in started]
    assert reasons == ["initial", "resumption", None]


def test_a_new_agent_s_closing_message_is_the_answer_and_no_more_text() -> None:
    response = answer_of(NEW_AGENT)
    assert response.answer == TEXT
    assert [each.observation for each in response.agent_thoughts] == ["12:00"]
    # what moderation or a lost piece has left of the pieces does not matter
    fewer = [event for event in NEW_AGENT if event.get("answer") != "世界\u2028"]
    assert answer_of(fewer).answer == TEXT


def test_a_new_agent_that_is_stopped_before_closing_keeps_its_pieces() -> None:
    stopped = [event for event in NEW_AGENT if event["event"] != "message"]
    assert answer_of(stopped).answer == "你好，世界\u2028 😀 the who"


def test_a_new_agent_that_says_nothing_has_an_empty_answer() -> None:
    assert answer_of([reply("message", answer=""), ENDED]).answer == ""
    assert answer_of([reply("agent_message", answer="x"), reply("message", answer=""), ENDED]
                     ).answer == ""  # fmt: skip


def test_a_new_agent_whose_answer_moderation_replaces() -> None:
    replaced = [*NEW_AGENT[:-1], reply("message_replace", answer="已替换"), ENDED]
    assert answer_of(replaced).answer == "已替换"


def test_a_plain_agent_has_no_closing_message() -> None:
    pieces = [reply("agent_message", answer=piece) for piece in "abc"]
    assert answer_of([*pieces, ENDED]).answer == "abc"


@each_method
def test_a_resumed_run_that_fails(method: str) -> None:
    events = [
        *EXAMPLES["resumedRunChatflow"][:3],
        of_run("workflow_finished", id=RUN, status="failed", error="out of paper"),
        {"event": "error", "message_id": IDS["message_id"], "status": 400,
         "code": "invalid_param", "message": "Run failed: out of paper"},
    ]  # fmt: skip
    items: list[Item] = []
    with pytest.raises(StreamErrorException, match="out of paper") as raised:
        items.extend(read(method, events))
    assert [item.raw for item in items] == events
    assert (raised.value.code, raised.value.status) == ("invalid_param", 400)
    assert raised.value.workflow_run_id == RUN


@pytest.mark.parametrize("event", sorted({
    event["event"] for events in EXAMPLES.values() for event in events if "data" in event
}))  # fmt: skip
def test_a_later_server_s_fields_and_events_are_kept(event: str) -> None:
    sent = next(e for events in EXAMPLES.values() for e in events if e["event"] == event)
    later = copy.deepcopy(sent)
    later["data"]["brand_new"] = {"键": [1, None]}
    renamed = {**later, "event": "brand_new"}
    items = list(read("workflowEvents", [later, renamed, finished()]))
    assert [item.raw for item in items] == [later, renamed, finished()]
    assert items[0].data.raw["brand_new"] == {"键": [1, None]}
    assert type(items[1].data) is CompletionData
    assert items[1].data.raw == later["data"]
