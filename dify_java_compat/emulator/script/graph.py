"""The parts of a flow besides its model, on request of the prompt or because the app has them.

A part has events before the model's text, a text around it, or events after it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from ..model.prose import tokens
from .base import EventDict, JsonObject, Turn
from .markers import times
from .nodes import LLM, Node, NodeEvents, Round

_CODE = Node("code", "code", "Split 拆分")
_ITERATION = Node("iter", "iteration", "Iterate")
_UPPER = Node("itpl", "template-transform", "Upper")
_LOOP = Node("loop", "loop", "Loop")
_COUNT = Node("lcode", "code", "Count 计数")
_KNOWLEDGE = Node("retrieval", "knowledge-retrieval", "Knowledge 知识库")
_ASSIGN = Node("assign", "assigner", "Assign")
DIED = "the model died: 503 Service Unavailable"
DEFAULT = "DEFAULT 默认"
# The tokens before a failure.
_TOKENS_BEFORE_FAILURE = 12


@dataclass(frozen=True)
class Extra:
    """A piece of the text that is not the model's, and the variable it is from."""

    text: str
    selector: tuple[str, str]


@dataclass
class Graph:
    """The parts of one run besides the nodes start, model and answer.

    ``in_chat``: whether the run belongs to a conversation.
    """

    turn: Turn
    nodes: NodeEvents
    in_chat: bool
    iterates: bool = False
    retries: int = 0
    assigns: bool = False
    """Whether its last node but one sets the variables of the conversation."""
    gives_up: bool = False
    """Whether the model fails for good, so that the text is a default."""
    before: list[Extra] = field(default_factory=list)
    after: list[Extra] = field(default_factory=list)

    def __post_init__(self) -> None:
        query, graph = self.turn.query, self.turn.app.graph
        self.iterates = graph == "rich" or bool(times(query, "iteration"))
        self.assigns = self.around
        if not self.around:
            self.gives_up = graph == "retry"
            self.retries = 2 if self.gives_up else times(query, "retry")

    @property
    def around(self) -> bool:
        """Whether there is a text around the model's, which is sent when the model is done."""
        return self.iterates and self.in_chat

    @property
    def exceptions(self) -> int:
        """How often the model failed."""
        return self.retries + self.gives_up

    def around_text(self, text: str) -> str:
        """The whole text around ``text``, the model's."""
        return "".join(
            [*(one.text for one in self.before), text, *(one.text for one in self.after)]
        )

    def opening(self) -> Iterator[EventDict]:
        """The nodes before the model."""
        if self.iterates:
            yield from self._iterate()
        rounds = times(self.turn.query, "loop", default=3)
        if rounds:
            yield from self._loop(rounds)
        if self.turn.app.knowledge:
            yield from self._retrieve()

    def _iterate(self) -> Iterator[EventDict]:
        nodes, query = self.nodes, self.turn.query
        words = query.split()
        yield nodes.started(_CODE)
        yield nodes.finished(_CODE, {"q": query}, {"n": len(query), "words": words})
        inputs = {"iterator_selector": words}
        yield nodes.rounds_started(_ITERATION, inputs, len(words))
        made = []
        for index, word in enumerate(words):
            now = Round(_ITERATION, index)
            made.append(f"{word.upper()}#{index}")
            yield nodes.next_round(now)
            yield nodes.started(_UPPER, now)
            taken = {"w": word, "i": index}
            yield nodes.finished(_UPPER, taken, {"output": made[-1]}, within=now)
        yield nodes.rounds_completed(_ITERATION, inputs, {"output": made}, len(words))
        if not self.in_chat:
            return
        topic = self.turn.inputs.get("topic") or ""
        pieces = [
            Extra("Words: ", ("answer", "answer")),
            Extra("\n".join(f"- {one}" for one in made), ("iter", "output")),
            Extra(" / topic=", ("answer", "answer")),
            Extra(topic, ("start", "topic")),
            Extra("\n", ("answer", "answer")),
        ]
        self.before = [piece for piece in pieces if piece.text]
        self.after = [
            Extra("\n-- turns ", ("answer", "answer")),
            Extra(str(self.turn.number), ("conversation", "turns")),
        ]

    def _loop(self, rounds: int) -> Iterator[EventDict]:
        nodes = self.nodes
        inputs = {"loop_count": rounds}
        if self.turn.version.next_after_last:
            inputs["i"] = 0
        yield nodes.rounds_started(_LOOP, inputs, rounds)
        for index in range(rounds):
            now = Round(_LOOP, index)
            if index:
                # The first round has no event but the start.
                yield nodes.next_round(now)
            yield nodes.started(_COUNT, now)
            yield nodes.finished(_COUNT, {"i": index}, {"i": index + 1}, within=now)
        more: JsonObject = {}
        if self.turn.version.next_after_last:
            yield nodes.next_round(Round(_LOOP, rounds))
            values = {str(index): {"i": index + 1} for index in range(rounds)}
            more = {"loop_variable_map": values, "completed_reason": "loop_completed"}
        outputs = {"loop_round": rounds, "i": rounds}
        yield nodes.rounds_completed(_LOOP, inputs, outputs, rounds, more)

    def _retrieve(self) -> Iterator[EventDict]:
        yield self.nodes.started(_KNOWLEDGE)
        found = [
            {"title": one["document_name"], "content": one["content"], "metadata": one}
            for one in self.turn.resources
        ]
        inputs = {"query": self.turn.query}
        yield self.nodes.finished(_KNOWLEDGE, inputs, {"result": found})

    def failing(self) -> Iterator[str | EventDict]:
        """The tries at which the model fails, each after some of its text."""
        for number in range(1, self.retries + 1):
            yield from tokens(self.turn.text)[:_TOKENS_BEFORE_FAILURE]
            yield self.nodes.retried(LLM, number, DIED)
        if self.gives_up:
            yield from tokens(self.turn.text)[:_TOKENS_BEFORE_FAILURE]

    def quote_form(self, node_id: str, values: JsonObject) -> None:
        """Let the text end with what was submitted to a form."""
        pieces: list[Extra] = []
        for sign, name in zip("[||", ("comment", "priority", "__action_id"), strict=True):
            pieces.append(Extra(f" {sign}" if sign == "[" else sign, ("answer", "answer")))
            pieces.append(Extra(str(values.get(name, "")), (node_id, name)))
        self.after = [*pieces, Extra("]", ("answer", "answer"))]

    def assign_started(self) -> EventDict:
        return self.nodes.started(_ASSIGN)

    def assign_finished(self) -> EventDict:
        """The conversation variables of a chatflow as its last node sets them."""
        query, turns = self.turn.query, self.turn.number
        name, count = ["conversation", "last_query"], ["conversation", "turns"]
        inputs: JsonObject = {
            "title": _ASSIGN.title,
            "desc": "",
            "version": "2",
            "error_strategy": None,
            "default_value": None,
            "retry_config": {"max_retries": 0, "retry_interval": 0, "retry_enabled": False},
            "items": [
                {
                    "variable_selector": name,
                    "input_type": "variable",
                    "operation": "over-write",
                    "value": ["sys", "query"],
                },
                {
                    "variable_selector": count,
                    "input_type": "constant",
                    "operation": "+=",
                    "value": 1,
                },
            ],
        }
        changed = [
            {"name": name[1], "selector": name, "value_type": "string", "new_value": query},
            {"name": count[1], "selector": count, "value_type": "integer", "new_value": turns},
        ]
        process = {name[1]: query, count[1]: turns, "__updated_variables": changed}
        return self.nodes.finished(_ASSIGN, inputs, {}, process=process)
