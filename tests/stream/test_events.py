"""The rows of the events, and that the rooms of the wing do what the rows say."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest

import dify_java_compat
from dify_java_compat import (
    DifyException,
    EmptyData,
    StreamErrorException,
    StreamEventEnum,
    StreamInterruptedException,
)
from dify_java_compat._stream.answer import AnswerBuilder
from dify_java_compat._stream.blocking import read
from dify_java_compat._stream.delivered import event_identity
from dify_java_compat.models.events import EVENT_DATA, EVENTS, IDENTITY_FIELDS, EventRow

from .support import FakeResponse, Item, frame, item, new_reader

each_row = pytest.mark.parametrize("row", EVENTS, ids=lambda row: row.name)
RAISED_AT_THE_END = {
    "chat": None,
    "run": None,
    "pause": None,
    "error": StreamErrorException,
    None: StreamInterruptedException,
}
NO_TEXT: tuple[Any, ...] = (["x"], {"x": 1}, 7, None)


def fields_of(row: EventRow, **data: Any) -> dict[str, Any]:
    return {"data": {"id": "1", **data}} if row.data else {}


def judged(*frames: bytes) -> tuple[list[Item], type[DifyException] | None]:
    """The items of a stream, and the class of what it raises at its end."""
    items: list[Item] = []
    try:
        items.extend(read(new_reader(), FakeResponse(*frames)))  # type: ignore[arg-type]
    except DifyException as error:
        return items, type(error)
    return items, None


def test_each_event_has_one_row() -> None:
    names = [row.name for row in EVENTS]
    assert len(names) == len(set(names))


@each_row
def test_the_data_has_the_class_of_the_row(row: EventRow) -> None:
    data = item(row.name, **fields_of(row)).data
    assert type(data) is (row.data or type(None))
    assert EVENT_DATA.get(row.name) is row.data


@pytest.mark.parametrize("event", StreamEventEnum)
def test_java_s_enum_has_the_class_of_the_row(event: StreamEventEnum) -> None:
    row = next((row for row in EVENTS if row.name == event.value), None)
    assert row, f"{event.value}: add a row to EVENTS of models/events.py"
    assert event.clazz is (row.data or EmptyData)


@each_row
def test_an_identity_is_of_fields_that_the_class_has(row: EventRow) -> None:
    assert set(row.identity) <= set(IDENTITY_FIELDS)
    assert row.data is not None or not row.identity


@each_row
def test_a_stream_of_one_event_ends_as_the_row_says(row: EventRow) -> None:
    items, raised = judged(frame(row.name, **fields_of(row)))
    assert raised is RAISED_AT_THE_END[row.ends]
    assert [each.event for each in items] == ([] if row.name == "ping" else [row.name])


@each_row
def test_only_a_pause_is_taken_back_by_what_follows(row: EventRow) -> None:
    ends = row.ends in ("chat", "run")
    _, raised = judged(frame(row.name, **fields_of(row)), frame("node_started", data={"id": "n"}))
    assert (raised is None) == ends


@each_row
def test_the_answer_is_what_the_row_makes_of_it(row: EventRow) -> None:
    fields = {"answer": "new", **fields_of(row, outputs={"answer": "all"})}
    builder = AnswerBuilder()
    assert builder.add(item("message", answer="old ")) == "old "
    appended = builder.add(item(row.name, **fields))
    expected = {"append": "old new", "replace": "new", "final": "all", None: "old "}
    assert builder.build().answer == expected[row.text]
    assert appended == ("new" if row.text == "append" else "")


@each_row
def test_an_event_that_comes_again_is_known_by_the_fields_of_its_row(row: EventRow) -> None:
    first = event_identity(item(row.name, **fields_of(row, brand_new=1)))
    assert event_identity(item(row.name, **fields_of(row, brand_new=2))) == first
    assert (first is not None) == bool(row.identity)
    is_round = row.name.endswith("_next")
    for name in row.identity:
        if name == "index" and not is_round:  # a snapshot numbers what its own events do not
            assert event_identity(item(row.name, data={"id": "1", name: "2"})) == event_identity(
                item(row.name, data={"id": "1"})
            )
            continue
        assert event_identity(item(row.name, data={"id": "1", name: "2"})) != first


def test_events_without_a_row_are_known_by_all_fields() -> None:
    first = event_identity(item("moon_landed", data={"id": "1"}))
    assert first is not None
    assert event_identity(item("moon_landed", data={"id": "1", "x": 2})) == first
    assert event_identity(item("moon_landed", data={"id": "2"})) != first
    assert event_identity(item("moon_landed")) is None


@pytest.mark.parametrize("event", NO_TEXT)
def test_an_event_that_is_no_text_fails_nothing(event: Any) -> None:
    sent = frame(event, data={"id": "1"}, answer="x")
    (first, _), raised = judged(sent, frame("message_end"))
    assert raised is None
    assert first.event == event
    builder = AnswerBuilder()
    assert builder.add(first) == ""
    assert builder.build().answer == ""
    assert event_identity(first) is not None


# rules that are about one event alone, as a comment beside each says
ONE_EVENT_RULES = {
    ("answer.py", "agent_message"),
    ("answer.py", "agent_thought"),
    ("answer.py", "message_end"),
    ("answer.py", "message_file"),
    ("arrivals.py", "message_end"),
    ("arrivals.py", "workflow_finished"),
    ("_takeover.py", "message_replace"),
    ("reader.py", "ping"),
    ("delivered.py", "message_replace"),
}
# words of HTTP and of Dify's error bodies as well
OTHER_WORDS = {"message", "error"}
ROOT = Path(dify_java_compat.__file__).parent


def named_events(source: str) -> set[str]:
    names = {row.name for row in EVENTS} - OTHER_WORDS
    constants = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Constant))
    return {node.value for node in constants if node.value in names}


def test_what_is_known_of_an_event_stands_in_its_row_alone() -> None:
    found = set()
    for path in ROOT.rglob("*.py"):
        if path.relative_to(ROOT).parts[0] not in ("emulator", "models"):
            found |= {(path.name, name) for name in named_events(path.read_text("utf-8"))}
    assert found == ONE_EVENT_RULES, "let a field of the event's row in models/events.py say it"


def test_a_named_event_is_seen() -> None:
    assert named_events('if event == "loop_next": pass') == {"loop_next"}
