"""The answers of the plainest apps: chat, completion, and what needs no model at all."""

from collections.abc import Iterable
from typing import Any

from ..model.prose import no_usage
from .base import Event, Piece, Script, Turn


class ChatScript(Script):
    """The basic chat app."""

    def __init__(self, turn: Turn) -> None:
        # All text of a chat with a file travels in events that look like a file's.
        self.delta_name = "message_file" if turn.files else "message"
        super().__init__(turn)

    def closing(self, answer: str) -> list[Event]:
        return [self.message_end(self.turn.usage(self.turn.elapsed))]


class CompletionScript(ChatScript):
    """The completion app, whose events know of no conversation."""

    names_conversation = False

    def common(self) -> Event:
        shared = super().common()
        del shared["conversation_id"]
        return shared


class FixedScript(Script):
    """What is said without a model: the reply to a bad word, or an annotation's answer."""

    empty_deltas = 0

    def __init__(self, turn: Turn, annotation: Event | None) -> None:
        super().__init__(turn)
        self.annotation = annotation
        # Moderation comes before anything else is done.
        self.names_conversation = annotation is not None

    @property
    def pieces(self) -> Iterable[Piece]:
        """Character by character, but in one piece in a chatflow."""
        return [self.turn.answer] if self.turn.app.workflow_id else list(self.turn.answer)

    def must_replace(self, text: str) -> bool:
        return False

    def whole_usage(self, *, replaced: bool = False) -> Event:
        return no_usage(None, None, self.turn.elapsed)

    def closing(self, answer: str) -> list[Event]:
        files: list[Any] | None = [] if self.turn.app.workflow_id else None
        return [self.message_end(self.whole_usage(), files)]
