"""The events of a chatflow."""

import json
import time
from typing import ClassVar

from .answers import no_usage
from .database import new_id
from .human import (
    ACTIONS,
    DEFAULTS,
    INPUTS,
    TIMEOUT,
    TITLE,
    action_title,
    by_email,
    content,
    times_asked,
)
from .scripts import Event, Script, Turn
from .speakers import ModelFailure
from .state import State


def _files_in(outputs: Event) -> list[Event]:
    """The files among the outputs of a node, single or in lists."""
    found = []
    for value in outputs.values():
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, dict) and "dify_model_identity" in item:
                found.append(item)
    return found


_TITLES = {"start": "Start", "llm": "LLM 大模型", "answer": "Answer"}


class _Nodes(dict[str, str]):
    """The id of each node's execution, made when the node is first told of."""

    def __missing__(self, name: str) -> str:
        self[name] = new_id()
        return self[name]


class FlowScript(Script):
    """The chatflow: start, model and answer, each a node."""

    empty_deltas = 2
    can_abort = True
    lives_on = True
    delta_tail: ClassVar[Event] = {"from_variable_selector": ["llm", "text"]}

    def __init__(self, turn: Turn) -> None:
        super().__init__(turn)
        self.run_id = new_id()
        self._nodes = _Nodes()
        self._form_id = self._node_name = ""
        self.pauses = times_asked(turn.query)
        self._inputs = {
            **turn.inputs,
            "sys.files": turn.files,
            "sys.user_id": turn.user.name,
            "sys.app_id": turn.app.id,
            "sys.workflow_id": turn.app.workflow_id,
            "sys.workflow_run_id": self.run_id,
            "sys.query": turn.query,
        }

    def _flow_event(self, name: str, data: Event) -> Event:
        return self.event(name, workflow_run_id=self.run_id, data=data)

    def _node(self, name: str) -> Event:
        return {
            "id": self._nodes[name],
            "node_id": name,
            "node_type": "human-input" if name.startswith("human") else name,
            "title": _TITLES.get(name, TITLE),
            "index": 1,
            "predecessor_node_id": None,
        }

    def _node_started(self, name: str) -> Event:
        data = self._node(name) | {
            "inputs": None,
            "inputs_truncated": False,
            "created_at": int(time.time()),
            "extras": {},
            "iteration_id": None,
            "loop_id": None,
            "agent_strategy": None,
        }
        return self._flow_event("node_started", data)

    def _node_finished(
        self,
        name: str,
        inputs: Event,
        outputs: Event,
        process_data: Event | None = None,
        execution_metadata: Event | None = None,
        error: str | None = None,
    ) -> Event:
        data = self._node(name) | {
            "inputs": inputs,
            "inputs_truncated": False,
            "process_data": process_data or {},
            "process_data_truncated": False,
            "outputs": outputs,
            "outputs_truncated": False,
            "status": "failed" if error else "succeeded",
            "error": error,
            "elapsed_time": self.turn.elapsed,
            "execution_metadata": execution_metadata,
            "created_at": self.turn.created_at,
            "finished_at": int(time.time()),
            "files": _files_in(outputs),
            "iteration_id": None,
            "loop_id": None,
        }
        return self._flow_event("node_finished", data)

    def begin(self, state: State) -> None:
        turn = self.turn
        shown = self._inputs | {"sys.dialogue_count": turn.number}
        lost = self._finished("failed", {}, "The server was closed meanwhile.", 0)
        state.workflow_runs.add(turn.app.id, turn.user.id, shown, lost)
        state.variables.count_turn(turn.conversation_id, turn.query, turn.number)

    def opening(self) -> list[Event]:
        turn = self.turn
        count = {"sys.dialogue_count": turn.number}
        begun = {
            "id": self.run_id,
            "workflow_id": turn.app.workflow_id,
            "inputs": self._inputs | count,
            "created_at": turn.created_at,
        }
        seen = self._inputs | {"sys.conversation_id": turn.conversation_id} | count
        return [
            self._flow_event("workflow_started", begun),
            self._node_started("start"),
            self._node_finished("start", seen, seen),
        ]

    def asking(self, state: State) -> list[Event]:
        turn, runs = self.turn, state.workflow_runs
        self._node_name = f"human_{sum(name.startswith('human') for name in self._nodes) + 1}"
        self._form_id, token = new_id(), None if by_email(turn.query) else new_id()
        end = time.time() + turn.form_seconds
        text = content(turn.query)
        runs.add_form(self._form_id, token, turn.app.id, self.run_id, text, end)
        runs.set_status(self.run_id, "paused")
        node = {"node_id": self._node_name, "node_title": TITLE}
        form = {"form_content": text, "inputs": INPUTS, "actions": ACTIONS}
        known = {"resolved_default_values": DEFAULTS}
        form_id, expires = {"form_id": self._form_id}, {"expiration_time": int(end)}
        secret = {"form_token": token}
        asked = form_id | secret | node | form | {"display_in_ui": False} | known | expires
        reason = {"TYPE": "human_input_required"} | form_id | form | node | known | secret | expires
        paused = {
            "workflow_run_id": self.run_id,
            "paused_nodes": [self._node_name],
            "outputs": {},
            "reasons": [reason],
            "status": "paused",
            "created_at": turn.created_at,
            "elapsed_time": turn.elapsed,
            "total_tokens": 0,
            "total_steps": len(self._nodes) + 1,
        }
        return [
            self._node_started(self._node_name),
            self._flow_event("human_input_required", asked),
            self._flow_event("workflow_paused", paused),
        ]

    def waits(self, state: State) -> bool:
        row = state.workflow_runs.form(self._form_id)
        return row["action"] is None and row["expires_at"] > time.time()

    def answered(self, state: State) -> list[Event]:
        state.workflow_runs.set_status(self.run_id, "running")
        row = state.workflow_runs.form(self._form_id)
        node = {"node_id": self._node_name, "node_title": TITLE}
        if row["action"] is None:
            outputs: Event = {"__action_id": TIMEOUT}
            late = node | {"expiration_time": int(row["expires_at"])}
            told = self._flow_event("human_input_form_timeout", late)
        else:
            given, action = json.loads(row["inputs"]), row["action"]
            outputs = given | {"__action_id": action}
            filled = node | {
                "rendered_content": row["content"],
                "action_id": action,
                "action_text": action_title(action),
                "submitted_data": given,
            }
            told = self._flow_event("human_input_form_filled", filled)
        return [told, self._node_finished(self._node_name, {}, outputs)]

    def before_text(self) -> list[Event]:
        return [self._node_started("llm")]

    def _model_finished(self, answer: str, used: Event) -> Event:
        prompts: list[Event] = [
            {"role": "system", "text": "You are the chatflow LLM.", "files": []},
            {"role": "user", "text": f"{self.turn.query}\n\n", "files": []},
        ]
        if self.turn.files:
            # The real server hands each file to the model twice.
            picture = {"type": "image", "data": "data:image...[TRUNCATED]...", "detail": "low"}
            pictures = [picture] * (2 * len(self.turn.files))
            prompts.append({"role": "user", "text": "", "files": pictures})
        process = {
            "model_mode": "chat",
            "prompts": prompts,
            "usage": used,
            "finish_reason": "stop",
            "model_provider": "emulator",
            "model_name": "emulator",
        }
        outputs = {"text": answer, "reasoning_content": "", "usage": used, "finish_reason": "stop"}
        cost = {key: used[key] for key in ("total_tokens", "total_price", "currency")}
        inputs: Event = {"#files#": self.turn.files} if self.turn.files else {}
        return self._node_finished("llm", inputs, outputs, process, cost)

    def _finished(self, status: str, outputs: Event, error: str | None, total: int) -> Event:
        turn = self.turn
        data: Event = {
            "id": self.run_id,
            "workflow_id": turn.app.workflow_id,
            "status": status,
            "outputs": outputs,
            "error": error,
            "elapsed_time": turn.elapsed,
            "total_tokens": total,
            "total_steps": len(self._nodes),
            "created_by": {"id": turn.user.id, "user": turn.user.name},
            "created_at": turn.created_at,
            "finished_at": int(time.time()),
            "exceptions_count": int(status == "failed"),
            "files": [],
        }
        return self._flow_event("workflow_finished", data)

    def closing(self, answer: str) -> list[Event]:
        used = self.turn.usage(round(self.turn.elapsed, 3))
        outputs = {"answer": answer, "files": []}
        total = used["total_tokens"]
        return [
            self._model_finished(answer, used),
            self._node_started("answer"),
            self._node_finished("answer", {}, outputs),
            self._finished("succeeded", outputs, None, total),
            self.message_end(used, []),
        ]

    def stopped(self) -> list[Event]:
        finished = self._finished("stopped", {}, "Stopped by user.", 0)
        return [finished, self.message_end(no_usage(0.03, self.turn.elapsed), [])]

    def aborted(self) -> list[Event]:
        return self._ended_by("Aborted: User requested stop")

    def reported(self, failure: ModelFailure) -> ModelFailure:
        return ModelFailure("invalid_param", f"Run failed: {failure.message}", 400)

    def failed(self, failure: ModelFailure) -> list[Event]:
        node = self._node_finished("llm", {}, {}, error=failure.message)
        return [node, *self._ended_by(failure.message)]

    def _ended_by(self, reason: str) -> list[Event]:
        error = super().failed(ModelFailure("", reason, 400))
        return [self._finished("failed", {}, reason, 0), *error]

    def store(self, state: State, answer: str, *, stopped: bool) -> None:
        # Unlike the other modes the chatflow keeps blanks at the ends.
        state.finish_message(self.turn.message_id, answer)

    def conclude(self, state: State, events: list[Event]) -> None:
        for event in events:
            if event["event"] == "workflow_finished":
                state.workflow_runs.finish(self.run_id, event)
