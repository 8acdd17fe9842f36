"""The events of Dify's API description: each has its class, and each of their fields a place."""

from __future__ import annotations

import dataclasses
import types
import typing
from typing import Any

import pytest

from dify_java_compat import ChatMessageSendCompletionResponse
from dify_java_compat.models.events import EVENT_DATA
from dify_java_compat.models.events import EVENTS as EVENT_ROWS
from tests.recordings.comparing import WIRE_NAMES

from .spec.facts import EVENTS

ROWS = {row.name: row for row in EVENT_ROWS}
# events of ours that the description does not know
OLDER_EVENTS = {"parallel_branch_started", "parallel_branch_finished"}  # servers before 1.5
# events whose data the description leaves out
NAMED_ONLY = {"human_input_form_timeout"}

UNIONS = (typing.Union, types.UnionType)


def place_of(hint: Any, path: str) -> bool:
    """Whether a value of type `hint` has a place for `path`; an open object has one for any."""
    name, _, rest = path.partition(".")
    kinds = typing.get_args(hint) if typing.get_origin(hint) in UNIONS else (hint,)
    for kind in kinds:
        if kind is Any or typing.get_origin(kind) is dict:
            return True
        if typing.get_origin(kind) is list:
            kind = typing.get_args(kind)[0]
            if kind is Any or typing.get_origin(kind) is dict:
                return True
        if dataclasses.is_dataclass(kind):
            hints = typing.get_type_hints(kind)
            found = {
                WIRE_NAMES.get(f.name, f.name): hints[f.name] for f in dataclasses.fields(kind)
            }
            field = name.removesuffix("[]")
            return field in found and (not rest or place_of(found[field], rest))
    return False


@pytest.mark.parametrize("event", EVENTS)
def test_an_event_has_its_class_and_every_field_a_place(event: str) -> None:
    assert event in ROWS, f"{event}: add a row to EVENTS of models/events.py"
    data_class = ROWS[event].data
    has_data = any(path.partition(".")[0] == "data" for path in EVENTS[event])
    assert (data_class is not None) == (has_data or event in NAMED_ONLY)
    for path in EVENTS[event]:
        if path.startswith("data."):
            assert place_of(data_class, path.removeprefix("data.")), path
        else:
            assert place_of(ChatMessageSendCompletionResponse, path), path


def test_every_event_of_ours_is_documented() -> None:
    assert set(ROWS) - set(EVENTS) == OLDER_EVENTS


def test_a_missing_place_is_seen() -> None:
    assert place_of(ChatMessageSendCompletionResponse, "metadata.usage.latency")
    assert not place_of(ChatMessageSendCompletionResponse, "metadata.usage.banana")
    assert not place_of(EVENT_DATA["node_finished"], "execution_metadata.banana")
    assert place_of(EVENT_DATA["human_input_required"], "actions[].banana")
