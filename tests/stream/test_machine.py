"""The machine that reads a stream: no socket, no thread, and a clock that the test moves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dify_java_compat import (
    ClientConfig,
    StreamDecodeException,
    StreamErrorException,
    StreamInterruptedException,
    TimeoutException,
)
from dify_java_compat._api.codec import event_decoder
from dify_java_compat._http.chunked import Frames, Framing
from dify_java_compat._stream.reader import EventReader, State
from dify_java_compat.errors import ID_NAMES as NAMES
from dify_java_compat.errors import ConnectionException
from dify_java_compat.models.events import EVENTS

from .machine import (
    CHAT,
    END,
    ERROR,
    EVENTS_PATH,
    MESSAGE,
    PAUSED,
    PING,
    SPEECH,
    STARTED,
    STOPS,
    begun,
    ended,
    fed,
    finished,
    node,
)
from .support import frame, new_reader

# -- states ------------------------------------------------------------------------------------


def test_the_states_of_the_drawing() -> None:
    reader = begun()
    states = [reader.state]
    for each in (PING, MESSAGE, PAUSED, PING, MESSAGE, END, MESSAGE):
        reader.receive(each, 1.0)
        states.append(reader.state)
    reader.receive_end()
    states.append(reader.state)
    assert [state.name for state in states] == [
        "SILENT",
        "WAITING",
        "RUNNING",
        "PAUSED",
        "PAUSED",
        "RUNNING",
        "ENDED",
        "ENDED",
        "OVER",
    ]
    assert all(state.name in (EventReader.__doc__ or "") for state in State)


def test_what_comes_when_it_is_over_changes_nothing() -> None:
    reader = ended(END)
    assert reader.receive(ERROR, 9.0) == []
    assert reader.receive_end() == []
    reader.receive_end(ConnectionException("cut"))
    assert reader.timed_out() is None
    assert reader.next_timeout(9.0) is None
    assert reader.error is None


FRAMES = [
    *(frame(row.name, data={"id": "w-1", "status": "failed"}) for row in EVENTS),
    *(PING, MESSAGE, ERROR, b"data: [DONE]\n\n", b": comment\n\n", finished("failed", STOPS[0])),
]


def outcome(
    blocks: Sequence[bytes | Frames], how: str, **config: Any
) -> tuple[list[Any], str, State]:
    reader = begun(**config)
    items = [item.raw for block in blocks for item in reader.receive(block, 1.0)]
    if how == "eof":
        items += [item.raw for item in reader.receive_end()]
    elif how == "cut":
        reader.receive_end(ConnectionException("cut"))
    elif reader.timed_out() is not None:
        reader.receive_end(TimeoutException("late", phase="idle"))
    return items, repr(reader.error), reader.state


@given(
    frames=st.lists(st.sampled_from(FRAMES) | st.binary(max_size=12), max_size=8),
    cuts=st.lists(st.integers(0, 2000), max_size=8),
    how=st.sampled_from(["eof", "cut", "timeout"]),
    config=st.fixed_dictionaries(
        {"raise_stream_errors": st.booleans(), "skip_malformed_events": st.booleans()}
    ),
)
def test_any_bytes_cut_anywhere_give_the_same_items_and_the_same_verdict(
    frames: list[bytes], cuts: list[int], how: str, config: dict[str, Any]
) -> None:
    data = b"".join(frames)
    ends = sorted({min(cut, len(data)) for cut in cuts})
    blocks = [data[a:b] for a, b in zip([0, *ends], [*ends, len(data)], strict=True)]
    whole = outcome([data], how, **config)
    assert outcome(blocks, how, **config) == whole
    assert outcome([data[i : i + 1] for i in range(len(data))], how, **config) == whole
    assert whole[-1] is State.OVER


FRAMING = Framing(b"data: ", b"\n\n")
CONTENTS = [each[6:-2] for each in FRAMES if each.startswith(b"data: ")] + [b"", b"{}", b"[", b"1"]


@given(
    st.lists(st.sampled_from(FRAMES) | st.binary(max_size=12), max_size=4),
    st.lists(st.sampled_from(CONTENTS), min_size=1, max_size=5),
    st.sampled_from([b"", b"\n", b"data: {", *FRAMES]),
    st.fixed_dictionaries(
        {
            "raise_stream_errors": st.booleans(),
            "skip_malformed_events": st.booleans(),
            "max_event_bytes": st.sampled_from([1, 40, 10_000]),
        }
    ),
)
@example([MESSAGE], [b"", b"{}"], b"", {})
def test_frames_without_their_framing_are_the_same_events(
    first: list[bytes], contents: list[bytes], behind: bytes, config: dict[str, Any]
) -> None:
    before = b"".join(first)
    rest = Frames(b"", contents, behind, FRAMING, 9)
    expected = outcome([before, bytes(rest)], "eof", **config)
    assert outcome([before, rest], "eof", **config) == expected
    assert outcome([Frames(before, contents, behind, FRAMING, 9)], "eof", **config) == expected


@given(st.lists(st.tuples(st.floats(0, 20), st.sampled_from(FRAMES)), max_size=12), st.data())
def test_a_stream_that_is_read_ends_by_no_clock_of_its_own_too_early(
    frames: list[tuple[float, bytes]], data: st.DataObject
) -> None:
    """Nothing is due right behind a byte, and each state but the last has a time to be woken."""
    path = data.draw(st.sampled_from([CHAT, EVENTS_PATH, "/v1/workflows/run"]))
    reader, now = begun(path, skip_malformed_events=True), 0.0
    for pause, each in frames:
        now += pause
        items = reader.receive(each, now)
        timeout = reader.next_timeout(now)
        assert timeout is not None
        assert timeout > 0 or not items
    assert reader.next_timeout(now + 1000) <= 0  # type: ignore[operator]
    phase = reader.timed_out()
    assert (reader.state is State.OVER) == (phase is None)
    assert (phase is None) == reader.has_ended


# -- failures ----------------------------------------------------------------------------------


def test_a_run_that_failed_without_an_error_event() -> None:
    reader = ended(STARTED, node("LLM 一", "503"), finished("failed", "upstream died: 503"))
    error = reader.error
    assert isinstance(error, StreamErrorException)
    assert (error.message, error.status, error.code) == ("upstream died: 503", None, None)
    assert (error.task_id, error.workflow_run_id) == ("t-1", "w-1")
    assert error.args == ("the run failed: upstream died: 503 (node 'LLM 一': 503)",)


def test_the_same_error_is_said_once() -> None:
    error = ended(STARTED, node("LLM", "503"), finished("failed", "503")).error
    assert error is not None
    assert error.args == ("the run failed: 503 (node 'LLM')",)


@given(st.none() | st.integers() | st.lists(st.text(max_size=3)) | st.text(), st.none() | st.text())
def test_a_failed_run_with_any_words(words: Any, title: Any) -> None:
    reader = ended(node(title, words), finished("failed", words))
    if words in STOPS:
        assert reader.error is None
    else:
        assert isinstance(reader.error, StreamErrorException)
        assert reader.error.message == words
        assert str(reader.error)


def test_an_error_event_counts_more_than_the_run() -> None:
    for frames in ((finished("failed", "run"), ERROR), (ERROR, finished("failed", "run"))):
        error = ended(STARTED, *frames).error
        assert isinstance(error, StreamErrorException)
        assert (error.message, error.status, error.code) == ("no", 400, "invalid_param")


@pytest.mark.parametrize("text", STOPS)
def test_a_stop_is_no_failure(text: str) -> None:
    event = frame("error", status=400, code="invalid_param", message=text)
    assert ended(STARTED, finished("failed", text)).error is None
    assert ended(STARTED, finished("failed", STOPS[0]), event).error is None
    reader = fed(finished("failed", STOPS[0]))
    assert [item.event for item in reader.receive(event, 2.0)] == ["error"]


@pytest.mark.parametrize("status", ["succeeded", "partial-succeeded", "stopped", None, 7])
def test_other_ends_of_a_run_are_good(status: Any) -> None:
    assert ended(node("x", "y"), finished(status, "Stopped by user.")).error is None


def test_a_failed_run_ends_well_as_in_java() -> None:
    assert ended(finished("failed", "x"), raise_stream_errors=False).error is None
    assert ended(ERROR, raise_stream_errors=False).error is None


def test_an_error_event_is_known_though_the_body_is_cut() -> None:
    reader, cut = fed(ERROR), ConnectionException("cut")
    reader.receive_end(cut)
    assert isinstance(reader.error, StreamErrorException)
    assert reader.error.__cause__ is cut


def test_of_a_failed_run_whose_body_is_cut_the_cut_is_known() -> None:
    """An `error` event may have followed."""
    reader = fed(finished("failed", "x"))
    reader.receive_end(ConnectionException("cut"))
    assert isinstance(reader.error, StreamInterruptedException)


def test_no_key_is_in_the_exception_of_a_run() -> None:
    for words in ("bad key app-1", ["app-1"]):
        reader = new_reader()
        reader.begin(CHAT, 0.0, 0.0, redact=lambda text: text.replace("app-1", "***"))
        reader.receive(node("app-1", "app-1") + finished("failed", words), 1.0)
        reader.receive_end()
        assert "app-1" not in repr(vars(reader.error)) + str(reader.error)
        assert "***" in str(reader.error)


# -- what is not JSON --------------------------------------------------------------------------

BROKEN = [b"data: [DONE]\n\n", b"data: {half\n\n", b"data: 7\n\n", b"data: \xff\n\n"]


@pytest.mark.parametrize("broken", BROKEN)
@pytest.mark.parametrize("end", [END, ERROR, PAUSED, finished("succeeded")])
def test_behind_the_end_it_is_passed_over(broken: bytes, end: bytes) -> None:
    reader = fed(MESSAGE, end)
    assert reader.receive(broken, 3.0) == []
    assert [item.event for item in reader.receive(SPEECH, 4.0)] == ["tts_message"]
    assert not isinstance(reader.error, StreamDecodeException)
    assert reader.state is not State.OVER


@pytest.mark.parametrize("broken", BROKEN)
def test_before_the_end_it_ends_the_stream(broken: bytes) -> None:
    reader = begun()
    assert len(reader.receive(MESSAGE + broken + MESSAGE, 1.0)) == 1
    assert isinstance(reader.error, StreamDecodeException)
    assert reader.error.task_id == "t-1"
    assert len(fed(MESSAGE, broken, skip_malformed_events=True).receive(END, 3.0)) == 1


# -- ids ---------------------------------------------------------------------------------------


@given(
    st.lists(st.dictionaries(st.sampled_from(NAMES), st.none() | st.text(max_size=2)), max_size=6)
)
def test_an_id_once_known_stays_known(events: list[dict[str, Any]]) -> None:
    known: dict[str, Any] = {}
    reader, at_once = begun(), begun()
    frames = []
    for event in events:
        frames.append(frame("message", **{"task_id": None, **event}))
        reader.receive(frames[-1], 1.0)
        known |= {name: value for name, value in event.items() if value}
    at_once.receive(b"".join(frames), 1.0)
    for each in (reader, at_once):
        assert (each.task_id, each.workflow_run_id) == (
            known.get("task_id"),
            known.get("workflow_run_id"),
        )
        each.receive_end(ConnectionException("cut"))
        assert each.error is not None
        for name in NAMES:
            assert getattr(each.error, name) == known.get(name)


def test_an_id_of_the_request_stays_known_where_no_event_has_it() -> None:
    for frames in ((MESSAGE, MESSAGE), (MESSAGE + MESSAGE,)):
        reader = EventReader(event_decoder(), ClientConfig(), {"workflow_run_id": "w-9"})
        for each in frames:
            reader.receive(each, 1.0)
        reader.receive_end()
        assert isinstance(reader.error, StreamInterruptedException)
        assert (reader.error.workflow_run_id, reader.error.message_id) == ("w-9", "m-1")
