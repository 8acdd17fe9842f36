"""A chatflow's run, resumed where the connection of its stream breaks."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Generator
from typing import Any

from .._http.log import logger
from .._http.transport import Exchange
from ..errors import (
    ID_NAMES,
    DifyException,
    HttpClientException,
    StreamDecodeException,
    StreamErrorException,
    StreamInterruptedException,
    TimeoutException,
)
from ..models.events import EVENTS, IDENTITY_FIELDS, WorkflowFinishedData
from ..models.responses import ChatMessageSendCompletionResponse as Item
from .reader import EventReader
from .source import StreamSource
from .verdict import is_stop

_IDENTITY = {row.name: row.identity for row in EVENTS}


class ResumingSource(StreamSource):
    """The items of a run, of its first exchange and of those that resume it.

    `reopen` makes the exchange for the events of a run, `status` asks Dify for the status of it.
    """

    def __init__(
        self,
        exchange: Exchange,
        reader: EventReader,
        reopen: Callable[[str], Exchange],
        status: Callable[[str], str | None],
        attempts: int,
    ) -> None:
        super().__init__(exchange, reader)
        self._reopen = reopen
        self._status = status
        self._attempts = attempts
        self._cancelled = threading.Event()
        self._delivered: set[str] = set()
        self._outcome: str | None = None

    def cancel(self) -> None:
        self._cancelled.set()
        super().cancel()

    def cancel_unless_sent(self) -> bool:
        return self._reader.workflow_run_id is None and super().cancel_unless_sent()

    def events(self) -> Generator[Item, None, None]:
        try:
            for item in super().events():
                self._is_new(item)
                yield item
        except (StreamInterruptedException, TimeoutException) as broken:
            run_id = self._reader.workflow_run_id
            out_of_time = getattr(broken, "phase", None) == "total"
            if run_id is None or out_of_time or self._cancelled.is_set():
                raise
            yield from self._resumed(run_id, broken)

    def _resumed(self, run_id: str, broken: DifyException) -> Generator[Item, None, None]:
        """The rest of the run; raises the first break where the rest cannot be had.

        Ends at once where it is cancelled: nobody wants to know how it ends.
        """
        for attempt in range(self._attempts):
            if self._cancelled.wait(0.2 * 2**attempt if attempt else 0.0):
                return
            try:
                self._exchange = self._reopen(run_id)
                if self._cancelled.is_set():
                    return
                for item in super().events():
                    if self._is_new(item):
                        yield item
                self._confirm(run_id)
                return
            except DifyException as error:
                if self._cancelled.is_set():
                    return
                logger.warning("run %s could not be taken up again: %s", run_id, error)
                if isinstance(error, (StreamErrorException, StreamDecodeException)):
                    raise  # the run's own end, or one that trying again would not mend
                if isinstance(error, HttpClientException) and error.status_code < 500:
                    break  # a server without this operation, or without this run
        text = f"the run could not be taken up again after: {broken.args[0]}"
        context = {name: getattr(broken, name) for name in ("operation", "method", "path")}
        ids = {name: getattr(broken, name) for name in ID_NAMES}
        raise StreamInterruptedException(text, **context, **ids) from broken

    def _confirm(self, run_id: str) -> None:
        """Ask Dify whether the run ended as the stream says.

        Not for a stopped run, whose status stays running for ever, nor for a paused one.
        """
        if self._outcome in (None, "stopped", "paused"):
            return
        status = self._status(run_id)
        if status != self._outcome:
            text = f"the stream says {self._outcome}, but Dify says {status} of the run"
            raise StreamInterruptedException(text, workflow_run_id=run_id)

    def _is_new(self, item: Item) -> bool:
        """Whether `item` has not been delivered yet; one without an identity always is."""
        if isinstance(item.data, WorkflowFinishedData):  # no other event says how a run ended
            self._outcome = "stopped" if is_stop(item.data.error) else item.data.status
        identity = event_identity(item)
        if identity is None:
            return True
        is_new = identity not in self._delivered
        self._delivered.add(identity)
        return is_new


def event_identity(item: Item) -> str | None:
    """What two events have in common only if they are the same; None where each counts as new.

    An event that no row knows is taken for one of a run or a node.
    """
    data: dict[str, Any] = getattr(item.data, "raw", {})
    event: Any = item.event
    fields = _IDENTITY.get(event, IDENTITY_FIELDS) if isinstance(event, str) else IDENTITY_FIELDS
    if not data or not fields:
        return None
    return json.dumps([event, *(data.get(name) for name in fields)])
