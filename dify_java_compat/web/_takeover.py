"""A run whose reader died, read on by another process: what watchers have had is passed over."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any, NamedTuple

from .._stream.delivered import Delivered
from ..errors import StreamErrorException
from ..models.events import WorkflowFinishedData
from ..models.responses import ChatMessageSendCompletionResponse as Item
from ._kept import item_of
from ._reading import Reading
from ._store import Kept

logger = logging.getLogger("dify_java_compat")


class LostRun(NamedTuple):
    """A run whose reader is dead: its user, as `start` was given, and the ids that are known."""

    user: str
    workflow_run_id: str
    task_id: str | None = None
    message_id: str | None = None
    conversation_id: str | None = None


class Continuation:
    """An observer between the events of a run and the reading of its stream.

    Passes over the events that are kept, and the text a snapshot begins with. What was said while
    nobody read comes with `workflow_finished`: a `message_replace` before it has the whole text.
    """

    def __init__(self, reading: Reading, kept: Iterable[Kept]) -> None:
        self._reading = reading
        self._delivered = Delivered()
        for event in kept:
            if (item := item_of(event)) is not None:
                self._delivered.add(item, event.identity)
        self._delivered.begin_snapshot()

    def on_next(self, item: Any) -> None:
        """Pass on what is new."""
        if self._delivered.is_new(item):
            self._complete_text(item)
            self._reading.on_next(item)

    def on_error(self, error: BaseException) -> None:
        """The run failed, or it cannot be read on, or no further."""
        if isinstance(error, StreamErrorException):
            self._reading.on_error(error)
            return
        logger.warning("a run that had lost its reader could not be read on: %s", error)
        self._reading.interrupt("the reader of the stream is gone, and its run cannot be read on")

    def on_completed(self) -> None:
        """The run has ended."""
        self._reading.on_completed()

    def _complete_text(self, item: Any) -> None:
        """Of a chatflow's run that has ended: the whole text, where the watchers lack of it."""
        if not isinstance(item, Item) or not isinstance(item.data, WorkflowFinishedData):
            return
        outputs: Any = item.data.outputs
        text = outputs.get("answer") if isinstance(outputs, dict) else None
        if isinstance(text, str) and text != self._delivered.text:
            self._reading.on_next(
                Item(
                    event="message_replace",
                    answer=text,
                    task_id=item.task_id,
                    message_id=item.message_id,
                    conversation_id=item.conversation_id,
                )
            )
