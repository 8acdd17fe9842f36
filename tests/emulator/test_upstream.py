"""A model behind the emulator, played by a server that speaks plain bytes."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from dify_java_compat.emulator import DifyEmulator
from dify_java_compat.emulator.model.upstream import Upstream
from tests.support import TIMEOUT, sockets
from tests.support.client import request_bytes
from tests.support.frames import (
    LAST_CHUNK,
    STREAM_HEAD,
    chunk,
    data_frame,
    response,
    stream,
)

from .caller import Caller
from .openai_like import DONE, WAIT, OpenAiLike, delta

SECRET = "sk-very-secret"
USAGE = data_frame(
    {"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}}
)
HELLO = stream(delta("Hel"), delta("lo, "), delta("世界"), delta(None, "stop"), USAGE, DONE)
TALKERS = pytest.mark.parametrize("key", ["app-chat", "app-agent", "app-chatflow"])


@contextmanager
def emulated(server: OpenAiLike, **more: Any) -> Iterator[DifyEmulator]:
    with DifyEmulator(
        version="1.12", upstream=server.url, model="tiny", upstream_key=SECRET, **more
    ) as emulator:
        yield emulator


@TALKERS
def test_the_model_answers(key: str) -> None:
    with OpenAiLike(HELLO) as server, emulated(server) as emulator:
        caller = Caller(emulator, key)
        answer = caller.say("Hi")
        assert [one["answer"] for one in answer.events if one.get("answer")] == [
            "Hel", "lo, ", "世界",
        ]  # fmt: skip
        usage = next(one for one in answer.events if one["event"] == "message_end")
        counted = usage["metadata"]["usage"]
        assert (counted["prompt_tokens"], counted["completion_tokens"]) == (7, 3)
        (stored,) = caller.messages(usage["conversation_id"])
        assert stored["answer"] == "Hello, 世界"
        (request,) = server.requests
    assert request.line == "POST /v1/chat/completions"
    assert request.headers["authorization"] == f"Bearer {SECRET}"
    assert request.json == {
        "model": "tiny",
        "messages": [{"role": "user", "content": "Hi"}],
        "stream": True,
        "stream_options": {"include_usage": True},
    }


@pytest.mark.parametrize("key", ["app-chat", "app-chatflow"])
def test_the_model_answers_at_once(key: str) -> None:
    with OpenAiLike(HELLO) as server, emulated(server) as emulator:
        told = Caller(emulator, key).say("Hi", "blocking").json()
    assert told["answer"] == "Hello, 世界"
    assert told["metadata"]["usage"]["total_tokens"] == 10


def test_it_is_told_of_the_conversation() -> None:
    with OpenAiLike(HELLO) as server, emulated(server) as emulator:
        caller = Caller(emulator)
        emulator.reply("mute", answer="")
        conversation_id = caller.say("One").events[0]["conversation_id"]
        caller.say("mute", conversation_id=conversation_id)
        caller.say("Two", conversation_id=conversation_id)
        assert [one["content"] for one in server.requests[-1].json["messages"]] == [
            "One", "Hello, 世界", "Two",
        ]  # fmt: skip


@pytest.mark.parametrize("size", [1, 2, 7])
def test_characters_may_arrive_in_halves(size: int) -> None:
    frames = delta("é你😀") + b": comment\r\n\r\n" + delta("ж", "stop").replace(b"\n", b"\r\n")
    pieces = [chunk(frames[at : at + size]) for at in range(0, len(frames), size)]
    with OpenAiLike(STREAM_HEAD, *pieces, LAST_CHUNK) as server, emulated(server) as emulator:
        assert Caller(emulator).say().text == "é你😀ж"


def test_pieces_arrive_before_the_answer_ends() -> None:
    with OpenAiLike(STREAM_HEAD, chunk(delta("now")), WAIT) as server:
        with emulated(server, ping_seconds=0.05) as emulator:
            reader, chunks = Caller(emulator).open_stream()
            first = next(one for one in chunks if one != b"event: ping\n\n")
            assert json.loads(first.removeprefix(b"data: "))["answer"] == "now"
            assert next(chunks) == b"event: ping\n\n"
            reader.close()


@TALKERS
def test_stop_closes_its_connection_and_keeps_the_part(key: str) -> None:
    with (
        OpenAiLike(STREAM_HEAD, chunk(delta("so far")), WAIT) as server,
        emulated(server) as emulator,
    ):
        caller = Caller(emulator, key)
        reader, chunks = caller.open_stream()
        told = next(one for one in chunks if b"so far" in one)
        known = json.loads(told.removeprefix(b"data: "))
        caller.stop(known["task_id"])
        rest = list(chunks)
        assert b'"message_end"' in rest[-1]
        assert server.gone.wait(TIMEOUT)
        reader.close()
        assert caller.messages(known["conversation_id"])[0]["answer"] == "so far"


@pytest.mark.parametrize("key", ["app-chat", "app-agent"])
def test_a_client_that_leaves_closes_its_connection(key: str) -> None:
    with (
        OpenAiLike(STREAM_HEAD, chunk(delta("so far")), WAIT) as server,
        emulated(server) as emulator,
    ):
        reader, chunks = Caller(emulator, key).open_stream()
        next(chunks)
        reader.close()
        assert server.gone.wait(TIMEOUT)


def test_closing_the_emulator_closes_its_connection() -> None:
    with OpenAiLike(STREAM_HEAD, WAIT) as server, emulated(server) as emulator:
        caller = Caller(emulator, "app-chatflow")
        reader, chunks = caller.open_stream()
        next(chunks)
        emulator.close()
        assert server.gone.wait(TIMEOUT)
        reader.close()
    assert not [one for one in threading.enumerate() if one.name.startswith("dify-emulator")]


FAILING = [
    ([response(b'{"error": {"message": "wrong key sk-very-secret!"}}', "401 Unauthorized")],
     "the model answered 401: wrong key ***!"),
    ([response(b'{"error": "model \'tiny\' not found"}', "404 Not Found")],
     "the model answered 404: model 'tiny' not found"),
    ([response(b"<html>bad</html>", "502 Bad Gateway")],
     "the model answered 502: <html>bad</html>"),
    ([stream(delta("a"), data_frame({"error": {"message": "overloaded"}}))],
     "the model failed: overloaded"),
    ([stream(delta("a"), b"data: {not json\n\n")], "something else than events"),
    ([stream(data_frame({"choices": [1]}))], "something else than events"),
    ([stream(delta("a"))], "broke off"),
    ([STREAM_HEAD, chunk(delta("a"))], "broke off|cannot be reached"),
    ([STREAM_HEAD, chunk(delta("a"))[:9]], "broke off|cannot be reached"),
    ([b"rubbish\r\n\r\n"], "cannot be reached"),
    ([], "cannot be reached"),
    ([response(b'{"choices": []}')], "broke off"),
]  # fmt: skip


@pytest.mark.parametrize(("writes", "reason"), FAILING)
@pytest.mark.parametrize("mode", ["streaming", "blocking"])
def test_a_model_that_fails_fails_as_on_dify(mode: str, writes: list[Any], reason: str) -> None:
    with OpenAiLike(*writes) as server, emulated(server) as emulator:
        answer = Caller(emulator).say(mode=mode)
    told = answer.events[-1] if mode == "streaming" else answer.json()
    assert answer.status == (200 if mode == "streaming" else 400)
    assert (told["code"], told["status"]) == ("completion_request_error", 400)
    assert any(part in told["message"] for part in reason.split("|"))
    assert SECRET.encode() not in answer.body


def test_a_model_that_is_not_there() -> None:
    with (
        sockets.refusing_port() as port,
        DifyEmulator(
            version="1.12", upstream=f"http://127.0.0.1:{port}/v1/", model="tiny"
        ) as emulator,
    ):
        flow = Caller(emulator, "app-chatflow").say()
    assert flow.names[-3:] == ["node_finished", "workflow_finished", "error"]
    assert "cannot be reached" in flow.events[-1]["message"]


def test_a_reply_comes_before_the_model_and_may_delay_it() -> None:
    with OpenAiLike(HELLO) as server, emulated(server, token_pause=0.0) as emulator:
        emulator.reply("own", answer="mine")
        emulator.reply("slow", delay=0.01)
        caller = Caller(emulator)
        assert caller.say("own").text == "mine"
        assert server.requests == []
        assert caller.say("slow").text == "Hello, 世界"
        reader = caller.connect()
        reader.send(request_bytes("GET", "/v1/info", "app-chat"))
        assert reader.response().status == 200
        reader.close()


@pytest.mark.parametrize(
    "wrong",
    [
        {"upstream": "http://x/v1"},
        {"model": "m"},
        {"upstream_key": SECRET},
        {"upstream": "localhost:11434", "model": "m"},
        {"upstream": f"http://u:{SECRET}@x/v1", "model": "m"},
        {"upstream": f"http://x/v1?key={SECRET}", "model": "m"},
    ],
)
def test_nonsense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="upstream") as refused:
        DifyEmulator(**wrong)
    assert SECRET not in str(refused.value)


def test_the_key_is_not_shown() -> None:
    assert SECRET not in repr(Upstream("http://x/v1", "m", SECRET))
