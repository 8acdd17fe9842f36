"""Every way through the states of a subscription, and no other; on real sockets."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from dify_java_compat import (
    ChatMessagePipelineModel,
    ClientConfig,
    PipelineContext,
    PipelineException,
    PipelineProcess,
    RequestsDifyChat,
    StreamInterruptedException,
    TimeoutException,
)
from dify_java_compat._stream.subscription import State, Subscription
from tests.support import TIMEOUT
from tests.support.frames import (
    LAST_CHUNK,
    MESSAGE_END,
    STREAM_HEAD,
    chunk,
    message,
    response,
    stream,
)
from tests.support.server import Peer, Script, ScriptedServer, always
from tests.support.watching import Watcher, join_streams, request, wait_until

from .recorded import Recorded, Walks, recording

DELIVERING, ENDED, DRAINING, DISPOSED = State
States = tuple[State, ...]
DRAWN = {
    (DELIVERING, ENDED),
    (DELIVERING, DISPOSED),
    (DELIVERING, DRAINING),
    (DRAINING, DISPOSED),
}
goes_through = Walks()
ONE = STREAM_HEAD + chunk(message("one"))
WHOLE = stream(message("one"), message("two"), MESSAGE_END)
STOP = {"stop_on_dispose": True}


class Dify:
    """Sends `first`; then, once that may be or the run was stopped, `rest`, where there is any."""

    def __init__(self, first: bytes = ONE, rest: bytes = b"") -> None:
        self.stops: list[str] = []
        self.received, self.may_go_on = threading.Event(), threading.Event()
        self.client_left = threading.Event()
        self._first, self._rest = first, rest

    def __call__(self, peer: Peer) -> None:
        while received := peer.receive():
            if received.target.endswith("/stop"):
                self.stops.append(received.target.split("/")[-2])
                peer.send(response(b'{"result":"success"}'))
                self.may_go_on.set()
                continue
            peer.send(self._first)
            self.received.set()
            if self._rest:
                assert self.may_go_on.wait(TIMEOUT)
                peer.send(self._rest)
            else:
                peer.wait_closed()
                self.client_left.set()


@contextmanager
def chatting(
    script: Script, walk: States, **config: object
) -> Iterator[tuple[RequestsDifyChat, Recorded]]:
    """One subscription is made within; at the end it has gone through `walk`, and no further."""
    settings = ClientConfig(**config)  # type: ignore[arg-type]
    with recording() as recorded, ScriptedServer(script) as server:
        with RequestsDifyChat(server.url, settings, api_key="app-test") as chat:
            yield chat, recorded
            join_streams()
    states, _ = recorded.of_one()
    assert states == walk


def test_every_transition_of_the_drawing_is_walked_and_no_other() -> None:
    assert goes_through.walked == DRAWN
    drawing = Subscription.__doc__ or ""
    assert all(state.name in drawing for state in State)


@goes_through(DELIVERING, ENDED)
@pytest.mark.parametrize("stops", [False, True])
def test_the_source_ends(walk: States, stops: bool) -> None:
    dify = Dify(WHOLE[: -len(LAST_CHUNK)], LAST_CHUNK)
    dify.may_go_on.set()
    with chatting(dify, walk, stop_on_dispose=stops) as (chat, _):
        watcher = Watcher(chat.sendChatMessageStream(request())).wait()
        assert (watcher.text, watcher.completed) == ("onetwo", True)
        watcher.subscription.dispose()
    assert dify.stops == []


@goes_through(DELIVERING, ENDED)
def test_the_source_fails(walk: States) -> None:
    def cut(peer: Peer) -> None:
        peer.receive()
        peer.send(ONE)

    with chatting(cut, walk) as (chat, _):
        watcher = Watcher(chat.sendChatMessageStream(request())).wait()
        assert isinstance(watcher.error, StreamInterruptedException)
        assert watcher.text == "one"


@goes_through(DELIVERING, DISPOSED)
def test_it_is_disposed_of_without_a_stop(walk: States) -> None:
    dify = Dify()
    with chatting(dify, walk) as (chat, _):
        watcher = Watcher(chat.sendChatMessageStream(request()))
        watcher.wait_for_items(1)
        for _ in range(2):  # the second time does nothing
            watcher.subscription.dispose()
        assert dify.client_left.wait(TIMEOUT)
    assert (watcher.text, watcher.error, watcher.completed) == ("one", None, False)
    assert dify.stops == []


@goes_through(DELIVERING, DISPOSED)
def test_there_is_nothing_to_stop_before_the_request_is_sent(walk: States) -> None:
    with chatting(Dify(), walk, max_requests=1, **STOP) as (chat, _):
        slots = chat._transport.streams
        held = slots.acquire(lambda: None)
        assert held is not None
        watcher = Watcher(chat.sendChatMessageStream(request()))
        wait_until(lambda: slots._queue)
        watcher.subscription.dispose()
        held.release()
    assert (watcher.items, watcher.error) == ([], None)


@goes_through(DELIVERING, DISPOSED)
def test_there_is_nothing_to_stop_once_the_run_has_ended(walk: States) -> None:
    dify = Dify(WHOLE[: -len(LAST_CHUNK)])
    with chatting(dify, walk, **STOP) as (chat, _):
        watcher = Watcher(chat.sendChatMessageStream(request()))
        watcher.wait_for_items(3)
        watcher.subscription.dispose()
        assert dify.client_left.wait(TIMEOUT)
    assert dify.stops == []


class Fails(PipelineProcess[ChatMessagePipelineModel]):
    def __init__(self, error: BaseException) -> None:
        self._error = error

    def process(self, context: PipelineContext[ChatMessagePipelineModel]) -> None:
        raise self._error


BY_STOP = [
    pytest.param(False, (DELIVERING, DISPOSED), id="left"),
    pytest.param(True, (DELIVERING, DRAINING, DISPOSED), id="stopped"),
]


@pytest.mark.parametrize(("stops", "walk"), BY_STOP)
def test_a_process_that_raises_disposes_and_the_observer_knows(stops: bool, walk: States) -> None:
    dify = Dify(ONE, chunk(message("two")) + chunk(MESSAGE_END) + LAST_CHUNK)
    with chatting(dify, walk, stop_on_dispose=stops) as (chat, _):
        chat.addProcess(Fails(KeyError("a bug")))
        watcher = Watcher(chat.sendChatMessageStream(request())).wait()
        dify.may_go_on.set()
    assert isinstance(watcher.error, PipelineException)
    assert watcher.items == []
    assert dify.stops == ["t-1"] * stops


@pytest.mark.parametrize(("stops", "walk"), BY_STOP)
@pytest.mark.parametrize("kind", [KeyError, SystemExit])
def test_an_observer_that_raises_disposes(
    stops: bool, walk: States, kind: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The exception itself is told, one that is no Exception to its thread, too; which goes on."""
    dify = Dify(ONE, chunk(message("two")) + chunk(MESSAGE_END) + LAST_CHUNK)
    hooked: list[Any] = []
    monkeypatch.setattr(threading, "excepthook", lambda args: hooked.append(args.exc_value))
    error, items, errors = kind("the observer's own"), [], list[Any]()

    def fail(item: object) -> None:
        items.append(item)
        raise error

    with chatting(dify, walk, stop_on_dispose=stops) as (chat, _):
        chat.sendChatMessageStream(request()).subscribe(fail, errors.append)
        wait_until(lambda: errors)
        dify.may_go_on.set()
    assert (len(items), errors) == (1, [error])
    assert hooked == [error] * (kind is SystemExit)
    assert dify.stops == ["t-1"] * stops


@goes_through(DELIVERING, DRAINING, DISPOSED)
def test_the_rest_of_a_stopped_run_is_read_unseen(walk: States) -> None:
    dify = Dify(ONE, chunk(message("two")) + chunk(MESSAGE_END) + LAST_CHUNK)
    with chatting(dify, walk, **STOP) as (chat, recorded):
        watcher = Watcher(chat.sendChatMessageStream(request()))
        watcher.wait_for_items(1)
        watcher.subscription.dispose()
        wait_until(lambda: recorded.states[0][-1] is DISPOSED)
    assert (watcher.text, dify.stops) == ("one", ["t-1"])
    assert not watcher.completed


@goes_through(DELIVERING, DRAINING, DISPOSED)
def test_a_stopped_run_that_does_not_end_is_left_when_time_is_up(walk: States) -> None:
    dify = Dify(ONE)
    with chatting(dify, walk, stop_drain_seconds=0.05, **STOP) as (chat, _):
        watcher = Watcher(chat.sendChatMessageStream(request()))
        watcher.wait_for_items(1)
        watcher.subscription.dispose()
        assert dify.client_left.wait(TIMEOUT)
    assert (watcher.text, dify.stops) == ("one", ["t-1"])


@goes_through(DELIVERING, DRAINING, DISPOSED)
@pytest.mark.parametrize("sent", [b"", STREAM_HEAD], ids=["no head", "no event"])
def test_a_run_is_stopped_once_its_task_is_known(walk: States, sent: bytes) -> None:
    """The seconds of the drain count from then, and not from the dispose."""
    dify = Dify(sent, ONE[len(sent) :])
    with chatting(dify, walk, stop_drain_seconds=0.05, **STOP) as (chat, recorded):
        watcher = Watcher(chat.sendChatMessageStream(request()))
        assert dify.received.wait(TIMEOUT)
        watcher.subscription.dispose()
        assert recorded.states == [[DELIVERING, DRAINING]]
        threading.Event().wait(0.15)  # three times the drain
        assert recorded.states == [[DELIVERING, DRAINING]]
        dify.may_go_on.set()
    assert (watcher.items, dify.stops) == ([], ["t-1"])


@goes_through(DELIVERING, DRAINING, DISPOSED)
@pytest.mark.parametrize(
    ("sent", "config"),
    [
        pytest.param(b"", {"sse_read_timeout": 0.1}, id="no head"),
        pytest.param(STREAM_HEAD, {"sse_read_timeout": 0.1}, id="no byte of the body"),
        pytest.param(
            STREAM_HEAD + chunk(b"event: ping\n\n"), {"first_event_timeout": 0.1}, id="no event"
        ),
        pytest.param(STREAM_HEAD, {"call_timeout": 1.0}, id="the whole time"),
    ],
)
def test_a_task_is_waited_for_as_long_as_a_reader_would(
    walk: States, sent: bytes, config: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    dify = Dify(sent)
    with chatting(dify, walk, **STOP, **config) as (chat, _):
        watcher = Watcher(chat.sendChatMessageStream(request()))
        assert dify.received.wait(TIMEOUT)
        watcher.subscription.dispose()
        assert dify.client_left.wait(TIMEOUT)
    assert (watcher.items, watcher.error, dify.stops) == ([], None, [])


@goes_through(DELIVERING, ENDED)
def test_a_time_that_is_over_is_an_end(walk: States) -> None:
    with chatting(Dify(STREAM_HEAD), walk, sse_read_timeout=0.3) as (chat, _):
        watcher = Watcher(chat.sendChatMessageStream(request())).wait()
    assert isinstance(watcher.error, TimeoutException)


@goes_through(DELIVERING, DISPOSED)
def test_an_observer_may_dispose_of_its_own_subscription(walk: States) -> None:
    ready = threading.Event()

    def dispose(watcher: Watcher) -> None:
        assert ready.wait(TIMEOUT)
        watcher.subscription.dispose()

    with chatting(Dify(WHOLE[: -len(LAST_CHUNK)]), walk) as (chat, _):
        watcher = Watcher(chat.sendChatMessageStream(request()), dispose)
        ready.set()
    assert watcher.text == "one"


@goes_through(DELIVERING, DISPOSED)
def test_a_dispose_in_the_last_item_frees_the_connection(walk: States) -> None:
    """The body is whole by then: the connection serves the next request."""
    ready = threading.Event()

    def dispose(watcher: Watcher) -> None:
        assert ready.wait(TIMEOUT)
        if len(watcher.items) == 3:
            watcher.subscription.dispose()

    with chatting(always(WHOLE), walk) as (chat, _):
        watcher = Watcher(chat.sendChatMessageStream(request()), dispose)
        ready.set()
        wait_until(lambda: len(watcher.items) == 3)
        join_streams()
    assert not watcher.completed


def test_many_threads_that_dispose_take_it_out_of_delivering_once() -> None:
    dify = Dify(ONE, chunk(MESSAGE_END) + LAST_CHUNK)
    with chatting(dify, (DELIVERING, DRAINING, DISPOSED), **STOP) as (chat, _):
        watcher = Watcher(chat.sendChatMessageStream(request()))
        watcher.wait_for_items(1)
        together = threading.Barrier(8)

        def dispose() -> None:
            together.wait()
            watcher.subscription.dispose()

        run_all([dispose] * 8)
    assert dify.stops == ["t-1"]


def run_all(functions: list[Callable[[], object]]) -> None:
    threads = [threading.Thread(target=function) for function in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.mark.parametrize("stops", [False, True])
def test_a_cut_that_was_wanted_is_told_to_nobody(
    stops: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """Nor is a warning made of it, or a request more."""
    dify = Dify(ONE)
    walk = (DELIVERING, DRAINING, DISPOSED) if stops else (DELIVERING, DISPOSED)
    with chatting(dify, walk, stop_on_dispose=stops, stop_drain_seconds=0.05) as (chat, _):
        watcher = Watcher(chat.sendChatMessageStream(request()))
        watcher.wait_for_items(1)
        watcher.subscription.dispose()
        assert dify.client_left.wait(TIMEOUT)
    assert watcher.error is None
    assert caplog.records == []
