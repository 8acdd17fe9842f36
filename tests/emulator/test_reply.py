"""What a test lays down for prompts: answers, events, delays, failures, statuses."""

import json
import re
import time
from collections.abc import Callable
from typing import Any

import pytest

from dify_java_compat.emulator import DifyEmulator
from tests.support.client import Connection, request_bytes

from .caller import Caller

STREAMED = pytest.mark.parametrize("mode", ["streaming", "blocking"])
TALKERS = pytest.mark.parametrize("key", ["app-chat", "app-agent", "app-chatflow", "app-plain"])


def said(caller: Caller, query: str = "Hello", mode: str = "streaming") -> str:
    answer = caller.say(query, mode)
    assert answer.status == 200, answer
    return answer.text if mode == "streaming" else str(answer.json()["answer"])


@TALKERS
def test_a_text_is_said_and_kept(app: Callable[[str], Caller], key: str) -> None:
    caller = app(key)
    caller.emulator.reply(answer="Ça va? 你好，世界。\n ok")
    events = caller.say().events
    assert "".join(one.get("answer", "") for one in events) == "Ça va? 你好，世界。\n ok"
    (stored,) = caller.messages(events[0]["conversation_id"])
    assert (stored["answer"], stored["status"]) == ("Ça va? 你好，世界。\n ok", "normal")


@STREAMED
def test_pieces_are_sent_as_they_are(emulator: DifyEmulator, chat: Caller, mode: str) -> None:
    pieces = ["a", "bc ", "", "\ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16")]
    emulator.reply(answer=pieces)
    answer = chat.say(mode=mode)
    if mode == "blocking":
        assert answer.json()["answer"] == "".join(pieces)
    else:
        assert [one["answer"] for one in answer.events[:4]] == pieces


@STREAMED
def test_a_function_answers_the_prompt(emulator: DifyEmulator, chat: Caller, mode: str) -> None:
    emulator.reply("up", answer=str.upper)
    emulator.reply("list", answer=lambda query: query.split())
    assert said(chat, "speak up", mode) == "SPEAK UP"
    assert said(chat, "a list", mode) == "alist"


def test_when_chooses_the_prompt(emulator: DifyEmulator, chat: Caller) -> None:
    usual = said(chat)
    emulator.reply("part", answer="1")
    emulator.reply(re.compile(r"^\d+$"), answer="2")
    emulator.reply(lambda body: body["user"] == "bob", answer="3")
    asked = ["some parts", "x42", "42", "Hello"]
    assert [said(chat, query)[:1] for query in asked] == ["1", "Y", "2", "Y"]
    assert said(Caller(emulator, user="bob"), "some parts") == "3"
    assert said(chat) == usual


def test_the_last_one_holds_until_it_is_used_up_or_removed(
    emulator: DifyEmulator, chat: Caller
) -> None:
    usual = said(chat)
    first = emulator.reply(answer="first")
    second = emulator.reply(answer="second", times=2)
    assert [said(chat) for _ in range(4)] == ["second", "second", "first", "first"]
    assert (first.used, second.used) == (2, 2)
    first.remove()
    first.remove()
    second.remove()
    assert said(chat) == usual


def test_moderation_and_annotations_come_before_it(app: Callable[[str], Caller]) -> None:
    moderated = app("app-moderated")
    rule = moderated.emulator.reply(answer="said", times=1)
    assert said(moderated, "a forbidden word") == "INPUT BLOCKED 拦截"
    assert said(moderated, "a secret word") == "said"
    assert rule.used == 1


def test_what_is_said_is_moderated(app: Callable[[str], Caller]) -> None:
    moderated = app("app-moderated")
    moderated.emulator.reply(answer="a secret, too")
    assert moderated.say().names == ["message", "message_replace", "message_end"]


RAW: list[Any] = [
    {"event": "message", "answer": "Hi"},
    {"event": "message", "answer": " you", "id": "mine", "conversation_id": None},
    {"event": "made_up", "data": {"x": [1, "二"]}},
    "data: {not json\n\n",
    b"event: odd\ndata: \xff\xfe\n\n",
    ": a comment\n\n",
    {"event": "error", "code": "c", "status": 418, "message": "m"},
]


@TALKERS
def test_events_are_sent_exactly(app: Callable[[str], Caller], key: str) -> None:
    caller = app(key)
    caller.emulator.reply(events=RAW)
    answer = caller.say()
    assert answer.complete
    assert answer.header("Content-Type") == "text/event-stream; charset=utf-8"
    chunks = answer.chunks or []
    assert len(chunks) == len(RAW)
    assert [chunk for chunk, event in zip(chunks, RAW, strict=True) if isinstance(event, str)] == [
        b"data: {not json\n\n", b": a comment\n\n",
    ]  # fmt: skip
    assert chunks[4] == RAW[4]
    first, second, made_up, error = (
        json.loads(chunks[index].removeprefix(b"data: ")) for index in (0, 1, 2, 6)
    )
    assert first["answer"] == "Hi"
    assert next(iter(first)) == "event"
    assert first["id"] == first["message_id"] == second["message_id"]
    assert (second["id"], second["conversation_id"]) == ("mine", None)
    assert made_up["data"] == {"x": [1, "二"]}
    assert "id" not in made_up
    ids = {"task_id", "message_id", "conversation_id", "created_at"}
    assert ids <= made_up.keys()
    assert error.keys() & ids == ids - {"task_id"}
    (stored,) = caller.messages(first["conversation_id"])
    assert stored["answer"] == "Hi you"


def test_events_told_at_once_are_their_text(emulator: DifyEmulator, chat: Caller) -> None:
    emulator.reply(events=RAW)
    assert said(chat, mode="blocking") == "Hi you"


def test_an_iterator_of_events_serves_many_prompts(emulator: DifyEmulator, chat: Caller) -> None:
    emulator.reply(events=(event for event in RAW[:1]))
    assert [said(chat), said(chat)] == ["Hi", "Hi"]


def test_events_can_be_stopped() -> None:
    with DifyEmulator(version="1.12", token_pause=0.1) as emulator:
        caller = Caller(emulator)
        emulator.reply(events=[{"event": "message", "answer": "Hi"}] * 200)
        reader, chunks = caller.open_stream()
        caller.stop(json.loads(next(chunks).removeprefix(b"data: "))["task_id"])
        rest = list(chunks)
        assert len(rest) < 199
        assert b'"message_end"' in rest[-1]
        reader.close()


@pytest.mark.parametrize("key", ["app-chat", "app-plain"])
def test_thought_delays_even_the_head(key: str) -> None:
    with DifyEmulator(version="1.12", token_pause=0.0, ping_seconds=30.0) as emulator:
        caller = Caller(emulator, key)
        emulator.reply(delay=60.0)
        reader = caller.connect()
        reader.send(request_bytes("POST", "/v1/chat-messages", key, caller.message()))
        reader.sock.settimeout(0.2)
        with pytest.raises(TimeoutError):
            reader.sock.recv(1)
        reader.close()


def test_thought_is_filled_with_pings() -> None:
    with DifyEmulator(version="1.12", token_pause=0.0, ping_seconds=0.05) as emulator:
        emulator.reply(delay=60.0)
        reader, chunks = Caller(emulator).open_stream()
        assert [next(chunks), next(chunks)] == [b"event: ping\n\n"] * 2
        reader.close()


def test_a_chatflow_that_thinks_has_begun() -> None:
    with DifyEmulator(version="1.12", token_pause=0.0) as emulator:
        flow = Caller(emulator, "app-chatflow")
        emulator.reply(delay=60.0)
        reader, chunks = flow.open_stream()
        events = [json.loads(next(chunks).removeprefix(b"data: ")) for _ in range(4)]
        assert events[-1]["data"]["node_id"] == "llm"
        flow.stop(events[0]["task_id"])
        assert b'"workflow_finished"' in next(chunks)
        reader.close()


@STREAMED
def test_a_status_may_be_late(emulator: DifyEmulator, chat: Caller, mode: str) -> None:
    emulator.reply(delay=0.1, status=503)
    started = time.monotonic()
    assert chat.say(mode=mode).status == 503
    assert time.monotonic() - started >= 0.1


@STREAMED
def test_thought_can_be_short(emulator: DifyEmulator, chat: Caller, mode: str) -> None:
    emulator.reply(delay=0.01)
    assert "Hello" in said(chat, mode=mode)


FAILURES = [
    ("completion_request_error", 400),
    ("provider_not_initialize", 400),
    ("provider_quota_exceeded", 400),
    ("model_currently_not_support", 400),
    ("invalid_param", 400),
    ("internal_server_error", 500),
]


@pytest.mark.parametrize(("code", "status"), FAILURES)
@pytest.mark.parametrize("begun", [None, "Well, "])
@pytest.mark.parametrize("key", ["app-chat", "app-agent", "app-chatflow"])
def test_a_model_that_fails_is_told_of_in_the_stream(
    app: Callable[[str], Caller], key: str, begun: str | None, code: str, status: int
) -> None:
    caller = app(key)
    caller.emulator.reply(answer=begun, error=f"{code}: it broke")
    answer = caller.say()
    assert answer.complete
    assert answer.text == (begun or "")
    last = answer.events[-1]
    flow = key == "app-chatflow"
    expected = (
        ("invalid_param", 400, "Run failed: it broke") if flow else (code, status, "it broke")
    )
    assert (last["event"], last["code"], last["status"], last["message"]) == ("error", *expected)
    assert "task_id" not in last
    if flow:
        node, finished = answer.events[-3:-1]
        assert (node["data"]["status"], node["data"]["error"]) == ("failed", "it broke")
        assert (finished["data"]["status"], finished["data"]["error"]) == ("failed", "it broke")
        run = caller.get(f"/workflows/run/{finished['data']['id']}").json()
        assert (run["status"], run["error"]) == ("failed", "it broke")
    (stored,) = caller.messages(last["conversation_id"])
    assert (stored["answer"], stored["status"], stored["error"]) == ("", "error", expected[2])


@pytest.mark.parametrize(("code", "status"), FAILURES)
def test_a_model_that_fails_is_the_error_of_a_blocking_answer(
    emulator: DifyEmulator, chat: Caller, code: str, status: int
) -> None:
    emulator.reply(answer="Well", error=code)
    answer = chat.say(mode="blocking")
    told = answer.json()
    assert (answer.status, told["code"], told["status"]) == (status, code, status)
    assert told["message"]
    conversation = chat.get("/conversations?user=ann").json()["data"][0]["id"]
    (stored,) = chat.messages(conversation)
    assert (stored["status"], stored["error"]) == ("error", told["message"])


@STREAMED
@pytest.mark.parametrize("code", ["rate_limit_error", "too_many_requests", "app_unavailable"])
def test_what_is_found_out_before_is_a_status(
    emulator: DifyEmulator, chat: Caller, code: str, mode: str
) -> None:
    emulator.reply(error=code)
    answer = chat.say(mode=mode)
    expected = 400 if code == "app_unavailable" else 429
    assert (answer.status, answer.json()["code"]) == (expected, code)
    assert chat.get("/conversations?user=ann").json()["data"] == []


@STREAMED
@pytest.mark.parametrize(
    ("status", "code"),
    [(400, "bad_request"), (404, "not_found"), (429, "too_many_requests"),
     (500, "internal_server_error"), (502, "bad_gateway"), (504, "gateway_timeout")],
)  # fmt: skip
def test_a_status_is_an_answer_with_that_status(
    emulator: DifyEmulator, chat: Caller, status: int, code: str, mode: str
) -> None:
    emulator.reply(status=status)
    answer = chat.say(mode=mode)
    assert (answer.status, answer.json()["code"], answer.json()["status"]) == (status, code, status)
    emulator.reply(status=status, error="rate_limit_error: slow down")
    told = chat.say(mode=mode).json()
    assert told == {"code": "rate_limit_error", "message": "slow down", "status": status}


def test_the_place_of_a_failed_answer_is_free(app: Callable[[str], Caller]) -> None:
    limited = app("app-limited")
    limited.emulator.reply(error="completion_request_error", times=2)
    limited.emulator.reply(status=503, times=1)
    assert limited.say().status == 503
    assert limited.say().names == ["error"]
    assert limited.say(mode="blocking").status == 400
    assert limited.say().names == ["message", "message_end"]


def test_a_failing_model_does_not_speak_either(emulator: DifyEmulator, chat: Caller) -> None:
    emulator.reply("boom", error="provider_quota_exceeded", times=1)
    emulator.reply("boom", answer="nothing to do with speech")
    answer = chat.post("/text-to-audio", {"text": "boom", "user": "ann"})
    assert answer.status_line == "HTTP/1.1 500 Internal Server Error"
    assert answer.header("Content-Type") == "text/html"
    assert chat.post("/text-to-audio", {"text": "boom", "user": "ann"}).status == 200


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({}, "needs an answer"),
        ({"delay": -1}, "not negative"),
        ({"answer": "a", "status": 500}, "a status or an answer"),
        ({"events": [], "answer": "a"}, "whole answer"),
        ({"status": 200}, "not the status of an error"),
        ({"status": 799}, "not the status of an error"),
        ({"answer": "a", "times": 0}, "at least 1"),
        ({"error": "completion_reqest_error"}, "did you mean 'completion_request_error'"),
        ({"error": "banana"}, "known are completion_request_error"),
    ],
)
def test_nonsense_is_refused_when_it_is_laid_down(wrong: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        DifyEmulator().reply(**wrong)


def test_what_is_no_condition_is_refused() -> None:
    with pytest.raises(TypeError, match="when"):
        DifyEmulator().reply(42, answer="a")  # type: ignore[arg-type]


def test_a_condition_that_fails_is_a_crash_of_the_server(
    emulator: DifyEmulator, chat: Caller, caplog: pytest.LogCaptureFixture
) -> None:
    emulator.reply(lambda body: bool(body["absent"]), answer="a")
    assert chat.say().status == 500
    assert "KeyError" in caplog.text
    assert chat.get("/info").status == 200


def test_replies_can_be_laid_down_while_it_answers() -> None:
    with DifyEmulator(version="1.12", token_pause=0.01) as emulator:
        caller = Caller(emulator)
        reader, chunks = caller.open_stream()
        next(chunks)
        emulator.reply(answer="new")
        assert said(caller) == "new"
        _drain(reader, list(chunks))


def _drain(reader: Connection, rest: list[bytes]) -> None:
    assert b'"message_end"' in rest[-1]
    reader.close()
