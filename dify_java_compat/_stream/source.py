"""What a subscription reads: one exchange, or the exchanges of a run that is resumed."""

from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import Callable, Generator

from .._http.exchange import Exchange
from .._http.log import logger
from ..errors import DifyException
from ..models.responses import ChatMessageSendCompletionResponse as Item
from .blocking import batches, begin_body
from .reader import EventReader


class StreamSource:
    """One exchange and what its stream says.

    `error` is what it ended with, once `on_part_end` has given None. `confirmation`, where there is
    one, is still to be asked when the body has ended well; it gives the failure that it finds.
    """

    repeats = False  # whether an item may come that came before

    def __init__(self, exchange: Exchange, reader: EventReader) -> None:
        self.exchange = exchange
        self.reader = reader
        self.error: BaseException | None = None
        self.confirmation: Callable[[], DifyException | None] | None = None
        self.stop: Callable[[str, float | None], object] | None = None  # a run that is refused
        self._cancelled: threading.Event | None = None  # for the thread that reads by `batches`

    @property
    def has_ended(self) -> bool:
        """Whether the terminal event has arrived."""
        return self.reader.has_ended

    @property
    def is_cancelled(self) -> bool:
        return self.reader.is_cancelled

    @property
    def task_id(self) -> str | None:
        return self.reader.task_id

    def cancel(self) -> None:
        """Free whoever reads, from any thread, once nobody wants its items or its end."""
        self.reader.is_cancelled = True
        if self._cancelled is not None:
            self._cancelled.set()
        self.exchange.cancel()

    def free(self) -> None:
        """`cancel`, and let go of the connection and the slot, whatever was left undone."""
        self.cancel()
        self.exchange.release()

    def cancel_unless_sent(self) -> bool:
        """Cancel the request unless the server may be working on it; whether that was done."""
        return self.exchange.cancel_unless_sent()

    def begin_body(self, now: float, content_type: str | None) -> None:
        """The body of the exchange's response follows, of that type with its parameters."""
        exchange = self.exchange
        deadline, request = exchange.deadline, exchange.request
        path = request.path.partition("?")[0]
        begin_body(self.reader, path, deadline, now, request.redact, content_type)

    def new_ones(self, items: list[Item]) -> list[Item]:
        """Those of `items` that were not delivered before."""
        return items

    def on_part_end(self, error: BaseException | None) -> float | None:
        """An exchange has ended, by `error` where there is one.

        The seconds after which the next one, `exchange`, is to be sent; None: that was all.
        """
        self.error = error
        if self.reader.is_refused and self.stop is not None and self.task_id is not None:
            self.exchange.transport.openers.submit(self._stop_refused)
        return None

    def _stop_refused(self) -> None:
        assert self.stop is not None
        assert self.task_id is not None
        stop_refused(functools.partial(self.stop, self.task_id, None))

    def batches(self) -> Generator[list[Item], None, None]:
        """Send and read in this thread, as much at once as has come; raises what it ends with."""
        self._cancelled = cancelled = threading.Event()
        delay: float | None = 0.0
        while delay is not None:
            if delay and (self.is_cancelled or cancelled.wait(delay)):
                return
            error: BaseException | None = None
            try:
                with contextlib.closing(self.exchange.open()) as response:
                    for items in batches(self.reader, response):
                        yield self.new_ones(items)
            except DifyException as failure:
                error = failure
            error = error or self.reader.error
            if error is None and self.confirmation is not None:
                error = self.confirmation()
            delay = self.on_part_end(error)
        if self.error is not None:
            raise self.error


def stop_refused(stop: Callable[[], object]) -> None:
    """Have `stop` end a run that nobody will read, and that costs as it goes on."""
    try:
        stop()
    except DifyException as error:
        logger.warning("a run that was refused could not be stopped: %s", error)
