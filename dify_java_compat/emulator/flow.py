"""The events of a chatflow."""

import time
from collections.abc import Sequence
from typing import ClassVar

from .answers import no_usage
from .scripts import Event, Script, Turn
from .state import State, new_id


def _files_in(outputs: Event) -> list[Event]:
    """The files among the outputs of a node, single or in lists."""
    found = []
    for value in outputs.values():
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, dict) and "dify_model_identity" in item:
                found.append(item)
    return found


class FlowScript(Script):
    """The chatflow: start, model and answer, each a node."""

    empty_deltas = 2
    can_abort = True
    delta_tail: ClassVar[Event] = {"from_variable_selector": ["llm", "text"]}

    def __init__(self, turn: Turn) -> None:
        super().__init__(turn)
        self._run_id = new_id()
        self._node_ids = {name: new_id() for name in ("start", "llm", "answer")}
        self._inputs = {
            **turn.inputs,
            "sys.files": turn.files,
            "sys.user_id": turn.user.name,
            "sys.app_id": turn.app.id,
            "sys.workflow_id": turn.app.workflow_id,
            "sys.workflow_run_id": self._run_id,
            "sys.query": turn.query,
        }

    def _flow_event(self, name: str, data: Event) -> Event:
        return self.event(name, workflow_run_id=self._run_id, data=data)

    def _node(self, name: str) -> Event:
        return {
            "id": self._node_ids[name],
            "node_id": name,
            "node_type": name,
            "title": {"start": "Start", "llm": "LLM 大模型", "answer": "Answer"}[name],
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
    ) -> Event:
        data = self._node(name) | {
            "inputs": inputs,
            "inputs_truncated": False,
            "process_data": process_data or {},
            "process_data_truncated": False,
            "outputs": outputs,
            "outputs_truncated": False,
            "status": "succeeded",
            "error": None,
            "elapsed_time": self.turn.elapsed,
            "execution_metadata": execution_metadata,
            "created_at": self.turn.created_at,
            "finished_at": int(time.time()),
            "files": _files_in(outputs),
            "iteration_id": None,
            "loop_id": None,
        }
        return self._flow_event("node_finished", data)

    def opening(self) -> list[Event]:
        turn = self.turn
        count = {"sys.dialogue_count": turn.number}
        begun = {
            "id": self._run_id,
            "workflow_id": turn.app.workflow_id,
            "inputs": self._inputs | count,
            "created_at": turn.created_at,
        }
        seen = self._inputs | {"sys.conversation_id": turn.conversation_id} | count
        return [
            self._flow_event("workflow_started", begun),
            self._node_started("start"),
            self._node_finished("start", seen, seen),
            self._node_started("llm"),
        ]

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

    def _finished(
        self, status: str, outputs: Event, error: str | None, total: int, nodes: Sequence[str]
    ) -> Event:
        turn = self.turn
        data: Event = {
            "id": self._run_id,
            "workflow_id": turn.app.workflow_id,
            "status": status,
            "outputs": outputs,
            "error": error,
            "elapsed_time": turn.elapsed,
            "total_tokens": total,
            "total_steps": len(nodes),
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
            self._finished("succeeded", outputs, None, total, ("start", "llm", "answer")),
            self.message_end(used, []),
        ]

    def stopped(self) -> list[Event]:
        finished = self._finished("stopped", {}, "Stopped by user.", 0, ("start", "llm"))
        return [finished, self.message_end(no_usage(0.03, self.turn.elapsed), [])]

    def aborted(self) -> list[Event]:
        reason = "Aborted: User requested stop"
        error = self.event("error", code="invalid_param", status=400)
        # The only event without a task id.
        del error["task_id"]
        error["message"] = f"Run failed: {reason}"
        return [self._finished("failed", {}, reason, 0, ("start", "llm")), error]

    def store(self, state: State, answer: str, *, stopped: bool) -> None:
        # Unlike the other modes the chatflow keeps blanks at the ends.
        state.finish_message(self.turn.message_id, answer)
