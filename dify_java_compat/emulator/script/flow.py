"""The events of a chatflow: those of its run, and of the message that is the run's answer."""

import time
from collections.abc import Iterator
from typing import ClassVar

from ..model.prose import no_usage, tokens
from ..model.speaker import ModelFailure
from ..store.database import new_id
from ..store.state import State
from .base import Piece, Script, Turn
from .graph import DEFAULT, DIED, Extra, Graph
from .human_input import Asking
from .nodes import ANSWER, LLM, START, Event, Node, NodeEvents


class FlowScript(Script):
    """The chatflow: start, model and answer, each a node, and what its graph has besides."""

    empty_deltas = 2
    can_abort = True
    lives_on = True
    delta_tail: ClassVar[Event] = {"from_variable_selector": ["llm", "text"]}
    last_node: ClassVar[Node] = ANSWER
    in_chat: ClassVar[bool] = True
    """Whether the run belongs to a conversation."""

    def __init__(self, turn: Turn) -> None:
        self.run_id = new_id()
        super().__init__(turn)
        self._nodes = NodeEvents(self.tell, lambda: turn.elapsed)
        self._asking = Asking(turn, self.run_id, self._nodes, self.tell)
        self._graph = Graph(turn, self._nodes, self.in_chat)
        self._said = ""
        self.pauses = self._asking.times
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

    def start_inputs(self) -> Event:
        """The inputs as the first node sees them."""
        turn = self.turn
        known = {"sys.conversation_id": turn.conversation_id, "sys.dialogue_count": turn.number}
        return self._inputs | known

    def run_inputs(self) -> Event:
        """The inputs as the run keeps them."""
        count = {"sys.dialogue_count": self.turn.number} if self.in_chat else {}
        return self._inputs | count

    def tell(self, name: str, data: Event) -> Event:
        """An event of the run."""
        return self.event(name, workflow_run_id=self.run_id, data=data)

    def begin(self, state: State) -> None:
        lost = self._finished("failed", {}, "The server was closed meanwhile.", 0)
        turn = self.turn
        state.workflow_runs.add(turn.app.id, turn.user.id, self.run_inputs(), lost)
        if self.in_chat:
            state.variables.count_turn(turn.conversation_id, turn.query, turn.number)

    def opening(self) -> list[Event]:
        turn, seen = self.turn, self.start_inputs()
        begun = {
            "id": self.run_id,
            "workflow_id": turn.app.workflow_id,
            "inputs": self.run_inputs(),
            "created_at": turn.created_at,
        }
        return [
            self.tell("workflow_started", begun),
            self._nodes.started(START),
            self._nodes.finished(START, seen, seen),
        ]

    def asking(self, state: State) -> list[Event]:
        return self._asking.ask(state)

    def waits(self, state: State) -> bool:
        return self._asking.waits(state)

    def answered(self, state: State) -> list[Event]:
        return self._asking.answered(state)

    # -- the text

    def before_text(self) -> list[Event]:
        return [*self._graph.opening(), self._nodes.started(LLM)]

    @property
    def pieces(self) -> Iterator[Piece]:
        graph = self._graph
        yield from graph.failing()
        if graph.gives_up:
            return
        if graph.around:
            # The text around the model's can only be told when the model is done.
            yield from self._think()
            yield self._model_finished(self._said, self._used())
            yield graph.assign_started()
            yield from map(self._delta_of, graph.before)
            yield from tokens(self._said)
            yield from super().last_deltas()
            yield from map(self._delta_of, graph.after)
            return
        for token in self.turn.speaker:
            self._said += token or ""
            yield token

    def _think(self) -> Iterator[None]:
        for token in self.turn.speaker:
            self._said += token or ""
            if token is None:
                yield None

    def _delta_of(self, extra: Extra) -> Event:
        selector = {"from_variable_selector": list(extra.selector)}
        return self.empty_delta() | {"answer": extra.text} | selector

    def final(self, text: str) -> str:
        """The answer without what the model said in vain."""
        if self._graph.gives_up:
            return DEFAULT
        return self._graph.around_text(self._said)

    # -- the end

    def _used(self) -> Event:
        return self.turn.usage(round(self.turn.elapsed, 3))

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
        return self._nodes.finished(LLM, inputs, outputs, process=process, metadata=cost)

    def _model_gave_up(self) -> Event:
        outputs = {
            "text": DEFAULT,
            "error_message": DIED,
            "error_type": "InvokeServerUnavailableError",
        }
        return self._nodes.finished(
            LLM, {}, outputs, metadata={"error_strategy": "default-value"},
            status="exception", error="Unknown error",
        )  # fmt: skip

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
            "total_steps": self._nodes.steps,
            "created_by": {"id": turn.user.id, "user": turn.user.name},
            "created_at": turn.created_at,
            "finished_at": int(time.time()),
            "exceptions_count": self._graph.exceptions + (status == "failed"),
            "files": [],
        }
        return self.tell("workflow_finished", data)

    def outputs(self, answer: str) -> Event:
        """What the run ends with."""
        return {"answer": answer, "files": []}

    def last_deltas(self) -> list[Event]:
        graph = self._graph
        return [] if graph.around or graph.gives_up else super().last_deltas()

    def closing(self, answer: str) -> list[Event]:
        graph, used = self._graph, self._used()
        outputs = self.outputs(answer)
        if graph.around:
            told = [graph.assign_finished(), self._nodes.started(self.last_node)]
        elif graph.gives_up:
            used = no_usage(0.03, self.turn.elapsed)
            said = self.empty_delta() | {"answer": DEFAULT}
            told = [self._model_gave_up(), self._nodes.started(self.last_node), said]
        else:
            told = [self._model_finished(self._said, used), self._nodes.started(self.last_node)]
        status = "partial-succeeded" if graph.exceptions else "succeeded"
        told += [
            self._nodes.finished(self.last_node, {}, outputs),
            self._finished(status, outputs, None, used["total_tokens"]),
        ]
        return told + self._end_of_message(used)

    def _end_of_message(self, used: Event) -> list[Event]:
        return [self.message_end(used, [])] if self.in_chat else []

    def _cut_short(self, error: str) -> list[Event]:
        finished = self._finished("stopped", {}, error, 0)
        return [finished, *self._end_of_message(no_usage(0.03, self.turn.elapsed))]

    def stopped(self) -> list[Event]:
        return self._cut_short("Stopped by user.")

    def replaced(self) -> list[Event]:
        said = self.event("message_replace", answer=self.replacement, reason="output_moderation")
        return [said, *self._cut_short("Stopped by output moderation.")]

    def whole_usage(self, *, replaced: bool) -> Event:
        if replaced or self._graph.gives_up:
            return no_usage(0.0, self.turn.elapsed)
        return super().whole_usage(replaced=replaced)

    def aborted(self) -> list[Event]:
        return self.ended_by("Aborted: User requested stop")

    def reported(self, failure: ModelFailure) -> ModelFailure:
        return ModelFailure("invalid_param", f"Run failed: {failure.message}", 400)

    def failed(self, failure: ModelFailure) -> list[Event]:
        why = failure.message
        node = self._nodes.finished(LLM, {}, {}, status="failed", error=why)
        return [node, *self.ended_by(failure.message)]

    def ended_by(self, reason: str) -> list[Event]:
        """The end of a run that failed."""
        error = super().failed(ModelFailure("", reason, 400))
        return [self._finished("failed", {}, reason, 0), *error]

    def store(self, state: State, answer: str, *, stopped: bool) -> None:
        # Unlike the other modes the chatflow keeps blanks at the ends.
        state.finish_message(self.turn.message_id, answer)

    def conclude(self, state: State, events: list[Event]) -> None:
        for event in events:
            if event["event"] == "workflow_finished":
                state.workflow_runs.finish(self.run_id, event)
