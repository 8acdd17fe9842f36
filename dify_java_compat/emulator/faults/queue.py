"""The faults that are still to happen, and how they happen to a response."""

from collections.abc import Callable, Mapping
from typing import Any

from ..http.reply import EVENT_STREAM, Reply
from ..http.response_writer import ResponseWriter
from ..rules import Rules
from .kinds import Fault, Pieces


class Body:
    """The pieces of a body. To close them closes their source, whether it was begun or not."""

    def __init__(self, reply: Reply) -> None:
        self._source = reply.chunks()
        self._pieces: Pieces = (piece for piece in self._source)

    def apply(self, fault: Fault, writer: ResponseWriter) -> None:
        fault.prepare(writer)
        self._pieces = fault.pieces(self._pieces, writer)

    def __iter__(self) -> Pieces:
        return self._pieces

    def close(self) -> None:
        self._pieces.close()
        close = getattr(self._source, "close", None)
        if close is not None:
            close()


class Faults:
    """The faults still to happen: each rule holds those of one response, the oldest goes first."""

    def __init__(self) -> None:
        self.rules: Rules[tuple[Fault, ...]] = Rules(newest_first=False)

    def respond(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any],
        writer: ResponseWriter,
        handle: Callable[[], Reply],
    ) -> tuple[Reply, Body]:
        """The response to a request, with the faults of the rule that is for it.

        ``handle`` makes the app's response; it is not called where a fault replaces that.
        """
        found = self.rules.take(
            body, lambda faults: all(fault.matches(method, path, body) for fault in faults)
        )
        if found is None:
            reply = handle()
            return reply, Body(reply)
        rule, faults = found
        replacements = (fault.replacement(writer) for fault in faults)
        reply = next(filter(None, replacements), None) or handle()
        pieces = Body(reply)
        if reply.content_type != EVENT_STREAM and any(fault.of_streams for fault in faults):
            # An error before the stream: the rule waits for the next stream.
            self.rules.give_back(rule)
            return reply, pieces
        for fault in faults:
            pieces.apply(fault, writer)
        return reply, pieces
