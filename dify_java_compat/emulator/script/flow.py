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

ABORTED = "Aborted: User requested stop"


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
        self.run_id: str = new_id()
        super().__init__(turn)
        self._nodes = NodeEvents(self.emit, lambda: turn.elapsed)
        self._failing = LLM
        self._human_input = HumanInput(turn, self.run_id, self._nodes, self.emit)
        self._graph = Graph(turn, self._nodes, self.in_chat)
        self._model_text = ""
        self.pause_count: int = self._human_input.times
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
        if self.in_chat and turn.version.shows_node_inputs:
            order = ("query", "files", "user_id", "dialogue_count")
            known = self._inputs | {"sys.dialogue_count": turn.number}
            first = {f"sys.{name}": known[f"sys.{name}"] for name in order}
            self._inputs = turn.inputs | first | self._inputs

    def start_inputs(self) -> JsonObject:
        """The inputs as the first node sees them."""
        turn = self.turn
        if turn.version.shows_node_inputs:
            # Moderation leaves the query among the inputs it has looked at.
            return turn.inputs | ({"query__": turn.query} if turn.app.moderation else {})
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
        state.workflow_runs.add(turn.app.id, turn.user.id, turn.message_id, self.run_inputs(), lost)
        if self.in_chat:
            state.variables.count_turn(turn.conversation_id, turn.query, turn.number)

    def opening(self) -> list[EventDict]:
        inputs = self.start_inputs()
        return [
            self._run_started("initial"),
            self._nodes.started(START),
            self._nodes.finished(START, inputs, inputs),
        ]

    def _run_started(self, reason: str) -> EventDict:
        turn = self.turn
        started = {
            "id": self.run_id,
            "workflow_id": turn.app.workflow_id,
            "inputs": self.run_inputs(),
            "created_at": turn.created_at,
        }
        why = {"reason": reason} if turn.version.reasons_start else {}
        return self.emit("workflow_started", started | why)

    def pause(self, state: State) -> list[EventDict]:
        return self._human_input.pause(state)

    def is_waiting(self, state: State) -> bool:
        return self._human_input.is_waiting(state)

    def resume(self, state: State) -> list[EventDict]:
        try:
            events = self._human_input.resume(state)
        except ModelFailure:
            self._failing = self._human_input.node
            raise
        if self.turn.app.forms and self.in_chat:
            self._graph.quote_form(self._human_input.node.node_id, self._human_input.values)
        if not self.turn.version.reasons_start:
            return events
        again = self._nodes.restarted(self._human_input.node)
        return [self._run_started("resumption"), again, *events]

    # -- the text

    def before_text(self) -> list[EventDict]:
        opening = list(self._graph.opening())
        return opening if self._early else [*opening, self._nodes.started(LLM)]

    @property
    def _early(self) -> bool:
        """Whether constant texts are sent as soon as they are known."""
        return self.turn.version.speaks_constants_early

    @property
    def pieces(self) -> Iterator[Piece]:
        graph = self._graph
        if self._early:
            yield from map(self._delta_of, graph.before)
            yield self._nodes.started(LLM)
        yield from graph.failing()
        if graph.gives_up:
            return
        if graph.around and not self._early:
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
        if self._early:
            yield from super().last_deltas()
            yield from map(self._delta_of, graph.after)

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

    def _model_finished(self, text: str, used: JsonObject, node: Node = LLM) -> EventDict:
        process = {
            "model_mode": "chat",
            "prompts": self._prompts(),
            "usage": used,
            "finish_reason": "stop",
            "model_provider": "emulator",
            "model_name": "emulator",
        }
        outputs = {"text": text, "reasoning_content": "", "usage": used, "finish_reason": "stop"}
        cost = {key: used[key] for key in ("total_tokens", "total_price", "currency")}
        inputs: JsonObject = {"#files#": self.turn.files} if self.turn.files else {}
        inputs |= self._model_inputs()
        return self._nodes.finished(node, inputs, outputs, process=process, metadata=cost)

    def _prompts(self) -> list[JsonObject]:
        system: JsonObject = {"role": "system", "text": "You are the chatflow LLM.", "files": []}
        picture = {"type": "image", "data": "data:image...[TRUNCATED]...", "detail": "low"}
        pictures, query = [picture] * len(self.turn.files), self.turn.query
        if self.turn.version.shows_node_inputs:
            return [system, {"role": "user", "text": query, "files": pictures}]
        prompts: list[JsonObject] = [system, {"role": "user", "text": f"{query}\n\n", "files": []}]
        if pictures:
            # The real server hands each file to the model twice.
            prompts.append({"role": "user", "text": "", "files": pictures * 2})
        return prompts

    def _model_inputs(self) -> JsonObject:
        known = {"model_provider": "emulator", "model_name": "emulator"}
        return known if self.turn.version.shows_node_inputs else {}

    def _model_gave_up(self) -> EventDict:
        outputs = {
            "text": DEFAULT,
            "error_message": DIED,
            "error_type": "InvokeServerUnavailableError",
        }
        return self._nodes.finished(
            LLM, self._model_inputs(), outputs, metadata={"error_strategy": "default-value"},
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
        sent = self._early or graph.around or graph.gives_up
        return [] if sent else super().last_deltas()

    def closing(self, text: str) -> list[EventDict]:
        graph, used = self._graph, self._used()
        if graph.gives_up:
            used = no_usage(0.03, self.turn.elapsed)
        events = [*self._model_end(used), self._nodes.started(self.last_node)]
        if graph.gives_up and not self.turn.version.keeps_default_silent:
            events.append(self.empty_delta() | {"answer": DEFAULT})
        return events + self._run_end(text, used)

    def _model_end(self, used: JsonObject) -> list[EventDict]:
        """The events between the text and the last node."""
        graph = self._graph
        if graph.gives_up:
            return [self._model_gave_up()]
        if not graph.assigns:
            return [self._model_finished(self._model_text, used)]
        if not self._early:
            return [graph.assign_finished()]
        finished = self._model_finished(self._model_text, used)
        return [finished, graph.assign_started(), graph.assign_finished()]

    def _run_end(self, text: str, used: JsonObject) -> list[EventDict]:
        """The end of the last node, of the message and of the run."""
        outputs = self.outputs(text)
        with_inputs = self.turn.version.shows_node_inputs and not self.in_chat
        last = self._nodes.finished(self.last_node, outputs if with_inputs else {}, outputs)
        status = "partial-succeeded" if self._graph.exceptions else "succeeded"
        finished = self._finished(status, outputs, None, used["total_tokens"])
        message = self._end_of_message(used)
        if self.turn.version.ends_message_first:
            return [last, *message, finished]
        return [last, finished, *message]

    def _end_of_message(self, used: JsonObject) -> list[EventDict]:
        return [self.message_end(used, [])] if self.in_chat else []

    def _cut_short(self, error: str) -> list[EventDict]:
        finished = self._finished("stopped", {}, error, 0)
        if self.turn.version.ends_message_first:
            return [finished]
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
        return self.ended_by(ABORTED)

    def reported(self, failure: ModelFailure) -> ModelFailure:
        return ModelFailure("invalid_param", f"Run failed: {failure.message}", 400)

    def failed(self, failure: ModelFailure) -> list[EventDict]:
        known = self._model_inputs() if self._failing is LLM else {}
        node = self._nodes.finished(
            self._failing, known, {}, status="failed", error=failure.message
        )
        return [node, *self.ended_by(failure.message)]

    def ended_by(self, reason: str) -> list[EventDict]:
        """The last events of a run that failed."""
        finished = self._finished("failed", {}, reason, 0)
        if self.turn.version.fails_without_error_event:
            return [finished]
        return [finished, *super().failed(ModelFailure("", reason, 400))]

    def store(self, state: State, text: str, *, stopped: bool) -> None:
        # Unlike the other modes a chatflow keeps the blanks at both ends.
        state.finish_message(self.turn.message_id, text)

    def conclude(self, state: State, events: list[EventDict]) -> None:
        for event in events:
            if event["event"] == "workflow_finished":
                lost = self.turn.version.stops_by_race and event["data"]["error"] == ABORTED
                state.workflow_runs.finish(self.run_id, event, lost=lost)
