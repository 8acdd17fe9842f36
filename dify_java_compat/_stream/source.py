"""The items of a subscription: those of one exchange."""

from __future__ import annotations

from collections.abc import Generator

from .._http.transport import Exchange
from ..models.responses import ChatMessageSendCompletionResponse as Item
from .blocking import read
from .reader import EventReader


class StreamSource:
    """One exchange and its items."""

    def __init__(self, exchange: Exchange, reader: EventReader) -> None:
        self._exchange = exchange
        self._reader = reader

    @property
    def has_ended(self) -> bool:
        """Whether the terminal event has arrived."""
        return self._reader.has_ended

    @property
    def is_waiting(self) -> bool:
        """Whether it waits for the server, so that no item is on its way to the caller."""
        return self._reader.is_waiting

    @property
    def task_id(self) -> str | None:
        return self._reader.task_id

    def cancel(self) -> None:
        """Free the thread that reads, from any thread, once nobody wants its items or its end."""
        self._reader.is_cancelled = True
        self._exchange.cancel()

    def cancel_unless_sent(self) -> bool:
        """Cancel the request unless the server may be working on it; whether that was done."""
        return self._exchange.cancel_unless_sent()

    def events(self) -> Generator[Item, None, None]:
        """Send the request and give the items of its response, in order."""
        yield from read(self._reader, self._exchange.open())
