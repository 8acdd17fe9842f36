"""The pauses of a run for a person: the events up to a pause, and those right after it."""

import json
import time
from collections.abc import Callable

from ..apps.human_form import (
    ACTIONS,
    INPUTS,
    TIMEOUT,
    TITLE,
    action_title,
    content,
    misfit,
    new_token,
    rendered,
)
from ..model.speaker import ModelFailure
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
        self._form_id = ""
        self.node: Node = Node("", "human-input", TITLE)
        """The node of the last form."""
        self.values: JsonObject = {}
        """What was submitted to the last form, and the button under ``__action_id``."""
        self.times: int = turn.app.forms or times(turn.query, "human")
        self._mailed = turn.app.mails_forms or by_email(turn.query)

    @property
    def is_first(self) -> bool:
        """Whether no form was first for yet."""
        return self._count == 0

    def pause(self, state: State) -> list[EventDict]:
        """Store a new form; the events up to the pause."""
        turn, runs = self._turn, state.workflow_runs
        self._count += 1
        name = "human" if self._count == 1 else f"human_{self._count}"
        self.node = Node(name, "human-input", TITLE)
        started = self._nodes.started(self.node)
        end = time.time() + turn.form_seconds
        form = self._form(content(turn.query), int(end))
        self._form_id = form["form_id"]
        runs.add_form(turn.app.id, self._run_id, form, end, mailed=self._mailed)
        runs.pause(self._run_id, self._nodes.steps)
        keys = ("form_id", "form_content", "inputs", "actions", "node_id", "node_title")
        secret = ("resolved_default_values", "form_token", "expiration_time")
        reason = {"TYPE": "human_input_required"} | {key: form[key] for key in keys + secret}
        paused = {
            "workflow_run_id": self._run_id,
            "paused_nodes": [self.node.node_id],
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
            self._emit("human_input_required", form),
            self._emit("workflow_paused", paused),
        ]

    def _form(self, text: str, expires: int) -> JsonObject:
        """The form as its event and the history show it."""
        return {
            "form_id": new_id(),
            "node_id": self.node.node_id,
            "node_title": TITLE,
            "form_content": text,
            "inputs": INPUTS,
            "actions": ACTIONS,
            "display_in_ui": not self._mailed,
            "form_token": new_token(),
            "resolved_default_values": {},
            "expiration_time": expires,
        }

    def is_waiting(self, state: State) -> bool:
        """Whether the form is still open."""
        row = state.workflow_runs.form(self._form_id)
        return row["action"] is None and row["expires_at"] > time.time()

    def resume(self, state: State) -> list[EventDict]:
        """The events right after the pause: the form was filled in, or has expired.

        ``ModelFailure`` where the run fails at what was submitted.
        """
        state.workflow_runs.set_status(self._run_id, "running")
        row = state.workflow_runs.form(self._form_id)
        node = {"node_id": self.node.node_id, "node_title": TITLE}
        if row["action"] is None:
            self.values = {"__action_id": TIMEOUT}
            expired = node | {"expiration_time": int(row["expires_at"])}
            event = self._emit("human_input_form_timeout", expired)
            return [event, self._nodes.finished(self.node, {}, self.values)]
        inputs = json.loads(row["inputs"])
        if why := misfit(inputs):
            raise ModelFailure("invalid_param", why, 400)
        filled = node | submission(row["definition"], row["action"], inputs)
        event = self._emit("human_input_form_filled", filled)
        text, title = filled["rendered_content"], filled["action_text"]
        self.values = inputs | {"__action_id": row["action"]}
        outputs = self.values | {"__rendered_content": text, "__action_value": title}
        typed = {key: {"value_type": "string", "value": value} for key, value in inputs.items()}
        return [event, self._nodes.finished(self.node, typed, outputs)]


def submission(definition: str, action: str, inputs: JsonObject) -> JsonObject:
    """What was submitted, as its event and the history show it. ``definition``: the form's."""
    return {
        "rendered_content": rendered(json.loads(definition)["form_content"], inputs),
        "action_id": action,
        "action_text": action_title(action),
        "submitted_data": inputs,
    }
