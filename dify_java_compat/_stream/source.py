"""Where a subscription's items come from: one exchange, or one and those that take it up again."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Generator, Iterator
from typing import Any

from .._http.log import logger
from .._http.transport import Exchange
from ..errors import (
    DifyException,
    HttpClientException,
    StreamDecodeException,
    StreamErrorException,
    StreamInterruptedException,
    TimeoutException,
)
from ..models.events import WorkflowFinishedData
from ..models.responses import ChatMessageSendCompletionResponse
from .reader import EventReader

Item = ChatMessageSendCompletionResponse


class StreamSource:
    """One exchange and its items."""

    def __init__(self, exchange: Exchange, reader: EventReader) -> None:
        self._exchange = exchange
        self._reader = reader

    @property
    def ended(self) -> bool:
        """Whether the terminal event has come."""
        return self._reader.ended

    @property
    def waits(self) -> bool:
        """Whether it waits for the server, so that no item is on its way to the caller."""
        return self._reader.waits

    @property
    def task_id(self) -> str | None:
        return self._reader.task_id

    def cancel(self) -> None:
        """Free the thread that reads, from any thread."""
        self._exchange.cancel()

    def cancel_unless_sent(self) -> bool:
        """`cancel`, unless the server may be at work on the answer; whether it was done."""
        return self._exchange.cancel_unless_sent()

    def items(self) -> Generator[Item, None, None]:
        yield from self._reader.read(self._exchange.open())


class ResumingSource(StreamSource):
    """A chatflow's run, taken up again where its connection breaks.

    `reopen` gives the exchange of a run's events, `status` what Dify says of the run.
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
        self._aborted = threading.Event()
        self._delivered: set[str] = set()
        self._outcome: str | None = None

    def cancel(self) -> None:
        self._aborted.set()
        super().cancel()

    def cancel_unless_sent(self) -> bool:
        return self._reader.workflow_run_id is None and super().cancel_unless_sent()

    def items(self) -> Generator[Item, None, None]:
        try:
            for item in super().items():
                self._is_new(item)
                yield item
        except (StreamInterruptedException, TimeoutException) as broken:
            run_id = self._reader.workflow_run_id
            out_of_time = getattr(broken, "phase", None) == "total"
            if run_id is None or out_of_time or self._aborted.is_set():
                raise
            yield from self._resumed(run_id, broken)

    def _resumed(self, run_id: str, broken: DifyException) -> Iterator[Item]:
        """The rest of the run; the first break, where there is no rest to be had."""
        for attempt in range(self._attempts):
            if self._aborted.wait(0.2 * 2**attempt if attempt else 0.0):
                break
            try:
                self._exchange = self._reopen(run_id)
                if self._aborted.is_set():
                    break
                for item in super().items():
                    if self._is_new(item):
                        yield item
                self._confirm(run_id)
                return
            except DifyException as error:
                logger.warning("run %s could not be taken up again: %s", run_id, error)
                if isinstance(error, (StreamErrorException, StreamDecodeException)):
                    raise  # the run's own end, or one that trying again would not mend
                if isinstance(error, HttpClientException) and error.status_code < 500:
                    break  # a server without this operation, or without this run
        text = f"the run could not be taken up again after: {broken.args[0]}"
        ids = {name: getattr(broken, name) for name in _IDS}
        raise StreamInterruptedException(text, **ids) from broken

    def _confirm(self, run_id: str) -> None:
        """Ask Dify of the run, but for a stopped one: that reads running for ever."""
        if self._outcome in (None, "stopped", "paused"):
            return
        status = self._status(run_id)
        if status != self._outcome:
            text = f"the stream says {self._outcome}, but Dify says {status} of the run"
            raise StreamInterruptedException(text, workflow_run_id=run_id)

    def _is_new(self, item: Item) -> bool:
        """Whether an event about the run or a node has not been delivered yet; text always is."""
        if isinstance(item.data, WorkflowFinishedData):
            self._outcome = item.data.status
        identity = _identity(item)
        if identity is None:
            return True
        is_new = identity not in self._delivered
        self._delivered.add(identity)
        return is_new


_IDS = (
    "operation",
    "method",
    "path",
    "task_id",
    "message_id",
    "conversation_id",
    "workflow_run_id",
)
_TELLING = ("id", "node_id", "index", "retry_index", "form_id", "iteration_id", "loop_id")


def _identity(item: Item) -> str | None:
    data: dict[str, Any] = getattr(item.data, "raw", {})
    if not data or item.event in ("reasoning_chunk", "text_chunk", "agent_log"):
        return None
    return json.dumps([item.event, *(data.get(name) for name in _TELLING)])
