"""The events of a workflow's nodes, and of the rounds of the nodes that run others."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from ..store.database import new_id
from .base import EventDict, JsonObject


@dataclass(frozen=True)
class Node:
    """One node of a graph."""

    node_id: str
    kind: str
    title: str


START = Node("start", "start", "Start")
LLM = Node("llm", "llm", "LLM 大模型")
REPLY = Node("answer", "answer", "Answer")
END = Node("end", "end", "End")


@dataclass(frozen=True)
class Round:
    """One round of a node that runs others; ``index`` counts from 0."""

    container: Node
    index: int

    @property
    def key(self) -> str:
        return f"{self.container.kind}_id"

    @property
    def metadata(self) -> JsonObject:
        """The execution metadata of the nodes in this round."""
        kind = self.container.kind
        return {f"{kind}_id": self.container.node_id, f"{kind}_index": self.index}


def _container_ids(within: Round | None) -> JsonObject:
    """The ids of the node in whose round a node runs, as its events have them."""
    ids: JsonObject = {"iteration_id": None, "loop_id": None}
    return ids if within is None else ids | {within.key: within.container.node_id}


def _files_in(outputs: JsonObject) -> list[JsonObject]:
    """The files among the outputs of a node, single or in lists."""
    found = []
    for value in outputs.values():
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, dict) and "dify_model_identity" in item:
                found.append(item)
    return found


class NodeEvents:
    """The events of the nodes of one run. ``emit`` makes an event of a name and its data.

    ``elapsed``: the seconds since the run began. ``steps`` counts the executions as the end of
    the run reports them: nodes within a round of another one are not counted, tries of a failing
    node are.
    """

    def __init__(
        self, emit: Callable[[str, JsonObject], EventDict], elapsed: Callable[[], float]
    ) -> None:
        self._emit = emit
        self._elapsed = elapsed
        self._executions: dict[str, str] = {}
        self.steps: int = 0

    def _about(self, node: Node) -> JsonObject:
        return {
            "id": self._executions[node.node_id],
            "node_id": node.node_id,
            "node_type": node.kind,
            "title": node.title,
            "index": 1,
            "predecessor_node_id": None,
        }

    def started(
        self, node: Node, within: Round | None = None, strategy: JsonObject | None = None
    ) -> EventDict:
        """``node_started``, under a new execution id. ``strategy``: that of an agent's node."""
        self._executions[node.node_id] = new_id()
        self.steps += within is None
        return self._started(node, within, strategy)

    def restarted(self, node: Node) -> EventDict:
        """``node_started`` of an execution that was paused."""
        return self._started(node, None, None)

    def _started(self, node: Node, within: Round | None, strategy: JsonObject | None) -> EventDict:
        data = self._about(node) | {
            "inputs": None,
            "inputs_truncated": False,
            "created_at": int(time.time()),
            "extras": {},
            **_container_ids(within),
            "agent_strategy": strategy,
        }
        return self._emit("node_started", data)

    def finished(
        self,
        node: Node,
        inputs: JsonObject,
        outputs: JsonObject,
        *,
        process: JsonObject | None = None,
        metadata: JsonObject | None = None,
        within: Round | None = None,
        status: str = "succeeded",
        error: str | None = None,
    ) -> EventDict:
        """``node_finished`` of the last execution of the node."""
        if within is not None:
            metadata = (metadata or {}) | within.metadata
        ended = self._ended(node, inputs, outputs, process or {}, status, error, metadata, within)
        return self._emit("node_finished", ended)

    def retried(self, node: Node, number: int, error: str) -> EventDict:
        """``node_retry``: the node failed and is tried again; ``number`` counts the retries."""
        self.steps += 1
        ended = self._ended(node, {}, {}, {}, "retry", error, None, None)
        return self._emit("node_retry", ended | {"retry_index": number})

    def _ended(
        self,
        node: Node,
        inputs: JsonObject,
        outputs: JsonObject,
        process: JsonObject,
        status: str,
        error: str | None,
        metadata: JsonObject | None,
        within: Round | None,
    ) -> JsonObject:
        now = int(time.time())
        return self._about(node) | {
            "inputs": inputs,
            "inputs_truncated": False,
            "process_data": process,
            "process_data_truncated": False,
            "outputs": outputs,
            "outputs_truncated": False,
            "status": status,
            "error": error,
            "elapsed_time": self._elapsed(),
            "execution_metadata": metadata,
            "created_at": now,
            "finished_at": now,
            "files": _files_in(outputs),
            **_container_ids(within),
        }

    # -- nodes that run others

    def _rounds(self, node: Node) -> JsonObject:
        """What all events of rounds have; the id is the node's own, not that of an execution."""
        about = {"id": node.node_id, "node_id": node.node_id}
        return about | {"node_type": node.kind, "title": node.title}

    def rounds_started(self, node: Node, inputs: JsonObject, length: int) -> EventDict:
        """``iteration_started`` or ``loop_started``."""
        self.steps += 1
        data = self._rounds(node) | {
            "created_at": int(time.time()),
            "extras": {},
            "metadata": {f"{node.kind}_length": length},
            "inputs": inputs,
            "inputs_truncated": False,
        }
        return self._emit(f"{node.kind}_started", data)

    def next_round(self, turn: Round) -> EventDict:
        """``iteration_next`` or ``loop_next``."""
        data = self._rounds(turn.container) | {"index": turn.index}
        made: JsonObject = {"created_at": int(time.time())}
        if turn.container.kind == "loop":
            made["pre_loop_output"] = {}
        data |= made | {"extras": {}}
        return self._emit(f"{turn.container.kind}_next", data)

    def rounds_completed(
        self,
        node: Node,
        inputs: JsonObject,
        outputs: JsonObject,
        rounds: int,
        more: JsonObject | None = None,
    ) -> EventDict:
        """``iteration_completed`` or ``loop_completed``; ``more``: metadata of its kind."""
        now, elapsed = int(time.time()), self._elapsed()
        durations = {str(index): round(elapsed / rounds, 6) for index in range(rounds)}
        cost = {"total_tokens": 0, "total_price": "0.0", "currency": "USD"}
        data = self._rounds(node) | {
            "outputs": outputs,
            "outputs_truncated": False,
            "created_at": now,
            "extras": {},
            "inputs": inputs,
            "inputs_truncated": False,
            "status": "succeeded",
            "error": None,
            "elapsed_time": elapsed,
            "total_tokens": 0,
            "execution_metadata": cost | {f"{node.kind}_duration_map": durations} | (more or {}),
            "finished_at": now,
            "steps": rounds,
        }
        return self._emit(f"{node.kind}_completed", data)
