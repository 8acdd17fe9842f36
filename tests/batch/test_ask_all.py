"""Many questions in a loop, on real sockets."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from dify_java_compat import ChatMessageSendRequest, RequestsDifyChat
from dify_java_compat.batch import Answered, ask_all
from dify_java_compat.emulator import DifyEmulator, faults
from dify_java_compat.errors import (
    ConnectionException,
    IllegalArgumentException,
    ServerErrorException,
    StreamInterruptedException,
    TooManyRequestsException,
)
from tests.batch.service import Service, answer, question, questions, too_many, with_retry_after
from tests.support import TIMEOUT
from tests.support.frames import STREAM_HEAD, chunks, data_frame, dify_error, response
from tests.support.hostile import NO_NUMBERS


@pytest.mark.parametrize("app", ["chat", "agent-chat", "advanced-chat"])
def test_every_kind_of_app(dify_emulator: DifyEmulator, app: str) -> None:
    with RequestsDifyChat(dify_emulator.base_url, api_key=dify_emulator.keys[app]) as chat:
        requests = list(questions(20))
        results = sorted(ask_all(chat, requests, concurrency=4), key=lambda each: each.index)
    assert [each.index for each in results] == list(range(20))
    for each, request in zip(results, requests, strict=True):
        assert each.error is None
        assert each.request is request
        assert each.tries == 1
        assert each.answer
        assert f"q{each.index}" in each.answer
        assert each.usage is not None
        assert each.usage.total_tokens
        assert each.seconds > 0


def test_so_many_are_open_and_no_more() -> None:
    together = threading.Barrier(5)

    def respond(text: str, before: int) -> bytes:
        together.wait(TIMEOUT)
        return answer(text)

    service = Service(respond)
    with service.chat() as chat:
        assert len(list(ask_all(chat, questions(20), concurrency=5))) == 20
    assert service.peak == 5


def test_the_limit_of_the_client_holds_too() -> None:
    service = Service()
    with (
        service.chat() as chat,
        RequestsDifyChat(
            chat.base_url, type(chat._config)(max_requests=3), api_key="app-key"
        ) as limited,
    ):
        assert len(list(ask_all(limited, questions(30), concurrency=10))) == 30
    assert service.peak <= 3


def test_requests_are_taken_when_there_is_room() -> None:
    taken = itertools.count()
    last = 0

    def endless() -> Iterator[ChatMessageSendRequest]:
        nonlocal last
        for last in taken:
            yield question(f"q{last}")

    with Service().chat() as chat:
        for number, _ in enumerate(ask_all(chat, endless(), concurrency=4)):
            assert last <= number + 5
            if number == 50:
                break


def test_in_order_while_the_first_takes_longest() -> None:
    others = threading.Event()
    service = Service()

    def respond(text: str, before: int) -> bytes:
        if text == "q0":
            assert others.wait(TIMEOUT)
        if text == "q15":  # the last that may be ahead of the first
            others.set()
        return answer(text)

    service.respond = respond
    with service.chat() as chat:
        results = list(ask_all(chat, questions(40), concurrency=4, ordered=True))
        assert [each.index for each in results] == list(range(40))


def test_an_ordered_batch_does_not_run_away() -> None:
    service = Service()
    held = threading.Event()
    service.respond = lambda text, before: (
        answer(text) if text != "q0" or held.wait(TIMEOUT) else b""
    )
    taken = 0

    def counted() -> Iterator[ChatMessageSendRequest]:
        nonlocal taken
        for taken, each in enumerate(questions(100), 1):
            if taken == 16:
                held.set()
            assert held.is_set() or taken <= 16
            yield each

    with service.chat() as chat:
        assert len(list(ask_all(chat, counted(), concurrency=4, ordered=True))) == 100


# -- what is sent again --------------------------------------------------------------------------


def test_a_refused_question_is_sent_again() -> None:
    service = Service(lambda text, before: answer(text) if before else too_many())
    with service.chat() as chat:
        results = list(ask_all(chat, questions(6), concurrency=2, retries=20))
    assert all(each.error is None and each.tries == 2 for each in results)
    assert set(service.times.values()) == {2}


def test_retry_after_holds_the_whole_batch() -> None:
    used_up = dify_error("429 TOO MANY REQUESTS", "rate_limit_error", "Used up.")
    held = with_retry_after(used_up, 1)
    service = Service(lambda text, before: answer(text) if text != "q0" else held)
    with service.chat() as chat:
        results = list(ask_all(chat, questions(3), concurrency=1))
    assert [each.tries for each in results] == [1, 1, 1]
    assert service.sent_at[1] - service.sent_at[0] >= 1.0


def test_a_refused_question_waits_for_as_long_as_the_server_says() -> None:
    held = with_retry_after(too_many(), 1)
    service = Service(lambda text, before: answer(text) if before else held)
    with service.chat() as chat:
        (result,) = ask_all(chat, questions(1))
    assert result.tries == 2
    assert service.sent_at[1] - service.sent_at[0] >= 1.0
    assert result.seconds < 1.0  # of the last try


def test_refusals_without_end_end() -> None:
    service = Service(lambda text, before: too_many())
    with service.chat() as chat:
        (result,) = ask_all(chat, questions(1), retries=2)
    assert isinstance(result.error, TooManyRequestsException)
    assert result.tries == 3
    assert result.response is None
    assert result.answer is None


def test_a_server_that_is_not_there_is_tried_again() -> None:
    with Service().chat() as chat:
        url = chat.base_url
    with RequestsDifyChat(url, api_key="app-key") as chat:
        (result,) = ask_all(chat, questions(1), retries=1)
    assert isinstance(result.error, ConnectionException)
    assert result.tries == 2


FAILURES = {
    "a gateway": (response(b"<html>", "502 BAD GATEWAY", "text/html"), ServerErrorException),
    "cut before its end": (
        STREAM_HEAD + chunks(data_frame({"event": "message", "answer": "so f"})),
        StreamInterruptedException,
    ),
    "a quota": (
        dify_error("429 TOO MANY REQUESTS", "rate_limit_error", "Used up."),
        TooManyRequestsException,
    ),
}


@pytest.mark.parametrize("name", FAILURES)
def test_what_may_have_cost_money_is_not_sent_again(name: str) -> None:
    data, kind = FAILURES[name]
    service = Service(lambda text, before: data if text == "q1" else answer(text))
    with _closing(service).chat() as chat:
        results = sorted(ask_all(chat, questions(4)), key=lambda each: each.index)
    assert [each.error is None for each in results] == [True, False, True, True]
    assert isinstance(results[1].error, kind)
    assert results[1].tries == 1
    assert service.times["q1"] == 1


@pytest.mark.parametrize("name", FAILURES)
def test_but_where_the_caller_says_so(name: str) -> None:
    data, kind = FAILURES[name]
    service = Service(lambda text, before: answer(text) if before == 2 else data)
    met: list[Exception] = []

    def ask_again(error: Exception) -> bool:
        met.append(error)
        return True

    with _closing(service).chat() as chat:
        (result,) = ask_all(chat, questions(1), ask_again=ask_again)
    assert result.answer == "q0"
    assert result.tries == 3
    assert [type(error) for error in met] == [kind, kind]


def test_a_failure_has_what_came_of_the_answer() -> None:
    service = Service(lambda text, before: FAILURES["cut before its end"][0])
    with _closing(service).chat() as chat:
        (result,) = ask_all(chat, questions(1))
    assert isinstance(result.error, StreamInterruptedException)
    assert result.error.partial.answer == "so f"


def _closing(service: Service) -> Service:
    """A service that closes each connection behind its response."""
    service.closes = True
    return service


# -- how it ends ---------------------------------------------------------------------------------


def test_leaving_the_loop_stops_what_is_open() -> None:
    service = Service()
    begun = STREAM_HEAD + chunks(data_frame({"event": "message", "task_id": "t", "answer": "a"}))
    open_ones = threading.Semaphore(0)

    def respond(text: str, before: int) -> bytes:
        if text == "q0":
            assert open_ones.acquire(timeout=TIMEOUT)
            return answer(text)
        open_ones.release()
        return begun.replace(b'"t"', b'"%s"' % text.encode()[:1])

    service.respond = respond
    with service.chat() as chat:
        for result in ask_all(chat, questions(3), concurrency=2):
            assert result.index == 0
            break
        assert service.stop_seen.wait(TIMEOUT)
    assert service.stopped == {"q"}


def test_an_iterable_that_raises_loses_nothing_that_is_open() -> None:
    def broken() -> Iterator[ChatMessageSendRequest]:
        yield from questions(5)
        raise KeyError("the file is torn")

    results: list[Answered[Any, Any]] = []
    with Service().chat() as chat, pytest.raises(KeyError, match="torn"):
        results.extend(ask_all(chat, broken(), concurrency=3))
    assert sorted(each.index for each in results) == list(range(5))


def test_a_request_that_cannot_work_is_a_result() -> None:
    service = Service()
    requests = [question("q0"), ChatMessageSendRequest(user_id="ann"), "q2", question("q3")]
    with service.chat() as chat:
        results = list(ask_all(chat, requests, ordered=True))  # type: ignore[arg-type]
    assert [each.tries for each in results] == [1, 0, 0, 1]
    assert all(isinstance(each.error, IllegalArgumentException) for each in results[1:3])
    assert sum(service.times.values()) == 2


def test_no_questions() -> None:
    with Service().chat() as chat:
        assert list(ask_all(chat, [])) == []


def test_per_second() -> None:
    service = Service()
    with service.chat() as chat:
        assert len(list(ask_all(chat, questions(11), per_second=50))) == 11
    assert service.sent_at[-1] - service.sent_at[0] >= 9 / 50  # the first opens its connection


def test_a_fault_of_the_emulator_is_one_result(dify_emulator: DifyEmulator) -> None:
    dify_emulator.fault(faults.Status(502, html=True), when="q3")
    with RequestsDifyChat(dify_emulator.base_url, api_key=dify_emulator.keys["chat"]) as chat:
        results = list(ask_all(chat, questions(8), ordered=True))
    assert [each.index for each in results if each.error] == [3]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("concurrency", 0),
        ("concurrency", True),
        ("concurrency", 2.0),
        ("retries", -1),
        ("per_second", 0),
        ("per_second", float("inf")),
        ("per_second", float("nan")),
        ("per_second", "5"),
        ("ask_again", 3),
        ("per_second", 5e-324),
        *(("per_second", value) for value in NO_NUMBERS.values()),
        *(("concurrency", value) for value in NO_NUMBERS.values()),
        *(("retries", value) for value in NO_NUMBERS.values()),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_arguments_that_cannot_work(name: str, value: object) -> None:
    with Service().chat() as chat, pytest.raises(IllegalArgumentException, match=name):
        ask_all(chat, [], **{name: value})  # type: ignore[arg-type]


@pytest.mark.parametrize("requests", [question("one"), 3, None])
def test_requests_must_be_many(requests: object) -> None:
    with Service().chat() as chat, pytest.raises(IllegalArgumentException, match="requests"):
        ask_all(chat, requests)  # type: ignore[arg-type]


def test_chat_must_be_a_client() -> None:
    with pytest.raises(IllegalArgumentException, match="chat"):
        ask_all(object(), [])  # type: ignore[arg-type]
