"""The events of a stream to one answer: what appends, what replaces, what is the truth."""

from __future__ import annotations

import asyncio
import importlib
import inspect
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dify_java_compat import (
    EventStream,
    IllegalArgumentException,
    RequestsDifyWorkflow,
    WorkflowRunRequest,
    aiterate,
    collect,
    iterate,
)
from dify_java_compat._stream.answer import AnswerBuilder, built
from dify_java_compat.models.events import EVENTS
from dify_java_compat.operators import collected
from tests.support.frames import stream
from tests.support.server import ScriptedServer, always
from tests.support.watching import join_streams

from .support import Item, item


def finished(answer: Any) -> Item:
    return item("workflow_finished", data={"status": "succeeded", "outputs": {"answer": answer}})


def text(answer: Any, event: str = "message") -> Item:
    return item(event, answer=answer)


def replaced(answer: Any) -> Item:
    return text(answer, "message_replace")


@pytest.mark.parametrize(
    ("items", "answer"),
    [
        ([text("a"), text("b", "agent_message"), text("c", "message_file")], "abc"),
        ([text("a"), text("a"), finished("a")], "a"),  # a node that was retried
        ([text("a"), finished("a"), text("late")], "a"),
        ([text("bad"), finished("bad"), replaced("good")], "good"),
        ([text("bad"), finished("bad"), replaced("good"), text("!")], "good!"),
        ([text("bad"), replaced("good"), finished("best")], "best"),
        ([text("bad"), replaced("good"), finished(None)], "good"),
        ([text("bad"), finished("bad"), replaced("good"), finished("best")], "best"),
        ([text("a"), replaced(None)], ""),
        ([text("a"), finished({"not": "text"})], "a"),
        ([text("a", "agent_message"), text("b", "agent_message"), text("ab")], "ab"),
        ([text("ab")], "ab"),  # a New Agent's, whole
    ],
)
def test_the_text(items: list[Item], answer: str) -> None:
    assert built(AnswerBuilder(), items).answer == answer


def test_what_the_end_lacks_erases_nothing() -> None:
    end = item("message_end", metadata={"usage": {"total_tokens": 3}})
    collected = built(AnswerBuilder(), [text("a"), end, item("message_end")])
    assert collected.metadata is not None
    assert collected.metadata.usage is not None
    assert collected.metadata.usage.total_tokens == 3
    assert collected.task_id == "t-1"


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=4,
)
FIELDS = [
    *("answer", "data", "id", "task_id", "message_id", "metadata", "created_at", "status"),
    *("message", "code", "thought", "message_files", "position", "tool_labels"),
]


@given(
    st.lists(
        st.tuples(
            st.sampled_from([row.name for row in EVENTS]) | ANYTHING,
            st.dictionaries(st.sampled_from(FIELDS), ANYTHING, max_size=5),
        ),
        max_size=6,
    )
)
def test_values_of_any_type_fail_nothing(events: list[tuple[Any, dict[str, Any]]]) -> None:
    builder = AnswerBuilder()
    for event, fields in events:
        assert isinstance(builder.add(item(event, **fields)), str)
        assert isinstance(builder.build().answer, str)


@given(ANYTHING, ANYTHING)
def test_outputs_of_any_type_fail_nothing(outputs: Any, answer: Any) -> None:
    for data in (outputs, {"outputs": outputs}, {"outputs": {"answer": answer}}):
        builder = AnswerBuilder()
        builder.add(text("a"))
        builder.add(item("workflow_finished", data=data))
        assert isinstance(builder.build().answer, str)


def test_a_file_is_collected_once() -> None:
    """An agent's picture comes in an event of its own, and in the end of the message again."""
    picture = {"type": "image", "url": "http://d/cat.png", "belongs_to": "assistant"}
    again = {"type": "image", "url": "http://d/cat.png", "filename": "cat.png"}
    other = {"type": "document", "url": "http://d/a.txt"}
    builder = AnswerBuilder()
    for raw in (
        {"event": "message_file", "id": "f-1", **picture},
        {"event": "agent_message", "answer": "Here is your cat."},
        {"event": "message_end", "files": [again, other, "odd", "odd"]},
    ):
        builder.add(Item.from_dict(raw))
    answer = builder.build()
    assert answer.answer == "Here is your cat."
    assert answer.files == [{"id": "f-1", **picture, "filename": "cat.png"}, other, "odd"]


# -- what is given a stream ----------------------------------------------------------------------

MODULES = ["", ".operators", ".web.flask", ".web.starlette", ".web.django", ".web.resumable"]


def takers() -> dict[str, Callable[[Any], Any]]:
    """The public functions whose first argument is a stream, so that a new one is tried too."""
    found: dict[str, Callable[[Any], Any]] = {}
    for name in MODULES:
        module = importlib.import_module(f"dify_java_compat{name}")
        for public in module.__all__:
            value = getattr(module, public)
            if inspect.isfunction(value) and "dify_java_compat" in value.__module__:
                first = next(iter(inspect.signature(value).parameters), "")
                if first in ("observable", "stream", "alternative"):
                    found[f"{name}.{public}"] = value
    return found


TAKERS = takers()
WRONG: list[Any] = [None, 1, "text", [], iter([]), object()]


@pytest.mark.parametrize("wrong", WRONG, ids=[type(one).__name__ for one in WRONG])
@pytest.mark.parametrize("name", TAKERS)
def test_what_is_no_stream_is_an_illegal_argument(name: str, wrong: object) -> None:
    with pytest.raises(IllegalArgumentException, match="must be an Observable, not "):
        TAKERS[name](wrong)


def test_the_functions_that_take_a_stream_were_found() -> None:
    assert {".iterate", ".aiterate", ".collect", ".web.flask.event_stream"} <= set(TAKERS)


RUN = b'"task_id":"t","workflow_run_id":"r","data":{"id":"r","status":"succeeded"}}\n\n'
RUN_EVENTS = stream(
    *(b'data: {"event":"workflow_%b",' % end + RUN for end in (b"started", b"finished"))
)


@pytest.fixture
def run_stream() -> Iterator[EventStream[Any]]:
    with (
        ScriptedServer(always(RUN_EVENTS)) as server,
        RequestsDifyWorkflow(server.url, api_key="app-test") as workflow,
    ):
        yield workflow.runWorkflowStream(WorkflowRunRequest(user_id="u", inputs={}))
        join_streams()


def test_the_events_of_a_run_are_items_as_any_other(run_stream: EventStream[Any]) -> None:
    async def read() -> list[Any]:
        return [item.event async for item in aiterate(run_stream)]

    events = ["workflow_started", "workflow_finished"]
    assert [item.event for item in iterate(run_stream)] == asyncio.run(read()) == events


def test_of_a_run_there_is_no_answer(run_stream: EventStream[Any]) -> None:
    with pytest.raises(IllegalArgumentException, match="runWorkflow and blocking_via_stream"):
        collect(run_stream)
    with pytest.raises(IllegalArgumentException, match="runWorkflow and blocking_via_stream"):
        run_stream.pipe(collected()).run()
    with pytest.raises(IllegalArgumentException, match="not of str: collect before map"):
        collect(run_stream.map(lambda item: item.event))
