"""What all answers have in common: the events of a message, and what is stored of it.

Which events an app mode sends, in which order, with which keys, is told by its own script
(``modes.py``, ``agents.py``, ``flow.py``). Key order is the recorded server's. A script is made
once per message and holds what all its deltas share, already encoded, because a token is sent a
hundred times as often as anything else.
"""

import time
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, ClassVar

from ..apps.app import App
from ..http.reply import compact
from ..model.prose import tokens, usage
from ..model.speaker import ModelFailure, Speaker
from ..store.state import EndUser, State

Event = dict[str, Any]
# Of an answer under way: a word, an event in its midst, or nothing to say yet.
Piece = str | Event | None


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
    resources: list[dict[str, Any]] = field(default_factory=list)
    """The passages of the knowledge base that belong to the query."""
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
    text_key: ClassVar[str] = "answer"
    """The key of the text in a delta, the only one whose value differs between deltas."""
    delta_tail: ClassVar[Event] = {"from_variable_selector": None}

    def __init__(self, turn: Turn) -> None:
        self.turn = turn
        self._common = self.common()
        head, tail = compact(self.empty_delta()).split(f'"{self.text_key}":""')
        self._head, self._tail = f'data: {head}"{self.text_key}":', f"{tail}\n\n"

    def common(self) -> Event:
        """What every event bears."""
        return {
            "conversation_id": self.turn.conversation_id,
            "message_id": self.turn.message_id,
            "created_at": self.turn.created_at,
            "task_id": self.turn.task_id,
        }

    def event(self, name: str, **more: Any) -> Event:
        return {"event": name, **self._common, **more}

    def empty_delta(self) -> Event:
        return self.event(self.delta_name, id=self.turn.message_id, answer="", **self.delta_tail)

    def last_deltas(self) -> list[Event]:
        """The deltas without text that close the text."""
        return [self.empty_delta()] * self.empty_deltas

    def delta(self, text: str) -> bytes:
        """One piece of the answer, as bytes ready to send."""
        return f"{self._head}{compact(text)}{self._tail}".encode()

    def metadata(self, used: Event) -> Event:
        return {
            "annotation_reply": self.annotation,
            "retriever_resources": self.turn.resources,
            "usage": used,
        }

    def message_end(self, used: Event, files: list[Any] | None = None) -> Event:
        about = self.metadata(used)
        return self.event("message_end", id=self.turn.message_id, metadata=about, files=files)

    @property
    def pieces(self) -> Iterable[Piece]:
        """The answer as it is streamed, and what else is told in the midst of it."""
        return self.turn.speaker

    def final(self, text: str) -> str:
        """The answer, once ``text`` was streamed to its end."""
        return text

    def text_of(self, piece: Piece) -> str:
        """What a piece adds to the answer."""
        if isinstance(piece, dict):
            return str(piece["answer"]) if piece["event"] == self.delta_name else ""
        return piece or ""

    def whole_usage(self, *, replaced: bool) -> Event:
        """What an answer given at once reports, ``replaced`` by moderation or not."""
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
        """Keep what remains where the client disconnected: no answer, however far it was."""
