"""The pauses of a run for a person: the events up to a pause, and those right after it.

Not recorded: after Dify's own description of newer servers.
"""

import json
import time
from collections.abc import Callable

from ..apps.human_form import (
    ACTIONS,
    DEFAULTS,
    INPUTS,
    TIMEOUT,
    TITLE,
    action_title,
    content,
)
from ..store.database import new_id
from ..store.state import State
from .base import EventDict, JsonObject, Turn
from .markers import by_email, times
from .nodes import Node, NodeEvents


class HumanInput:
    """The forms of one run, one after the other. ``times``: how many of them."""

    def __init__(
        self,
        turn: Turn,
        run_id: str,
        nodes: NodeEvents,
        emit: Callable[[str, JsonObject], EventDict],
    ) -> None:
        self._turn, self._run_id = turn, run_id
        self._nodes, self._emit = nodes, emit
        self._count = 0
        self._node = Node("", "human-input", TITLE)
        self._form_id = ""
        self.times = times(turn.query, "human")

    def pause(self, state: State) -> list[EventDict]:
        """Store a new form; the events up to the pause."""
        turn, runs = self._turn, state.workflow_runs
        self._count += 1
        self._node = Node(f"human_{self._count}", "human-input", TITLE)
        self._form_id, token = new_id(), None if by_email(turn.query) else new_id()
        end = time.time() + turn.form_seconds
        text = content(turn.query)
        runs.add_form(self._form_id, token, turn.app.id, self._run_id, text, end)
        runs.set_status(self._run_id, "paused")
        started = self._nodes.started(self._node)
        node = {"node_id": self._node.node_id, "node_title": TITLE}
        form = {"form_content": text, "inputs": INPUTS, "actions": ACTIONS}
        known = {"resolved_default_values": DEFAULTS}
        form_id, expires = {"form_id": self._form_id}, {"expiration_time": int(end)}
        secret = {"form_token": token}
        required = form_id | secret | node | form | {"display_in_ui": False} | known | expires
        reason = {"TYPE": "human_input_required"} | form_id | form | node | known | secret | expires
        paused = {
            "workflow_run_id": self._run_id,
            "paused_nodes": [self._node.node_id],
            "outputs": {},
            "reasons": [reason],
            "status": "paused",
            "created_at": turn.created_at,
            "elapsed_time": turn.elapsed,
            "total_tokens": 0,
            "total_steps": self._nodes.steps,
        }
        return [
            started,
            self._emit("human_input_required", required),
            self._emit("workflow_paused", paused),
        ]

    def is_waiting(self, state: State) -> bool:
        """Whether the form is still open."""
        row = state.workflow_runs.form(self._form_id)
        return row["action"] is None and row["expires_at"] > time.time()

    def resume(self, state: State) -> list[EventDict]:
        """The events right after the pause: the form was filled in, or has expired."""
        state.workflow_runs.set_status(self._run_id, "running")
        row = state.workflow_runs.form(self._form_id)
        node = {"node_id": self._node.node_id, "node_title": TITLE}
        if row["action"] is None:
            outputs: JsonObject = {"__action_id": TIMEOUT}
            expired = node | {"expiration_time": int(row["expires_at"])}
            event = self._emit("human_input_form_timeout", expired)
        else:
            inputs, action = json.loads(row["inputs"]), row["action"]
            outputs = inputs | {"__action_id": action}
            filled = node | {
                "rendered_content": row["content"],
                "action_id": action,
                "action_text": action_title(action),
                "submitted_data": inputs,
            }
            event = self._emit("human_input_form_filled", filled)
        return [event, self._nodes.finished(self._node, {}, outputs)]
