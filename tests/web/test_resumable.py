"""`ResumableStreams` in one process, and with several on one store: order, deaths, limits."""

from __future__ import annotations

import functools
import json
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reactivex import Subject, of, throw
from reactivex import operators as ops

from dify_java_compat import (
    ChatMessageSendCompletionResponse,
    ConnectionException,
    IllegalArgumentException,
    NotFoundException,
    StreamErrorException,
    StreamInterruptedException,
)
from dify_java_compat.web._pool import Pool
from dify_java_compat.web._store import MemoryStore, Store
from dify_java_compat.web.redis import RedisStore
from dify_java_compat.web.resumable import LostRun, ResumableStreams
from tests.support import TIMEOUT
from tests.support.hostile import NO_NUMBERS
from tests.support.watching import wait_until

from .redis_server import RedisServer, redis_server

Item = ChatMessageSendCompletionResponse
new_item = functools.partial(Item, event="message", task_id="t-1", workflow_run_id="w-1")


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with redis_server(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(scope="module", params=["memory", "redis"])
def new_store(request: pytest.FixtureRequest) -> Iterator[Callable[[], Store]]:
    """Makes what a process has of one store that they share."""
    if request.param == "memory":
        store = MemoryStore()
        yield lambda: store
    else:
        url = request.getfixturevalue("redis").url
        stores: list[RedisStore] = []

        def make() -> Store:
            stores.append(RedisStore(url))
            return stores[-1]

        yield make
        for each in stores:
            each.close()


made: list[ResumableStreams] = []


def resumable(*store: Any, **options: Any) -> ResumableStreams:
    made.append(ResumableStreams(*store, **options))
    return made[-1]


@pytest.fixture(autouse=True)
def closing() -> Iterator[None]:
    yield
    while made:
        made.pop().close()


class Source:
    """A stream that is emitted by hand, and whether it was disposed of."""

    def __init__(self) -> None:
        self.subject: Any = Subject()
        self.disposed = threading.Event()
        self.stream: Any = self.subject.pipe(ops.finally_action(self.disposed.set))

    def emit(self, *texts: str) -> None:
        for text in texts:
            self.subject.on_next(new_item(answer=text))


class Tab:
    """One that follows, and keeps what comes."""

    def __init__(
        self, streams: ResumableStreams, stream_id: str, last: str | None = None, user: str = "u"
    ) -> None:
        self.events: list[Any] = []
        self.error: Any = None
        self.ended = threading.Event()
        self._subscription = streams.event_stream(
            stream_id, user=user, last_event_id=last
        ).subscribe(self.events.append, self._fail, self.ended.set)

    def _fail(self, error: Exception) -> None:
        self.error = error
        self.ended.set()

    @property
    def text(self) -> str:
        return "".join(json.loads(each.data).get("answer") or "" for each in self.events)

    def wait_for(self, text: str) -> None:
        wait_until(lambda: self.text == text)

    def wait(self) -> Tab:
        assert self.ended.wait(TIMEOUT)
        return self

    def leave(self) -> None:
        self._subscription.dispose()


class CutStore:
    """A store that a process can be cut off from, as one that was killed is."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.is_cut = False

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._store, name)

        def call(*args: Any, **kwargs: Any) -> Any:
            if self.is_cut:
                raise ConnectionException("cut off")
            return method(*args, **kwargs)

        return call


ACTS = st.one_of(
    st.tuples(st.just("start"), st.integers(0, 1)),
    st.tuples(st.just("emit"), st.integers(0, 2), st.integers(1, 300)),
    st.tuples(st.just("follow"), st.integers(0, 2), st.integers(0, 1), st.integers(0, 400)),
    st.tuples(st.just("leave"), st.integers(0, 5)),
    st.tuples(st.just("end"), st.integers(0, 2), st.booleans()),
)


@settings(max_examples=40)
@given(acts=st.lists(ACTS, max_size=20))
def test_no_token_is_lost_doubled_or_out_of_order(
    new_store: Callable[[], Store], acts: Sequence[Any]
) -> None:
    processes = [resumable(new_store()) for _ in range(2)]
    runs: list[tuple[Source, str, list[str]]] = []
    ended: set[int] = set()
    tabs: list[tuple[Tab, int, int]] = []  # with the run's index and the number it began behind
    acts = [("start", 0), *acts]
    for act, *values in acts:
        at = values[0] % len(runs) if runs else 0
        if act == "start":
            source = Source()
            runs.append((source, processes[values[0]].start(source.stream, user="u"), []))
        elif act == "emit" and at not in ended:
            texts = [f"{len(runs[at][2]) + number}," for number in range(values[1])]
            runs[at][0].emit(*texts)
            runs[at][2].extend(texts)
        elif act == "follow":
            known = [tab.events for tab, run, _ in tabs if run == at and tab.events]
            seen = known[-1][values[2] % len(known[-1])].id if known else None
            tabs.append((Tab(processes[values[1]], runs[at][1], seen), at, int(seen or 0)))
        elif act == "leave" and tabs:
            tab, run, after = tabs.pop(values[0] % len(tabs))
            tab.leave()
            assert "".join(runs[run][2][after:]).startswith(tab.text)
        elif act == "end" and at not in ended:
            ended.add(at)
            if values[1]:
                runs[at][0].subject.on_completed()
            else:
                processes[1].stop(runs[at][1], user="u")
                assert runs[at][0].disposed.wait(TIMEOUT)
    for at, (source, stream_id, _) in enumerate(runs):
        if at not in ended:
            source.subject.on_completed()
        tabs += [(Tab(process, stream_id), at, 0) for process in processes]
    for tab, run, after in tabs:
        tab.wait()
        assert tab.error is None
        assert tab.text == "".join(runs[run][2][after:])
        numbers = [int(event.id) for event in tab.events]
        assert numbers == [*range(after + 1, len(runs[run][2]) + 2)][: len(numbers)]
        if after <= len(runs[run][2]):
            assert tab.events[-1].event == "end"
    for process in processes:
        for _, stream_id, _ in runs:
            assert isinstance(Tab(process, stream_id, user="v").wait().error, NotFoundException)
    while made:
        made.pop().close()


def test_a_dead_reader_is_taken_over_and_never_writes_again(new_store: Callable[[], Store]) -> None:
    lost: list[LostRun] = []
    resumed = Source()

    def take_over(run: LostRun) -> Any:
        lost.append(run)
        return resumed.stream

    cut = CutStore(new_store())
    first = resumable(cut, lease_seconds=1)  # type: ignore[arg-type]
    second = resumable(new_store(), lease_seconds=1, take_over=take_over)
    source = Source()
    stream_id = first.start(source.stream, user="u")
    source.emit("a", "b")
    tab = Tab(second, stream_id)
    tab.wait_for("ab")
    cut.is_cut = True
    source.emit("unheard")
    wait_until(lambda: lost and resumed.subject.observers)
    assert lost == [LostRun("u", "w-1", "t-1")]
    cut.is_cut = False  # as after a SIGSTOP: it has something to write, and may not
    resumed.emit("c")
    tab.wait_for("abc")
    source.emit("late")
    data = {"id": "w-1", "status": "succeeded", "outputs": {"answer": "ab unheard c"}}
    finished = {"event": "workflow_finished", "workflow_run_id": "w-1", "data": data}
    resumed.subject.on_next(Item.from_dict(finished))
    resumed.subject.on_completed()
    events = tab.wait().events
    names = [event.event for event in events]
    assert names == [*["message"] * 3, "message_replace", "workflow_finished", "end"]
    assert second.answer(stream_id, user="u").answer == "ab unheard c"
    assert not source.disposed.is_set()  # its dispose could stop the run of the other
    source.subject.on_completed()


def test_a_stop_of_a_dead_readers_stream_is_carried_out(new_store: Callable[[], Store]) -> None:
    resumed = Source()
    cut = CutStore(new_store())
    first = resumable(cut, lease_seconds=1)
    second = resumable(new_store(), lease_seconds=1, take_over=lambda run: resumed.stream)
    source = Source()
    stream_id = first.start(source.stream, user="u")
    source.emit("a")
    tab = Tab(second, stream_id)
    tab.wait_for("a")
    cut.is_cut = True
    second.stop(stream_id, user="u")
    assert json.loads(tab.wait().events[-1].data)["reason"] == "stopped"
    assert resumed.disposed.wait(TIMEOUT)
    cut.is_cut = False
    source.subject.on_completed()


def test_a_dispose_that_waits_delays_no_other_stream(new_store: Callable[[], Store]) -> None:
    first, second = resumable(new_store()), resumable(new_store())
    source, may_go = Source(), threading.Event()
    waiting = Source().stream.pipe(ops.finally_action(lambda: may_go.wait(TIMEOUT)))
    stream_id, other_id = (first.start(each, user="u") for each in (waiting, source.stream))
    tab, other = Tab(second, stream_id), Tab(first, other_id)
    second.stop(stream_id, user="u")
    tab.wait()
    source.emit("a")
    source.subject.on_completed()
    other.wait()
    may_go.set()


def test_a_run_that_fails_after_it_was_taken_over() -> None:
    store = MemoryStore()
    cut = CutStore(store)
    first = resumable(cut, lease_seconds=1)
    failed = StreamErrorException("boom", status=400, code="invalid_param", message="boom")
    second = resumable(store, lease_seconds=1, take_over=lambda run: throw(failed))
    source = Source()
    tab = Tab(second, first.start(source.stream, user="u"))
    source.emit("a")
    tab.wait_for("a")
    cut.is_cut = True
    last = json.loads(tab.wait().events[-1].data)
    assert (last["code"], last["message"]) == ("invalid_param", "boom")
    cut.is_cut = False
    source.subject.on_completed()


def test_a_run_that_cannot_be_taken_over(new_store: Callable[[], Store]) -> None:
    cut = CutStore(new_store())
    first = resumable(cut, lease_seconds=1)  # type: ignore[arg-type]
    gone = NotFoundException("no such run")
    second = resumable(new_store(), lease_seconds=1, take_over=lambda run: throw(gone))
    source = Source()
    stream_id = first.start(source.stream, user="u")
    source.emit("a")
    tab = Tab(second, stream_id)
    tab.wait_for("a")
    cut.is_cut = True
    last = json.loads(tab.wait().events[-1].data)
    assert (last["code"], last["workflowRunId"], last["taskId"]) == ("interrupted", "w-1", "t-1")
    assert second.answer(stream_id, user="u").answer == "a"
    cut.is_cut = False
    source.subject.on_completed()


def test_a_store_that_is_away_holds_what_it_may_and_then_ends_it() -> None:
    cut = CutStore(MemoryStore())
    streams = resumable(cut, lease_seconds=0.5)  # type: ignore[arg-type]
    source = Source()
    stream_id = streams.start(source.stream, user="u")
    source.emit("a")
    wait_until(lambda: streams.answer(stream_id, user="u").answer == "a")
    cut.is_cut = True
    source.emit(*["x" * 1000] * 2000)
    assert source.disposed.is_set()
    cut.is_cut = False
    last = Tab(streams, stream_id).wait().events[-1]
    assert json.loads(last.data)["code"] == "interrupted"


def test_what_nobody_watches_is_stopped_after_its_grace(new_store: Callable[[], Store]) -> None:
    streams = resumable(new_store(), grace_seconds=1, lease_seconds=1)
    source, other = Source(), Source()
    stream_id = streams.start(source.stream, user="u")
    followed = streams.start(other.stream, user="u")
    tab = Tab(streams, followed)
    assert source.disposed.wait(TIMEOUT)
    assert not other.disposed.is_set()
    assert json.loads(Tab(streams, stream_id).wait().events[-1].data)["reason"] == "stopped"
    streams.stop(followed, user="u")
    tab.wait()


def test_what_is_kept_no_longer_is_not_found() -> None:
    streams = resumable(lease_seconds=0.05, keep_seconds=0.05)
    stream_id = streams.start(of(new_item(answer="a")), user="u")

    def is_gone() -> bool:
        try:
            streams.answer(stream_id, user="u")
        except NotFoundException:
            return True
        return False

    wait_until(is_gone)
    error = Tab(streams, stream_id).wait().error
    assert (type(error), error.status_code, error.code) == (NotFoundException, 404, "not_found")
    with pytest.raises(NotFoundException):
        streams.stop(stream_id, user="u")


def test_a_slow_tab_delays_nobody(new_store: Callable[[], Store]) -> None:
    streams = resumable(new_store())
    source, may_go = Source(), threading.Event()
    stream_id = streams.start(source.stream, user="u")
    slow: list[Any] = []

    def hold(event: Any) -> None:
        assert may_go.wait(TIMEOUT)
        slow.append(event)

    done = threading.Event()
    streams.event_stream(stream_id, user="u").subscribe(hold, None, done.set)
    tab = Tab(streams, stream_id)
    for number in range(1000):
        source.emit(f"{number},")
    tab.wait_for("".join(f"{number}," for number in range(1000)))
    assert slow == []
    source.subject.on_completed()
    may_go.set()
    assert done.wait(TIMEOUT)
    assert slow == tab.wait().events


def test_texts_and_values_and_what_is_no_json() -> None:
    streams = resumable(exclude_none=True)
    found = list(streams.event_stream(streams.start(of("a\nb", "c"), user="u"), user="u"))
    assert [(each.data, each.is_text) for each in found[:-1]] == [("a\nb", True), ("c", True)]
    first = streams.start(of({"item": Item(answer="a")}), user="u")
    assert next(iter(streams.event_stream(first, user="u"))).data == '{"item":{"answer":"a"}}'
    bad = streams.start(of("a", object()), user="u")
    assert list(streams.event_stream(bad, user="u"))[-1].event == "error"
    assert streams.answer(streams.start(of("a", "b"), user="u"), user="u") is not None


def test_a_failure_before_the_first_item_keeps_its_status() -> None:
    streams = resumable()
    refused = StreamErrorException("no", status=429, code="quota", message="no quota")
    stream_id = streams.start(throw(refused), user="u")
    error = Tab(streams, stream_id).wait().error
    assert (error.status, error.code, error.message) == (429, "quota", "no quota")


def test_a_stream_that_is_too_long_is_interrupted() -> None:
    streams = resumable(max_events=2)
    source = Source()
    stream_id = streams.start(source.stream, user="u")
    source.emit("a", "b", "c")
    tab = Tab(streams, stream_id).wait()
    assert (tab.text, json.loads(tab.events[-1].data)["code"]) == ("ab", "interrupted")
    assert source.disposed.is_set()


def test_a_close_says_so() -> None:
    with ResumableStreams() as streams:
        source = Source()
        stream_id = streams.start(source.stream, user="u")
        source.emit("a")
    assert source.disposed.is_set()
    assert json.loads(Tab(streams, stream_id).wait().events[-1].data)["code"] == "interrupted"


def test_an_interrupted_stream_of_difys_has_its_ids() -> None:
    streams = resumable()
    broken = StreamInterruptedException("cut", task_id="t-9")
    stream_id = streams.start(of(new_item(answer="a")).pipe(ops.concat(throw(broken))), user="u")
    assert json.loads(Tab(streams, stream_id).wait().events[-1].data)["taskId"] == "t-9"


@pytest.mark.parametrize(
    "options",
    [
        {"lease_seconds": 0},
        {"lease_seconds": "1"},
        {"keep_seconds": float("inf")},
        {"keep_seconds": 5},
        {"grace_seconds": -1},
        {"max_events": 0},
        {"max_bytes": 1.5},
        {"take_over": "x"},
        *({"lease_seconds": value} for value in NO_NUMBERS.values()),
        *({"keep_seconds": value} for value in NO_NUMBERS.values()),
        *({"grace_seconds": value} for value in NO_NUMBERS.values()),
        *({"max_events": value} for value in NO_NUMBERS.values()),
    ],
    ids=lambda options: next(iter(options)),
)
def test_a_setting_that_cannot_work(options: Any) -> None:
    with pytest.raises(IllegalArgumentException, match=next(iter(options))):
        ResumableStreams(**options)


def test_an_argument_that_cannot_work() -> None:
    streams = resumable()
    with pytest.raises(IllegalArgumentException, match="stream"):
        streams.start([], user="u")
    with pytest.raises(IllegalArgumentException, match="user"):
        streams.start(of("a"), user="")
    for last in ("x", "-1", "1" * 30, "²"):
        with pytest.raises(IllegalArgumentException, match="last_event_id"):
            streams.event_stream("x" * 22, user="u", last_event_id=last)


def test_a_tab_ahead_of_its_stream_gets_what_comes() -> None:
    streams = resumable()
    source = Source()
    stream_id = streams.start(source.stream, user="u")
    source.emit("a")
    wait_until(lambda: streams.answer(stream_id, user="u").answer == "a")
    tab = Tab(streams, stream_id, "900")
    wait_until(lambda: streams._current().follower._followed)
    source.emit("b")
    tab.wait_for("b")
    source.subject.on_completed()
    assert Tab(streams, stream_id, "900").wait().events in ([], tab.wait().events[-1:])


def test_a_pool_has_a_thread_for_each_job_that_blocks() -> None:
    pool, may_go = Pool("pool-of-a-test"), threading.Event()
    started = [threading.Event() for _ in range(20)]

    def job(event: threading.Event) -> None:
        event.set()
        may_go.wait(TIMEOUT)

    for event in started:
        pool.submit(functools.partial(job, event))
    assert all(event.wait(TIMEOUT) for event in started)
    may_go.set()
    quick = threading.Event()
    pool.submit(quick.set)
    assert quick.wait(TIMEOUT)
    wait_until(
        lambda: not [each for each in threading.enumerate() if each.name == "pool-of-a-test"]
    )


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_pool_outlives_what_ends_a_thread() -> None:
    pool, done = Pool("pool-of-a-test"), threading.Event()

    def leave() -> None:
        raise SystemExit

    for _ in range(5):
        pool.submit(leave)
    pool.submit(done.set)
    assert done.wait(TIMEOUT)
    wait_until(
        lambda: not [each for each in threading.enumerate() if each.name == "pool-of-a-test"]
    )


def test_a_tab_that_leaves_at_once_is_not_followed() -> None:
    streams = resumable()
    source = Source()
    stream_id = streams.start(source.stream, user="u")
    for _ in range(50):
        Tab(streams, stream_id).leave()
    source.subject.on_completed()
    Tab(streams, stream_id).wait()
    wait_until(lambda: not streams._current().follower._followed)


def test_a_store_that_raises_anything_ends_nobody(caplog: pytest.LogCaptureFixture) -> None:
    class Odd(MemoryStore):
        failures = 2

        def append(self, writes: Any) -> Any:
            self.failures -= 1
            if self.failures >= 0:
                raise KeyError("odd")
            return super().append(writes)

    streams = resumable(Odd())
    assert len(list(streams.event_stream(streams.start(of("a"), user="u"), user="u"))) == 2
    assert "could not be written yet" in caplog.text


def test_threads_end_when_nothing_is_read_or_followed() -> None:
    streams = resumable()
    assert list(streams.event_stream(streams.start(of("a"), user="u"), user="u"))
    names = ("dify-writer", "dify-follower")
    wait_until(lambda: not [each for each in threading.enumerate() if each.name in names])
