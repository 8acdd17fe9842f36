"""The reading of a stream, step by step, by whatever drives it; no step waits."""

from __future__ import annotations

from .._http.chunked import Frames
from .._http.clock import monotonic
from .._http.polled import StreamResponse
from ..errors import DifyException
from ..models.responses import ChatMessageSendCompletionResponse as Item
from .driver import Driver, Turns
from .opening import Opening, Phase
from .reader import State
from .source import StreamSource
from .task import Sink
from .torn import TornStream

_BLOCKS = 4  # read at once of a stream that has more, before others get their turn
_MOST_AT_ONCE = 32  # items, where the driver's others wait for their turn
_WHOLE = 32768  # a block of at least so much was probably not all there is

# to look into an enum is slow
_HEAD, _REFUSAL, _BODY, _TORN = Phase.HEAD, Phase.REFUSAL, Phase.BODY, Phase.TORN
_RUNNING, _OVER = State.RUNNING, State.OVER


class Reading(Opening):
    """Opens and reads a source's exchanges, one after the other, and tells the sink.

    ::

        begin() ─▶ SLOT ─▶ SENDING ─▶ HEAD ─▶ [BEGINNING] ─▶ BODY ─▶ [CONFIRMATION] ─▶ OVER
                    ▲                  │            │         │                         ▲
                    │                  └▶ REFUSAL ◀─┘ ──────────────────────────────────┤
                    └────── DELAY ◀── a retry, or a run that is resumed                 │
                                                                           close() ─────┤
          HEAD, BEGINNING, BODY ── a signal handler's exception, a run to stop ─▶ TORN ─┘
    """

    def __init__(self, source: StreamSource, sink: Sink, driver: Driver, loop: Driver) -> None:
        self._reader = source.reader
        self._close_at: float | None = None
        self._is_torn = False  # while bytes are read and parsed: should a signal handler raise
        self._torn: TornStream | None = None
        self._backlog: list[Item] = []  # read, and still to be delivered
        self._slice = 1  # items delivered before a look at the clock
        self._is_late = False  # others of the driver have their turn
        super().__init__(source, sink, driver, loop)

    def close(self, when: float | None = None) -> None:
        """End it, now or then: the sink is told no more, the connection and the slot are freed."""

        def set_time() -> None:
            self._close_at = when

        if when is not None:
            self.post(set_time)
            return
        self._is_closed = True
        self._source.cancel()
        self._handle.schedule()

    def step(self, is_scheduled: bool) -> None:
        if is_scheduled or self._phase is not _BODY:
            if self._was_paused:  # which no clock counts
                self._reader.delivered(monotonic())
            super().step(is_scheduled)
            return
        # as nearly always: events have come, and nothing else is to be done
        was_running = self._reader.state is _RUNNING
        if self._response is not None:
            self._read(self._response)
        if not self._is_over and (not was_running or self._reader.state is not _RUNNING):
            self._check_time()

    def _read(self, response: StreamResponse) -> None:
        if self._torn is not None:
            self._is_closed = not self._torn.read(response) or self._is_closed
            self._sink.on_items([])
            limit = self._source.exchange.deadline.limit("read")
            self._phase_end = None if limit is None else monotonic() + limit
            return
        self._is_torn = True
        self._read_whole(response)
        self._is_torn = False
        response.received = b""

    def _read_whole(self, response: StreamResponse) -> None:
        self._is_late = False
        if self._backlog:
            items, self._backlog = self._backlog, []
            _deliver(self, items)
        for _ in range(_BLOCKS):
            if self._backlog or self._response is not response:
                return
            if self._is_late and not response.has_more:
                return
            try:
                block = response.read()
            except DifyException as error:
                if response.status and self._phase is _HEAD:
                    self._on_head(response)  # it came with what is broken
                self._cut(response, error)
                return
            except Exception as error:
                _fail(self, error)
                return
            if self._phase is _HEAD and response.status:
                self._on_head(response)
            if block is None:
                return
            if self._phase is not _BODY:
                begun = self._on_early_block(response, bytes(block))
                if self._response is not response:
                    return
                if begun is not None:
                    self._receive(begun)
                continue
            self._receive(block)
            if len(block) < _WHOLE and not response.has_more:
                return
            if self._response is not response or self._is_closed or self._handle.is_paused:
                return
        self._handle.schedule()

    def _can_move(self) -> bool:
        if not self._is_torn:
            return True
        self._sink.on_torn()
        if self._response is None or self._is_closed or self._phase is _REFUSAL:
            return False
        self._phase, self._torn = Phase.TORN, TornStream(self._reader)
        self._torn.look(self._response.received)
        return not self._torn.is_over

    def _receive(self, block: bytes | Frames) -> None:
        reader = self._reader
        self._has_received = True
        now = monotonic()
        try:
            items = reader.receive(block, now) if block else reader.receive_end()
            if self._source.repeats and items:
                items = self._source.new_ones(items)
        except Exception as error:
            _fail(self, error)
            return
        if items:
            _deliver(self, items)
        elif reader.state is _OVER and not self._is_closed:
            self._body_over()

    def _cut(self, response: StreamResponse, error: DifyException) -> None:
        """No more can be read of the response, or it takes too long."""
        if self._phase is _BODY:
            self._backlog = []
            items = self._reader.receive_end(error)
            if items:
                self._sink.on_items(self._source.new_ones(items))
            self._body_over()
        elif self._phase is _REFUSAL:
            self._refused(response)
        else:
            self._attempt_failed(error)

    def _body_over(self) -> None:
        self._free_response()
        error = self._reader.error
        confirm = self._source.confirmation if error is None else None
        if confirm is None:
            self._part_over(error)
            return
        self._phase, self._phase_end = Phase.CONFIRMATION, None

        def ask() -> None:
            failure: BaseException | None
            try:
                failure = confirm()
            except BaseException as error:
                failure = error
            self.post(lambda: self._part_over(failure))

        self._source.exchange.transport.openers.submit(ask)

    def _part_over(self, error: BaseException | None) -> None:
        if self._is_closed or self._is_over:
            return
        delay = self._source.on_part_end(error)
        if delay is not None:
            self._wait(delay)
            return
        self._end()
        self._sink.on_end(self._source.error)

    # -- times, and the end --------------------------------------------------------------------

    def _due(self, now: float) -> float | None:
        end, closes = self._source.exchange.deadline.end, self._close_at
        if (end is not None and end <= now) or (closes is not None and closes <= now):
            self._has_received = False  # which prolongs neither
        times = [closes, self._phase_end]
        response = self._response
        is_whole = self._reader.state is _OVER or (response is not None and response.has_more)
        is_read = self._backlog and is_whole  # there is nothing to wait for
        if self._phase is _BODY and not self._backlog:
            remaining = self._reader.next_timeout(now)
            times.append(None if remaining is None else now + remaining)
        if self._phase is not Phase.CONFIRMATION and not is_read:
            times.append(end)
        return min((when for when in times if when is not None), default=None)

    def _on_due(self, now: float) -> None:
        deadline, response = self._source.exchange.deadline, self._response
        if self._phase is _TORN or (self._close_at is not None and self._close_at <= now):
            self._is_closed = True
            self._source.cancel()
        elif deadline.end is not None and deadline.end <= now:
            error = deadline.timed_out("total")
            if self._phase is _BODY and response is not None:
                self._cut(response, error)
            else:
                self._source.exchange.cancel()
                self._free_response()
                self._part_over(error)
        elif self._phase is Phase.DELAY:
            self._begin_attempt()
        elif response is not None:
            phase = self._reader.timed_out() if self._phase is _BODY else "read"
            if phase is None:
                self._body_over()
            else:
                self._cut(response, deadline.timed_out(phase))

    def _end(self) -> None:
        self._phase, self._backlog = Phase.OVER, []
        super()._end()
        self._source.exchange.release()


def _fail(reading: Reading, error: Exception) -> None:
    """An error of ours: better told than waited for."""
    if reading._handle.raises:
        raise error
    reading._end()
    reading._sink.on_end(error)


def _deliver(reading: Reading, items: list[Item]) -> None:
    """Hand `items` on; where that takes too long for the driver, the rest in the next step."""
    reader, turns = reading._reader, reading._handle.turns
    reading._is_torn = False
    if turns is None:
        reading._sink.on_items(items)
    else:
        _deliver_in_turn(reading, turns, items)
    reading._is_torn = True
    if reading._backlog:
        return
    if reader.state is not _RUNNING:  # there each read has the whole time
        reader.delivered(monotonic())
    if reader.state is _OVER and not reading._is_closed:
        reading._body_over()


def _deliver_in_turn(reading: Reading, turns: Turns, items: list[Item]) -> None:
    """Hand `items` on for about a turn, a slice after the other, of as many as were quick."""
    end = monotonic() + turns.seconds
    while items:
        count = reading._slice
        reading._sink.on_items(items if len(items) <= count else items[:count])
        items = items[count:]
        if monotonic() > end:
            reading._backlog, reading._slice, reading._is_late = items, 1, True
            turns.take()
            reading._handle.schedule()
            return
        reading._slice = min(2 * count, _MOST_AT_ONCE)
