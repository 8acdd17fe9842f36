"""One question and its answer."""

import json
import os
import threading
from pathlib import Path
from typing import Any

import pytest

from dify_java_compat.emulator import DifyEmulator
from tests.support.frames import CONVERSATION, MESSAGE, TASK, event, message, response, stream

from .conftest import Ask
from .history import as_server, stored
from .processes import Live, prepared, run
from .servers import KEY, Server, held, message_end


def test_embedded_emulator_answers_and_says_so() -> None:
    ended = run("你好")
    assert ended.code == 0
    assert ended.out.startswith("你说的是：“你好”。")
    assert ended.out.endswith("\n")
    assert ended.out.count("\n") == 1
    said, facts = ended.lines
    assert "embedded emulator" in said
    assert "http://127.0.0.1:" in said
    costs, _, ids = facts.partition("; ")
    assert [cost.split()[-1] for cost in costs.split(", ")] == ["tokens", "USD", "s"]
    names = [fact.partition("=")[0] for fact in ids.split()]
    assert names == ["conversation_id", "message_id", "task_id"]


@pytest.mark.parametrize("app", ["chat", "agent", "chatflow"])
def test_app_of_the_emulator(app: str) -> None:
    quick = prepared("import dify_java_compat.cli.command as c; c._TOKEN_PAUSE = 0")
    ended = run("--app", app, "Hi", how=quick)
    assert (ended.code, ended.out.startswith('You said: "Hi".')) == (0, True)
    assert f"({app} app, " in ended.lines[0]
    assert len(ended.lines) == 2


def test_embedded_emulator_is_asked_directly_behind_a_proxy() -> None:
    with Server() as proxy:
        ended = run("Hi", env=dict.fromkeys(("HTTP_PROXY", "ALL_PROXY", "http_proxy"), proxy.url))
    assert (ended.code, proxy.lines) == (0, [])


def test_answer_is_shown_as_it_comes() -> None:
    more = threading.Event()
    answer = held(message("你"), until=lambda _: more, then=(message("好"), message_end()))
    with (
        Server(chat_messages=answer) as server,
        Live("Hi", "--url", server.url, "--api-key", KEY) as live,
    ):
        assert live.out("你") == "你"
        more.set()
        ended = live.end()
    assert (ended.code, ended.out) == (0, "你好\n")
    assert ended.lines == [
        "7 tokens, 0.0000420 USD, 1.25 s;"
        f" conversation_id={CONVERSATION} message_id={MESSAGE} task_id={TASK}"
    ]


def test_server_is_named_by_options_or_environment() -> None:
    with Server(chat_messages=stream(message("a"), message_end())) as server:
        for args, env in [
            (["--url", server.url, "--api-key", KEY], {}),
            ([], {"DIFY_URL": server.url + "/v1/", "DIFY_API_KEY": KEY}),
            (["--api-key", KEY], {"DIFY_URL": server.url}),
            (
                ["--url", server.url, "--api-key", KEY],
                {"DIFY_URL": "http://127.0.0.1:1", "DIFY_API_KEY": "app-another"},
            ),
        ]:
            ended = run("Hi", *args, env=env)
            assert (ended.code, ended.out, len(ended.lines)) == (0, "a\n", 1)
    assert server.lines == ["POST /v1/chat-messages"] * 4
    assert all(sent.headers["authorization"] == f"Bearer {KEY}" for sent in server.requests)


def test_key_alone_asks_localhost_and_says_so() -> None:
    with Server(chat_messages=stream(message("a"), message_end())) as proxy:
        ended = run("Hi", "--api-key", KEY, env={"http_proxy": proxy.url})
    assert (ended.code, ended.out) == (0, "a\n")
    assert ended.lines[0] == "no --url given: asking http://localhost/v1"
    assert proxy.lines == ["POST http://localhost/v1/chat-messages"]


def test_user_and_prompt_reach_the_server() -> None:
    with Server(chat_messages=stream(message("a"), message_end())) as server:
        run("你好 🙂", env=server.env)
        run("--user", "李", "--", "-x", env=server.env)
    sent = [request.json for request in server.requests]
    assert [(s["user"], s["query"]) for s in sent] == [("dify-chat", "你好 🙂"), ("李", "-x")]
    assert {s["response_mode"] for s in sent} == {"streaming"}
    assert not any("conversation_id" in s for s in sent)


def test_conversation_goes_on(ask: Ask, dify_emulator: DifyEmulator) -> None:
    first = ask("One")
    conversation = first.fact("conversation_id")
    second = ask("Two", "--conversation", conversation)
    assert second.fact("conversation_id") == conversation
    assert [m["query"] for m in stored(dify_emulator, conversation)] == ["One", "Two"]
    assert ask("Three", "--conversation", "").fact("conversation_id") != conversation


def test_blocking(ask: Ask) -> None:
    ended = ask("Hi", "--blocking")
    assert (ended.code, ended.out) == (0, ask("Hi").out)
    assert len(ended.lines) == 1
    assert "tokens" in ended.lines[0]
    assert ended.fact("task_id")


def test_agent_refuses_blocking(dify_emulator: DifyEmulator) -> None:
    key = dify_emulator.keys["agent-chat"]
    ended = run("Hi", "--blocking", env=as_server(dify_emulator, key))
    assert (ended.code, ended.out) == (1, "")
    (line,) = ended.lines
    assert "Agent Chat App does not support blocking mode - leave out --blocking" in line


def test_events_are_json_lines(ask: Ask) -> None:
    ended = ask("你好", "--events")
    events = [json.loads(line) for line in ended.out.splitlines()]
    assert ended.code == 0
    assert [e["event"] for e in events][-1] == "message_end"
    assert "".join(e.get("answer", "") for e in events) == ask("你好").out.rstrip("\n")
    assert "你好" in ended.out
    assert '"event":"message"' in ended.out
    assert len(ended.lines) == 1


def test_events_have_what_no_field_knows_and_half_characters() -> None:
    odd = event("quite_new", data={"x": 1}, 新=[None, "\u2028"])
    half = message("?").replace(b"?", b"\\ud83d")
    with Server(chat_messages=stream(odd, half, message_end())) as server:
        ended = run("Hi", "--events", env=server.env)
    lines: list[Any] = [json.loads(line) for line in ended.out.rstrip("\n").split("\n")]
    assert (lines[0]["event"], lines[0]["新"]) == ("quite_new", [None, "\u2028"])
    assert lines[1]["answer"] == "\ud83d"
    assert ended.code == 0


def test_blocking_events_are_the_answer_in_one_line(ask: Ask) -> None:
    ended = ask("你好", "--blocking", "--events")
    answer = json.loads(ended.out)
    assert (answer["event"], ended.out.count("\n")) == ("message", 1)
    assert answer["answer"].startswith("你说的是：“你好”。")


@pytest.mark.parametrize("args", [(), ("-",)])
def test_prompt_from_a_pipe(args: tuple[str, ...]) -> None:
    with Server(chat_messages=stream(message("a"), message_end())) as server:
        ended = run(*args, stdin="两\n行\r\n\n".encode(), env=server.env)
    assert (ended.code, server.requests[0].json["query"]) == (0, "两\n行")


def test_pipe_is_left_alone_when_there_is_a_prompt() -> None:
    with Server(chat_messages=stream(message("a"), message_end())) as server:
        run("Hi", stdin=b"not this", env=server.env)
    assert server.requests[0].json["query"] == "Hi"


def test_files_are_uploaded_and_sent(ask: Ask, dify_emulator: DifyEmulator, tmp_path: Path) -> None:
    (tmp_path / "图.png").write_bytes(b"\x89PNG")
    (tmp_path / "notes.txt").write_text("some notes")
    ended = ask("Look", "--file", str(tmp_path / "图.png"), "--file", str(tmp_path / "notes.txt"))
    assert ended.code == 0
    assert "2 attached files" in ended.out
    (told,) = stored(dify_emulator, ended.fact("conversation_id"))
    assert told["answer"] == ended.out.rstrip("\n")
    assert [(f["filename"], f["type"]) for f in told["message_files"]] == [
        ("图.png", "image"),
        ("notes.txt", "document"),
    ]


def test_file_may_be_a_pipe(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    uploaded = response(b'{"id":"f1","mime_type":"image/png"}', "201 Created")
    answer = stream(message("a"), message_end())
    with Server(upload=uploaded, chat_messages=answer) as server:
        writer = threading.Thread(target=fifo.write_bytes, args=(b"from a pipe",))
        writer.start()
        ended = run("Hi", "--file", str(fifo), env=server.env)
        writer.join()
    upload, chat = server.requests
    assert (ended.code, upload.line) == (0, "POST /v1/files/upload")
    assert b"from a pipe" in upload.body
    sent = {"type": "image", "transfer_method": "local_file", "upload_file_id": "f1"}
    assert chat.json["files"] == [sent]


def shown(*events: bytes) -> tuple[str, list[str]]:
    with Server(chat_messages=stream(*events)) as server:
        ended = run("Hi", env=server.env)
    assert ended.code == 0, ended.err
    *said, _ = ended.lines
    return ended.out, said


def test_text_comes_from_every_event_that_has_some() -> None:
    told = shown(
        event("message_file", url="http://x/y.png", type="image"),
        event("message_file", answer="a"),
        event("agent_thought", id="t", thought="hidden"),
        event("agent_message", answer="b"),
        event("message_file", answer="c"),
        message_end(),
        event("tts_message", audio="QUJD"),
        event("tts_message_end", audio=""),
    )
    assert told == ("abc\n", [])


def test_replacement_is_shown_on_a_new_line() -> None:
    told = shown(message("bad"), event("message_replace", answer="good"), message_end())
    assert told == ("bad\ngood\n", ["the answer is another in the end, and follows"])


def _finished(answer: str) -> bytes:
    return event("workflow_finished", data={"outputs": {"answer": answer}})


def test_final_answer_follows_where_it_is_another() -> None:
    out, said = shown(
        message("half a "), event("node_retry", data={}), message("whole"), _finished("whole")
    )
    assert (out, len(said)) == ("half a whole\nwhole\n", 1)
    assert "another in the end" in said[0]


@pytest.mark.parametrize("whole", ["ab", " ab\n"])
def test_final_answer_that_repeats_the_text_is_silent(whole: str) -> None:
    assert shown(message("a"), message("b"), _finished(whole), message_end()) == ("ab\n", [])


def test_final_answer_that_goes_on_completes_the_text() -> None:
    assert shown(message("a"), _finished("abc"), message_end()) == ("abc\n", [])


def test_closing_message_of_a_new_agent_is_not_shown_twice() -> None:
    spoken = [event("agent_message", answer="a"), event("agent_message", answer="b")]
    assert shown(*spoken, message("ab"), message_end()) == ("ab\n", [])
    out, said = shown(*spoken, message("other"), message_end())
    assert (out, len(said)) == ("ab\nother\n", 1)


def test_odd_usage_costs_no_answer() -> None:
    for usage in (
        message_end(total_tokens="many", total_price="cheap", latency="long"),
        message_end(total_price=None, latency=None, currency=None),
        event("message_end", metadata="none"),
        event("message_end"),
    ):
        assert shown(message("a"), usage) == ("a\n", [])
