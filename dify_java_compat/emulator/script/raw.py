"""Events that a test stubbed, sent as they are."""

from collections.abc import Iterable, Mapping
from typing import Any

from ..http.reply import encode_event
from ..model.speaker import RawEvent
from .base import EventDict, Piece, Script, Turn

_WITH_ID = ("message", "agent_message", "message_end")


class RawScript(Script):
    """These events and no others; text and bytes are sent unchanged."""

    empty_deltas = 0

    def __init__(self, turn: Turn, events: Iterable[RawEvent]) -> None:
        super().__init__(turn)
        self._events = events

    @property
    def pieces(self) -> Iterable[Piece]:
        return (self._frame(event) for event in self._events)

    def _frame(self, event: RawEvent) -> str:
        """One event as text; bytes that are no UTF-8 survive in surrogates."""
        if isinstance(event, str):
            return event
        data = event if isinstance(event, bytes) else encode_event(self._filled(event))
        return data.decode("utf-8", "surrogateescape")

    def _filled(self, event: Mapping[str, Any]) -> EventDict:
        """The event with the ids it lacks of those that the real server sends with its kind."""
        name = event.get("event", "")
        whole = self.event(name)
        if name in _WITH_ID:
            whole["id"] = self.turn.message_id
        if name == "error":
            del whole["task_id"]
        return whole | dict(event)

    def delta(self, text: str) -> bytes:
        return text.encode("utf-8", "surrogateescape")

    def text_of(self, piece: Piece) -> str:
        return ""

    def final(self, text: str) -> str:
        return self.turn.text

    def must_replace(self, text: str) -> bool:
        return False

    def closing(self, text: str) -> list[EventDict]:
        return []
