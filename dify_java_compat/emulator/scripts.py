"""Which events each app mode sends, in which order, with which keys.

Key order is the recorded server's. A script is made once per message and holds what all its
events share, already encoded, because a token is sent a hundred times as often as anything else.
"""

import time
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any, ClassVar

from .answers import tokens, usage
from .apps import App
from .replies import compact
from .state import EndUser, State, new_id

Event = dict[str, Any]


@dataclass(frozen=True)
class Turn:
    """One message of a user and the answer to it."""

    app: App
    user: EndUser
    task_id: str
    conversation_id: str
    message_id: str
    query: str
    answer: str
    inputs: dict[str, Any]
    files: list[dict[str, Any]]
    number: int
    created_at: int
    started: float = field(default_factory=time.monotonic)

    @property
    def tokens(self) -> list[str]:
        return tokens(self.answer)

    def usage(self, latency: float, first: float = 0.03) -> dict[str, Any]:
        """Counts from the words alone, so that they are the same each time."""
        prompt = 10 + len(tokens(self.query))
        rest = round(max(latency - first, 0.0), 3)
        return usage(prompt, len(self.tokens), latency, first, rest)

    @property
    def elapsed(self) -> float:
        return round(time.monotonic() - self.started, 6)


class Script(ABC):
    """The events of one message, and what is stored of it."""

    empty_deltas: ClassVar[int] = 1
    """How many deltas without text close the text."""
    can_abort: ClassVar[bool] = False
    """Whether the stop of another user makes the run fail at its end."""

    delta_name = "message"
    delta_tail: ClassVar[Event] = {"from_variable_selector": None}

    def __init__(self, turn: Turn) -> None:
        self.turn = turn
        self._common: Event = {
            "conversation_id": turn.conversation_id,
            "message_id": turn.message_id,
            "created_at": turn.created_at,
            "task_id": turn.task_id,
        }
        around = self.event(self.delta_name, id=turn.message_id, answer="", **self.delta_tail)
        head, tail = compact(around).split('"answer":""')
        self._head, self._tail = f'data: {head}"answer":', f"{tail}\n\n"

    def event(self, name: str, **more: Any) -> Event:
        return {"event": name, **self._common, **more}

    def delta(self, text: str) -> bytes:
        """One piece of the answer, as bytes ready to send."""
        return f"{self._head}{compact(text)}{self._tail}".encode()

    def message_end(self, used: dict[str, Any], files: list[Any] | None = None) -> Event:
        about: Event = {"annotation_reply": None, "retriever_resources": [], "usage": used}
        return self.event("message_end", id=self.turn.message_id, metadata=about, files=files)

    def opening(self) -> list[Event]:
        return []

    @abstractmethod
    def closing(self, answer: str) -> list[Event]:
        """The events after the last delta."""

    def stopped(self) -> list[Event]:
        """The end after a stop. Nothing but zero usage tells it from a regular one."""
        return [self.message_end(usage(0, 0, self.turn.elapsed, None, None))]

    def aborted(self) -> list[Event]:
        return []

    def thoughts(self, text: str) -> list[Event]:
        """What the history shows as the agent's thinking."""
        return []

    def store(self, state: State, answer: str, *, stopped: bool) -> None:
        """Keep what was said, all of it or the part before a stop."""
        state.finish_message(self.turn.message_id, answer.strip())

    def abandoned(self, state: State) -> None:
        """Keep what remains where the client left: no answer, however far it was."""
        # The model thinks to the end although nobody listens.
        state.set_thoughts(self.turn.message_id, self.thoughts(self.turn.answer))


class ChatScript(Script):
    """The basic chat app."""

    def __init__(self, turn: Turn) -> None:
        # All text of a chat with a file travels in events that look like a file's.
        self.delta_name = "message_file" if turn.files else "message"
        super().__init__(turn)

    def closing(self, answer: str) -> list[Event]:
        return [self.message_end(self.turn.usage(self.turn.elapsed))]


class AgentScript(Script):
    """The agent: one thought around its text."""

    delta_name = "agent_message"
    delta_tail: ClassVar[Event] = {}

    def __init__(self, turn: Turn) -> None:
        super().__init__(turn)
        self._thought_id = new_id()

    def _thought(self, text: str) -> Event:
        return self.event(
            "agent_thought",
            id=self._thought_id,
            position=1,
            thought=text,
            observation="",
            tool="",
            tool_labels={},
            tool_input="",
            message_files=[],
        )

    def thoughts(self, text: str) -> list[Event]:
        return [
            {
                "id": self._thought_id,
                "chain_id": None,
                "message_id": self.turn.message_id,
                "position": 1,
                "thought": text,
                "tool": "",
                "tool_labels": {},
                "tool_input": "",
                "created_at": self.turn.created_at,
                "observation": "",
                "files": [],
            }
        ]

    def opening(self) -> list[Event]:
        return [self._thought("")]

    def closing(self, answer: str) -> list[Event]:
        return [self._thought(answer), self.message_end(self.turn.usage(self.turn.elapsed))]

    def store(self, state: State, answer: str, *, stopped: bool) -> None:
        super().store(state, answer, stopped=stopped)
        if not stopped:
            state.set_thoughts(self.turn.message_id, self.thoughts(answer))
