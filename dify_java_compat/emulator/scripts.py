"""Which events each app mode sends, in which order, with which keys.

Key order is the recorded server's. A script is made once per message and holds what all its
events share, already encoded, because a token is sent a hundred times as often as anything else.
"""

import time
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, ClassVar

from .answers import no_usage, tokens, usage
from .apps import App
from .database import new_id
from .replies import compact
from .speakers import ModelFailure, Speaker
from .state import EndUser, State

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
    speaker: Speaker
    inputs: dict[str, Any]
    files: list[dict[str, Any]]
    number: int
    created_at: int
    form_seconds: float
    started: float = field(default_factory=time.monotonic)

    @property
    def answer(self) -> str:
        """The whole answer, or what was said of it so far by a model that speaks as it likes."""
        return self.speaker.text

    def usage(self, latency: float, first: float = 0.03) -> dict[str, Any]:
        """Counts of the model's own, or from the words, so that they are the same each time."""
        counted = self.speaker.counts
        prompt, said = counted or (10 + len(tokens(self.query)), len(tokens(self.answer)))
        rest = round(max(latency - first, 0.0), 3)
        return usage(prompt, said, latency, first, rest)

    @property
    def elapsed(self) -> float:
        return round(time.monotonic() - self.started, 6)


class Script(ABC):
    """The events of one message, and what is stored of it."""

    empty_deltas: ClassVar[int] = 1
    """How many deltas without text close the text."""
    can_abort: ClassVar[bool] = False
    """Whether the stop of another user makes the run fail at its end."""
    lives_on: ClassVar[bool] = False
    """Whether the run goes on when its reader leaves, and can be found again."""
    names_conversation = True
    """Whether a new conversation gets its name on the way."""
    run_id = ""
    """The workflow run it belongs to."""
    pauses = 0
    """How often the run waits for a person."""
    annotation: Event | None = None
    """The annotation whose answer this is."""

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
        around = self._empty_delta()
        head, tail = compact(around).split('"answer":""')
        self._head, self._tail = f'data: {head}"answer":', f"{tail}\n\n"

    def event(self, name: str, **more: Any) -> Event:
        return {"event": name, **self._common, **more}

    def _empty_delta(self) -> Event:
        return self.event(self.delta_name, id=self.turn.message_id, answer="", **self.delta_tail)

    def last_deltas(self) -> list[Event]:
        """The deltas without text that close the text."""
        return [self._empty_delta()] * self.empty_deltas

    def delta(self, text: str) -> bytes:
        """One piece of the answer, as bytes ready to send."""
        return f"{self._head}{compact(text)}{self._tail}".encode()

    def metadata(self, used: Event) -> Event:
        return {
            "annotation_reply": self.annotation,
            "retriever_resources": [],
            "usage": used,
        }

    def message_end(self, used: Event, files: list[Any] | None = None) -> Event:
        about = self.metadata(used)
        return self.event("message_end", id=self.turn.message_id, metadata=about, files=files)

    @property
    def pieces(self) -> Iterable[str | None]:
        """The answer as it is streamed; None while the model has nothing to say yet."""
        return self.turn.speaker

    @property
    def whole(self) -> str:
        """The answer as it is given at once."""
        return self.replacement if self.must_replace(self.turn.answer) else self.turn.answer

    def whole_usage(self) -> Event:
        return self.turn.usage(self.turn.elapsed, first=0.0)

    def begin(self, state: State) -> None:  # noqa: B027
        """Keep what is to be found while the answer is under way."""

    def opening(self) -> list[Event]:
        return []

    def asking(self, state: State) -> list[Event]:
        """The events up to a pause."""
        return []

    def waits(self, state: State) -> bool:
        """Whether what it asked for is still to come."""
        return False

    def answered(self, state: State) -> list[Event]:
        """The events right after a pause."""
        return []

    def before_text(self) -> list[Event]:
        return []

    @abstractmethod
    def closing(self, answer: str) -> list[Event]:
        """The events after the last delta."""

    def stopped(self) -> list[Event]:
        """The end after a stop. Nothing but zero usage tells it from a regular one."""
        return [self.message_end(usage(0, 0, self.turn.elapsed, None, None))]

    def aborted(self) -> list[Event]:
        return []

    def reported(self, failure: ModelFailure) -> ModelFailure:
        """The model's failure as the app tells of it."""
        return failure

    def failed(self, failure: ModelFailure) -> list[Event]:
        """The end where the model failed."""
        told = self.reported(failure)
        error = self.event("error", code=told.code, status=told.status, message=told.message)
        # The only event without a task id.
        del error["task_id"]
        return [error]

    @property
    def replacement(self) -> str:
        moderation = self.turn.app.moderation
        return moderation.output_reply if moderation else ""

    def must_replace(self, text: str) -> bool:
        """Whether output moderation puts an end to the answer."""
        moderation = self.turn.app.moderation
        return moderation is not None and moderation.replaces(text)

    def replaced(self) -> list[Event]:
        """The end after output moderation."""
        replace = self.event("message_replace", answer=self.replacement, reason="")
        return [replace, *Script.stopped(self)]

    def store(self, state: State, answer: str, *, stopped: bool) -> None:
        """Keep what was said, all of it or the part before a stop."""
        state.finish_message(self.turn.message_id, answer.strip())

    def conclude(self, state: State, events: list[Event]) -> None:  # noqa: B027
        """Keep how the run itself ended, by its last events, whether somebody read it or not."""

    def abandoned(self, state: State) -> None:  # noqa: B027
        """Keep what remains where the client left: no answer, however far it was."""


class ChatScript(Script):
    """The basic chat app."""

    def __init__(self, turn: Turn) -> None:
        # All text of a chat with a file travels in events that look like a file's.
        self.delta_name = "message_file" if turn.files else "message"
        super().__init__(turn)

    def closing(self, answer: str) -> list[Event]:
        return [self.message_end(self.turn.usage(self.turn.elapsed))]


class FixedScript(Script):
    """What is said without a model: the reply to a bad word, or an annotation's answer."""

    empty_deltas = 0

    def __init__(self, turn: Turn, annotation: Event | None) -> None:
        super().__init__(turn)
        self.annotation = annotation
        # Moderation comes before anything else is done.
        self.names_conversation = annotation is not None

    @property
    def pieces(self) -> Iterable[str | None]:
        """Character by character, but in one piece in a chatflow."""
        return [self.turn.answer] if self.turn.app.workflow_id else list(self.turn.answer)

    def must_replace(self, text: str) -> bool:
        return False

    def whole_usage(self) -> Event:
        return no_usage(None, None, self.turn.elapsed)

    def closing(self, answer: str) -> list[Event]:
        files: list[Any] | None = [] if self.turn.app.workflow_id else None
        return [self.message_end(self.whole_usage(), files)]


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
        """What the history shows as the agent's thinking."""
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

    def begin(self, state: State) -> None:
        state.set_thoughts(self.turn.message_id, self.thoughts(""))

    def opening(self) -> list[Event]:
        return [self._thought("")]

    def closing(self, answer: str) -> list[Event]:
        return [self._thought(answer), self.message_end(self.turn.usage(self.turn.elapsed))]

    def store(self, state: State, answer: str, *, stopped: bool) -> None:
        super().store(state, answer, stopped=stopped)
        if not stopped:
            state.set_thoughts(self.turn.message_id, self.thoughts(answer))

    def abandoned(self, state: State) -> None:
        # The model thinks to the end although nobody listens.
        state.set_thoughts(self.turn.message_id, self.thoughts(self.turn.answer))
