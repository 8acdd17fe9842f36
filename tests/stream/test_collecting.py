"""The events of a stream to one answer: what appends, what replaces, what is the truth."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dify_java_compat._stream.answer import AnswerBuilder, collect_items
from dify_java_compat.models.events import EVENTS

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
    assert collect_items(items).answer == answer


def test_what_the_end_lacks_erases_nothing() -> None:
    end = item("message_end", metadata={"usage": {"total_tokens": 3}})
    collected = collect_items([text("a"), end, item("message_end")])
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
