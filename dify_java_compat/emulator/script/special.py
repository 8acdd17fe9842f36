"""The scripts of chatflows with other graphs: a loop, an agent's node, two models unheard."""

from collections.abc import Iterator
from typing import Any, ClassVar

from ..model.prose import no_usage, usage
from ..store.state import State
from .base import EventDict, JsonObject, Piece, Turn
from .flow import FlowScript
from .graph import Extra
from .nodes import LLM, Node, Round

_LOOP = Node("loop", "loop", "Loop")
_ROUND = Node("ltpl", "template-transform", "Round 一轮")
_AGENT = Node("agent", "agent", "Agent")
_FIRST = Node("llm0", "llm", "Draft 草稿")
_ROUNDS = 3
_INTENT = "I look at the clock 让我看看"


class LoopScript(FlowScript):
    """A loop of three rounds around a template, and an answer without a model."""

    def before_text(self) -> list[EventDict]:
        nodes = self._nodes
        inputs: JsonObject = {"loop_count": _ROUNDS, "i": 0}
        events = [nodes.rounds_started(_LOOP, inputs, _ROUNDS)]
        for index in range(_ROUNDS):
            now = Round(_LOOP, index)
            if index:
                events.append(nodes.next_round(now))
            events.append(nodes.started(_ROUND, now))
            events.append(nodes.finished(_ROUND, {}, {"output": "round"}, within=now))
        more: JsonObject = {}
        if self.turn.version.next_after_last:
            events.append(nodes.next_round(Round(_LOOP, _ROUNDS)))
            values = {str(index): {"i": 0} for index in range(_ROUNDS)}
            more = {"loop_variable_map": values, "completed_reason": "loop_completed"}
        outputs = {"i": 0, "loop_round": _ROUNDS}
        events.append(nodes.rounds_completed(_LOOP, inputs, outputs, _ROUNDS, more))
        return events

    @property
    def pieces(self) -> Iterator[Piece]:
        yield self._delta_of(Extra("looped ", ("answer", "answer")))
        yield self._delta_of(Extra(self.turn.query, ("sys", "query")))

    def final(self, text: str) -> str:
        return text

    def last_deltas(self) -> list[EventDict]:
        return []

    def closing(self, text: str) -> list[EventDict]:
        used = no_usage(0.03, self.turn.elapsed)
        return [self._nodes.started(self.last_node), *self._run_end(text, used)]


class AgentNodeScript(FlowScript):
    """An agent's node, which logs what it does, in the place of the model's."""

    delta_tail: ClassVar[JsonObject] = {"from_variable_selector": ["agent", "text"]}

    def __init__(self, turn: Turn) -> None:
        super().__init__(turn)
        self._logs: dict[str, JsonObject] = {}

    def _log(
        self, name: str, label: str, parent: str | None, data: JsonObject, metadata: JsonObject
    ) -> EventDict:
        """``agent_log``: a step that begins, or ends where there is ``data``."""
        entry = {
            "node_execution_id": _AGENT.node_id,
            "id": name,
            "label": label,
            "parent_id": parent,
            "error": None,
            "status": "success" if data else "start",
            "data": data,
            "metadata": metadata,
            "node_id": _AGENT.node_id,
        }
        self._logs[name] = entry
        return self.event("agent_log", data=entry)

    def before_text(self) -> list[EventDict]:
        turn = self.turn
        strategy = {"name": "function_calling", "icon": None}
        started, ended = {"started_at": 1.0}, {"finished_at": 1.3, "elapsed_time": 0.3}
        model: JsonObject = {"provider": "emulator"}
        icons: JsonObject = {"icon": None, "icon_dark": None}
        price: JsonObject = {"total_price": 0.0000123, "currency": "USD", "total_tokens": 12}
        tool = {"provider": "time", "icon": "", "icon_dark": ""}
        thought = {"output": _INTENT, "tool_name": "current_time"}
        called = {
            "tool_call_id": "c1",
            "tool_call_name": "current_time",
            "tool_call_input": {"timezone": "UTC"},
            "tool_response": "12:00",
        }
        result = {"llm_response": "", "tool_responses": "12:00"}
        thinks, calls = "emulator Thought", "CALL current_time"
        return [
            self._nodes.started(_AGENT, strategy=strategy),
            self._log("round-1", "ROUND 1", None, {}, started),
            self._log("model-1", thinks, "round-1", {}, started | model | icons),
            self._log(
                "model-1", thinks, "round-1", thought, started | ended | model | price | icons
            ),
            self._log("tool-1", calls, "round-1", {}, started | tool),
            self._log("tool-1", calls, "round-1", {"output": called}, started | ended | tool),
            self._log(
                "round-1", "ROUND 1", None, {"output": result},
                started | ended | {"total_tokens": turn.usage(0.0)["total_tokens"]},
            ),
        ]  # fmt: skip

    @property
    def pieces(self) -> Iterator[Piece]:
        for token in self.turn.speaker:
            self._model_text += token or ""
            yield token
        yield self.empty_delta()

    def last_deltas(self) -> list[EventDict]:
        return []

    def closing(self, text: str) -> list[EventDict]:
        used = usage(0, 0, 0.0, None, None) | {"total_tokens": 12, "total_price": "0.0000123"}
        cost = {key: used[key] for key in ("total_price", "currency", "total_tokens")}
        about = {"tool_info": {"icon": None, "agent_strategy": "function_calling"}}
        order = ("id", "parent_id", "error", "status", "data", "label", "metadata", "node_id")
        steps: list[JsonObject] = [{key: log[key] for key in order} for log in self._logs.values()]
        outputs = {"text": text, "usage": used, "files": [], "json": [*steps, {"data": []}]}
        finished = self._nodes.finished(
            _AGENT, {"query": self.turn.query}, outputs,
            metadata=cost | about | {"agent_log": self._kept_logs()},
        )  # fmt: skip
        end = used | {"time_to_first_token": 0.03, "time_to_generate": self.turn.elapsed}
        return [finished, self._nodes.started(self.last_node), *self._run_end(text, end)]

    def _kept_logs(self) -> list[JsonObject]:
        """The steps as the node keeps them, each once."""
        order = (
            "label", "node_execution_id", "parent_id", "error", "status", "data", "metadata",
            "node_id",
        )  # fmt: skip
        return [
            {"message_id": name} | {key: log[key] for key in order}
            for name, log in self._logs.items()
        ]


class SilentScript(FlowScript):
    """Two models with a form after each, none of whose text is sent; an answer of all of it."""

    def pause(self, state: State) -> list[EventDict]:
        node = _FIRST if self._human_input.is_first else LLM
        self._model_text = "".join(piece or "" for piece in self.turn.speaker)
        started = self._nodes.started(node)
        finished = self._model_finished(self._model_text, self._used(), node)
        return [started, finished, *super().pause(state)]

    def before_text(self) -> list[EventDict]:
        return []

    @property
    def pieces(self) -> Iterator[Piece]:
        yield from ()

    def final(self, text: str) -> str:
        comment: Any = self._human_input.values.get("comment", "")
        return f"{self._model_text} // {self._model_text} // {comment}"

    def last_deltas(self) -> list[EventDict]:
        return []

    def closing(self, text: str) -> list[EventDict]:
        return [self._nodes.started(self.last_node), *self._run_end(text, self._used())]
