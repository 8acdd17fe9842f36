"""What all scripts have in common: the events of a reply, and what is stored of it.

Which events an app mode sends, in which order, with which keys, is decided by its own script
(``chat``, ``agent``, ``flow``, ``workflow``). The order of the keys is the recorded server's. A
script is made once per message and keeps what all its deltas share already encoded, because a
token is sent a hundred times as often as anything else.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, ClassVar

from ..apps.app import App
from ..http.clock import monotonic
from ..http.reply import compact
from ..model.prose import tokens, usage
from ..model.speaker import ModelFailure, Speaker
from ..store.state import EndUser, State
from ..version import Version

JsonObject = dict[str, Any]
EventDict = JsonObject
"""One event of Dify: its name under ``event``, then its values."""
Piece = str | EventDict | None
"""A piece of a reply: text, an event in between, or None while there is nothing yet."""


@dataclass(frozen=True)
class Turn:
    """One message of a user and the reply to it.

    ``number``: which message of its conversation it is, counted from 1. ``created_at``: seconds
    since 1970. ``form_seconds``: how long a form waits. ``started``: seconds of the monotonic
    clock.
    """

    app: App
    version: Version
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
    listed_files: list[dict[str, Any]] = field(default_factory=list)
    """The files as the end of a message lists them."""
    resources: list[dict[str, Any]] = field(default_factory=list)
    """The passages of the knowledge base for the query."""
    started: float = field(default_factory=monotonic)

    @property
    def text(self) -> str:
        """The text of the model: the whole where it is known, else what it has streamed so far."""
        return self.speaker.text

    def usage(self, latency: float, first: float = 0.03) -> dict[str, Any]:
        """Counts of the model, or else of the words, so that they are the same each time.

        ``latency``: seconds of the whole reply; ``first``: seconds to the first token.
        """
        counts = self.speaker.counts
        prompt, reply = counts or (10 + len(tokens(self.query)), len(tokens(self.text)))
        rest = round(max(latency - first, 0.0), 3)
        return usage(prompt, reply, latency, first, rest)

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return round(monotonic() - self.started, 6)


class Script(ABC):
    """The events of one reply, and what is stored of it.

    In this order: ``opening``, then ``pause`` and ``resume`` for each pause, ``before_text``,
    ``pieces``, ``last_deltas``, ``closing``. In place of the last two: ``stopped``, ``aborted``,
    ``replaced`` or ``failed``.
    """

    empty_deltas: ClassVar[int] = 1
    """How many deltas without text end the text."""
    can_abort: ClassVar[bool] = False
    """Whether a stop by another user makes the run fail at its end."""
    in_background: ClassVar[bool] = False
    """Whether the run goes on when its reader disconnects, and can be read again."""
    lingers: ClassVar[bool] = False
    """Whether its stream, where no run ends it, stays open."""
    names_conversation: bool = True
    """Whether a new conversation gets its name meanwhile."""
    run_id = ""
    """The id of the workflow run."""
    pause_count = 0
    """How often the run pauses for a person."""
    annotation: EventDict | None = None
    """The annotation whose text this is."""

    delta_name = "message"
    text_key: ClassVar[str] = "answer"
    """The key of the text in a delta, the only one whose value differs between deltas."""
    delta_tail: ClassVar[JsonObject] = {"from_variable_selector": None}

    def __init__(self, turn: Turn) -> None:
        self.turn = turn
        self._common = self.common()
        head, tail = compact(self.empty_delta()).split(f'"{self.text_key}":""')
        self._head, self._tail = f'data: {head}"{self.text_key}":', f"{tail}\n\n"

    def common(self) -> JsonObject:
        """The values that every event has."""
        return {
            "conversation_id": self.turn.conversation_id,
            "message_id": self.turn.message_id,
            "created_at": self.turn.created_at,
            "task_id": self.turn.task_id,
        }

    def event(self, name: str, **more: Any) -> EventDict:
        return {"event": name, **self._common, **more}

    def empty_delta(self) -> EventDict:
        start = self.event(self.delta_name, id=self.turn.message_id)
        return start | {self.text_key: ""} | self.delta_tail

    def last_deltas(self) -> list[EventDict]:
        """The deltas without text that end the text."""
        return [self.empty_delta()] * self.empty_deltas

    def delta(self, text: str) -> bytes:
        """The event of a piece of text, as bytes ready to send."""
        return f"{self._head}{compact(text)}{self._tail}".encode()

    def metadata(self, used: JsonObject | None) -> JsonObject:
        return {
            "annotation_reply": self.annotation,
            "retriever_resources": self.turn.resources,
            "usage": used,
        }

    def message_end(self, used: JsonObject, files: list[Any] | None = None) -> EventDict:
        about = self.metadata(used)
        if files is None and self.turn.version.sends_file_chats_as_message:
            files = self.turn.listed_files or None
        return self.event("message_end", id=self.turn.message_id, metadata=about, files=files)

    @property
    def pieces(self) -> Iterable[Piece]:
        """The text as it is streamed, and the events in between."""
        return self.turn.speaker

    def final(self, text: str) -> str:
        """The text to keep, once ``text`` was streamed to its end."""
        return text

    def text_of(self, piece: Piece) -> str:
        """What a piece adds to the text."""
        if isinstance(piece, dict):
            return str(piece[self.text_key]) if piece["event"] == self.delta_name else ""
        return piece or ""

    def blocking_usage(self, *, replaced: bool) -> JsonObject:
        """The usage in a blocking response, whose text moderation has ``replaced`` or not."""
        return self.turn.usage(self.turn.elapsed, first=0.0)

    def begin(self, state: State) -> None:  # noqa: B027
        """Store what can be read while the reply is under way."""

    def opening(self) -> list[EventDict]:
        """The first events."""
        return []

    def pause(self, state: State) -> list[EventDict]:
        """Pause the run for a person; the events up to there."""
        return []

    def is_waiting(self, state: State) -> bool:
        """Whether a paused run still has to wait."""
        return False

    def resume(self, state: State) -> list[EventDict]:
        """End the pause; the events right after it."""
        return []

    def before_text(self) -> list[EventDict]:
        """The last events before the text."""
        return []

    @abstractmethod
    def closing(self, text: str) -> list[EventDict]:
        """The events after the last delta; ``text`` is the text to keep."""

    def stopped(self) -> list[EventDict]:
        """The last events after a stop. Only its zero usage differs from a regular end."""
        return [self.message_end(usage(0, 0, self.turn.elapsed, None, None))]

    def aborted(self) -> list[EventDict]:
        """The last events where another user has stopped the run."""
        return []

    def reported(self, failure: ModelFailure) -> ModelFailure:
        """The model's failure as the app reports it."""
        return failure

    def failed(self, failure: ModelFailure) -> list[EventDict]:
        """The last events where the model failed."""
        reported = self.reported(failure)
        error = self.event(
            "error", code=reported.code, status=reported.status, message=reported.message
        )
        # The only event without a task id.
        del error["task_id"]
        return [error]

    @property
    def replacement(self) -> str:
        """The text in place of one that output moderation blocks."""
        moderation = self.turn.app.moderation
        return moderation.output_reply if moderation else ""

    def must_replace(self, text: str) -> bool:
        """Whether output moderation blocks ``text``, which ends the reply."""
        moderation = self.turn.app.moderation
        return moderation is not None and moderation.replaces(text)

    def message_replace(self, reason: str) -> EventDict:
        return self.event("message_replace") | {"answer": self.replacement, "reason": reason}

    def replaced(self) -> list[EventDict]:
        """The last events after output moderation."""
        return [self.message_replace(""), *Script.stopped(self)]

    def store(self, state: State, text: str, *, stopped: bool) -> None:
        """Store the text, all of it or the part before a stop."""
        state.finish_message(self.turn.message_id, text.strip())

    def conclude(self, state: State, events: list[EventDict]) -> None:  # noqa: B027
        """Store how the run ended, by its last events, whether there is a reader or not."""

    def abandoned(self, state: State) -> None:  # noqa: B027
        """Store what remains where the client disconnected: no text, whatever was streamed."""
