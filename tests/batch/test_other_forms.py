"""The same as an Observable and for `async for`, on real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from typing import Any

import pytest
from reactivex import operators as ops

from dify_java_compat import AsyncDifyChat, ChatMessageSendRequest, EventStream, RequestsDifyChat
from dify_java_compat.batch import Answered, ask_all_async, ask_all_stream
from dify_java_compat.emulator import DifyEmulator
from dify_java_compat.errors import IllegalArgumentException
from tests.batch.service import Service, answer, question, questions, too_many
from tests.support import TIMEOUT
from tests.support.frames import STREAM_HEAD, chunks, data_frame

Form = Callable[..., list[Answered[Any, Any]]]


def by_stream(chat: RequestsDifyChat, requests: Any, **settings: Any) -> list[Answered[Any, Any]]:
    return list(ask_all_stream(chat, requests, **settings))


def by_loop(chat: RequestsDifyChat, requests: Any, **settings: Any) -> list[Answered[Any, Any]]:
    async def main() -> list[Answered[Any, Any]]:
        return [each async for each in ask_all_async(chat, requests, **settings)]

    return asyncio.run(main())


FORMS = pytest.mark.parametrize("form", [by_stream, by_loop])


def held_but_the_first(text_seen: threading.Event) -> Service:
    """q0 has its answer once another question is there; the others' answers do not end."""

    def respond(text: str, before: int) -> bytes:
        if text != "q0":
            text_seen.set()
            return begun_stream(text)
        assert text_seen.wait(TIMEOUT)
        return answer(text)

    return Service(respond)


def begun_stream(text: str) -> bytes:
    event = {"event": "message", "task_id": f"task-{text}", "answer": "so f"}
    return STREAM_HEAD + chunks(data_frame(event))


@FORMS
@pytest.mark.parametrize("app", ["chat", "agent-chat", "advanced-chat"])
def test_every_kind_of_app(form: Form, dify_emulator: DifyEmulator, app: str) -> None:
    with RequestsDifyChat(dify_emulator.base_url, api_key=dify_emulator.keys[app]) as chat:
        results = form(chat, list(questions(20)), ordered=True)
    assert [each.index for each in results] == list(range(20))
    assert [each.error for each in results] == [None] * 20


@FORMS
def test_so_many_are_open_and_no_more(form: Form) -> None:
    together = threading.Barrier(5)

    def respond(text: str, before: int) -> bytes:
        together.wait(TIMEOUT)
        return answer(text)

    service = Service(respond)
    with service.chat() as chat:
        assert len(form(chat, list(questions(20)), concurrency=5)) == 20
    assert service.peak == 5


@FORMS
def test_a_refused_question_is_sent_again(form: Form) -> None:
    service = Service(lambda text, before: answer(text) if before else too_many())
    with service.chat() as chat:
        assert [each.tries for each in form(chat, list(questions(3)), retries=20)] == [2, 2, 2]


@FORMS
def test_an_iterable_that_raises_raises_behind_the_results(form: Form) -> None:
    def broken() -> Iterator[ChatMessageSendRequest]:
        yield question("q0")
        raise KeyError("the file is torn")

    service = Service()
    with service.chat() as chat, pytest.raises(KeyError, match="torn"):
        form(chat, broken())
    assert service.times == {"q0": 1}


@pytest.mark.parametrize("form", [ask_all_stream, ask_all_async])
def test_arguments_are_checked_at_once(form: Callable[..., object]) -> None:
    with Service().chat() as chat:
        with pytest.raises(IllegalArgumentException, match="concurrency"):
            form(chat, [], concurrency=0)
        with pytest.raises(IllegalArgumentException, match="requests"):
            form(chat, 3)


# -- the Observable ------------------------------------------------------------------------------


def test_a_stream_of_results_is_an_event_stream() -> None:
    service = Service()
    with service.chat() as chat:
        stream = ask_all_stream(chat, list(questions(5)))
        assert isinstance(stream, EventStream)
        assert service.times == {}
        texts = stream.pipe(ops.map(lambda each: each.answer or ""), ops.to_list()).run()
        assert sorted(texts) == [f"q{n}" for n in range(5)]
        stream.run()
    assert set(service.times.values()) == {2}


def test_dispose_stops_what_is_open_and_delivers_nothing_more() -> None:
    service = held_but_the_first(threading.Event())
    received: list[object] = []
    first = threading.Event()

    def on_next(result: Answered[Any, Any]) -> None:
        received.append(result)
        first.set()

    with service.chat() as chat:
        subscription = ask_all_stream(chat, list(questions(2)), concurrency=2).subscribe(
            on_next, received.append, lambda: received.append("completed")
        )
        assert first.wait(TIMEOUT)
        subscription.dispose()
        assert service.stop_seen.wait(TIMEOUT)
    assert service.stopped == {"task-q1"}
    assert len(received) == 1


def test_dispose_does_not_wait_for_the_iterable() -> None:
    seen, waiting, go_on = threading.Event(), threading.Event(), threading.Event()

    def respond(text: str, before: int) -> bytes:
        seen.set()
        return begun_stream(text)

    service = Service(respond)

    def slow() -> Iterator[ChatMessageSendRequest]:
        yield question("q0")
        waiting.set()
        assert go_on.wait(TIMEOUT)
        yield question("q1")

    with service.chat() as chat:
        subscription = ask_all_stream(chat, slow()).subscribe(lambda _: None)
        assert waiting.wait(TIMEOUT)
        assert seen.wait(TIMEOUT)
        subscription.dispose()
        assert service.stop_seen.wait(TIMEOUT)
        go_on.set()
    assert service.stopped == {"task-q0"}
    assert "q1" not in service.times


def test_what_on_next_raises_ends_the_batch() -> None:
    over = threading.Event()
    errors: list[object] = []

    def on_next(result: Answered[Any, Any]) -> None:
        raise ValueError("mine")

    def on_error(error: Exception) -> None:
        errors.append(error)
        over.set()

    with Service().chat() as chat:
        ask_all_stream(chat, list(questions(50)), concurrency=1).subscribe(on_next, on_error)
        assert over.wait(TIMEOUT)
    assert [str(error) for error in errors] == ["mine"]


def test_the_functions_run_in_the_context_of_the_subscriber() -> None:
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="none")
    variable.set("mine")
    found: list[str] = []
    over = threading.Event()
    with Service().chat() as chat:
        ask_all_stream(chat, list(questions(1))).subscribe(
            lambda _: found.append(variable.get()), on_completed=over.set
        )
        assert over.wait(TIMEOUT)
    assert found == ["mine"]


# -- the event loop ------------------------------------------------------------------------------


def run(main: Callable[[RequestsDifyChat], Coroutine[Any, Any, None]], service: Service) -> None:
    with service.chat() as chat:
        asyncio.run(main(chat))


def test_an_asynchronous_iterable_is_waited_for_while_answers_arrive() -> None:
    async def main(chat: RequestsDifyChat) -> None:
        first_is_here = asyncio.Event()

        async def requests() -> AsyncIterator[ChatMessageSendRequest]:
            yield question("q0")
            await first_is_here.wait()
            yield question("q1")

        results = []
        async for each in ask_all_async(chat, requests()):
            results.append(each.answer)
            first_is_here.set()
        assert results == ["q0", "q1"]

    run(main, Service())


def test_an_asynchronous_iterable_that_raises() -> None:
    async def main(chat: RequestsDifyChat) -> None:
        async def requests() -> AsyncIterator[ChatMessageSendRequest]:
            yield question("q0")
            raise KeyError("torn")

        results = []

        async def collect() -> None:
            async for each in ask_all_async(chat, requests()):
                results.append(each.answer)

        with pytest.raises(KeyError, match="torn"):
            await collect()
        assert results == ["q0"]

    run(main, Service())


def test_a_loop_that_is_left_stops_what_is_open() -> None:
    service = held_but_the_first(threading.Event())

    async def main(chat: RequestsDifyChat) -> None:
        results = ask_all_async(chat, list(questions(2)), concurrency=2)
        async with contextlib.aclosing(results):
            async for each in results:
                assert each.index == 0
                break
        await asyncio.to_thread(service.stop_seen.wait, TIMEOUT)

    run(main, service)
    assert service.stopped == {"task-q1"}


def test_a_task_that_is_cancelled_stops_what_is_open() -> None:
    seen = threading.Event()

    def respond(text: str, before: int) -> bytes:
        seen.set()
        return begun_stream(text)

    service = Service(respond)

    async def main(chat: RequestsDifyChat) -> None:
        async def ask() -> None:
            async for _ in ask_all_async(chat.aio, list(questions(1))):
                pass

        task = asyncio.create_task(ask())
        await asyncio.to_thread(seen.wait, TIMEOUT)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.to_thread(service.stop_seen.wait, TIMEOUT)

    run(main, service)
    assert service.stopped == {"task-q0"}


def test_the_coroutine_facade_has_it_too(dify_emulator: DifyEmulator) -> None:
    async def main() -> int:
        key = dify_emulator.keys["chat"]
        async with AsyncDifyChat(dify_emulator.base_url, api_key=key) as chat:
            return len([each async for each in ask_all_async(chat, list(questions(9)))])

    assert asyncio.run(main()) == 9
