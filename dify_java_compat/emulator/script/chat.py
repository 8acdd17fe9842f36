"""The scripts of the plainest replies: of a chat, of a completion, and without a model."""

from collections.abc import Iterable
from typing import Any

from ..model.prose import no_usage
from .base import EventDict, JsonObject, Piece, Script, Turn


class ChatScript(Script):
    """The basic chat app."""

    def __init__(self, turn: Turn) -> None:
        # Dify sends the text of a message with a file in events of this name.
        self.delta_name = "message_file" if turn.files else "message"
        super().__init__(turn)

    def closing(self, text: str) -> list[EventDict]:
        return [self.message_end(self.turn.usage(self.turn.elapsed))]


class CompletionScript(ChatScript):
    """The completion app, whose events name no conversation."""

    names_conversation = False

    def common(self) -> JsonObject:
        shared = super().common()
        del shared["conversation_id"]
        return shared


class FixedScript(Script):
    """A reply without a model: by input moderation, or of an annotation."""

    empty_deltas = 0

    def __init__(self, turn: Turn, annotation: EventDict | None) -> None:
        super().__init__(turn)
        self.annotation = annotation
        # Input moderation replies before the conversation is named.
        self.names_conversation = annotation is not None

    @property
    def pieces(self) -> Iterable[Piece]:
        """Character by character, but in one piece in a chatflow."""
        return [self.turn.text] if self.turn.app.workflow_id else list(self.turn.text)

    def must_replace(self, text: str) -> bool:
        return False

    def blocking_usage(self, *, replaced: bool = False) -> JsonObject:
        return no_usage(None, None, self.turn.elapsed)

    def closing(self, text: str) -> list[EventDict]:
        files: list[Any] | None = [] if self.turn.app.workflow_id else None
        return [self.message_end(self.blocking_usage(), files)]
