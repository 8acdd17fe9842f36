"""The clock of a call, with a clock that the test moves, and without a socket."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from dify_java_compat import ClientConfig, TimeoutException
from dify_java_compat._http.deadline import Deadline, Phase
from dify_java_compat._http.request import ApiKey, HttpRequest

PHASES: list[Phase] = ["connect", "write", "read"]
CALL = HttpRequest(
    "send", "POST", "/v1/chat-messages?a=b", ApiKey("app-secret-key"), ids={"task_id": "t"}
)
STREAM = CALL._replace(streams=True)

seconds = st.floats(0.1, 1e6)
requests = st.sampled_from([CALL, STREAM])
phases = st.sampled_from(PHASES)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.mark.parametrize(
    ("request_", "phase", "setting"),
    [
        (CALL, "connect", "connect_timeout"),
        (CALL, "write", "write_timeout"),
        (CALL, "read", "read_timeout"),
        (CALL, "total", "call_timeout"),
        (STREAM, "connect", "connect_timeout"),
        (STREAM, "write", "write_timeout"),
        (STREAM, "read", "sse_read_timeout"),
        (STREAM, "first_event", "first_event_timeout"),
        (STREAM, "total", "call_timeout"),
    ],
)
def test_each_step_has_its_setting(
    request_: HttpRequest, phase: Phase, setting: str, clock: Clock
) -> None:
    for value in (7.5, 0.0):
        deadline = Deadline(request_, ClientConfig(**{setting: value}), clock)  # type: ignore[arg-type]
        assert deadline.time_left(phase) == (value or None)
        assert deadline.is_total == (phase == "total" and value > 0)


def test_a_stream_without_an_idle_time_of_its_own_has_that_of_reading(clock: Clock) -> None:
    config = ClientConfig(read_timeout=7.5, sse_read_timeout=None)
    deadline = Deadline(STREAM, config, clock)
    assert deadline.time_left("read") == 7.5
    assert "7.5 s (read_timeout)" in str(deadline.timed_out("read"))
    assert deadline.timed_out("read").phase == "idle"


def test_a_stream_without_a_time_for_its_first_event_has_that_of_any_other(clock: Clock) -> None:
    config = ClientConfig(sse_read_timeout=4, first_event_timeout=None)
    deadline = Deadline(STREAM, config, clock)
    assert deadline.limit("first_event") == deadline.limit("read") == 4
    error = deadline.timed_out("first_event")
    assert (error.phase, "(sse_read_timeout)" in str(error)) == ("idle", True)
    config = ClientConfig(sse_read_timeout=None, read_timeout=3, first_event_timeout=None)
    assert Deadline(STREAM, config, clock).limit("first_event") == 3
    assert Deadline(CALL, config, clock).timed_out("first_event").phase == "read"


def test_it_knows_when_the_request_was_last_sent(clock: Clock) -> None:
    deadline = Deadline(STREAM, ClientConfig(), clock)
    began = clock.now
    assert deadline.sent_at == began
    clock.now += 3
    deadline.on_send()
    assert deadline.sent_at == began + 3


@given(own=st.none() | seconds, total=seconds, passed=seconds)
def test_any_time_is_cut_short_by_that_of_the_whole_call(
    own: float | None, total: float, passed: float
) -> None:
    clock = Clock()
    deadline = Deadline(STREAM, ClientConfig(call_timeout=total), clock)
    end = clock.now + total
    clock.now += passed
    if clock.now < end:
        expected = end - clock.now if own is None else min(own, end - clock.now)
        assert deadline.within_total(own) == expected
    else:
        with pytest.raises(TimeoutException, match=r"\(call_timeout\)"):
            deadline.within_total(own)
    assert Deadline(STREAM, ClientConfig(), clock).within_total(own) == own


@given(request=requests, phase=phases, own=seconds, total=seconds, passed=seconds)
def test_the_whole_call_cuts_each_step_short(
    request: HttpRequest, phase: Phase, own: float, total: float, passed: float
) -> None:
    clock = Clock()
    config = ClientConfig(call_timeout=total)
    for setting in ("connect_timeout", "write_timeout", "read_timeout", "sse_read_timeout"):
        setattr(config, setting, own)
    deadline = Deadline(request, config, clock)
    end = clock.now + total
    clock.now += passed
    if clock.now < end:
        assert deadline.time_left(phase) == min(own, end - clock.now)
        assert deadline.time_left("total") == end - clock.now
    else:
        both: list[Phase] = [phase, "total"]
        for each in both:
            with pytest.raises(TimeoutException, match=r"\(call_timeout\)") as caught:
                deadline.time_left(each)
            assert caught.value.phase == "total"


@given(request=requests, phase=phases, total=seconds, part=st.floats(0, 1, exclude_max=True))
def test_a_step_without_a_limit_has_what_is_left_of_the_call(
    request: HttpRequest, phase: Phase, total: float, part: float
) -> None:
    clock = Clock()
    config = ClientConfig(
        connect_timeout=0, write_timeout=0, read_timeout=0, sse_read_timeout=0, call_timeout=total
    )
    deadline = Deadline(request, config, clock)
    end = clock.now + total
    clock.now += total * part
    assume(clock.now < end)
    assert deadline.time_left(phase) == end - clock.now


@given(request=requests, phase=phases, passed=st.floats(0, 1e9))
def test_a_call_without_a_limit_of_its_own_never_ends(
    request: HttpRequest, phase: Phase, passed: float
) -> None:
    clock = Clock()
    deadline = Deadline(request, ClientConfig(), clock)
    before = deadline.time_left(phase)
    clock.now += passed
    assert deadline.time_left(phase) == before
    assert deadline.time_left("total") is None
    assert deadline.timed_out(phase).phase != "total"
    assert deadline.allows(passed)


@pytest.mark.parametrize(
    ("request_", "phase", "reported", "text"),
    [
        (CALL, "connect", "connect", "no connection within 1.5 s (connect_timeout)"),
        (CALL, "write", "write", "a block was not sent within 2.5 s (write_timeout)"),
        (CALL, "read", "read", "nothing came for 3.5 s (read_timeout)"),
        (STREAM, "connect", "connect", "no connection within 1.5 s (connect_timeout)"),
        (STREAM, "read", "idle", "nothing came for 4 s (sse_read_timeout)"),
        (
            STREAM,
            "first_event",
            "first_event",
            "no event within 6 s of the last sign of life (first_event_timeout)",
        ),
        (STREAM, "total", "total", "not done within 50 s (call_timeout)"),
    ],
)
def test_the_exception_names_phase_setting_and_request(
    request_: HttpRequest, phase: Phase, reported: str, text: str, clock: Clock
) -> None:
    config = ClientConfig(
        connect_timeout=1.5,
        write_timeout=2.5,
        read_timeout=3.5,
        sse_read_timeout=4,
        first_event_timeout=6,
        call_timeout=50,
    )
    error = Deadline(request_, config, clock).timed_out(phase)
    assert (error.phase, error.args) == (reported, (text,))
    where = "send: POST /v1/chat-messages: "
    assert str(error) == f"{where}{text} [task_id=t]"


@pytest.mark.parametrize(
    ("passed", "phase"), [(9.0, "read"), (9.98, "read"), (9.995, "total"), (11.0, "total")]
)
def test_a_step_that_ends_with_the_call_is_the_calls_timeout(
    passed: float, phase: str, clock: Clock
) -> None:
    """Also if the socket's own clock was a little ahead of ours."""
    deadline = Deadline(CALL, ClientConfig(call_timeout=10), clock)
    clock.now += passed
    assert deadline.timed_out("read").phase == phase


@given(total=seconds, wait=st.floats(0, 1e6))
def test_whether_a_wait_ends_within_the_call(total: float, wait: float) -> None:
    clock = Clock()
    deadline = Deadline(CALL, ClientConfig(call_timeout=total), clock)
    allowed = deadline.allows(wait)
    end = clock.now + total
    clock.now += wait
    assert allowed == (clock.now < end)
