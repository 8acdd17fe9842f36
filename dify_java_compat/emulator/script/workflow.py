"""The workflow app: a flow without a message, whose outputs are its end."""

from typing import ClassVar

from ..store.state import State
from .base import EventDict, JsonObject, Piece
from .flow import FlowScript
from .nodes import END, Node


class WorkflowScript(FlowScript):
    """A run without a message: its text comes in chunks, and its last event is the run's."""

    delta_name = "text_chunk"
    text_key: ClassVar[str] = "text"
    last_node: ClassVar[Node] = END
    in_chat: ClassVar[bool] = False

    def common(self) -> JsonObject:
        return {"workflow_run_id": self.run_id, "task_id": self.turn.task_id}

    def emit(self, name: str, data: JsonObject) -> EventDict:
        return self.event(name, data=data)

    def empty_delta(self) -> EventDict:
        return self.event(self.delta_name, data={self.text_key: "", **self.delta_tail})

    def text_of(self, piece: Piece) -> str:
        if isinstance(piece, dict):
            return str(piece["data"][self.text_key]) if piece["event"] == self.delta_name else ""
        return piece or ""

    def start_inputs(self) -> JsonObject:
        if self.turn.version.shows_node_inputs:
            return self.turn.inputs
        return self.run_inputs() | {"sys.timestamp": self.turn.created_at}

    def outputs(self, text: str) -> JsonObject:
        return {"text": text}

    def ended_by(self, reason: str) -> list[EventDict]:
        # A failure has no event of its own, either.
        return super().ended_by(reason)[:1]

    def store(self, state: State, text: str, *, stopped: bool) -> None:
        """There is no message to store it in: the run keeps it."""
