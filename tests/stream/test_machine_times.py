"""When a stream that stays open is over, and how long it may be silent, by the test's own clock."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dify_java_compat import (
    StreamErrorException,
    StreamInterruptedException,
    TimeoutException,
)
from dify_java_compat._stream.reader import QUIET_SECONDS, EventReader, State
from dify_java_compat.errors import ConnectionException

from .machine import (
    CHAT,
    END,
    ERROR,
    EVENTS_PATH,
    FIRST_EVENT,
    GRACE,
    IDLE,
    MESSAGE,
    PAUSED,
    PING,
    SPEECH,
    STARTED,
    begun,
    fed,
    finished,
)

# -- when a stream that stays open is over -------------------------------------------------------


def remaining(reader: EventReader, now: float) -> float | None:
    return reader.next_timeout(now)


@pytest.mark.parametrize(
    "frames", [(ERROR,), (PING, ERROR), (STARTED, ERROR), (MESSAGE, END, ERROR)]
)
@pytest.mark.parametrize("path", [CHAT, EVENTS_PATH, "/v1/workflows/run"])
def test_an_error_ends_the_stream_by_the_grace_without_an_event(
    frames: tuple[bytes, ...], path: str
) -> None:
    reader, now = fed(*frames, path=path), float(len(frames))
    assert remaining(reader, now) == GRACE
    reader.receive(PING, now + 1.5)  # no event
    assert remaining(reader, now + 1.5) == 0.5
    assert reader.timed_out() is None
    assert isinstance(reader.error, StreamErrorException)


def test_an_event_behind_an_error_begins_the_grace_anew() -> None:
    reader = fed(ERROR, END)
    assert remaining(reader, 2.0) == GRACE
    assert remaining(reader, 3.5) == 0.5


@pytest.mark.parametrize("status", ["succeeded", "stopped", "partial-succeeded"])
def test_the_end_of_a_run_s_own_events(status: str) -> None:
    reader = fed(PING, STARTED, END, finished(status), path=EVENTS_PATH)
    assert remaining(reader, 4.0) == GRACE
    reader.receive(PING, 5.0)
    assert remaining(reader, 5.0) == 1.0
    assert reader.timed_out() is None
    assert reader.state is State.OVER
    assert reader.error is None


def test_a_message_s_end_is_not_the_end_of_a_run_s_own_events() -> None:
    assert remaining(fed(PING, STARTED, END, path=EVENTS_PATH), 3.0) == QUIET_SECONDS


def test_a_resumed_run_ends_by_the_rule_of_its_own_events() -> None:
    reader = fed(STARTED)
    reader.receive_end(ConnectionException("cut"))
    reader.begin(EVENTS_PATH, 10.0, 10.0, idle=IDLE, first_event=FIRST_EVENT)
    assert (reader.state, reader.error, reader.workflow_run_id) == (State.SILENT, None, "w-1")
    reader.receive(PING + finished("succeeded"), 11.0)
    assert remaining(reader, 11.0) == GRACE


def test_a_chatflow_without_a_run() -> None:
    """Its input was moderated, say: it pinged at once, and there is no run."""
    reader = fed(PING, MESSAGE, END)
    assert remaining(reader, 3.0) == GRACE
    reader.receive(PING, 4.0)  # a byte
    assert remaining(reader, 4.0) == GRACE
    assert reader.timed_out() is None
    assert reader.state is State.OVER
    assert reader.error is None


@pytest.mark.parametrize(
    "frames",
    [
        (MESSAGE, END),  # a chat
        (PING, STARTED, MESSAGE, END),
        (PING, MESSAGE, SPEECH, END),
        (PING, MESSAGE, END, SPEECH),
        (PING, STARTED, MESSAGE, END, finished("succeeded")),
        (b"data: x\nevent: ping\n\n" + MESSAGE, END),
        (MESSAGE, PING, END),
    ],
)
def test_what_comes_late_behind_a_terminal_event_is_not_cut(frames: tuple[bytes, ...]) -> None:
    reader, now = fed(*frames, skip_malformed_events=True), float(len(frames))
    assert remaining(reader, now) == QUIET_SECONDS
    reader.receive(PING, now + 20)
    assert remaining(reader, now + 20) == QUIET_SECONDS
    assert [item.event for item in reader.receive(SPEECH, now + 40)] == ["tts_message"]


@given(st.floats(0, 5), st.floats(5.001, 11))
def test_only_an_early_ping_is_a_chatflow_s(early: float, late: float) -> None:
    for at, seconds in ((early, GRACE), (late, QUIET_SECONDS)):
        reader = begun()
        reader.receive(b": hello\n\n", 0.0)
        reader.receive(PING, at)
        reader.receive(MESSAGE + END, 12.0)
        assert remaining(reader, 12.0) == seconds


@given(st.lists(st.integers(0, 60), max_size=5), st.sampled_from([b"\n", b"\r\n", b"\r"]))
def test_a_ping_is_known_however_it_is_cut(cuts: list[int], line_end: bytes) -> None:
    data = (b"\xef\xbb\xbf: c\n\n" + PING + MESSAGE + END).replace(b"\n", line_end)
    ends = sorted(cuts)
    reader = begun()
    for start, end in zip([0, *ends], [*ends, len(data)], strict=True):
        reader.receive(data[start:end], 1.0)
    reader.receive(b"\n", 1.0)  # else a CR may be half a line end
    assert remaining(reader, 1.0) == GRACE


def test_without_a_grace_only_silence_ends_it() -> None:
    reader = fed(PING, ERROR, stream_grace=0)
    assert remaining(reader, 2.0) == QUIET_SECONDS
    reader.receive(PING, 20.0)
    assert remaining(reader, 20.0) == QUIET_SECONDS
    assert remaining(fed(PING, MESSAGE, END, stream_grace=0), 3.0) == QUIET_SECONDS


@pytest.mark.parametrize(
    ("idle", "seconds"), [(None, 25), (120.0, 25), (60.0, 25), (3.0, 3), (0.5, 0.5)]
)
def test_a_shorter_idle_time_takes_the_place(idle: float | None, seconds: float) -> None:
    reader = fed(MESSAGE, END, idle=idle)
    assert remaining(reader, 2.0) == seconds
    assert reader.timed_out() is None
    assert reader.error is None


def test_behind_a_terminal_event_the_whole_time_is_a_timeout_all_the_same() -> None:
    reader, error = fed(MESSAGE, END), TimeoutException("late", phase="total")
    reader.receive_end(error)
    assert reader.error is error
    assert error.task_id == "t-1"


@pytest.mark.parametrize(
    "frames", [(MESSAGE, END), (PING, MESSAGE, END), (STARTED, finished("stopped"))]
)
def test_a_cut_body_is_an_interruption_until_the_stream_is_over(frames: tuple[bytes, ...]) -> None:
    reader = fed(*frames)
    reader.receive_end(ConnectionException("cut"))
    assert isinstance(reader.error, StreamInterruptedException)


def test_pings_keep_a_paused_run_open() -> None:
    reader = fed(STARTED, PAUSED, path=EVENTS_PATH)
    for now in range(12, 400, 10):
        reader.receive(PING, float(now))
        assert remaining(reader, float(now)) == QUIET_SECONDS
    assert reader.state is State.PAUSED
    reader.receive(MESSAGE, 400.0)
    assert remaining(reader, 400.0) == IDLE


def test_the_time_that_a_consumer_takes_is_nobody_s_silence() -> None:
    for frames in ((MESSAGE,), (PING, ERROR), (MESSAGE, END)):
        reader = fed(*frames)
        before = remaining(reader, float(len(frames)))
        reader.delivered(500.0)
        assert remaining(reader, 500.0) == before


# -- the first event ---------------------------------------------------------------------------


def test_silence_until_the_first_event() -> None:
    reader = begun()
    assert remaining(reader, 10.0) == IDLE - 10
    assert reader.timed_out() == "read"
    reader.receive(PING, 20.0)
    assert remaining(reader, 20.0) == FIRST_EVENT
    assert reader.timed_out() == "first_event"
    reader.receive(PING, 220.0)
    assert remaining(reader, 220.0) == FIRST_EVENT
    reader.receive(MESSAGE, 400.0)
    assert remaining(reader, 400.0) == IDLE
    reader.receive(PING, 410.0)
    assert remaining(reader, 410.0) == IDLE
    assert reader.timed_out() == "read"
