"""Every way through the states of a subscription, and no other."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from itertools import pairwise
from queue import SimpleQueue
from typing import Any

import pytest

from dify_java_compat import DifyException, PipelineException
from dify_java_compat._stream.resume import ResumingSource
from dify_java_compat._stream.source import StreamSource
from dify_java_compat._stream.subscription import State, Subscription
from dify_java_compat.errors import ConnectionException

from .support import FakeExchange, Item, frame, item, new_reader

DELIVERING, ENDED, DRAINING, DISPOSED = State
States = tuple[State, ...]
PATIENCE = 30.0  # seconds until a test that waits for nothing fails


class Source:
    """Gives what it is fed, until that is its end, or it is cancelled."""

    def __init__(self, *, sent: bool = True) -> None:
        self.has_ended = False
        self.is_waiting = True
        self.task_id: str | None = None
        self.cancelled = threading.Event()
        self._sent = sent
        self._inbox: SimpleQueue[Any] = SimpleQueue()

    def feed(self, *values: Item | Exception | None) -> None:
        """Items, then None for the end or an exception."""
        for value in values:
            self._inbox.put(value)

    def cancel(self) -> None:
        self.cancelled.set()
        self.feed(ConnectionException("cancelled"))

    def cancel_unless_sent(self) -> bool:
        if not self._sent:
            self.cancel()
        return not self._sent

    def events(self) -> Iterator[Item]:
        while (value := self._inbox.get(timeout=PATIENCE)) is not None:
            if isinstance(value, Exception):
                raise value
            self.task_id = value.task_id
            yield value


class Observer:
    """Keeps what it gets; `then` is called with each item."""

    def __init__(self, then: Callable[[Item], object] = lambda item: None) -> None:
        self.got: list[Any] = []
        self.first = threading.Event()
        self._then = then

    def on_next(self, item: Item) -> None:
        self.got.append(item)
        self.first.set()
        self._then(item)

    def on_error(self, error: Exception) -> None:
        self.got.append(error)

    def on_completed(self) -> None:
        self.got.append("completed")


class Walk:
    """A subscription that runs, and the states it goes through."""

    def __init__(
        self,
        source: Any,
        *,
        stops: bool = False,
        seconds: float = PATIENCE,
        process: Callable[[Item], Item] | None = None,
        then: Callable[[Item], object] = lambda item: None,
    ) -> None:
        walk = self
        self.states: list[State] = []
        self.changed = threading.Condition()
        self.stopped: list[str] = []
        self.raised: list[BaseException] = []

        class Recorded(Subscription):
            def __setattr__(self, name: str, value: Any) -> None:
                super().__setattr__(name, value)
                if name == "_state":
                    with walk.changed:
                        walk.states.append(value)
                        walk.changed.notify_all()

        self.source = source
        self.observer = Observer(then)
        stop = self.stopped.append if stops else None
        observer: Any = self.observer
        self.subscription = Recorded(source, process, observer, stop, seconds)
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self) -> None:
        try:
            self.subscription.run()
        except BaseException as error:
            self.raised.append(error)

    def dispose(self) -> None:
        """Once an item has arrived, as the source's task id is known then."""
        assert self.observer.first.wait(PATIENCE)
        self.subscription.dispose()

    def wait(self, states: States) -> None:
        """Until it has gone through `states`, and no further, and its thread has ended."""
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.states) >= len(states), PATIENCE)
        self.thread.join(PATIENCE)
        assert not self.thread.is_alive()
        for thread in threading.enumerate():
            if thread.name == "dify-stop":
                thread.join(PATIENCE)
        assert tuple(self.states) == states


ONE = item("message", answer="one")
TWO = item("message", answer="two")
DRAWN = {
    (DELIVERING, ENDED),
    (DELIVERING, DISPOSED),
    (DELIVERING, DRAINING),
    (DRAINING, DISPOSED),
}
walked: set[tuple[State, State]] = set()


def goes_through(*states: State) -> pytest.MarkDecorator:
    """The states of the test's subscription, in order; the test gets them as `states`."""
    walked.update(pairwise(states))
    return pytest.mark.parametrize("states", [states], ids=[states[-1].name])


def test_every_transition_of_the_drawing_is_walked_and_no_other() -> None:
    assert walked == DRAWN
    drawing = Subscription.__doc__ or ""
    assert all(state.name in drawing for state in State)


@goes_through(DELIVERING, ENDED)
def test_the_source_ends(states: States) -> None:
    source = Source()
    source.feed(ONE, TWO, None)
    walk = Walk(source, stops=True)
    walk.wait(states)
    assert walk.observer.got == [ONE, TWO, "completed"]
    walk.subscription.dispose()
    assert walk.states == [DELIVERING, ENDED]
    assert not source.cancelled.is_set()


@goes_through(DELIVERING, ENDED)
def test_the_source_fails(states: States) -> None:
    source, error = Source(), DifyException("broken")
    source.feed(ONE, error)
    walk = Walk(source)
    walk.wait(states)
    assert walk.observer.got == [ONE, error]


@goes_through(DELIVERING, DISPOSED)
def test_it_is_disposed_of_without_a_stop(states: States) -> None:
    source = Source()
    source.feed(ONE)
    walk = Walk(source)
    walk.dispose()
    walk.dispose()  # the second time does nothing
    walk.wait(states)
    assert walk.observer.got == [ONE]
    assert source.cancelled.is_set()


@goes_through(DELIVERING, DISPOSED)
def test_there_is_nothing_to_stop_before_the_request_is_sent(states: States) -> None:
    source = Source(sent=False)
    walk = Walk(source, stops=True)
    walk.subscription.dispose()
    walk.wait(states)
    assert (walk.observer.got, walk.stopped) == ([], [])


@goes_through(DELIVERING, DISPOSED)
def test_there_is_nothing_to_stop_once_the_run_has_ended(states: States) -> None:
    source = Source()
    source.has_ended = True
    source.feed(ONE)
    walk = Walk(source, stops=True)
    walk.dispose()
    walk.wait(states)
    assert walk.stopped == []


@pytest.mark.parametrize("stops", [False, True])
def test_a_process_that_raises_disposes_and_the_observer_knows(stops: bool) -> None:
    source, error = Source(), PipelineException("no")

    def fail(item: Item) -> Item:
        raise error

    source.feed(ONE, TWO, *([None] if stops else []))
    walk = Walk(source, stops=stops, process=fail)
    walk.wait((DELIVERING, DRAINING, DISPOSED) if stops else (DELIVERING, DISPOSED))
    assert walk.observer.got == [error]


@pytest.mark.parametrize("stops", [False, True])
def test_an_observer_that_raises_disposes(stops: bool) -> None:
    source, error = Source(), KeyError("the observer's own")

    def fail(item: Item) -> None:
        raise error

    source.feed(ONE, TWO, *([None] if stops else []))
    walk = Walk(source, stops=stops, then=fail)
    walk.wait((DELIVERING, DRAINING, DISPOSED) if stops else (DELIVERING, DISPOSED))
    assert walk.observer.got == [ONE]
    assert walk.raised == [error]


@goes_through(DELIVERING, DRAINING, DISPOSED)
def test_the_rest_of_a_stopped_run_is_read_unseen(states: States) -> None:
    source = Source()
    source.feed(ONE)
    walk = Walk(source, stops=True)
    walk.dispose()
    assert walk.states == [DELIVERING, DRAINING]
    source.feed(TWO, None)
    walk.wait(states)
    assert (walk.observer.got, walk.stopped) == ([ONE], ["t-1"])


@goes_through(DELIVERING, DRAINING, DISPOSED)
def test_a_stopped_run_that_does_not_end_is_cancelled_when_time_is_up(states: States) -> None:
    source = Source()
    source.feed(ONE)
    walk = Walk(source, stops=True, seconds=0.05)
    walk.dispose()
    walk.wait(states)
    assert (walk.observer.got, walk.stopped) == ([ONE], ["t-1"])
    assert source.cancelled.is_set()


@goes_through(DELIVERING, DRAINING, DISPOSED)
def test_a_run_is_stopped_once_its_task_is_known(states: States) -> None:
    source = Source()
    walk = Walk(source, stops=True)
    walk.subscription.dispose()
    assert (walk.states, walk.stopped) == ([DELIVERING, DRAINING], [])
    source.feed(ONE, None)
    walk.wait(states)
    assert walk.observer.got == []


@goes_through(DELIVERING, DISPOSED)
def test_an_observer_may_dispose_of_its_own_subscription(states: States) -> None:
    source = Source()
    source.feed(ONE, TWO, None)
    walks: list[Walk] = []
    ready = threading.Event()

    def dispose(item: Item) -> None:
        assert ready.wait(PATIENCE)
        walks[0].subscription.dispose()

    walks.append(Walk(source, then=dispose))
    ready.set()
    walks[0].wait(states)
    assert walks[0].observer.got == [ONE]


STARTED = frame("workflow_started", workflow_run_id="w-1", data={"id": "w-1"})


def disposed(source: StreamSource, exchange: FakeExchange) -> list[BaseException]:
    """What the source raises to nobody when it is disposed of while it waits."""
    raised: list[BaseException] = []

    def read() -> None:
        try:
            for _ in source.events():
                arrived.set()
        except DifyException as error:
            raised.append(error)

    arrived = threading.Event()
    thread = threading.Thread(target=read)
    thread.start()
    assert arrived.wait(PATIENCE)
    source.cancel()
    thread.join(PATIENCE)
    assert not thread.is_alive()
    return raised


def test_no_exception_is_made_of_a_cut_that_was_wanted() -> None:
    exchange: Any = FakeExchange(STARTED)
    (raised,) = disposed(StreamSource(exchange, new_reader()), exchange)
    assert type(raised) is ConnectionException
    assert raised.__cause__ is None


def test_a_resumed_run_that_is_disposed_of_is_not_resumed_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    broken: Any = FakeExchange(STARTED)
    broken.cancelled.set()
    again: Any = FakeExchange(STARTED, frame("message", answer="x"))
    resumed: list[str] = []

    def reopen(run_id: str) -> Any:
        resumed.append(run_id)
        return again

    source = ResumingSource(broken, new_reader(), reopen, lambda run_id: "running", 3)
    items = source.events()
    assert [next(items).event, next(items).event] == ["workflow_started", "message"]
    source.cancel()
    assert list(items) == []
    assert (resumed, caplog.records) == (["w-1"], [])
