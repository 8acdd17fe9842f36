"""A run, resumed where the connection of its stream breaks."""

from __future__ import annotations

from collections.abc import Callable

from .._http.deadline import Deadline
from .._http.exchange import Exchange
from .._http.log import logger
from ..errors import (
    ID_NAMES,
    DifyException,
    HttpClientException,
    StreamDecodeException,
    StreamErrorException,
    StreamInterruptedException,
    TimeoutException,
)
from ..models.events import WorkflowFinishedData
from ..models.responses import ChatMessageSendCompletionResponse as Item
from .delivered import Delivered
from .reader import EventReader
from .source import StreamSource
from .verdict import is_stop


class ResumingSource(StreamSource):
    """The items of a run, of its first exchange and of those that resume it.

    `reopen` makes the exchange for the events of a run, `status` asks Dify for the status of it.
    All of them are within the time of the first one's whole call.
    """

    repeats = True

    def __init__(
        self,
        exchange: Exchange,
        reader: EventReader,
        reopen: Callable[[str], Exchange],
        status: Callable[[str, Deadline], str | None],
        attempts: int,
    ) -> None:
        super().__init__(exchange, reader)
        self._reopen = reopen
        self._status = status
        self._attempts = attempts
        self._attempt = 0
        self._broken: DifyException | None = None  # what the first exchange ended with
        self._run_id = ""
        self._delivered = Delivered()
        self._outcome: str | None = None

    def cancel_unless_sent(self) -> bool:
        return self.reader.workflow_run_id is None and super().cancel_unless_sent()

    def new_ones(self, items: list[Item]) -> list[Item]:
        for item in items:
            if isinstance(item.data, WorkflowFinishedData):  # no other event says how a run ended
                self._outcome = "stopped" if is_stop(item.data.error) else item.data.status
        new = [item for item in items if self._delivered.is_new(item)]
        return new if self._broken is not None else items

    def on_part_end(self, error: BaseException | None) -> float | None:
        if self.is_cancelled and self._broken is not None:
            error = None
        if error is None or self.is_cancelled:
            return super().on_part_end(error)
        run_id = self.reader.workflow_run_id
        if self._broken is None:
            is_broken = isinstance(error, (StreamInterruptedException, TimeoutException))
            if not is_broken or run_id is None or getattr(error, "phase", None) == "total":
                return super().on_part_end(error)
            assert isinstance(error, DifyException)
            self._broken, self._run_id = error, run_id
            self.confirmation = self._confirm
            return self._next_attempt()
        logger.warning("run %s could not be taken up again: %s", self._run_id, error)
        if not isinstance(error, DifyException) or (
            isinstance(error, (StreamErrorException, StreamDecodeException))
            or getattr(error, "phase", None) == "total"
        ):
            return super().on_part_end(error)  # an end that trying again would not mend
        if isinstance(error, HttpClientException) and error.status_code < 500:
            self._attempt = self._attempts  # a server without this operation, or without this run
        return self._next_attempt()

    def _next_attempt(self) -> float | None:
        """Have the exchange that resumes the run, and the seconds until it is to be sent."""
        if self._attempt >= self._attempts:
            return super().on_part_end(self._interrupted())
        delay = 0.2 * 2.0**self._attempt if self._attempt else 0.0
        self._attempt += 1
        deadline = self.exchange.deadline
        if not deadline.allows(delay):
            return super().on_part_end(self._interrupted())
        self.exchange = self._reopen(self._run_id)
        self.exchange.deadline.go_on(deadline)
        self._delivered.begin_snapshot()
        if self.is_cancelled:  # it may have been cancelled before there was this exchange
            return super().on_part_end(None)
        return delay

    def _interrupted(self) -> StreamInterruptedException:
        broken = self._broken
        assert broken is not None
        text = f"the run could not be taken up again after: {broken.args[0]}"
        context = {name: getattr(broken, name) for name in ("operation", "method", "path")}
        ids = {name: getattr(broken, name) for name in ID_NAMES}
        error = StreamInterruptedException(text, **context, **ids)
        error.__cause__ = broken
        return error

    def _confirm(self) -> DifyException | None:
        """Ask Dify whether the run ended as the stream says; the failure, if it did not.

        Not for a stopped run, whose status stays running for ever, nor for a paused one.
        """
        if self._outcome in (None, "stopped", "paused"):
            return None
        try:
            status = self._status(self._run_id, self.exchange.deadline)
        except DifyException as error:
            return error
        if status == self._outcome:
            return None
        text = f"the stream says {self._outcome}, but Dify says {status} of the run"
        return StreamInterruptedException(text, workflow_run_id=self._run_id)
