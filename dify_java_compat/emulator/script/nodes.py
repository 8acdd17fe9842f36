"""The events of a workflow's nodes, and of the rounds of those nodes that run others."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..store.database import new_id

Event = dict[str, Any]


@dataclass(frozen=True)
class Node:
    """One node of a graph."""

    node_id: str
    kind: str
    title: str


START = Node("start", "start", "Start")
LLM = Node("llm", "llm", "LLM 大模型")
ANSWER = Node("answer", "answer", "Answer")
END = Node("end", "end", "End")


@dataclass(frozen=True)
class Round:
    """One round of a node that runs others: which node, of which kind, counted from 0."""

    container: Node
    index: int

    @property
    def key(self) -> str:
        return f"{self.container.kind}_id"

    @property
    def metadata(self) -> Event:
        """What the nodes of the round have in their execution metadata."""
        kind = self.container.kind
        return {f"{kind}_id": self.container.node_id, f"{kind}_index": self.index}


def _place(within: Round | None) -> Event:
    """Which round a node runs in, as its events tell it."""
    place: Event = {"iteration_id": None, "loop_id": None}
    return place if within is None else place | {within.key: within.container.node_id}


def _files_in(outputs: Event) -> list[Event]:
    """The files among the outputs of a node, single or in lists."""
    found = []
    for value in outputs.values():
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, dict) and "dify_model_identity" in item:
                found.append(item)
    return found


class NodeEvents:
    """Tells what the nodes of one run do. ``tell`` makes an event of a name and its data.

    ``steps`` counts the executions as the end of the run reports them: nodes within a round of
    another one are not counted, tries of a failing node are.
    """

    def __init__(self, tell: Callable[[str, Event], Event], begun: Callable[[], float]) -> None:
        self._tell = tell
        self._elapsed = begun
        self._executions: dict[str, str] = {}
        self.steps = 0

    def _about(self, node: Node) -> Event:
        return {
            "id": self._executions[node.node_id],
            "node_id": node.node_id,
            "node_type": node.kind,
            "title": node.title,
            "index": 1,
            "predecessor_node_id": None,
        }

    def started(self, node: Node, within: Round | None = None) -> Event:
        """``node_started``, under a new execution id."""
        self._executions[node.node_id] = new_id()
        self.steps += within is None
        data = self._about(node) | {
            "inputs": None,
            "inputs_truncated": False,
            "created_at": int(time.time()),
            "extras": {},
            **_place(within),
            "agent_strategy": None,
        }
        return self._tell("node_started", data)

    def finished(
        self,
        node: Node,
        inputs: Event,
        outputs: Event,
        *,
        process: Event | None = None,
        metadata: Event | None = None,
        within: Round | None = None,
        status: str = "succeeded",
        error: str | None = None,
    ) -> Event:
        """``node_finished`` of the node last started under that id."""
        if within is not None:
            metadata = (metadata or {}) | within.metadata
        ended = self._ended(node, inputs, outputs, process or {}, status, error, metadata, within)
        return self._tell("node_finished", ended)

    def retried(self, node: Node, number: int, error: str) -> Event:
        """``node_retry``: the node failed and is tried again, for the ``number``-th time."""
        self.steps += 1
        ended = self._ended(node, {}, {}, {}, "retry", error, None, None)
        return self._tell("node_retry", ended | {"retry_index": number})

    def _ended(
        self,
        node: Node,
        inputs: Event,
        outputs: Event,
        process: Event,
        status: str,
        error: str | None,
        metadata: Event | None,
        within: Round | None,
    ) -> Event:
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
            **_place(within),
        }

    # -- nodes that run others

    def _rounds(self, node: Node) -> Event:
        """Their events bear the node's own id, not that of an execution."""
        about = {"id": node.node_id, "node_id": node.node_id}
        return about | {"node_type": node.kind, "title": node.title}

    def rounds_started(self, node: Node, inputs: Event, length: int) -> Event:
        """``iteration_started`` or ``loop_started``."""
        self.steps += 1
        data = self._rounds(node) | {
            "created_at": int(time.time()),
            "extras": {},
            "metadata": {f"{node.kind}_length": length},
            "inputs": inputs,
            "inputs_truncated": False,
        }
        return self._tell(f"{node.kind}_started", data)

    def next_round(self, turn: Round) -> Event:
        """``iteration_next`` or ``loop_next``."""
        data = self._rounds(turn.container) | {"index": turn.index}
        if turn.container.kind == "loop":
            data["pre_loop_output"] = {}
        data |= {"created_at": int(time.time()), "extras": {}}
        return self._tell(f"{turn.container.kind}_next", data)

    def rounds_completed(self, node: Node, inputs: Event, outputs: Event, rounds: int) -> Event:
        """``iteration_completed`` or ``loop_completed``."""
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
            "execution_metadata": cost | {f"{node.kind}_duration_map": durations},
            "finished_at": now,
            "steps": rounds,
        }
        return self._tell(f"{node.kind}_completed", data)
