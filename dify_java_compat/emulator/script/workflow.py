"""The workflow app: a flow without a message, whose outputs are its end."""

from typing import ClassVar

from ..store.state import State
from .base import Piece
from .flow import FlowScript
from .nodes import END, Event, Node


class WorkflowScript(FlowScript):
    """A run without a message: its text comes in chunks, and its end is the end of the run."""

    delta_name = "text_chunk"
    text_key: ClassVar[str] = "text"
    last_node: ClassVar[Node] = END
    in_chat: ClassVar[bool] = False

    def common(self) -> Event:
        return {"workflow_run_id": self.run_id, "task_id": self.turn.task_id}

    def tell(self, name: str, data: Event) -> Event:
        return self.event(name, data=data)

    def empty_delta(self) -> Event:
        return self.event(self.delta_name, data={"text": "", **self.delta_tail})

    def text_of(self, piece: Piece) -> str:
        if isinstance(piece, dict):
            return str(piece["data"]["text"]) if piece["event"] == self.delta_name else ""
        return piece or ""

    def start_inputs(self) -> Event:
        return self.run_inputs() | {"sys.timestamp": self.turn.created_at}

    def outputs(self, answer: str) -> Event:
        return {"text": answer}

    def ended_by(self, reason: str) -> list[Event]:
        # Even a failure has no event of its own.
        return super().ended_by(reason)[:1]

    def store(self, state: State, answer: str, *, stopped: bool) -> None:
        """There is no message to store it in: the run has it."""
