"""The script of a chatflow: the events of its run, and of the message with the run's text."""

import time
from collections.abc import Iterator
from typing import ClassVar

from ..model.prose import no_usage, tokens
from ..model.speaker import ModelFailure
from ..store.database import new_id
from ..store.state import State
from .base import EventDict, JsonObject, Piece, Script, Turn
from .graph import DEFAULT, DIED, Extra, Graph
from .human_input import HumanInput
from .nodes import LLM, REPLY, START, Node, NodeEvents


class FlowScript(Script):
    """The chatflow: the nodes start, model and answer, and those that its graph has besides."""

    empty_deltas = 2
    can_abort = True
    in_background = True
    delta_tail: ClassVar[JsonObject] = {"from_variable_selector": ["llm", "text"]}
    last_node: ClassVar[Node] = REPLY
    in_chat: ClassVar[bool] = True
    """Whether the run belongs to a conversation."""

    def __init__(self, turn: Turn) -> None:
        self.run_id = new_id()
        super().__init__(turn)
        self._nodes = NodeEvents(self.emit, lambda: turn.elapsed)
        self._human_input = HumanInput(turn, self.run_id, self._nodes, self.emit)
        self._graph = Graph(turn, self._nodes, self.in_chat)
        self._model_text = ""
        self.pause_count = self._human_input.times
        self._inputs = {
            **turn.inputs,
            "sys.files": turn.files,
            "sys.user_id": turn.user.name,
            "sys.app_id": turn.app.id,
            "sys.workflow_id": turn.app.workflow_id,
            "sys.workflow_run_id": self.run_id,
        }
        if self.in_chat:
            self._inputs["sys.query"] = turn.query

    def start_inputs(self) -> JsonObject:
        """The inputs as the first node sees them."""
        turn = self.turn
        known = {"sys.conversation_id": turn.conversation_id, "sys.dialogue_count": turn.number}
        return self._inputs | known

    def run_inputs(self) -> JsonObject:
        """The inputs as the run keeps them."""
        count = {"sys.dialogue_count": self.turn.number} if self.in_chat else {}
        return self._inputs | count

    def emit(self, name: str, data: JsonObject) -> EventDict:
        """An event of the run."""
        return self.event(name, workflow_run_id=self.run_id, data=data)

    def begin(self, state: State) -> None:
        lost = self._finished("failed", {}, "The server was closed meanwhile.", 0)
        turn = self.turn
        state.workflow_runs.add(turn.app.id, turn.user.id, self.run_inputs(), lost)
        if self.in_chat:
            state.variables.count_turn(turn.conversation_id, turn.query, turn.number)

    def opening(self) -> list[EventDict]:
        turn, inputs = self.turn, self.start_inputs()
        started = {
            "id": self.run_id,
            "workflow_id": turn.app.workflow_id,
            "inputs": self.run_inputs(),
            "created_at": turn.created_at,
        }
        return [
            self.emit("workflow_started", started),
            self._nodes.started(START),
            self._nodes.finished(START, inputs, inputs),
        ]

    def pause(self, state: State) -> list[EventDict]:
        return self._human_input.pause(state)

    def is_waiting(self, state: State) -> bool:
        return self._human_input.is_waiting(state)

    def resume(self, state: State) -> list[EventDict]:
        return self._human_input.resume(state)

    # -- the text

    def before_text(self) -> list[EventDict]:
        return [*self._graph.opening(), self._nodes.started(LLM)]

    @property
    def pieces(self) -> Iterator[Piece]:
        graph = self._graph
        yield from graph.failing()
        if graph.gives_up:
            return
        if graph.around:
            # The text around the model's can only be sent when the model is done.
            yield from self._collect_text()
            yield self._model_finished(self._model_text, self._used())
            yield graph.assign_started()
            yield from map(self._delta_of, graph.before)
            yield from tokens(self._model_text)
            yield from super().last_deltas()
            yield from map(self._delta_of, graph.after)
            return
        for token in self.turn.speaker:
            self._model_text += token or ""
            yield token

    def _collect_text(self) -> Iterator[None]:
        """Let the model speak to its end, without sending anything."""
        for token in self.turn.speaker:
            self._model_text += token or ""
            if token is None:
                yield None

    def _delta_of(self, extra: Extra) -> EventDict:
        selector = {"from_variable_selector": list(extra.selector)}
        return self.empty_delta() | {self.text_key: extra.text} | selector

    def final(self, text: str) -> str:
        """The text without that of failed tries."""
        if self._graph.gives_up:
            return DEFAULT
        return self._graph.around_text(self._model_text)

    # -- the end

    def _used(self) -> JsonObject:
        return self.turn.usage(round(self.turn.elapsed, 3))

    def _model_finished(self, text: str, used: JsonObject) -> EventDict:
        prompts: list[JsonObject] = [
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
        outputs = {"text": text, "reasoning_content": "", "usage": used, "finish_reason": "stop"}
        cost = {key: used[key] for key in ("total_tokens", "total_price", "currency")}
        inputs: JsonObject = {"#files#": self.turn.files} if self.turn.files else {}
        return self._nodes.finished(LLM, inputs, outputs, process=process, metadata=cost)

    def _model_gave_up(self) -> EventDict:
        outputs = {
            "text": DEFAULT,
            "error_message": DIED,
            "error_type": "InvokeServerUnavailableError",
        }
        return self._nodes.finished(
            LLM, {}, outputs, metadata={"error_strategy": "default-value"},
            status="exception", error="Unknown error",
        )  # fmt: skip

    def _finished(
        self, status: str, outputs: JsonObject, error: str | None, total: int
    ) -> EventDict:
        turn = self.turn
        data: JsonObject = {
            "id": self.run_id,
            "workflow_id": turn.app.workflow_id,
            "status": status,
            "outputs": outputs,
            "error": error,
            "elapsed_time": turn.elapsed,
            "total_tokens": total,
            "total_steps": self._nodes.steps,
            "created_by": {"id": turn.user.id, "user": turn.user.name},
            "created_at": turn.created_at,
            "finished_at": int(time.time()),
            "exceptions_count": self._graph.exceptions + (status == "failed"),
            "files": [],
        }
        return self.emit("workflow_finished", data)

    def outputs(self, text: str) -> JsonObject:
        """The outputs of the run."""
        return {"answer": text, "files": []}

    def last_deltas(self) -> list[EventDict]:
        graph = self._graph
        return [] if graph.around or graph.gives_up else super().last_deltas()

    def closing(self, text: str) -> list[EventDict]:
        graph, used = self._graph, self._used()
        outputs = self.outputs(text)
        if graph.around:
            events = [graph.assign_finished(), self._nodes.started(self.last_node)]
        elif graph.gives_up:
            used = no_usage(0.03, self.turn.elapsed)
            delta = self.empty_delta() | {"answer": DEFAULT}
            events = [self._model_gave_up(), self._nodes.started(self.last_node), delta]
        else:
            events = [
                self._model_finished(self._model_text, used),
                self._nodes.started(self.last_node),
            ]
        status = "partial-succeeded" if graph.exceptions else "succeeded"
        events += [
            self._nodes.finished(self.last_node, {}, outputs),
            self._finished(status, outputs, None, used["total_tokens"]),
        ]
        return events + self._end_of_message(used)

    def _end_of_message(self, used: JsonObject) -> list[EventDict]:
        return [self.message_end(used, [])] if self.in_chat else []

    def _cut_short(self, error: str) -> list[EventDict]:
        finished = self._finished("stopped", {}, error, 0)
        return [finished, *self._end_of_message(no_usage(0.03, self.turn.elapsed))]

    def stopped(self) -> list[EventDict]:
        return self._cut_short("Stopped by user.")

    def replaced(self) -> list[EventDict]:
        replace = self.message_replace("output_moderation")
        return [replace, *self._cut_short("Stopped by output moderation.")]

    def blocking_usage(self, *, replaced: bool) -> JsonObject:
        if replaced or self._graph.gives_up:
            return no_usage(0.0, self.turn.elapsed)
        return super().blocking_usage(replaced=replaced)

    def aborted(self) -> list[EventDict]:
        return self.ended_by("Aborted: User requested stop")

    def reported(self, failure: ModelFailure) -> ModelFailure:
        return ModelFailure("invalid_param", f"Run failed: {failure.message}", 400)

    def failed(self, failure: ModelFailure) -> list[EventDict]:
        node = self._nodes.finished(LLM, {}, {}, status="failed", error=failure.message)
        return [node, *self.ended_by(failure.message)]

    def ended_by(self, reason: str) -> list[EventDict]:
        """The last events of a run that failed."""
        error = super().failed(ModelFailure("", reason, 400))
        return [self._finished("failed", {}, reason, 0), *error]

    def store(self, state: State, text: str, *, stopped: bool) -> None:
        # Unlike the other modes a chatflow keeps the blanks at both ends.
        state.finish_message(self.turn.message_id, text)

    def conclude(self, state: State, events: list[EventDict]) -> None:
        for event in events:
            if event["event"] == "workflow_finished":
                state.workflow_runs.finish(self.run_id, event)
