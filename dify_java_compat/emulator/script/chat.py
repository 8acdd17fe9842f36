"""The scripts of the plainest replies: of a chat, of a completion, and without a model."""

from collections.abc import Iterable

from ..model.prose import no_usage
from .base import EventDict, JsonObject, Piece, Script, Turn


class ChatScript(Script):
    """The basic chat app."""

    def __init__(self, turn: Turn) -> None:
        # Dify 1.12 sends the text of a message with a file in events of this name.
        odd = turn.files and not turn.version.sends_file_chats_as_message
        self.delta_name = "message_file" if odd else "message"
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


class NewAgentScript(Script):
    """The New Agent app: its whole text in one piece, and no count of tokens."""

    empty_deltas = 0

    @property
    def pieces(self) -> Iterable[Piece]:
        text = "".join(piece or "" for piece in self.turn.speaker)
        return [text]

    def closing(self, text: str) -> list[EventDict]:
        return [self.message_end(no_usage(None, None, self.turn.elapsed))]


class FixedScript(Script):
    """A reply without a model: by input moderation, or of an annotation."""

    empty_deltas = 0
    lingers = True

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
        if not self.turn.app.workflow_id:
            return [self.message_end(self.blocking_usage())]
        used = self.blocking_usage()
        if self.turn.version.lingers:
            used = no_usage(self.turn.elapsed, 0.0)
        return [self.message_end(used, [])]
