"""A stream as the body of a WSGI response, which a thread of the server waits for."""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Iterator
from enum import Enum
from typing import Any

from .._stream.driver import monotonic
from ._client_socket import ClientSocket
from ._failures import log_failure
from ._frames import HEARTBEAT, Options, failure_frame, frame

_READY_AT_MOST = 64  # items; then the stream waits, and with it Dify
_LOOK_SECONDS = 0.25  # how often a browser that is waited with is looked at


class _State(Enum):
    OPEN = "items may come"
    ENDED = "there are no more; what lies ready is still sent"
    CLOSED = "nobody reads any more"


class _Buffer:
    """What lies between the thread that emits and the one that sends, its creator's.

    ::

        OPEN ── the stream ends or fails ──> ENDED ── closed ──> CLOSED
          └──── closed ────────────────────────────────────────────^
    """

    def __init__(self) -> None:
        self.state = _State.OPEN
        self.error: BaseException | None = None
        self._values: deque[Any] = deque()
        self._changed = threading.Condition()
        self._consumer = threading.get_ident()

    def on_next(self, value: Any) -> None:
        """Keep an item; waits while the browser is slow."""
        with self._changed:
            # a source that emits within subscribe() does so in the consumer's own thread
            while (
                len(self._values) >= _READY_AT_MOST
                and self.state is _State.OPEN
                and threading.get_ident() != self._consumer
            ):
                self._changed.wait()
            if self.state is _State.OPEN:
                self._values.append(value)
                self._changed.notify_all()

    def on_error(self, error: BaseException) -> None:
        """Keep what the stream ended with, behind its items."""
        with self._changed:
            self.error = error
            self.on_completed()

    def on_completed(self) -> None:
        """Keep that it ended."""
        with self._changed:
            if self.state is _State.OPEN:
                self.state = _State.ENDED
                self._changed.notify_all()

    def wait(self, seconds: float | None) -> bool:
        """Whether there is an item or an end, after that time at most."""
        with self._changed:
            return bool(
                self._changed.wait_for(
                    lambda: self._values or self.state is not _State.OPEN, seconds
                )
            )

    def take(self) -> list[Any]:
        """The items there are; none at the end."""
        with self._changed:
            values = list(self._values)
            self._values.clear()
            self._changed.notify_all()
            return values

    def is_failed(self) -> bool:
        """Whether an error is all there is."""
        with self._changed:
            return self.error is not None and not self._values

    def close(self) -> None:
        """Drop the items and take no more."""
        with self._changed:
            self.state = _State.CLOSED
            self._values.clear()
            self._changed.notify_all()


class BlockingEvents(Iterator[bytes]):
    """The frames of a stream; begins it when it is made, disposes when it is closed or dropped.

    `client` is where it is seen that the browser is gone while nothing is written; None where the
    server shows no socket.
    """

    def __init__(self, stream: Any, options: Options, client: ClientSocket | None) -> None:
        self._options = options
        self._client = client
        self._buffer = _Buffer()
        self._last_sent = monotonic()
        self._subscription = stream.subscribe(self._buffer)

    def wait_for_first(self) -> None:
        """Return once there is an item, an end, or no browser; raises what came in its place.

        After `first_timeout` it returns without.
        """
        seconds = self._options.first_timeout
        deadline = None if seconds is None else monotonic() + seconds
        while not self._wait(deadline):
            if self._is_gone() or (deadline is not None and monotonic() >= deadline):
                return
        if self._buffer.is_failed():
            error = self._buffer.error
            assert error is not None
            self.close()
            raise error

    def __next__(self) -> bytes:
        beat = self._options.beat_seconds
        while True:
            deadline = None if beat is None else self._last_sent + beat
            if self._wait(deadline):
                return self._sent(self._take())
            if self._is_gone():
                raise StopIteration
            if deadline is not None and monotonic() >= deadline:
                return self._sent(HEARTBEAT)

    def close(self) -> None:
        """Dispose of the stream; from any thread, and again."""
        self._buffer.close()
        self._subscription.dispose()
        if self._client is not None:
            self._client.close()

    def __del__(self) -> None:
        with contextlib.suppress(AttributeError):  # its stream could not be subscribed to
            self.close()

    def _wait(self, deadline: float | None) -> bool:
        """Whether there is something to take, after a look's time at most, or at `deadline`."""
        seconds = None if deadline is None else max(0.0, deadline - monotonic())
        if self._client is not None:
            seconds = _LOOK_SECONDS if seconds is None else min(seconds, _LOOK_SECONDS)
        return self._buffer.wait(seconds)

    def _take(self) -> bytes:
        """What lies ready, in one piece; StopIteration at the end."""
        error: BaseException | None = None
        if values := self._buffer.take():
            try:
                return b"".join(frame(value, self._options) for value in values)
            except (TypeError, ValueError) as no_json:
                error = no_json
        else:
            error = self._buffer.error
        self.close()
        self._buffer.error = None
        if error is None:
            raise StopIteration
        if not isinstance(error, Exception):
            raise error
        log_failure(error)
        return failure_frame(error, self._options)

    def _sent(self, data: bytes) -> bytes:
        self._last_sent = monotonic()
        return data

    def _is_gone(self) -> bool:
        """Whether the browser is; then the stream is disposed of."""
        gone = self._client is not None and self._client.is_closed()
        if gone:
            self.close()
        return gone
