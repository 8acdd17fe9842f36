"""Stopping a chat of Recoup's: what goes out, what comes back, and what goes wrong."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dify_java_compat import (
    BadRequestException,
    ClientConfig,
    ConnectionException,
    DecodeException,
    DifyException,
    ForbiddenException,
    HttpClientException,
    IllegalArgumentException,
    NotFoundException,
    RecoupChat,
    RequestsRecoupChat,
    ServerErrorException,
    StopChatResponse,
    TimeoutException,
    TooManyRequestsException,
    UnauthorizedException,
)
from tests.support.frames import response
from tests.support.server import Peer, ScriptedServer, always

CHAT = "5f3b7c52-9a0e-4f0c-8f6e-2f1d6f0c9b11"
KEY = "recoup-sk-very-secret"
STOPPED = always(response(b'{"success":true,"stopped":true}'))


def test_one_post_with_the_key_and_nothing_else() -> None:
    with ScriptedServer(STOPPED) as server, RequestsRecoupChat(server.url, api_key=KEY) as client:
        chat: RecoupChat = client
        assert chat.stopChat(CHAT) == StopChatResponse(success=True, stopped=True)
    [received] = server.requests
    assert (received.method, received.target) == ("POST", f"/api/chat/{CHAT}/stop")
    assert received.headers["x-api-key"] == KEY
    assert received.headers["content-length"] == "0"
    assert received.body == b""
    assert not {"authorization", "content-type", "cookie"} & set(received.headers)


CALLS: dict[str, Callable[[RecoupChat], StopChatResponse]] = {
    "by position": lambda chat: chat.stopChat(CHAT, "of-the-call"),
    "Python's names": lambda chat: chat.stopChat(chat_id=CHAT, api_key="of-the-call"),
    "Java's names": lambda chat: chat.stopChat(chatId=CHAT, apiKey="of-the-call"),
    "mixed": lambda chat: chat.stopChat(CHAT, apiKey="of-the-call"),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("own_key", [None, KEY])
def test_both_spellings_and_the_calls_key_first(call: str, own_key: str | None) -> None:
    with ScriptedServer(STOPPED) as server:
        with RequestsRecoupChat(server.url, api_key=own_key) as client:
            CALLS[call](client)
    [received] = server.requests
    assert received.headers["x-api-key"] == "of-the-call"
    assert received.target == f"/api/chat/{CHAT}/stop"


@pytest.mark.parametrize("none", [None, ""])
def test_the_clients_key_where_the_call_has_none(none: str | None) -> None:
    with ScriptedServer(STOPPED) as server, RequestsRecoupChat(server.url, api_key=KEY) as client:
        client.stopChat(CHAT, none)
    assert server.requests[0].headers["x-api-key"] == KEY


@pytest.mark.parametrize(
    "call",
    [
        lambda chat: chat.stopChat(CHAT, chatId=CHAT),
        lambda chat: chat.stopChat(chat_id=CHAT, chatId=CHAT),
        lambda chat: chat.stopChat(CHAT, api_key="k", apiKey="k"),
        lambda chat: chat.stopChat(chatID=CHAT),
        lambda chat: chat.stopChat(CHAT, "k", "more"),
    ],
)
def test_wrong_keywords_are_type_errors(call: Callable[[Any], object]) -> None:
    with pytest.raises(TypeError):
        call(RequestsRecoupChat("http://127.0.0.1:9", api_key=KEY))


def test_again_and_nothing_runs() -> None:
    answers = [b'{"success":true,"stopped":true}', b'{"success":true,"stopped":false}']

    def script(peer: Peer) -> None:
        for body in answers:
            assert peer.receive()
            peer.send(response(body))

    with ScriptedServer(script) as server, RequestsRecoupChat(server.url, api_key=KEY) as client:
        assert [client.stopChat(CHAT).stopped for _ in answers] == [True, False]


def test_what_the_answer_has_besides_is_kept() -> None:
    body = '{"success":true,"stopped":false,"runId":"r-1","说":"好"}'
    with ScriptedServer(always(response(body.encode()))) as server:
        with RequestsRecoupChat(server.url, api_key=KEY) as client:
            stopped = client.stopChat(CHAT)
    assert stopped.raw == json.loads(body)
    assert stopped.to_dict() == stopped.to_wire() == {"success": True, "stopped": False}
    assert StopChatResponse.from_json(stopped.to_json()) == stopped


ERRORS: list[tuple[str, type[HttpClientException], str]] = [
    ("400 Bad Request", BadRequestException, "chatId must be a valid UUID"),
    ("401 Unauthorized", UnauthorizedException, "Exactly one of x-api-key or Authorization"),
    ("403 Forbidden", ForbiddenException, "Access denied to this chat"),
    ("404 Not Found", NotFoundException, "Chat not found"),
    ("429 Too Many Requests", TooManyRequestsException, "slow down"),
    ("500 Internal Server Error", ServerErrorException, "Internal server error"),
    ("502 Bad Gateway", ServerErrorException, "the run could not be cancelled"),
    ("503 Service Unavailable", ServerErrorException, "later"),
    ("504 Gateway Timeout", ServerErrorException, "会话 did not end in time"),
]


@pytest.mark.parametrize(("status", "kind", "text"), ERRORS, ids=[e[0] for e in ERRORS])
def test_an_error_is_its_class_with_the_services_words_and_is_met_once(
    status: str, kind: type[HttpClientException], text: str
) -> None:
    body = json.dumps({"status": "error", "error": text}).encode()
    with ScriptedServer(always(response(body, status))) as server:
        with RequestsRecoupChat(server.url, api_key=KEY) as client:
            with pytest.raises(HttpClientException) as caught:
                client.stopChat(CHAT)
    error = caught.value
    assert type(error) is kind
    assert (error.status_code, error.message, error.code) == (int(status[:3]), text, None)
    assert error.response_body == body.decode()
    assert (error.operation, error.path) == ("stopChat", f"/api/chat/{CHAT}/stop")
    assert text in str(error)
    assert KEY not in str(error) + repr(vars(error))
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"<html>502 Bad Gateway</html>", "text/html"),
        (b"", "text/plain"),
        (b'{"error":', "application/json"),
        (b'{"error":{"text":"x"}}', "application/json"),
        (b"[]", "application/json"),
    ],
)
def test_an_error_of_a_proxy_is_the_same_class(body: bytes, content_type: str) -> None:
    with ScriptedServer(always(response(body, "502 Bad Gateway", content_type))) as server:
        with RequestsRecoupChat(server.url, api_key=KEY) as client:
            with pytest.raises(ServerErrorException) as caught:
                client.stopChat(CHAT)
    assert (caught.value.status_code, caught.value.message) == (502, None)
    assert caught.value.response_body == body.decode()


@pytest.mark.parametrize("body", [b"", b"null", b"[true]", b"<html>", b'{"success":'])
def test_an_answer_that_is_not_the_promised_json(body: bytes) -> None:
    with ScriptedServer(always(response(body))) as server:
        with RequestsRecoupChat(server.url, api_key=KEY) as client:
            with pytest.raises(DecodeException) as caught:
                client.stopChat(CHAT)
    assert caught.value.response_body == body.decode()


def _reset(peer: Peer) -> None:
    peer.receive()
    peer.reset()


def _silent(peer: Peer) -> None:
    peer.receive()
    peer.wait_closed()


@pytest.mark.parametrize(
    ("script", "kind"), [(_reset, ConnectionException), (_silent, TimeoutException)]
)
def test_a_call_that_may_have_counted_is_not_sent_again(
    script: Callable[[Peer], None], kind: type[DifyException]
) -> None:
    config = ClientConfig(read_timeout=0.05)
    with ScriptedServer(script) as server:
        with RequestsRecoupChat(server.url, config, api_key=KEY) as client:
            with pytest.raises(kind) as caught:
                client.stopChat(CHAT)
    assert KEY not in str(caught.value)
    assert len(server.requests) == 1


def test_the_key_goes_to_no_other_server() -> None:
    with ScriptedServer(STOPPED) as other:
        moved = response(b"", "307 X", headers=f"Location: {other.url}/api/chat/{CHAT}/stop\r\n")
        with ScriptedServer(always(moved)) as server:
            with RequestsRecoupChat(server.url, api_key=KEY) as client:
                with pytest.raises(HttpClientException, match="redirect"):
                    client.stopChat(CHAT)
    assert other.requests == []


@pytest.mark.parametrize(
    "call",
    [
        lambda chat: chat.stopChat(),
        lambda chat: chat.stopChat(None, KEY),
        lambda chat: chat.stopChat("", KEY),
        lambda chat: chat.stopChat(".", KEY),
        lambda chat: chat.stopChat("..", KEY),
        lambda chat: chat.stopChat(7, KEY),
        lambda chat: chat.stopChat(CHAT),
        lambda chat: chat.stopChat(CHAT, ""),
        lambda chat: chat.stopChat(CHAT, "with blank"),
        lambda chat: chat.stopChat(CHAT, "line\r\nX-Evil: 1"),
    ],
)
def test_a_bad_argument_is_refused_before_anything_is_sent(call: Callable[[Any], object]) -> None:
    with ScriptedServer(STOPPED) as server, RequestsRecoupChat(server.url) as client:
        with pytest.raises(IllegalArgumentException):
            call(client)
    assert server.connections == 0


@settings(max_examples=50)
@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(lambda s: s.strip(".")))
def test_any_id_stays_one_path_segment(chat_id: str) -> None:
    with ScriptedServer(STOPPED) as server, RequestsRecoupChat(server.url, api_key=KEY) as client:
        client.stopChat(chat_id)
    empty, api, chat, segment, stop = server.requests[0].target.split("/")
    assert (empty, api, chat, stop) == ("", "api", "chat", "stop")
    assert unquote(segment) == chat_id


@pytest.mark.parametrize("tail", ["", "/", "//"])
@pytest.mark.parametrize("prefix", ["", "/recoup"])
def test_every_form_of_a_base_url(prefix: str, tail: str) -> None:
    with ScriptedServer(STOPPED) as server:
        with RequestsRecoupChat(server.url + prefix + tail, api_key=KEY) as client:
            assert client.base_url == server.url + prefix
            client.stopChat(CHAT)
    assert server.requests[0].target == f"{prefix}/api/chat/{CHAT}/stop"


def test_the_service_is_the_default_whatever_dify_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DIFY_URL", "https://dify.example")
    assert RequestsRecoupChat().base_url == "https://api.recoupable.dev"
    assert RequestsRecoupChat(None).base_url == "https://api.recoupable.dev"
    with pytest.raises(IllegalArgumentException, match="base_url"):
        RequestsRecoupChat("api.recoupable.dev")


def test_a_password_file_adds_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("default login me password secret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    with ScriptedServer(STOPPED) as server, RequestsRecoupChat(server.url, api_key=KEY) as client:
        client.stopChat(CHAT)
    assert "authorization" not in server.requests[0].headers


def test_the_key_is_in_no_repr() -> None:
    with RequestsRecoupChat(api_key=KEY) as client:
        shown = f"{client!r} {vars(client)} {vars(vars(client)['_transport'])}"
    assert KEY not in shown
    assert repr(client) == "RequestsRecoupChat('https://api.recoupable.dev')"


def test_leaving_closes_the_connections() -> None:
    def script(peer: Peer) -> None:
        peer.receive()
        peer.send(response(b'{"success":true,"stopped":true}'))
        assert peer.receive() is None

    with ScriptedServer(script) as server:
        with RequestsRecoupChat(server.url, api_key=KEY) as client:
            client.stopChat(CHAT)
        client.close()  # twice does no harm


def test_one_client_serves_threads_and_keys() -> None:
    with ScriptedServer(STOPPED) as server, RequestsRecoupChat(server.url, api_key=KEY) as client:
        with ThreadPoolExecutor(8) as threads:
            calls = [threads.submit(client.stopChat, f"c-{n}", f"k-{n}") for n in range(40)]
            assert all(call.result().stopped for call in calls)
    asked = {(r.target, r.headers["x-api-key"]) for r in server.requests}
    assert asked == {(f"/api/chat/c-{n}/stop", f"k-{n}") for n in range(40)}
