"""Exit code 1: what went wrong with Dify, in one clear line."""

import re

import pytest

from dify_java_compat.emulator import DifyEmulator
from tests.support import sockets
from tests.support.frames import CONVERSATION, dify_error, error_event, message, response, stream

from .conftest import Ask
from .history import as_server
from .processes import Ended, prepared, run
from .servers import KEY, Server, message_end


def failed(answer: bytes, *args: str) -> Ended:
    with Server(chat_messages=answer, upload=answer) as server:
        ended = run("Hi", *args, env=server.env)
    assert ended.code == 1
    assert KEY not in ended.out + ended.err
    return ended


@pytest.mark.parametrize("args", [(), ("--blocking",), ("--events",), ("--file", __file__)])
def test_wrong_key(dify_emulator: DifyEmulator, args: tuple[str, ...]) -> None:
    ended = run("Hi", *args, env=as_server(dify_emulator, KEY))
    assert (ended.code, ended.out) == (1, "")
    (line,) = ended.lines
    assert line == (
        "status 401, unauthorized: Access token is invalid - is the API key right?"
        " dify-chat doctor says more"
    )


def test_html_404_is_told_in_one_line() -> None:
    page = "<!doctype html>\n<title>404</title>\n<h1>Not Found</h1>\n"
    (line,) = failed(response(page.encode(), "404 NOT FOUND", "text/html")).lines
    assert re.fullmatch(
        r"status 404, text/html: 404 Not Found; base_url is http://127\.0\.0\.1:\d+"
        r" - is that the address of a Dify API\? dify-chat doctor says more",
        line,
    )


def test_web_page_instead_of_an_answer() -> None:
    page = response(b"<html>\n<body>Welcome\n", content_type="text/html")
    for args in ((), ("--blocking",)):
        (line,) = failed(page, *args).lines
        assert " - is that the address of a Dify API? " in line


def test_message_of_many_lines_becomes_one(ask: Ask) -> None:
    ended = ask("Hi", "--conversation", "nonsense")
    assert (ended.code, ended.out) == (1, "")
    (line,) = ended.lines
    assert "conversation_id must be a valid UUID" in line


def test_unknown_conversation(ask: Ask) -> None:
    ended = ask("Hi", "--conversation", "00000000-0000-4000-8000-000000000000")
    assert ended.code == 1
    (line,) = ended.lines
    assert line == (
        "status 404, not_found: Conversation Not Exists. - is it a conversation of this app and of"
        " this --user?"
    )


def test_app_that_wants_inputs(dify_emulator: DifyEmulator) -> None:
    ended = run("Hi", env=as_server(dify_emulator, "app-required"))
    (line,) = ended.lines
    assert line.endswith("input form - the app wants inputs, which a question of --batch can have")


def test_key_of_another_kind_of_app(dify_emulator: DifyEmulator) -> None:
    key = dify_emulator.keys["workflow"]
    ended = run("Hi", env=as_server(dify_emulator, key))
    assert ended.code == 1
    (line,) = ended.lines
    assert line.endswith("the key must be that of a chat app")


@pytest.mark.parametrize("args", [(), ("--blocking",)])
def test_nobody_listens(args: tuple[str, ...]) -> None:
    with sockets.refusing_port() as port:
        url = f"http://127.0.0.1:{port}"
        ended = run("Hi", *args, env={"DIFY_URL": url, "DIFY_API_KEY": KEY})
    assert (ended.code, ended.out) == (1, "")
    (line,) = ended.lines
    assert line.startswith(f"no answer from {url}: ")
    assert "refused" in line
    assert " - is Dify running there? " in line


def test_error_event_after_some_text() -> None:
    ended = failed(stream(message("half"), error_event("the\nmodel is gone")))
    assert ended.out == "half\n"
    facts, line = ended.lines
    assert f"conversation_id={CONVERSATION}" in facts
    assert line == ("error event, status 400, completion_request_error: the model is gone")


def test_error_event_is_an_event_too() -> None:
    ended = failed(stream(message("half"), error_event("gone")), "--events")
    assert ended.out.count("\n") == 2
    assert '"event":"error"' in ended.out


def test_stream_that_is_cut() -> None:
    ended = failed(stream(message("half")))
    assert ended.out == "half\n"
    facts, line = ended.lines
    assert f"conversation_id={CONVERSATION}" in facts
    assert "the stream ended before message_end" in line


def test_server_that_dies_in_the_middle() -> None:
    torn = stream(message("half")).removesuffix(b"0\r\n\r\n")
    with Server(chat_messages=lambda _, peer: peer.send(torn)) as server:
        ended = run("Hi", env=server.env)
    assert (ended.code, ended.out) == (1, "half\n")
    assert ended.lines[-1].endswith(" - was Dify restarted, or has a proxy a time limit?")


def test_event_that_is_not_json() -> None:
    ended = failed(stream(message("half"), b"data: {oops\n\n", message_end()))
    assert ended.out == "half\n"
    assert "not a JSON object" in ended.lines[-1]


def test_server_that_repeats_the_key() -> None:
    for key in (KEY, "dataset-like-key"):
        text = f"you sent {key}, which is wrong"
        with Server(chat_messages=dify_error("401 UNAUTHORIZED", "unauthorized", text)) as server:
            ended = run("Hi", env={**server.env, "DIFY_API_KEY": key})
        assert ended.code == 1
        assert "you sent " in ended.err
        assert key not in ended.err


def test_upload_that_fails_sends_no_message() -> None:
    answer = dify_error("413 PAYLOAD TOO LARGE", "file_too_large", "File size exceeded.")
    with Server(upload=answer) as server:
        ended = run("Hi", "--file", __file__, env=server.env)
    assert (ended.code, ended.out) == (1, "")
    assert ended.lines == ["status 413, file_too_large: File size exceeded."]
    assert server.lines == ["POST /v1/files/upload"]


def test_emulator_without_werkzeug() -> None:
    ended = run("Hi", how=prepared("sys.modules['werkzeug'] = None"))
    assert (ended.code, ended.out) == (1, "")
    (line,) = ended.lines
    assert 'pip install "dify-java-compat[emulator]"' in line
    assert "--url" in line


def test_server_needs_no_werkzeug() -> None:
    with Server(chat_messages=stream(message("a"), message_end())) as server:
        how = prepared("sys.modules['werkzeug'] = None")
        ended = run("Hi", how=how, env=server.env)
    assert (ended.code, ended.out) == (0, "a\n")
