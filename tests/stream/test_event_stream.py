"""What a pipeline raises reaches the consumer, whichever way the stream is consumed."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import reactivex
from hypothesis import given, settings, strategies
from reactivex import operators as ops
from reactivex.internal.exceptions import SequenceContainsNoElementsError

from dify_java_compat import (
    ChatMessagePipelineModel,
    EventStream,
    PipelineContext,
    PipelineProcess,
    RequestsDifyChat,
    aiterate,
    collect,
    iterate,
)
from dify_java_compat._stream import schedulers
from tests.support import TIMEOUT
from tests.support.frames import MESSAGE_END, STREAM_HEAD, chunk, message, stream
from tests.support.server import Peer, ScriptedServer, always
from tests.support.watching import join_streams, request

ANSWER = stream(message("one "), message("two"), MESSAGE_END)
Stream = EventStream[Any]


class Custom(BaseException):
    """What is no Exception, and no class that a runtime treats in its own way."""


RAISED = [KeyError("k"), StopIteration("s"), SystemExit(3), asyncio.CancelledError(), Custom("c")]
RAISED += [KeyboardInterrupt()]
ids = [type(error).__name__ for error in RAISED]


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer(always(ANSWER)) as running:
        yield running


@pytest.fixture
def source(server: ScriptedServer) -> Iterator[Stream]:
    with RequestsDifyChat(server.url, api_key="app-test") as chat:
        yield chat.sendChatMessageStream(request())
        join_streams()


@pytest.fixture
def hooked(monkeypatch: pytest.MonkeyPatch) -> list[BaseException | None]:
    """What goes to threading.excepthook, instead of there."""
    found: list[BaseException | None] = []
    monkeypatch.setattr(threading, "excepthook", lambda args: found.append(args.exc_value))
    return found


def raises(error: BaseException) -> Callable[..., Any]:
    def function(*args: object) -> Any:
        raise error

    return function


def by_async_for(observable: Stream) -> None:
    async def consume() -> None:
        async for _ in observable:
            pass

    asyncio.run(consume())


def by_await(observable: Stream) -> None:
    async def consume() -> None:
        await observable

    asyncio.run(consume())


CONSUMERS: dict[str, Callable[[Stream], object]] = {
    "run": lambda observable: observable.run(),
    "for": list,
    "async for": by_async_for,
    "await": by_await,
    "collect": collect,
}
PLACES: dict[str, Callable[[Stream, BaseException], Stream]] = {
    "map": lambda s, error: s.map(raises(error)),
    "do_action": lambda s, error: s.do_action(raises(error)),
    "filter below a retry": lambda s, error: s.retry(3).filter(raises(error)),
    "an operator's own function": lambda s, error: s.retry(3).to_dict(raises(error)),
    "a mapper at the end": lambda s, error: s.do_action(on_completed=raises(error)),
    "a stage of pipe": lambda s, error: s.pipe(ops.retry(3), ops.map(raises(error)), ops.share()),
}


def caught(consume: Callable[[], object]) -> BaseException:
    """What `consume` raises, in a thread of its own, for it may be meant for a main thread."""
    found: list[BaseException] = []

    def body() -> None:
        try:
            consume()
        except BaseException as error:
            found.append(error)

    thread = threading.Thread(target=body, daemon=True)
    thread.start()
    thread.join(TIMEOUT)
    assert not thread.is_alive(), "the consumer waits for ever"
    return found[0]


@pytest.mark.parametrize("error", RAISED, ids=ids)
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("consumer", CONSUMERS)
def test_what_an_operator_raises_is_raised_by_the_consumer(
    consumer: str,
    place: str,
    error: BaseException,
    source: Stream,
    server: ScriptedServer,
    hooked: list[BaseException | None],
) -> None:
    observable = PLACES[place](source, error)
    got = caught(lambda: CONSUMERS[consumer](observable))
    if isinstance(error, StopIteration) and consumer != "run":
        assert isinstance(got, RuntimeError)  # as of generators and coroutines
    else:
        assert type(got) is type(error)
    join_streams()
    assert len(server.requests) == 1
    assert hooked == []


STAGES: dict[str, Callable[[Stream], Stream]] = {
    "map": lambda s: s.map(lambda item: item),
    "filter": lambda s: s.filter(lambda item: True),
    "retry": lambda s: s.retry(2),
    "repeat": lambda s: s.repeat(),
    "catch": lambda s: s.catch(lambda error, source: raises(error)()),
    "share": lambda s: s.share(),
    "publish": lambda s: s.publish(lambda shared: shared),
    "flat_map": lambda s: s.flat_map(reactivex.of),
    "concat_map": lambda s: s.concat_map(reactivex.of),
    "start_with": lambda s: s.start_with(0),
    "pipe": lambda s: s.pipe(ops.map(lambda item: item), ops.retry(2)),
    "slice": lambda s: s[0:],
    "sum": lambda s: s + reactivex.empty(),
    "buffer": lambda s: s.buffer_with_count(1).flat_map(lambda items: reactivex.from_(items)),
}


@given(
    above=strategies.lists(strategies.sampled_from(sorted(STAGES)), max_size=5),
    below=strategies.lists(
        strategies.sampled_from(sorted(set(STAGES) - {"retry", "repeat", "pipe"})), max_size=3
    ),
    error=strategies.sampled_from([KeyError, SystemExit, Custom]),
    consumer=strategies.sampled_from(["run", "for", "async for", "await"]),
)
@settings(max_examples=60)
def test_wherever_a_pipeline_raises_one_request_is_sent_and_the_consumer_knows(
    above: list[str], below: list[str], error: type[BaseException], consumer: str
) -> None:
    with (
        ScriptedServer(always(ANSWER)) as server,
        RequestsDifyChat(server.url, api_key="app-test") as chat,
    ):
        observable: Stream = chat.sendChatMessageStream(request())
        for stage in above:
            observable = STAGES[stage](observable)
        observable = observable.map(raises(error("e")))
        for stage in below:
            observable = STAGES[stage](observable)
        assert type(observable) is EventStream
        assert isinstance(caught(lambda: CONSUMERS[consumer](observable)), error)
        join_streams()
        assert len(server.requests) <= 1


OWN_THREAD = ["run", "for", "async for", "await"]  # each brings its scheduler along


@pytest.mark.parametrize("consumer", OWN_THREAD)
def test_an_item_is_through_its_pipeline_before_another_request_is_sent(
    consumer: str, source: Stream, server: ScriptedServer
) -> None:
    """However often that schedules. The whole answer has come, so that `repeat` begins anew."""
    observable = source.repeat()
    for _ in range(8):
        observable = STAGES["buffer"](observable)
    for number in range(1, 11):
        assert isinstance(
            caught(lambda: CONSUMERS[consumer](observable.map(raises(KeyError())))), KeyError
        )
        join_streams()
        assert len(server.requests) == number


@pytest.mark.parametrize("consumer", ["async for", "await"])
def test_so_it_is_where_each_action_takes_longer_than_a_turn_of_the_loop(
    consumer: str, source: Stream, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schedulers, "TURN_SECONDS", 0.0)
    test_an_item_is_through_its_pipeline_before_another_request_is_sent(consumer, source, server)


@pytest.mark.parametrize("consumer", ["for", "async for"])
def test_the_consumer_has_its_item_before_another_request_is_sent(
    consumer: str, source: Stream, server: ScriptedServer
) -> None:
    observable = STAGES["buffer"](source.repeat())

    async def leave() -> None:
        async with contextlib.aclosing(aiterate(observable)) as items:
            await items.__anext__()

    for number in range(1, 11):
        if consumer == "for":
            for _ in observable:
                break
        else:
            asyncio.run(leave())
        join_streams()
        assert len(server.requests) == number


@pytest.mark.parametrize("consumer", OWN_THREAD)
def test_a_pipeline_that_never_rests_keeps_no_stream_waiting(consumer: str, source: Stream) -> None:
    endless = reactivex.of(None).repeat()
    merged = source.merge(endless).take_while(
        lambda item: item is None or item.event != "message_end"
    )
    CONSUMERS[consumer](merged)


@pytest.mark.parametrize("error", RAISED, ids=ids)
def test_what_a_process_raises_is_raised_by_the_consumer(
    error: BaseException, server: ScriptedServer, hooked: list[BaseException | None]
) -> None:
    class Failing(PipelineProcess[ChatMessagePipelineModel]):
        def process(self, context: PipelineContext[ChatMessagePipelineModel]) -> None:
            raise error

    with RequestsDifyChat(server.url, api_key="app-test") as chat:
        chat.addProcess(Failing())
        got = caught(chat.sendChatMessageStream(request()).run)
        join_streams()
    assert error in (got, got.__cause__)


@pytest.mark.parametrize("error", RAISED, ids=ids)
@pytest.mark.parametrize("retried", [False, True])
def test_what_on_next_raises_ends_in_on_error_once(
    retried: bool,
    error: BaseException,
    source: Stream,
    server: ScriptedServer,
    hooked: list[BaseException | None],
) -> None:
    ends: list[Any] = []
    observable = source.retry(3) if retried else source
    observable.subscribe(raises(error), ends.append, lambda: ends.append("completed"))
    join_streams()
    assert ends == [error]
    assert len(server.requests) == 1
    assert hooked == ([] if isinstance(error, Exception) else [error])


@pytest.mark.parametrize("error", RAISED, ids=ids)
def test_an_item_within_subscribe_that_is_not_liked_sends_no_request(
    error: BaseException, source: Stream, server: ScriptedServer
) -> None:
    ends: list[Any] = []
    with contextlib.suppress(type(error)):
        source.start_with(0).retry(3).subscribe(raises(error), ends.append)
    join_streams()
    assert ends == [error]
    assert len(server.requests) <= 1


def test_without_on_error_an_exception_goes_to_the_hook(
    source: Stream, hooked: list[BaseException | None]
) -> None:
    error = KeyError("k")
    source.map(raises(error)).subscribe()
    join_streams()
    source.subscribe(raises(error))
    join_streams()
    assert hooked == [error, error]


@pytest.mark.parametrize("below", ["", "retry", "map"])
def test_what_on_error_and_on_completed_raise_goes_to_the_hook(
    below: str, source: Stream, server: ScriptedServer, hooked: list[BaseException | None]
) -> None:
    first, second = KeyError("first"), KeyError("second")
    observable = {
        "": source,
        "retry": source.retry(3),
        "map": source.retry(3).map(lambda item: item),
    }[below]
    observable.subscribe(None, raises(first), raises(second))
    join_streams()
    assert hooked == [second]
    observable.subscribe(raises(ValueError()), raises(first), raises(second))
    join_streams()
    assert hooked == [second, first]
    assert len(server.requests) == 2


def test_an_exception_after_the_subscriber_has_left_goes_to_the_hook(
    source: Stream, hooked: list[BaseException | None]
) -> None:
    ends: list[Any] = []
    ready = threading.Event()
    error = KeyError("k")

    def leave(item: object) -> None:
        assert ready.wait(TIMEOUT)
        subscription.dispose()
        raise error

    subscription = source.subscribe(leave, ends.append, lambda: ends.append("completed"))
    ready.set()
    join_streams()
    assert (ends, hooked) == ([], [error])


def test_one_of_two_subscribers_that_raises_takes_nothing_from_the_other(
    source: Stream, server: ScriptedServer
) -> None:
    seen: list[Any] = []
    ends: list[Any] = []
    shared = source.publish()
    shared.subscribe(raises(KeyError("k")), ends.append)
    shared.subscribe(seen.append, ends.append, lambda: ends.append("completed"))
    shared.connect()
    join_streams()
    assert len(seen) == 3
    assert [str(end) for end in ends] == ["'k'", "completed"]
    assert len(server.requests) == 1


def test_a_handler_of_catch_that_raises_ends_the_stream(server: ScriptedServer) -> None:
    with (
        ScriptedServer(always(stream(message("x")))) as cut,
        RequestsDifyChat(cut.url, api_key="app-test") as chat,
    ):
        broken = chat.sendChatMessageStream(request()).catch(raises(Custom("c")))
        assert isinstance(caught(broken.run), Custom)
        join_streams()


@pytest.mark.parametrize("consumer", ["run", "await"])
def test_the_last_item_is_the_result(consumer: str, source: Stream) -> None:
    async def last() -> Any:
        return await source.map(lambda item: item.event)

    if consumer == "run":
        assert source.map(lambda item: item.event).run() == "message_end"
    else:
        assert asyncio.run(last()) == "message_end"


@pytest.mark.parametrize("consumer", ["run", "await"])
def test_a_stream_without_items_has_no_last_one(consumer: str, source: Stream) -> None:
    with pytest.raises(SequenceContainsNoElementsError):
        CONSUMERS[consumer](source.filter(lambda item: False))
    assert list(source.filter(lambda item: False)) == []


def test_awaiting_in_a_task_that_is_cancelled_disposes() -> None:
    def script(peer: Peer) -> None:
        peer.receive()
        peer.send(STREAM_HEAD + chunk(message("x")))
        assert peer.sock.recv(1) == b""  # the client has closed
        left.set()

    async def consume(source: Stream) -> None:
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(source, 0.1)

    left = threading.Event()
    with (
        ScriptedServer(script) as server,
        RequestsDifyChat(server.url, api_key="app-test") as chat,
    ):
        asyncio.run(consume(chat.sendChatMessageStream(request())))
        assert left.wait(TIMEOUT)
        join_streams()


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="there are no alarms")
def test_run_that_is_interrupted_disposes() -> None:
    class Limit(Exception):
        pass

    def script(peer: Peer) -> None:
        peer.receive()
        peer.send(STREAM_HEAD + chunk(message("x")))
        assert peer.sock.recv(1) == b""

    before = signal.signal(signal.SIGALRM, raises(Limit()))
    try:
        with (
            ScriptedServer(script) as server,
            RequestsDifyChat(server.url, api_key="app-test") as chat,
        ):
            signal.setitimer(signal.ITIMER_REAL, 0.1)
            with pytest.raises(Limit):
                chat.sendChatMessageStream(request()).run()
            join_streams()
    finally:
        signal.signal(signal.SIGALRM, before)


VARIABLE: contextvars.ContextVar[str] = contextvars.ContextVar("VARIABLE", default="none")


@pytest.mark.parametrize("consumer", CONSUMERS)
def test_functions_see_a_copy_of_the_subscribers_context(
    consumer: str, server: ScriptedServer
) -> None:
    seen: set[str] = set()

    class Noting(PipelineProcess[ChatMessagePipelineModel]):
        def process(self, context: PipelineContext[ChatMessagePipelineModel]) -> None:
            seen.add(f"process {VARIABLE.get()}")

    def note(item: object) -> None:
        seen.add(f"operator {VARIABLE.get()}")
        VARIABLE.set("changed")
        VARIABLE.set("set")

    with RequestsDifyChat(server.url, api_key="app-test") as chat:
        chat.addProcess(Noting())
        noted = chat.sendChatMessageStream(request()).do_action(note)
        token = VARIABLE.set("set")
        try:
            CONSUMERS[consumer](noted)
            assert VARIABLE.get() == "set"
        finally:
            VARIABLE.reset(token)
        join_streams()
    assert seen == {"process set", "operator set"}


def test_plain_observables_made_of_streams_end_too(source: Stream) -> None:
    merged = reactivex.merge(source, source).pipe(ops.to_dict(raises(KeyError("k"))))
    with pytest.raises(KeyError):
        list(iterate(merged))


# -- asyncio ------------------------------------------------------------------------------------


def test_a_wait_for_an_item_may_time_out_and_go_on() -> None:
    released = threading.Event()

    def script(peer: Peer) -> None:
        peer.receive()
        peer.send(STREAM_HEAD)
        assert released.wait(TIMEOUT)
        peer.send(ANSWER[len(STREAM_HEAD) :])

    async def relay(source: Stream) -> list[str]:
        written: list[str] = []
        async with contextlib.aclosing(aiterate(source)) as items:
            while True:
                try:
                    item = await asyncio.wait_for(items.__anext__(), 0.02)
                except asyncio.TimeoutError:
                    written.append("heartbeat")
                    if len(written) == 3:
                        released.set()
                except StopAsyncIteration:
                    return written
                else:
                    written.append(str(item.event))

    with (
        ScriptedServer(script) as server,
        RequestsDifyChat(server.url, api_key="app-test") as chat,
    ):
        written = asyncio.run(relay(chat.sendChatMessageStream(request())))
    assert written[:3] == ["heartbeat"] * 3
    assert [word for word in written if word != "heartbeat"] == [
        "message",
        "message",
        "message_end",
    ]


def test_the_first_item_of_an_iterator_that_nobody_keeps_comes(source: Stream) -> None:
    async def first() -> Any:
        return await aiterate(source).__anext__()

    assert asyncio.run(first()).event == "message"


@pytest.mark.parametrize("how", ["break", "aclosing", "a task that is cancelled", "a global"])
def test_an_async_loop_that_is_left_leaves_no_connection(how: str) -> None:
    left = threading.Event()
    kept: list[Any] = []

    def script(peer: Peer) -> None:
        peer.receive()
        peer.send(STREAM_HEAD + chunk(message("x")))
        assert peer.sock.recv(1) == b""
        left.set()

    async def consume(source: Stream) -> None:
        if how == "break":
            async for _ in source:
                break
            # the loop goes on, and holds nothing
            await asyncio.to_thread(left.wait, TIMEOUT)
        elif how == "aclosing":
            async with contextlib.aclosing(aiterate(source)) as items:
                await items.__anext__()
            await asyncio.to_thread(left.wait, TIMEOUT)
        elif how == "a global":
            kept.append(aiterate(source))
            await kept[0].__anext__()
        else:
            task = asyncio.ensure_future(read_all(source))
            while not kept:
                await asyncio.sleep(0.001)
            task.cancel()
            # the task is done, and its traceback is kept; the loop goes on
            await asyncio.wait([task])
            assert await asyncio.to_thread(left.wait, TIMEOUT)

    async def read_all(source: Stream) -> None:
        async for item in source:
            kept.append(item)

    with (
        ScriptedServer(script) as server,
        RequestsDifyChat(server.url, api_key="app-test") as chat,
    ):
        asyncio.run(consume(chat.sendChatMessageStream(request())))
        assert left.wait(TIMEOUT)
        join_streams()


def test_a_loop_that_was_closed_by_hand_leaves_no_stream_behind() -> None:
    """Nobody will take an item any more: the stream is disposed of, though its iterator lives."""
    left = threading.Event()

    def script(peer: Peer) -> None:
        peer.receive()
        peer.send(STREAM_HEAD + chunk(message("x")))
        peer.wait_closed()
        left.set()

    with (
        ScriptedServer(script) as server,
        RequestsDifyChat(server.url, api_key="app-test") as chat,
    ):
        items = aiterate(chat.sendChatMessageStream(request()))
        loop = asyncio.new_event_loop()
        loop.run_until_complete(items.__anext__())
        loop.close()
        assert left.wait(TIMEOUT)
        join_streams()
        del items


def test_many_streams_that_are_left_do_not_hold_the_loop() -> None:
    count = 30

    def script(peer: Peer) -> None:
        peer.receive()
        with contextlib.suppress(OSError):
            peer.send(STREAM_HEAD)
            while True:
                peer.send(chunk(message("x" * 100)) * 10)

    async def consume(chat: RequestsDifyChat) -> float:
        streams = [aiterate(chat.sendChatMessageStream(request())) for _ in range(count)]
        for items in streams:
            await items.__anext__()
        loop = asyncio.get_running_loop()
        begun = loop.time()
        for items in streams:
            await items.aclose()
        return loop.time() - begun

    with (
        ScriptedServer(script) as server,
        RequestsDifyChat(server.url, api_key="app-test") as chat,
    ):
        assert asyncio.run(consume(chat)) < count * 0.02 / 2
        join_streams()


def test_an_item_that_comes_while_nobody_waits_is_kept(source: Stream) -> None:
    async def consume() -> list[str | None]:
        items = aiterate(source, prefetch=1)
        events = [(await items.__anext__()).event]
        for _ in range(3):
            task = asyncio.ensure_future(items.__anext__())
            await asyncio.sleep(0)
            if not task.done():
                task.cancel()
            with contextlib.suppress(asyncio.CancelledError, StopAsyncIteration):
                events.append((await task).event)
        return events + [item.event async for item in items]

    assert asyncio.run(consume()) == ["message", "message", "message_end"]
