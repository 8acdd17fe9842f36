"""The faults to come, and how one of them happens to a response."""

from collections.abc import Callable, Mapping
from typing import Any

from ..http.reply import EVENT_STREAM, Reply
from ..http.response_writer import ResponseWriter
from ..rules import Rules
from .kinds import Fault, Pieces


class Body:
    """The pieces of a body. Closing them closes their source, begun or not."""

    def __init__(self, reply: Reply) -> None:
        self._source = reply.chunks()
        self._pieces: Pieces = (piece for piece in self._source)

    def suffer(self, fault: Fault, writer: ResponseWriter) -> None:
        fault.set_up(writer)
        self._pieces = fault.pieces(self._pieces, writer)

    def __iter__(self) -> Pieces:
        return self._pieces

    def close(self) -> None:
        self._pieces.close()
        close = getattr(self._source, "close", None)
        if close is not None:
            close()


class Faults:
    """Those to come; each rule holds what goes wrong with one answer."""

    def __init__(self) -> None:
        self.rules = Rules[tuple[Fault, ...]](newest_first=False)

    def answer(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any],
        writer: ResponseWriter,
        handle: Callable[[], Reply],
    ) -> tuple[Reply, Body]:
        """The answer to a request, with what goes wrong with it."""
        found = self.rules.take(
            body, lambda given: all(fault.fits(method, path, body) for fault in given)
        )
        if found is None:
            reply = handle()
            return reply, Body(reply)
        rule, faults = found
        replies = (fault.instead(writer) for fault in faults)
        reply = next(filter(None, replies), None) or handle()
        pieces = Body(reply)
        if reply.content_type != EVENT_STREAM and any(fault.of_streams for fault in faults):
            self.rules.give_back(rule)
            return reply, pieces
        for fault in faults:
            pieces.suffer(fault, writer)
        return reply, pieces
