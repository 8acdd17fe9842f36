"""Waiting between the events of a stream: its pings, and a look whether the client is there."""

from collections.abc import Callable, Iterator

from ..http.clock import monotonic
from ..http.reply import PING
from ..http.response_writer import ClientDisconnected
from .frames import Frame
from .run import Run

# Seconds between two checks that the client of a silent connection is still there.
CLIENT_CHECK_SECONDS = 0.5
PING_FRAME = Frame("ping", PING)


class Pace:
    """Waits until a moment, sends pings meanwhile, and checks that the client is still there.

    ``ping_seconds``: the silence after which a ping is sent.
    """

    def __init__(self, run: Run, ping_seconds: float, client_gone: Callable[[], bool]) -> None:
        self._run = run
        self._ping_seconds = ping_seconds
        self._client_gone = client_gone
        self._last_sent = self._last_check = monotonic()

    def sent(self) -> None:
        """Something was just sent, so that the client is there."""
        self._last_sent = self._last_check = monotonic()

    def check(self) -> Iterator[Frame]:
        """A ping if it is time for one; ``ClientDisconnected`` if the client has disconnected."""
        now = monotonic()
        if now - self._last_check >= CLIENT_CHECK_SECONDS:
            self._last_check = now
            if self._client_gone():
                raise ClientDisconnected("the client disconnected")
        if now - self._last_sent >= self._ping_seconds:
            self._last_sent = now
            yield PING_FRAME

    def until(self, due: float) -> Iterator[Frame]:
        """Wait until ``due``, in seconds of the monotonic clock, or until the run is stopped."""
        run = self._run
        while not (run.stopped or run.closed) and (now := monotonic()) < due:
            yield from self.check()
            ping_at = self._last_sent + self._ping_seconds
            check_at = self._last_check + CLIENT_CHECK_SECONDS
            run.pause(max(min(due, ping_at, check_at) - now, 0.0))
