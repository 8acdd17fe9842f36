"""What was delivered of a run: by it what a resumed stream repeats is known."""

from __future__ import annotations

import json
from typing import Any

from ..models.events import EVENTS, IDENTITY_FIELDS, NodeStartedData

_IDENTITY = {row.name: row.identity for row in EVENTS}
_TEXT = {row.name: row.text for row in EVENTS}


class Delivered:
    """The events of a run that were delivered, of a chatflow or of a workflow app, and its text."""

    def __init__(self) -> None:
        self._identities: set[str] = set()
        self._pieces: list[str] = []  # of the answer
        self._in_snapshot = False  # of a resumed stream, before its first node

    @property
    def text(self) -> str:
        """The text of the answer, as far as it was delivered."""
        return "".join(self._pieces)

    def begin_snapshot(self) -> None:
        """What follows is a resumed stream, from its beginning."""
        self._in_snapshot = True

    def is_new(self, item: Any) -> bool:
        """Whether `item` has not been delivered yet; one without an identity always is."""
        if self._in_snapshot:
            self._in_snapshot = not isinstance(item.data, NodeStartedData)
            is_replayed = item.event == "message_replace" and not getattr(item, "reason", None)
            text = _text_of(item)
            if is_replayed and text is not None and self.text.startswith(text):
                return False
        return self.add(item, event_identity(item))

    def add(self, item: Any, identity: str | None) -> bool:
        """Take an item that has this identity; whether it is the first that has it."""
        self._follow_text(item)
        if not identity:
            return True
        is_new = identity not in self._identities
        self._identities.add(identity)
        return is_new

    def _follow_text(self, item: Any) -> None:
        """The text of the answer, piece by piece."""
        does = _TEXT.get(item.event) if isinstance(item.event, str) else None
        text = _text_of(item)
        if does is not None and does != "final" and text is not None:
            if does == "replace":
                self._pieces.clear()
            self._pieces.append(text)


def _text_of(item: Any) -> str | None:
    """The piece of the answer in `item`; the items of workflow apps have no such field."""
    text = getattr(item, "answer", None)
    return text if isinstance(text, str) else None


def event_identity(item: Any) -> str | None:
    """What two events have in common only if they are the same; None where each counts as new.

    An event that no row knows is taken for one of a run or a node.
    """
    data: dict[str, Any] = getattr(item.data, "raw", {})
    event: Any = item.event
    fields = _IDENTITY.get(event, IDENTITY_FIELDS) if isinstance(event, str) else IDENTITY_FIELDS
    if not data or not fields:
        return None
    # a snapshot numbers the nodes, which their own events do not; rounds have the id of their node
    is_round = isinstance(event, str) and event.endswith("_next")
    if data.get("id") is not None and not is_round:
        fields = tuple(name for name in fields if name != "index")
    return json.dumps([event, *(data.get(name) for name in fields)])
