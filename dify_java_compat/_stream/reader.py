"""The bytes of a stream to its items and a verdict: a machine without I/O, threads and clock.

Who drives it reads the socket and looks at the clock: see `_stream.blocking`.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable
from enum import Enum
from typing import Any, Literal

from .._http.chunked import Frames
from .._http.log import logger
from ..config import ClientConfig
from ..errors import DifyException
from ..models.responses import ChatMessageSendCompletionResponse as Item
from .sse import EventTooLargeError, SSEDecoder
from .verdict import ENDS, MEANS, Redact, Verdict

# seconds without a byte behind a terminal event, after which two pings have been lost
QUIET_SECONDS = 25.0
# A chatflow pings at once and a chat app, if at all, after 10 seconds
EARLY_PING_SECONDS = 5.0

Decode = Callable[[bytes], Item]
Phase = Literal["read", "first_event"]

_NOTED = {*ENDS, *MEANS, "ping"}


class State(Enum):
    """How far a stream has come."""

    SILENT = "no byte of the body has come"
    WAITING = "bytes have come, pings, but no event"
    RUNNING = "events come"
    PAUSED = "the run waits for a person"
    ENDED = "a terminal event has come; what follows it is read, too"
    OVER = "nothing more is read, and `error` is the verdict"


# to look into an enum is slow
_SILENT, _WAITING, _RUNNING, _PAUSED, _ENDED, _OVER = State


class EventReader:
    """Reads one stream, or the parts of a resumed one; knows its ids and whether it has ended.

    ::

        begin()
          │
        SILENT ──byte──▶ WAITING ──event──▶ RUNNING ──terminal event──▶ ENDED ──▶ OVER
                                             │   ▲                                 ▲
                             workflow_paused ▼   │ any other event                 │
                                            PAUSED                                 │
                                                                                   │
        from each state: the end of the body, a failure, a time that is over ──────┘

    Of each part, `begin` comes first, then `receive` for what is read; `receive_end` for how the
    reading ends, or `timed_out` once `next_timeout` has passed. When it is OVER, `error` is the
    exception that the stream ends with, None where it ended well. Times are seconds of any clock
    that does not go back.

    What a time that is over means depends on the state. Where the server owes something (SILENT,
    WAITING, RUNNING) it is a timeout. Behind a terminal event it is an end, for some servers keep
    a stream open when it is over. That time is `stream_grace`

    - since the last event, behind `error`, and behind `workflow_finished` of a run's own events;
    - since the last byte, behind `message_end` of a chatflow that has no run, known by the ping it
      began with;

    and else QUIET_SECONDS since the last byte: speech may come late, and pings show that a paused
    run is still waited for.
    """

    def __init__(self, decode: Decode, config: ClientConfig, context: dict[str, Any]) -> None:
        self._decode = decode
        self._config = config
        self._verdict = Verdict(context, config.raise_stream_errors)
        self._state_before_the_end = State.SILENT
        self.has_ended = False  # ENDED or PAUSED, or was so when it became OVER
        self.is_waiting = True  # for the server: no item is on its way to the caller
        self.is_refused = False  # it ended for an answer in another conversation than was requested
        self.is_cancelled = False  # whatever the reading ends with, nobody will see it
        self.begin("", 0.0, 0.0)

    def begin(
        self,
        path: str,
        sent_at: float,
        now: float,
        *,
        idle: float | None = None,
        first_event: float | None = None,
        redact: Redact = str,
        to_utf8: Callable[[bytes], bytes] | None = None,
    ) -> None:
        """The body of a response follows, the first one or one that resumes the run.

        `path` is that of the request, which was sent at `sent_at`. `idle` and `first_event` are
        the seconds of silence that are allowed in general, and between a first ping and the first
        event; None for any. `redact` takes the API key out of a text; `to_utf8` changes the bytes
        of a body in another charset, b"" at its end.
        """
        self._verdict.redact = redact
        self._decoder = SSEDecoder(self._config.max_event_bytes)
        self._to_utf8 = to_utf8
        self._path = path
        self._sent_at = sent_at
        self._idle = idle
        self._first_event = first_event
        self._quiet = QUIET_SECONDS if idle is None else min(QUIET_SECONDS, idle)
        self._pinged_early: bool | None = None  # not known yet
        self._byte_at = self._event_at = now
        self.state = self._state_before_the_end if self.has_ended else State.SILENT
        self.error: DifyException | None = None
        self.is_waiting = True

    @property
    def task_id(self) -> str | None:
        return self._verdict.ids.get("task_id")

    @task_id.setter
    def task_id(self, found: str) -> None:
        """It was seen where the bytes are not parsed any more."""
        self._verdict.ids.setdefault("task_id", found)

    @property
    def workflow_run_id(self) -> str | None:
        return self._verdict.ids.get("workflow_run_id")

    def receive(self, data: bytes | Frames, now: float) -> list[Item]:
        """Take the next bytes of the body; the items they complete, in order."""
        state = self.state
        if self._to_utf8 is not None:
            data = self._to_utf8(bytes(data))
        if state is _RUNNING:
            self._byte_at = now
            event = self._decoder.single(data) if isinstance(data, bytes) else None
            if event is not None:
                self._event_at = now
                return self._items([event])
        elif state is _OVER:
            return []
        elif state is _SILENT and data:
            self.state = _WAITING
        self._byte_at = now
        try:
            events = self._decoder.feed(data)
        except EventTooLargeError as error:
            items = self._items(error.events)
            if self.state is not _OVER:
                self._end(self._verdict.undecoded(f"{error} (max_event_bytes)", bytes(data), error))
            return items
        if self._pinged_early is None and self._decoder.begins_with_ping is not None:
            early = now - self._sent_at <= EARLY_PING_SECONDS
            self._pinged_early = early and self._decoder.begins_with_ping
        items = self._items(events)
        if items:
            self._event_at = now
        return items

    def receive_end(self, error: DifyException | None = None) -> list[Item]:
        """The body has come to its end; the item that was left without its empty line, if any.

        Or, by `error`, the reading failed: the body was cut, or a time is over.
        """
        items: list[Item] = []
        if self.state is _OVER:
            return items
        rest = self._decoder.rest
        for last in self._decoder.flush() if error is None else ():
            with contextlib.suppress(ValueError):  # cut inside it: the verdict knows that
                self._decode(last)
                items += self._items([last])
        if error is not None and self.is_cancelled:
            self._end(error)
        else:
            self._end(self._verdict.judged(error, self.has_ended, rest))
        return items

    def delivered(self, now: float) -> None:
        """The items that `receive` gave are delivered, which took its time: no clock counts it."""
        self._byte_at = self._event_at = now

    def next_timeout(self, now: float) -> float | None:
        """Seconds until `timed_out` is due, where nothing is read till then; None for never."""
        state = self.state
        if state is _RUNNING and self._idle is not None:  # as nearly always
            return self._idle - (now - self._byte_at)
        if state is _ENDED:
            since_byte, since_event = self._limits_behind_the_end()
            remaining = since_byte - (now - self._byte_at)
            if since_event is not None:
                remaining = min(remaining, since_event - (now - self._event_at))
            return remaining
        if state is _PAUSED:
            return self._quiet - (now - self._byte_at)
        limit = self._first_event if state is _WAITING else self._idle
        return None if limit is None or state is _OVER else limit - (now - self._byte_at)

    def timed_out(self) -> Phase | None:
        """A time is over. So the stream is, too, and None is returned; or else a server that owes
        something is silent, and that timeout's phase is, for an exception that `receive_end`
        then takes.
        """
        if self.has_ended:
            self.receive_end()
        if self.state is _OVER:
            return None
        return "first_event" if self.state is _WAITING else "read"

    def _limits_behind_the_end(self) -> tuple[float, float | None]:
        """Seconds without a byte, and without an event, after which an ended stream is over."""
        grace, kinds = self._config.stream_grace, self._verdict.kinds
        if not grace:
            return self._quiet, None
        if self._idle is not None:
            grace = min(grace, self._idle)
        if "error" in kinds or ("run" in kinds and self._path.endswith("/events")):
            return self._quiet, grace
        has_no_run = (
            "chat" in kinds
            and self._pinged_early
            and self._path.endswith("/chat-messages")
            and not kinds & {"start", "speech"}
        )
        return grace if has_no_run else self._quiet, None

    def _items(self, events: list[bytes]) -> list[Item]:
        """The items of `events`, up to one that is malformed and ends the stream."""
        items: list[Item] = []
        decode = self._decode
        for event in events:
            try:
                item = decode(event)
            except ValueError as error:
                if self.has_ended or self._config.skip_malformed_events:
                    _log_skipped(error, expected=self.has_ended)  # a gateway's `[DONE]`
                    continue
                if items:
                    self._verdict.keep_ids(items)
                self._end(self._verdict.malformed(event, error))
                return items
            name = item.event
            if type(name) is str and name in _NOTED:
                if name == "ping":  # of all events this one is only a sign of life
                    continue
                self._verdict.note(name, item)
                self._go_on(ENDS.get(name))
            elif self.state is not _RUNNING:
                self._go_on()
            items.append(item)
        if items:
            self._verdict.keep_ids(items)
            if self._verdict.requested_conversation is not None:
                stray = self._verdict.conversation_error()
                if stray is not None and self._config.strict_conversation:
                    self.is_refused = True
                    self._end(stray)
                    return []
                if stray is not None:
                    logger.warning("%s", stray.message)
        return items

    def _go_on(self, ends: str | None = None) -> None:
        """An event has come. What ends nothing takes a pause back, and no other end."""
        if ends is not None:
            self.state, self.has_ended = _PAUSED if ends == "pause" else _ENDED, True
        elif self.state is not _ENDED:
            self.state, self.has_ended = _RUNNING, False

    def _end(self, error: DifyException | None) -> None:
        self._state_before_the_end, self.state = self.state, State.OVER
        self.error = error


def _log_skipped(error: ValueError, *, expected: bool) -> None:
    level = logging.DEBUG if expected else logging.WARNING
    logger.log(level, "a malformed event was skipped: %s", error)
