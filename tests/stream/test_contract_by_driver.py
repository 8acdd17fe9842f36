"""Each point of the stream contract on real sockets, by each driver in which it has a meaning.

`TABLE`, which the decorator `point` fills, says which tests hold a point, and by which drivers; and
of each driver that is missing in a test, why. The numbers are those of the contract in the
documents of the design; what they say stands in the tests' docstrings.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from dify_java_compat import (
    ClientConfig,
    RequestsDifyChat,
    StreamDecodeException,
    StreamErrorException,
    StreamInterruptedException,
    TimeoutException,
    collect,
)
from tests.support import TIMEOUT, sockets
from tests.support.frames import (
    ERROR,
    LAST_CHUNK,
    MESSAGE_END,
    PING,
    STREAM_HEAD,
    chunk,
    chunks,
    error_event,
    event,
    message,
    response,
    stream,
)
from tests.support.server import Peer, Script, ScriptedServer, always
from tests.support.watching import Watcher, join_streams, readings, request

from .drivers import (
    ASYNC_FOR,
    AWAIT,
    COLLECT,
    DRIVERS,
    FOR,
    PIPED_ASYNC_FOR,
    PIPED_FOR,
    RUN,
    SCHEDULER,
    SUBSCRIBE,
    Driver,
    consumed,
)

POINTS = range(1, 13)
TABLE: dict[int, dict[str, tuple[set[str], dict[str, str]]]] = {number: {} for number in POINTS}

WAITING = dict.fromkeys(DRIVERS, "it waits for the end, in its thread or task")
del WAITING[SUBSCRIBE], WAITING[SCHEDULER]
TO_THE_END = dict.fromkeys(
    (RUN, COLLECT, AWAIT), "it stays to the end: it is interrupted, or fails"
)
LOOPS = (FOR, PIPED_FOR, ASYNC_FOR, PIPED_ASYNC_FOR)
RAISES = dict.fromkeys(WAITING, "it raises; there is no on_error")
NO_ANSWER = {driver: "it gives items, no answer" for driver in DRIVERS if driver is not COLLECT}


def point(
    *numbers: int, without: dict[Driver, str] | None = None
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """The test holds these points of the contract, by each driver but some; and why not by them."""
    missing = without or {}
    drivers = [driver for driver in DRIVERS if driver not in missing]

    def add(test: Callable[..., None]) -> Callable[..., None]:
        for number in numbers:
            reasons = {driver.name: reason for driver, reason in missing.items()}
            TABLE[number][test.__name__] = {driver.name for driver in drivers}, reasons
        parametrized = pytest.mark.parametrize(
            "driver", drivers, ids=[driver.name for driver in drivers]
        )
        marked: Callable[..., None] = parametrized(test)
        return marked

    return add


def test_each_point_is_held_by_each_driver_or_has_no_meaning_there() -> None:
    names = {driver.name for driver in DRIVERS}
    for number, tests in TABLE.items():
        assert tests, f"no test holds point {number}"
        for test, (held, reasons) in tests.items():
            assert held | set(reasons) == names, test
            assert all(reasons.values())
        held_by = set().union(*(held for held, _ in tests.values()))
        assert number == 11 or held_by == names, f"{number}: {names - held_by} in no test"


@contextmanager
def chatting(
    script: Script, *, secure: bool = False, **config: Any
) -> Iterator[tuple[RequestsDifyChat, ScriptedServer]]:
    """At the end nothing is left: no reading, connection, slot, opening or stop."""
    context, ca = sockets.tls() if secure else (None, None)
    settings = ClientConfig(**{"verify": ca, "max_requests": 2, **config})
    with ScriptedServer(script, context) as server:
        with RequestsDifyChat(server.url, settings, api_key="app-test") as chat:
            yield chat, server
            join_streams()
            assert not readings()


def sends(data: bytes) -> Script:
    """One response of these bytes, behind which the connection is closed."""

    def script(peer: Peer) -> None:
        if peer.receive():
            peer.send(data)

    return script


def keeps_open(data: bytes) -> Script:
    """One response of these bytes, behind which nothing comes until the client closes."""

    def script(peer: Peer) -> None:
        if peer.receive():
            peer.send(data)
            peer.wait_closed()

    return script


def read(
    driver: Driver, script: Script, **config: Any
) -> tuple[list[str | None], BaseException | None]:
    """The events of one stream, and what it ended with; there was one request for it."""
    with chatting(script, **config) as (chat, server):
        items, error = consumed(driver, chat.sendChatMessageStream(request()))
    assert len(server.requests) == 1
    return [item.event for item in items], error


ANSWER = stream(message("one "), PING, message("two"), MESSAGE_END)
EVENTS = ["message", "message", "message_end"]


# -- 1, 2: cold; callbacks -------------------------------------------------------------------------


@point(1)
def test_nothing_is_sent_before_and_each_time_one_request(driver: Driver) -> None:
    with chatting(always(ANSWER)) as (chat, server):
        source = chat.sendChatMessageStream(request())
        assert server.requests == []
        for times in (1, 2):
            items, error = consumed(driver, source)
            assert ([item.event for item in items], error) == (EVENTS, None)
            assert [each.method for each in server.requests] == ["POST"] * times
        join_streams()
        assert server.connections == 1


@point(2, without=WAITING)
def test_subscribe_returns_at_once(driver: Driver) -> None:
    """Before there is a response: the server waits for `subscribe` to have returned."""
    received, returned = threading.Event(), threading.Event()

    def script(peer: Peer) -> None:
        if peer.receive():
            received.set()
            assert returned.wait(TIMEOUT)
            peer.send(ANSWER)

    with chatting(script) as (chat, _):
        source = chat.sendChatMessageStream(request())
        subscribe = source.subscribe

        def noted(*args: Any, **keywords: Any) -> Any:
            subscription = subscribe(*args, **keywords)
            # an event loop sends once it has its turn
            assert driver is SCHEDULER or received.wait(TIMEOUT)
            returned.set()
            return subscription

        source.subscribe = noted  # type: ignore[method-assign]
        items, error = consumed(driver, source)
        assert ([item.event for item in items], error) == (EVENTS, None)


@point(2)
def test_a_callback_that_blocks_delays_no_other_stream(driver: Driver) -> None:
    busy, free = threading.Event(), threading.Event()

    def block(watcher: Watcher) -> None:
        busy.set()
        assert free.wait(TIMEOUT)

    with chatting(always(ANSWER), max_requests=0) as (chat, _):
        blocked = [Watcher(chat.sendChatMessageStream(request()), block) for _ in range(3)]
        assert busy.wait(TIMEOUT)
        _, error = consumed(driver, chat.sendChatMessageStream(request()))
        free.set()
        assert error is None
        assert [each.wait().text for each in blocked] == ["one two"] * 3


@point(2, 3)
def test_items_come_one_by_one_in_order(driver: Driver) -> None:
    """Typed, with `raw`, without pings; however the bytes are cut, no two at once."""
    count = 200
    wire = stream(*(message(f"{number} é") for number in range(count)), PING, MESSAGE_END)

    def script(peer: Peer) -> None:
        if peer.receive():
            for begin in range(0, len(wire), 997):
                peer.send(wire[begin : begin + 997])

    inside, texts = threading.Lock(), list[str]()

    def see(item: Any) -> None:
        assert inside.acquire(blocking=False), "two at once"
        if item.event == "message":
            assert item.raw["answer"] == item.answer
            texts.append(item.answer)
        inside.release()

    with chatting(script) as (chat, _):
        driver.consume(chat.sendChatMessageStream(request()), see)
    assert texts == [f"{number} é" for number in range(count)]


VARIABLE: contextvars.ContextVar[str] = contextvars.ContextVar("VARIABLE", default="none")


@point(2, without=dict.fromkeys(LOOPS, "its body is the caller's own code"))
def test_callbacks_run_in_a_copy_of_the_subscribers_context(driver: Driver) -> None:
    seen: list[str] = []

    def see(item: object) -> None:
        seen.append(VARIABLE.get())
        VARIABLE.set("changed")

    with chatting(always(ANSWER)) as (chat, _):
        token = VARIABLE.set("set")
        try:
            driver.consume(chat.sendChatMessageStream(request()), see)
            assert VARIABLE.get() == "set"
        finally:
            VARIABLE.reset(token)
    assert seen == ["set", "changed", "changed"]


@point(3)
def test_values_of_unexpected_types_are_kept(driver: Driver) -> None:
    odd = b'data: {"event":"moon_landed","task_id":7,"answer":{"a":1},"data":{"x":2}}\n\n'
    weird = b'data: {"event":["x"],"data":{"y":1},"metadata":7,"answer":3}\n\n'
    with chatting(always(stream(odd, weird, message("x"), MESSAGE_END))) as (chat, _):
        items, error = consumed(driver, chat.sendChatMessageStream(request()))
    assert error is None
    assert [item.raw.get("answer") for item in items] == [{"a": 1}, 3, "x", None]
    assert [item.answer for item in items] == [{"a": 1}, 3, "x", None]


# -- 4: to the end, and when it is over -----------------------------------------------------------


@point(4)
def test_it_is_read_to_its_end(driver: Driver) -> None:
    late = event("tts_message", audio="x"), event("tts_message_end", audio="")
    wire = stream(message("x"), event("workflow_finished", data={}), MESSAGE_END, *late)
    events, error = read(driver, always(wire))
    assert error is None
    assert events[1:] == ["workflow_finished", "message_end", "tts_message", "tts_message_end"]


SOON: dict[str, Any] = {"stream_grace": 0.05}


@point(4, 5)
@pytest.mark.parametrize("pings", [False, True])
def test_an_error_is_not_held_back_by_a_server_that_stays(driver: Driver, pings: bool) -> None:
    """1.14 keeps such a stream open for 300 s; pings are no events."""

    def script(peer: Peer) -> None:
        if peer.receive():
            peer.send(STREAM_HEAD + chunk(ERROR))
            while pings and not peer.closing.wait(0.01):
                peer.send(chunk(PING))
            peer.wait_closed()

    events, error = read(driver, script, **SOON)
    assert events == ["error"]
    assert isinstance(error, StreamErrorException)


@point(4)
@pytest.mark.parametrize(
    ("frames", "config"),
    [
        pytest.param((PING, message("x"), MESSAGE_END), SOON, id="a chatflow without a run"),
        pytest.param((message("x"), MESSAGE_END), {"sse_read_timeout": 0.1}, id="quiet"),
        pytest.param(
            (event("workflow_started"), event("workflow_paused")),
            {"sse_read_timeout": 0.1},
            id="paused",
        ),
    ],
)
def test_an_answer_is_not_held_back_by_a_server_that_stays(
    driver: Driver, frames: tuple[bytes, ...], config: dict[str, Any]
) -> None:
    """Silence behind the end is no TimeoutException."""
    events, error = read(driver, keeps_open(STREAM_HEAD + chunks(*frames)), **config)
    assert (len(events), error) == (2, None)


@point(4)
def test_a_run_that_is_resumed_is_over_behind_its_end(driver: Driver) -> None:
    finished = event("workflow_finished", data={"status": "succeeded"})
    with chatting(keeps_open(STREAM_HEAD + chunks(finished)), **SOON) as (chat, _):
        items, error = consumed(driver, chat.workflowEvents("w-1", user_id="u-1"))
    assert ([item.event for item in items], error) == (["workflow_finished"], None)


@point(4, 10)
def test_behind_the_end_only_the_whole_time_is_a_timeout(driver: Driver) -> None:
    wire = STREAM_HEAD + chunks(message("x"), MESSAGE_END)
    events, error = read(driver, keeps_open(wire), call_timeout=1.0)
    assert len(events) == 2
    assert isinstance(error, TimeoutException)
    assert error.phase == "total"


# -- 5, 6, 12: failures ---------------------------------------------------------------------------

STOPPED = "Aborted: User requested stop"


def run_that(status: str, error: str | None = None) -> bytes:
    data = {"id": "w-1", "status": status, "error": error}
    return event("workflow_finished", workflow_run_id="w-1", data=data)


NODE = event("node_finished", data={"status": "failed", "title": "LLM", "error": "no quota"})


@point(5, 12)
def test_a_failure_is_delivered_and_then_raised(driver: Driver) -> None:
    """With the ids that were known, though the `error` event has none."""
    events, error = read(driver, always(stream(message("x"), ERROR)))
    assert events == ["message", "error"]
    assert isinstance(error, StreamErrorException)
    assert (error.status, error.code, error.message) == (400, "invalid_param", "Run failed")
    assert (error.task_id, error.message_id, error.conversation_id) == ("t-1", "m-1", "c-1")


@point(5)
def test_a_run_that_failed_is_a_failure_without_an_error_event_too(driver: Driver) -> None:
    events, error = read(driver, always(stream(NODE, run_that("failed", "out"))))
    assert events[-1] == "workflow_finished"
    assert isinstance(error, StreamErrorException)
    assert (error.message, error.code, error.status) == ("out", None, None)
    assert "LLM" in str(error)
    assert "no quota" in str(error)


@point(5)
@pytest.mark.parametrize(
    "frames",
    [
        (run_that("failed", STOPPED),),
        (run_that("failed", STOPPED), error_event(f"Run failed: {STOPPED}")),
        (run_that("stopped"),),
        (run_that("partial-succeeded"),),
    ],
    ids=["stop", "stop and error", "stopped", "partial"],
)
def test_a_stop_ends_well(driver: Driver, frames: tuple[bytes, ...]) -> None:
    events, error = read(driver, always(stream(message("x"), *frames)))
    assert (len(events), error) == (1 + len(frames), None)


@point(5)
@pytest.mark.parametrize("frames", [(ERROR,), (run_that("failed", "out"),)])
def test_failures_can_end_well_as_in_java(driver: Driver, frames: tuple[bytes, ...]) -> None:
    events, error = read(driver, always(stream(*frames)), raise_stream_errors=False)
    assert (len(events), error) == (1, None)


@point(5, 12)
@pytest.mark.parametrize(
    "data",
    [
        STREAM_HEAD + chunk(message("x")),
        STREAM_HEAD + chunk(message("x")) + b"99\r\nhalf",
        STREAM_HEAD + chunk(message("x")) + b"no size\r\n",
        stream(message("x")),
        stream(message("x"), event("message", answer="", task_id=None)),
    ],
    ids=["cut", "in a chunk", "malformed", "without its end", "an id that lacks"],
)
def test_an_interruption_has_the_ids(driver: Driver, data: bytes) -> None:
    events, error = read(driver, sends(data))
    assert events[0] == "message"
    assert isinstance(error, StreamInterruptedException)
    assert (error.task_id, error.message_id, error.conversation_id) == ("t-1", "m-1", "c-1")


@point(5)
def test_an_interruption_has_a_gateways_words(driver: Driver) -> None:
    gateway = b'data: {"error":{"message":"upstream has gone"}}\n\n'
    _, error = read(driver, always(stream(message("x"), gateway)))
    assert isinstance(error, StreamInterruptedException)
    assert "upstream has gone" in str(error)


@point(6)
def test_what_is_no_json_is_an_error_or_skipped(driver: Driver) -> None:
    wire = stream(message("x"), b"data: {broken\n\n", message("y"), MESSAGE_END)
    events, error = read(driver, always(wire))
    assert (events, type(error)) == (["message"], StreamDecodeException)
    assert error.task_id == "t-1"  # type: ignore[union-attr]
    events, error = read(driver, always(wire), skip_malformed_events=True)
    assert (events, error) == (EVENTS, None)


@point(6)
def test_behind_the_end_it_is_passed_over(driver: Driver) -> None:
    wire = stream(message("x"), MESSAGE_END, b"data: [DONE]\n\n")
    assert read(driver, always(wire)) == (["message", "message_end"], None)


# -- 7: leaving -----------------------------------------------------------------------------------

PLAIN_AND_TLS = pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])


class Dify:
    """Sends `data`, then waits for the client to close; ends the stream once it is stopped."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.silent, self.closed = threading.Event(), threading.Event()
        self.stopped = threading.Event()
        self.stops: list[tuple[str, Any]] = []

    def __call__(self, peer: Peer) -> None:
        while received := peer.receive():
            if received.target.endswith("/stop"):
                self.stops.append((received.target, received.json))
                peer.send(response(b'{"result":"success"}'))
                self.stopped.set()
                continue
            peer.send(self._data)
            self.silent.set()
            if received.json.get("query") == "stop me":
                assert self.stopped.wait(TIMEOUT)
                peer.send(STREAM_HEAD[len(self._data) :] + chunk(MESSAGE_END) + LAST_CHUNK)
            else:
                peer.wait_closed()
                self.closed.set()


FIVE = STREAM_HEAD + b"".join(chunk(message(str(number))) for number in range(5))


@point(7, without=TO_THE_END)
@PLAIN_AND_TLS
def test_left_in_an_item(driver: Driver, secure: bool) -> None:
    """Nothing is delivered afterwards, though it has come; socket and slot are free."""
    dify, texts = Dify(FIVE), list[str]()

    def see(item: Any) -> bool:
        texts.append(item.answer)
        return len(texts) == 2

    with chatting(dify, secure=secure, max_requests=1) as (chat, server):
        driver.consume(chat.sendChatMessageStream(request()), see)
        assert dify.closed.wait(TIMEOUT)
        slot = chat._transport.streams.acquire(lambda: None)
        join = slot is not None and slot.is_granted
        if slot is not None:
            slot.release()
    assert join
    assert texts == ["0", "1"]
    assert len(server.requests) == 1


@point(7)
@PLAIN_AND_TLS
@pytest.mark.parametrize(
    "data",
    [b"", STREAM_HEAD[:40], STREAM_HEAD, FIVE, FIVE + FIVE[-40:-20]],
    ids=["no head", "half a head", "no event", "between events", "in an event"],
)
def test_left_in_silence(driver: Driver, secure: bool, data: bytes) -> None:
    """By another thread, by a signal, by the task that is cancelled: as the driver has it."""
    dify = Dify(data)
    with chatting(dify, secure=secure) as (chat, server):
        driver.leave(chat.sendChatMessageStream(request()), dify.silent)
        assert dify.closed.wait(TIMEOUT)
    assert len(server.requests) == 1
    assert dify.stops == []


@point(7)
@PLAIN_AND_TLS
@pytest.mark.parametrize("data", [STREAM_HEAD[:40], FIVE], ids=["before an event", "among events"])
def test_left_with_a_stop(driver: Driver, secure: bool, data: bytes) -> None:
    """The run is stopped with its own task id, once that is known, and the rest is read unseen."""
    stopped = threading.Event()
    stops: list[tuple[str, Any]] = []
    silent, left = threading.Event(), threading.Event()
    over: list[bool] = []

    def script(peer: Peer) -> None:
        while received := peer.receive():
            if received.target.endswith("/stop"):
                stops.append((received.target, received.json))
                peer.send(response(b'{"result":"success"}'))
                stopped.set()
                continue
            peer.send(data)
            silent.set()
            assert left.wait(TIMEOUT)
            peer.send((STREAM_HEAD + chunk(message("late")))[len(data) :])
            assert stopped.wait(TIMEOUT)
            peer.send(chunk(MESSAGE_END) + LAST_CHUNK)
            over.append(True)

    config = {"stop_on_dispose": True, "stop_drain_seconds": TIMEOUT}
    with chatting(script, secure=secure, **config) as (chat, server):
        driver.leave(chat.sendChatMessageStream(request()), silent)
        left.set()
        assert stopped.wait(TIMEOUT)
        join_streams()
        connections = server.connections
    assert stops == [("/v1/chat-messages/t-1/stop", {"user": "u-1"})]
    assert over == [True]
    assert connections == 2


# -- 8: the caller's exception ---------------------------------------------------------------------


class Limit(BaseException):
    """As KeyboardInterrupt and SystemExit: no Exception."""


@point(8)
@pytest.mark.parametrize("where", ["consumer", "operator"])
@pytest.mark.parametrize("stops", [False, True])
def test_an_exception_of_the_caller_reaches_the_caller(
    driver: Driver, where: str, stops: bool
) -> None:
    """The very same; the stream is disposed of, and sent once."""
    dify = Dify(FIVE)
    error = KeyError("a bug")

    def fail(item: object) -> None:
        raise error

    with chatting(dify, stop_on_dispose=stops, stop_drain_seconds=0.05) as (chat, server):
        source = chat.sendChatMessageStream(request())
        if where == "operator":
            source = source.retry(2).do_action(fail)
        with pytest.raises(KeyError) as caught:
            driver.consume(source, fail)
        assert dify.closed.wait(TIMEOUT)
    assert caught.value is error
    assert [each.target for each in server.requests if "stop" not in each.target] == [
        "/v1/chat-messages"
    ]
    assert len(dify.stops) == stops


@point(8)
@pytest.mark.parametrize("where", ["consumer", "operator"])
def test_a_base_exception_of_the_caller_reaches_the_caller(
    driver: Driver, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Raised where the caller waits; else in on_error, and then in the thread it came up in."""
    dify, error = Dify(FIVE), Limit()
    hooked: list[Any] = []
    monkeypatch.setattr(threading, "excepthook", lambda args: hooked.append(args.exc_value))
    monkeypatch.setattr(
        asyncio.BaseEventLoop,
        "call_exception_handler",
        lambda self, context: hooked.append(context.get("exception")),
    )

    def fail(item: object) -> None:
        raise error

    with chatting(dify) as (chat, server):
        source = chat.sendChatMessageStream(request())
        if where == "operator":
            source = source.retry(2).do_action(fail)
        with pytest.raises(Limit) as caught:
            driver.consume(source, fail)
        assert dify.closed.wait(TIMEOUT)
    assert caught.value is error
    assert hooked == [error] * (driver in (SUBSCRIBE, SCHEDULER))
    assert len(server.requests) == 1


@point(8, without=RAISES)
@pytest.mark.parametrize("how", ["no on_error", "on_error raises", "on_completed raises"])
def test_what_nobody_gets_goes_to_the_hook(
    driver: Driver, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The thread's hook, or the exception handler of the event loop."""
    hooked: list[Any] = []
    told = threading.Event()
    error = KeyError("a bug")

    def note(value: Any) -> None:
        hooked.append(value)
        told.set()

    monkeypatch.setattr(threading, "excepthook", lambda args: note(args.exc_value))

    def fail(*_: object) -> None:
        raise error

    data = ANSWER if how == "on_completed raises" else stream(ERROR)
    functions: dict[str, tuple[Any, ...]] = {
        "no on_error": (lambda item: None,),
        "on_error raises": (lambda item: None, fail),
        "on_completed raises": (lambda item: None, lambda error: None, fail),
    }

    async def on_loop(source: Any) -> None:
        from reactivex.scheduler.eventloop import AsyncIOScheduler

        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda loop, context: note(context["exception"]))
        source.subscribe(*functions[how], scheduler=AsyncIOScheduler(loop))
        assert await asyncio.to_thread(told.wait, TIMEOUT)

    with chatting(always(data)) as (chat, _):
        source = chat.sendChatMessageStream(request())
        if driver is SCHEDULER:
            asyncio.run(on_loop(source))
        else:
            source.subscribe(*functions[how])
            assert told.wait(TIMEOUT)
    [told_error] = hooked
    assert (
        isinstance(told_error, StreamErrorException)
        if how == "no on_error"
        else (told_error is error)
    )


# -- 9, 11: one answer -----------------------------------------------------------------------------


@point(9)
def test_a_pause_ends_well_and_is_seen(driver: Driver) -> None:
    paused = event("workflow_paused", workflow_run_id="w-1", data={"reasons": [{"TYPE": "form"}]})
    wire = stream(event("workflow_started", workflow_run_id="w-1"), paused)
    assert read(driver, always(wire)) == (["workflow_started", "workflow_paused"], None)


@point(9, without=NO_ANSWER)
@pytest.mark.parametrize("how", ["collect", "send by stream", "send, answered with a stream"])
def test_a_run_that_pauses_is_no_empty_answer(driver: Driver, how: str) -> None:
    paused = event("workflow_paused", workflow_run_id="w-1", data={"reasons": [{"TYPE": "form"}]})
    with chatting(always(stream(paused)), blocking_via_stream=how == "send by stream") as (chat, _):
        if how == "collect":
            answer = collect(chat.sendChatMessageStream(request()))
        else:
            answer = chat.send(request())
    assert (answer.event, answer.workflow_run_id) == ("workflow_paused", "w-1")
    assert answer.data is not None
    assert answer.data.raw["reasons"] == [{"TYPE": "form"}]


@point(11, without=NO_ANSWER)
def test_the_events_make_up_an_answer(driver: Driver) -> None:
    finished = event("workflow_finished", data={"status": "succeeded", "outputs": {"answer": "ab"}})
    wires = {
        "one two": ANSWER,
        "ab": stream(message("a"), finished, MESSAGE_END),
        "c": stream(message("a"), finished, event("message_replace", answer="c"), MESSAGE_END),
        "whole": stream(event("agent_message", answer="w"), message("whole"), MESSAGE_END),
    }
    for text, wire in wires.items():
        with chatting(always(wire)) as (chat, _):
            assert collect(chat.sendChatMessageStream(request())).answer == text


# -- 10: six times ---------------------------------------------------------------------------------


@point(10)
@pytest.mark.parametrize(
    ("phase", "data", "config"),
    [
        pytest.param("idle", b"", {"sse_read_timeout": 0.1}, id="no head"),
        pytest.param("idle", STREAM_HEAD, {"sse_read_timeout": 0.1}, id="no byte of the body"),
        pytest.param(
            "first_event",
            STREAM_HEAD + chunk(PING),
            {"first_event_timeout": 0.1, "sse_read_timeout": 0.05},
            id="pinged, no event",
        ),
        pytest.param("idle", FIVE, {"sse_read_timeout": 0.1}, id="behind an event"),
        pytest.param("total", b"", {"call_timeout": 0.1}, id="total, no head"),
        pytest.param("total", STREAM_HEAD, {"call_timeout": 0.1}, id="total, no event"),
        pytest.param("total", FIVE, {"call_timeout": 0.1}, id="total, behind an event"),
    ],
)
def test_silence_ends_in_a_timeout(
    driver: Driver, phase: str, data: bytes, config: dict[str, Any]
) -> None:
    events, error = read(driver, keeps_open(data), **config)
    assert events == ["message"] * data.count(b'"answer"')
    assert isinstance(error, TimeoutException)
    assert error.phase == phase


@point(10)
@pytest.mark.parametrize(
    "drip",
    [b"HTTP/1.1 100 Continue\r\n\r\n", b"X", STREAM_HEAD, STREAM_HEAD + chunk(PING), FIVE],
    ids=["1xx", "head", "body", "pings", "events"],
)
def test_the_whole_time_is_a_promise(driver: Driver, drip: bytes) -> None:
    """Though a byte comes now and then, and no other time is ever over."""
    endless = {
        b"X": (b"HTTP/1.1 200 OK\r\nX: ", b"x"),
        STREAM_HEAD: (STREAM_HEAD + b"ffff\r\n", b":"),
        STREAM_HEAD + chunk(PING): (STREAM_HEAD, chunk(PING)),
        FIVE: (STREAM_HEAD, chunk(message("x"))),
    }
    first, then = endless.get(drip, (b"", b""))

    def script(peer: Peer) -> None:
        if peer.receive():
            peer.send(first or drip * 3)
            while not peer.closing.wait(0.01):
                peer.send(then)

    with chatting(script, call_timeout=0.2) as (chat, server):
        _, error = consumed(driver, chat.sendChatMessageStream(request()))
    assert len(server.requests) <= 1  # none where the time was over before it was sent
    assert isinstance(error, TimeoutException)
    assert error.phase == "total"


@point(10)
def test_a_connection_that_is_not_made_ends_in_a_timeout(driver: Driver) -> None:
    with sockets.full_listener() as port:
        config = ClientConfig(connect_timeout=0.1, max_retries=0)
        with RequestsDifyChat(f"http://127.0.0.1:{port}", config, api_key="app-test") as chat:
            items, error = consumed(driver, chat.sendChatMessageStream(request()))
            join_streams()
    assert items == []
    assert isinstance(error, TimeoutException)
    assert error.phase == "connect"


@point(10)
def test_a_request_that_is_not_taken_ends_in_a_timeout(driver: Driver) -> None:
    with chatting(lambda peer: void(peer.closing.wait(TIMEOUT)), write_timeout=0.1) as (chat, _):
        huge = request(content="x" * 30_000_000)
        items, error = consumed(driver, chat.sendChatMessageStream(huge))
    assert items == []
    assert isinstance(error, TimeoutException)
    assert error.phase == "write"


def void(value: object) -> None:
    pass
