"""The snapshot of a run: its states so far, as a stream of its events may begin with."""

from collections.abc import Iterable
from typing import Any

from ..apps.human_form import QUERY, content
from ..script.base import EventDict
from .frames import Frame, frames

_RUN_KEYS = ("event", "task_id", "workflow_run_id", "data")
_LAST_KEYS = ("conversation_id", "message_id", "created_at")
_TRUNCATED = ("inputs_truncated", "process_data_truncated", "outputs_truncated", "agent_strategy")
_FORM_EVENTS = ("human_input_required", "workflow_paused")


def snapshot(text: str | None, past: list[Frame], paused: bool) -> list[Frame]:
    """The states of a run with these events; ``text``: what is stored of its message, if any.

    The run's start, the text as stored, and each node without its values. A run that is ``paused``
    adds its form, in which nothing is filled in, and the pause.
    """
    events = [one.event() for one in past if one.data.startswith(b"data: ")]
    if not events:
        return []
    states = [_reordered(events[0])]
    if text is not None:
        states.append(_replacing(events[0], text))
    states += _nodes(events, paused)
    if paused:
        forms = [one for one in events if one["event"] in _FORM_EVENTS]
        states += [_unresolved(_reordered(one)) for one in forms[-2:]]
    return list(frames(states))


def _reordered(event: EventDict) -> EventDict:
    keys = [key for key in (*_RUN_KEYS, *_LAST_KEYS) if key in event]
    return {key: event[key] for key in keys}


def _replacing(event: EventDict, text: str) -> EventDict:
    about = {"event": "message_replace", "task_id": event["task_id"]}
    stored = {"answer": text, "reason": ""}
    return about | stored | {key: event[key] for key in _LAST_KEYS}


def _nodes(events: Iterable[EventDict], paused: bool) -> list[EventDict]:
    """The start and the end of each execution, numbered anew with the form that a run goes on from;
    that of a form that is open ends paused.
    """
    started: dict[str, EventDict] = {}
    ended: dict[str, EventDict] = {}
    numbers: dict[str, int] = {}
    number = 0
    for event in events:
        if event["event"] == "workflow_started":
            number = 0
        elif event["event"] == "node_started":
            number += 1
            numbers[event["data"]["id"]] = number
            started.setdefault(event["data"]["id"], event)
        elif event["event"] == "node_finished":
            ended[event["data"]["id"]] = event
    states: list[EventDict] = []
    for execution, event in started.items():
        index = numbers[execution]
        states.append(_state(event, index))
        if execution in ended:
            states.append(_state(ended[execution], index))
        elif paused:
            states.append(_paused(states[-1]))
    return states


def _state(event: EventDict, index: int) -> EventDict:
    """A node's event without its values."""
    hidden: dict[str, Any] = {"inputs": None}
    if event["event"] == "node_finished":
        hidden |= {"process_data": None, "outputs": None}
    data = {key: value for key, value in event["data"].items() if key not in _TRUNCATED}
    return _reordered(event | {"data": data | {"index": index} | hidden})


def _paused(started: EventDict) -> EventDict:
    """The end of a node that waits, which no live event tells."""
    known = started["data"]
    data = {key: known[key] for key in ("id", "node_id", "node_type", "title", "index")}
    data |= {"predecessor_node_id": None, "inputs": None, "process_data": None, "outputs": None}
    data |= {"status": "paused", "error": None, "elapsed_time": 0.0, "execution_metadata": None}
    data |= {"created_at": known["created_at"], "finished_at": known["created_at"], "files": []}
    data |= {"iteration_id": None, "loop_id": None}
    return started | {"event": "node_finished", "data": data}


def _unresolved(event: EventDict) -> EventDict:
    """A form's event with the text of the form as its author wrote it."""
    text = {"form_content": content(QUERY)}
    data = event["data"]
    if "reasons" in data:
        data = data | {"reasons": [reason | text for reason in data["reasons"]]}
    else:
        data = data | text
    return event | {"data": data}
