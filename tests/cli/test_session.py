"""A session at a terminal."""

from pathlib import Path

import pytest

from dify_java_compat.emulator import DifyEmulator
from tests.support.frames import dify_error, message, response, stream

from .history import as_server, stored
from .processes import Live
from .servers import KEY, Server, held, message_end

ANSWER = stream(message("fine"), message_end())


def facts(live: Live, count: int) -> None:
    """Wait until that many answers are complete."""
    live.err("task_id=", count)


@pytest.mark.parametrize("screen", [False, True])
def test_conversation_is_kept_until_a_new_one(dify_emulator: DifyEmulator, screen: bool) -> None:
    env = as_server(dify_emulator, dify_emulator.keys["chat"])
    with Live(terminal=True, screen=screen, env=env) as live:
        prompt = live.out if screen else live.err
        assert "/new" in live.err("type what you want to ask")
        for number, line in enumerate(["你好", "Two", "/new", "Three"], 1):
            prompt("> ", number)
            live.enter(line + "\n")
        prompt("> ", 5)
        live.enter("/quit\n")
        ended = live.end()
    assert ended.code == 0
    assert "你说的是：“你好”。" in ended.out
    assert 'You said: "Three".' in ended.out
    if not screen:
        assert ">" not in ended.out
        assert ended.out.count("\n") == 3
    ids = [
        line.partition("conversation_id=")[2].split()[0]
        for line in ended.err.splitlines()
        if "conversation_id=" in line
    ]
    assert ids[0] == ids[1] != ids[2]
    assert [m["query"] for m in stored(dify_emulator, ids[0])] == ["你好", "Two"]
    assert [m["query"] for m in stored(dify_emulator, ids[2])] == ["Three"]


def test_of_the_embedded_emulator_ends_at_the_end_of_input() -> None:
    with Live(terminal=True) as live:
        live.err("embedded emulator")
        live.err("> ")
        live.enter("Hi\n")
        live.err("> ", 2)
        live.enter("\x04")
        ended = live.end()
    assert ended.code == 0
    assert ended.out.startswith('You said: "Hi".')
    assert ended.err.endswith("\n")


def test_goes_on_with_a_given_conversation_and_sends_files_once(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"PNG")
    uploaded = response(b'{"id":"f1","mime_type":"image/png"}', "201 Created")
    with (
        Server(chat_messages=ANSWER, upload=uploaded) as server,
        Live("--conversation", "c0", "--file", str(path), terminal=True, env=server.env) as live,
    ):
        for number in (1, 2):
            live.err("> ", number)
            live.enter("Hi\n")
        live.err("> ", 3)
        live.enter("\x04")
        assert live.end().code == 0
    upload, first, second = server.requests
    assert upload.line == "POST /v1/files/upload"
    assert [file["upload_file_id"] for file in first.json["files"]] == ["f1"]
    assert first.json["conversation_id"] == "c0"
    assert "files" not in second.json


def test_file_whose_upload_failed_is_sent_whole_the_next_time(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"all of it")
    refused = dify_error("403 FORBIDDEN", "forbidden", "no")
    with (
        Server(upload=refused, chat_messages=ANSWER) as server,
        Live("--file", str(path), terminal=True, env=server.env) as live,
    ):
        for number in (1, 2):
            live.err("> ", number)
            live.enter("Hi\n")
        live.err("> ", 3)
        live.enter("\x04")
        live.end()
    assert [b"all of it" in request.body for request in server.requests] == [True, True]


def test_goes_on_after_an_error() -> None:
    broken = dify_error("400 BAD REQUEST", "provider_quota_exceeded", "No money.")
    with (
        Server(chat_messages=broken) as server,
        Live("--conversation", "c0", terminal=True, env=server.env) as live,
    ):
        for number in (1, 2):
            live.err("> ", number)
            live.enter("Hi\n")
        live.err("> ", 3)
        live.enter("\x04")
        ended = live.end()
    assert (ended.code, ended.out) == (0, "")
    assert ended.err.count("provider_quota_exceeded: No money.\n") == 2
    assert [request.json["conversation_id"] for request in server.requests] == ["c0", "c0"]


def test_unknown_commands_and_blank_lines_ask_nothing() -> None:
    with Server(chat_messages=ANSWER) as server, Live(terminal=True, env=server.env) as live:
        for number, line in enumerate(["", "  ", "/help", "/", "/etc/hosts is what?"], 1):
            live.err("> ", number)
            live.enter(line + "\n")
        live.err("> ", 6)
        live.enter("/quit\n")
        ended = live.end()
    assert ended.code == 0
    assert ended.err.count("/new begins") == 3
    assert [request.json["query"] for request in server.requests] == ["/etc/hosts is what?"]


@pytest.mark.parametrize("screen", [False, True])
def test_interrupt_stops_the_answer_and_the_session_goes_on(
    slow: DifyEmulator, screen: bool
) -> None:
    env = as_server(slow, slow.keys["advanced-chat"])
    with Live(terminal=True, screen=screen, env=env) as live:
        prompt = live.out if screen else live.err
        for number in (1, 2):
            prompt("> ", number)
            live.enter("Hi\n")
            live.out("You", number)
            live.interrupt()
            facts(live, number)
        prompt("> ", 3)
        live.enter("/quit\n")
        ended = live.end()
    assert ended.code == 0
    assert ended.err.count("stopped; ") == 2
    assert "any time." not in ended.out
    kept = stored(slow, ended.fact("conversation_id"), app="advanced-chat")
    assert [m["query"] for m in kept] == ["Hi", "Hi"]
    # a 1.14 keeps what came of a stopped chatflow, or loses it: the emulator in turns
    assert kept[0]["answer"].startswith("You")
    assert kept[1]["answer"] == ""


def test_second_interrupt_of_an_answer_leaves() -> None:
    answer = held(message("one "), until=lambda server: server.closing)
    with Server(chat_messages=answer) as server, Live(terminal=True, env=server.env) as live:
        live.err("> ")
        live.enter("Hi\n")
        live.out("one ")
        live.interrupt()
        server.stopped.wait()
        live.interrupt()
        ended = live.end()
    assert (ended.code, ended.out) == (130, "one ")


@pytest.mark.parametrize("screen", [False, True])
def test_interrupt_at_the_prompt_hints_and_the_next_leaves(screen: bool) -> None:
    with (
        Server(chat_messages=ANSWER) as server,
        Live(terminal=True, screen=screen, env=server.env) as live,
    ):
        prompt = live.out if screen else live.err
        prompt("> ")
        live.interrupt_prompt()
        live.err("Ctrl-C again leaves")
        prompt("> ", 2)
        live.enter("Hi\n")  # who asks again does not want to leave
        facts(live, 1)
        live.interrupt_prompt()
        live.err("Ctrl-C again leaves", 2)
        live.interrupt_prompt()
        ended = live.end()
    assert ended.code == 130
    assert "fine\n" in ended.out


def test_history_brings_a_line_back() -> None:
    with (
        Server(chat_messages=ANSWER) as server,
        Live(screen=True, env={**server.env, "TERM": "xterm"}) as live,
    ):
        live.out("> ")
        live.enter("Hello\n")
        live.out("> ", 2)
        live.enter("\x1b[A\n")
        live.out("> ", 3)
        live.enter("/quit\n")
        assert live.end().code == 0
    assert [request.json["query"] for request in server.requests] == ["Hello", "Hello"]


def test_key_is_never_shown() -> None:
    with (
        Server(chat_messages=dify_error("401 UNAUTHORIZED", "unauthorized", KEY)) as server,
        Live("--api-key", KEY, screen=True, env={"DIFY_URL": server.url}) as live,
    ):
        live.out("> ")
        live.enter("Hi\n")
        live.err("is the API key right?")
        live.enter("/quit\n")
        ended = live.end()
    assert KEY not in ended.out + ended.err
