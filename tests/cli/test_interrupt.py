"""Ctrl-C while an answer comes."""

import threading

import pytest

from dify_java_compat.emulator import DifyEmulator
from tests.support.frames import CONVERSATION, TASK, dify_error, error_event, event, message
from tests.support.server import Peer

from .history import as_server, stored
from .processes import Live, prepared, run
from .servers import KEY, Server, held, message_end

ENDLESS = held(message("one "), until=lambda server: server.closing)


def test_stops_the_answer_on_the_server_and_shows_its_last_words() -> None:
    last = (message("two"), message_end(total_tokens=0, latency=0.5))
    answer = held(message("one "), until=lambda server: server.stopped, then=last)
    with Server(chat_messages=answer) as server, Live("Hi", "--user", "李", env=server.env) as live:
        live.out("one ")
        live.interrupt()
        ended = live.end()
    assert (ended.code, ended.out) == (130, "one two\n")
    (line,) = ended.lines
    assert line.startswith("stopped; 0.50 s; ")
    assert f"conversation_id={CONVERSATION}" in line
    ask, stop = server.requests
    assert stop.line == f"POST /v1/chat-messages/{TASK}/stop"
    assert stop.json == {"user": "李"}
    assert stop.headers["authorization"] == f"Bearer {KEY}"
    assert ask.json["user"] == "李"


@pytest.mark.parametrize("app", ["chat", "agent-chat", "advanced-chat"])
def test_dify_keeps_what_came(slow: DifyEmulator, app: str) -> None:
    with Live("Hi", env=as_server(slow, slow.keys[app])) as live:
        live.out("You")
        live.interrupt()
        ended = live.end()
    assert (ended.code, len(ended.lines)) == (130, 1)
    assert ended.out.startswith("You")
    assert "at any time." not in ended.out
    (kept,) = stored(slow, ended.fact("conversation_id"), app=app)
    assert kept["answer"].strip() == ended.out.strip()


def test_while_the_command_starts() -> None:
    """Sent where requests is imported, which takes the most time of it."""
    at_import = (
        "import signal; sys.meta_path.insert(0, type('', (), {'find_spec': staticmethod("
        "lambda name, *_: name == 'requests' and signal.raise_signal(signal.SIGINT) or None)}))"
    )
    ended = run("Hi", how=prepared(at_import))
    assert (ended.code, ended.out, ended.err) == (130, "", "")


def test_stops_the_embedded_emulator() -> None:
    slowly = prepared("import dify_java_compat.cli.command as c; c._TOKEN_PAUSE = 0.3")
    with Live("Hi", how=slowly) as live:
        live.out("You")
        live.interrupt()
        ended = live.end()
    assert ended.code == 130
    assert "at any time." not in ended.out
    said, facts = ended.lines
    assert "embedded emulator" in said
    assert facts.startswith("stopped; ")


def test_waits_for_the_task_it_has_to_stop() -> None:
    begin = threading.Event()
    answer = held(until=lambda _: begin, then=(message("late"), message_end()))
    with Server(chat_messages=answer) as server:
        trace = "import logging; logging.basicConfig(level=logging.DEBUG, format='%(message)s')"
        with Live("Hi", how=prepared(trace), env=server.env) as live:
            live.err("POST /v1/chat-messages -> 200")
            live.interrupt()
            begin.set()
            ended = live.end()
    assert (ended.code, ended.out) == (130, "late\n")
    assert "stopped; " in ended.err


def test_server_that_goes_on_is_left() -> None:
    briefly = prepared("import dify_java_compat.cli.session as c; c._STOP_SECONDS = 0.25")
    with Server(chat_messages=ENDLESS) as server:
        with Live("Hi", how=briefly, env=server.env) as live:
            live.out("one ")
            live.interrupt()
            ended = live.end()
        assert server.stopped.is_set()
    assert (ended.code, ended.out) == (130, "one \n")
    assert ended.lines[0] == "Dify did not end the answer within 0.25 s"


def test_stop_that_fails_is_told() -> None:
    last = (message("two"), message_end())
    refused = threading.Event()

    def refuse(server: Server, peer: Peer) -> None:
        peer.send(dify_error("403 FORBIDDEN", "forbidden", "Not you."))

    answer = held(message("one "), until=lambda _: refused, then=last)
    with Server(chat_messages=answer, stop=refuse) as server, Live("Hi", env=server.env) as live:
        live.out("one ")
        live.interrupt()
        live.err("could not be stopped: status 403, forbidden: Not you.")
        refused.set()
        ended = live.end()
    assert (ended.code, ended.out) == (130, "one two\n")


def test_error_after_a_stop_is_told_but_the_code_is_130() -> None:
    last = (event("workflow_finished", data={"status": "failed"}), error_event("Aborted"))
    answer = held(message("one "), until=lambda server: server.stopped, then=last)
    with Server(chat_messages=answer) as server, Live("Hi", env=server.env) as live:
        live.out("one ")
        live.interrupt()
        ended = live.end()
    assert (ended.code, ended.out) == (130, "one \n")
    assert "Aborted" in ended.lines[-1]


def test_second_one_leaves_at_once() -> None:
    patiently = prepared("import dify_java_compat.cli.session as c; c._STOP_SECONDS = 600.0")
    with Server(chat_messages=ENDLESS) as server, Live("Hi", how=patiently, env=server.env) as live:
        live.out("one ")
        live.interrupt()
        server.stopped.wait()
        live.interrupt()
        ended = live.end()
    assert (ended.code, ended.out, ended.err) == (130, "one ", "")


def test_of_a_blocking_question() -> None:
    asked = threading.Event()

    def silent(server: Server, peer: Peer) -> None:
        asked.set()
        server.closing.wait()

    with Server(chat_messages=silent) as server, Live("Hi", "--blocking", env=server.env) as live:
        asked.wait()
        live.interrupt()
        ended = live.end()
    assert (ended.code, ended.out, ended.err) == (130, "", "")


def test_is_ignored_where_the_shell_says_so() -> None:
    go_on = threading.Event()
    deaf = prepared("import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)")
    answer = held(message("one "), until=lambda _: go_on, then=(message("two"), message_end()))
    with Server(chat_messages=answer) as server:
        with Live("Hi", how=deaf, env=server.env) as live:
            live.out("one ")
            live.interrupt()
            go_on.set()
            ended = live.end()
        assert not server.stopped.is_set()
    assert (ended.code, ended.out) == (0, "one two\n")


def test_before_the_first_byte_of_an_answer() -> None:
    briefly = prepared("import dify_java_compat.cli.session as c; c._STOP_SECONDS = 0.25")
    asked = threading.Event()

    def silent(server: Server, peer: Peer) -> None:
        asked.set()
        server.closing.wait()

    with Server(chat_messages=silent) as server:
        with Live("Hi", how=briefly, env=server.env) as live:
            asked.wait()
            live.interrupt()
            ended = live.end()
        assert not server.stopped.is_set()
    assert (ended.code, ended.out) == (130, "")
    assert ended.lines == ["Dify did not end the answer within 0.25 s"]
