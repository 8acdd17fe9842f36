"""What goes out: where to, with which key, and with nothing that does not belong there."""

from __future__ import annotations

import json
import os
from pathlib import Path
from urllib.parse import unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dify_java_compat import (
    ChatMessageSendRequest,
    ClientConfig,
    DecodeException,
    DifyChatBuilder,
    IllegalArgumentException,
    MessageConversationsRequest,
    MessageFeedbackRequest,
    MessagesRequest,
    RequestsDifyChat,
    iterate,
)
from tests.support.frames import MESSAGE_END, message, response, stream
from tests.support.server import ScriptedServer, always
from tests.support.watching import request

OK = always(response())


@pytest.mark.parametrize("tail", ["", "/", "/v1", "/v1/", "//", "/v1//"])
@pytest.mark.parametrize("prefix", ["", "/dify"])
def test_every_form_of_a_base_url(prefix: str, tail: str) -> None:
    with ScriptedServer(OK) as server:
        with RequestsDifyChat(server.url + prefix + tail, api_key="app-k") as client:
            client.parameters()
        assert server.requests[0].target == prefix + "/v1/parameters"


@pytest.mark.parametrize(
    "url", ["localhost:5001", "ftp://h", "http://", "http://h?x=1", "http://a b"]
)
def test_a_bad_base_url_is_named(url: str) -> None:
    with pytest.raises(IllegalArgumentException, match="base_url"):
        RequestsDifyChat(url)


@pytest.mark.parametrize("user", ["me:hunter2@", "hunter2@", ":hunter2@"])
def test_a_password_in_the_base_url_is_refused_and_not_shown(user: str) -> None:
    with pytest.raises(IllegalArgumentException, match="password") as caught:
        RequestsDifyChat(f"https://{user}dify.example/v1")
    assert "hunter2" not in str(caught.value)


def test_the_environment_gives_the_url(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DIFY_URL", raising=False)
    assert RequestsDifyChat().base_url == "http://localhost/v1"
    monkeypatch.setenv("DIFY_URL", "https://dify.example/v1/")
    assert RequestsDifyChat().base_url == "https://dify.example/v1"
    assert RequestsDifyChat("http://other").base_url == "http://other/v1"


def test_javas_way_in() -> None:
    with ScriptedServer(OK) as server:
        config = ClientConfig(readTimeout=5.0)
        client = DifyChatBuilder.builder().baseUrl(server.url).clientConfig(config).build()
        chat = DifyChatBuilder.create(client)
        chat.stopMessagesStream(apiKey="app-k", taskId="t", userId="u")
        chat.stopMessagesStream("app-k", "t", "u")
        client.close()
        first, second = server.requests
        assert first == second
        assert (first.method, first.target) == ("POST", "/v1/chat-messages/t/stop")
        assert first.headers["authorization"] == "Bearer app-k"
        assert json.loads(first.body) == {"user": "u"}


def test_a_requests_key_goes_before_the_clients() -> None:
    with ScriptedServer(OK) as server, RequestsDifyChat(server.url, api_key="app-own") as client:
        client.parameters()
        client.parameters("app-call")
        client.conversations(MessageConversationsRequest(apiKey="app-dto"))
        keys = [received.headers["authorization"] for received in server.requests]
        assert keys == ["Bearer app-own", "Bearer app-call", "Bearer app-dto"]


def test_a_missing_key_is_named_before_anything_is_sent() -> None:
    client = RequestsDifyChat("http://127.0.0.1:9")
    with pytest.raises(IllegalArgumentException, match="api_key"):
        client.parameters()
    with pytest.raises(IllegalArgumentException, match="api_key"):
        client.sendChatMessageStream(request())


@pytest.mark.parametrize("key", ["app-x\r\nX-Evil: 1", "app-x\n", "app x", "app-é", "密钥", ""])
def test_a_key_that_no_header_can_carry_is_refused_and_not_shown(key: str) -> None:
    with pytest.raises(IllegalArgumentException) as caught:
        RequestsDifyChat("http://127.0.0.1:9", api_key=key)
    assert not key or key not in str(caught.value)


def test_a_netrc_file_does_not_replace_the_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password something\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    with ScriptedServer(OK) as server, RequestsDifyChat(server.url, api_key="app-k") as client:
        client.parameters()
        assert server.requests[0].headers["authorization"] == "Bearer app-k"


def test_cookies_are_not_kept() -> None:
    script = always(response(headers="Set-Cookie: session=1; Path=/\r\n"))
    with ScriptedServer(script) as server, RequestsDifyChat(server.url, api_key="app-k") as client:
        client.parameters()
        client.parameters()
        assert all("cookie" not in received.headers for received in server.requests)


def test_only_what_belongs_there_is_sent() -> None:
    ended = always(stream(message("x"), MESSAGE_END))
    with ScriptedServer(ended) as server, RequestsDifyChat(server.url, api_key="app-k") as client:
        list(iterate(client.sendChatMessageStream(request())))
        received = server.requests[0]
        assert sorted(received.headers) == [
            "accept",
            "accept-encoding",
            "authorization",
            "connection",
            "content-length",
            "content-type",
            "host",
            "user-agent",
        ] or sorted(received.headers) == [
            "accept",
            "accept-encoding",
            "authorization",
            "content-length",
            "content-type",
            "host",
            "user-agent",
        ]
        assert b"app-k" not in received.body
        assert "app-k" not in received.target
        assert "你好".encode() in received.body


FILE = ChatMessageSendRequest.ChatMessageFile


@pytest.mark.parametrize(
    ("file", "sent"),
    [
        (FILE(url="http://h/a.png"), {"type": "image", "transfer_method": "remote_url"}),
        (FILE(url="http://h/a.PDF?x=1.png"), {"type": "document", "transfer_method": "remote_url"}),
        (FILE(url="http://h/a.mp3#t"), {"type": "audio", "transfer_method": "remote_url"}),
        (FILE(url="http://h/a.mp4"), {"type": "video", "transfer_method": "remote_url"}),
        (FILE(url="http://h/a.exe"), {"type": "custom", "transfer_method": "remote_url"}),
        (FILE(url="http://h.example/a"), {"type": "image", "transfer_method": "remote_url"}),
        (FILE(upload_file_id="f", url=""), {"type": "image", "transfer_method": "local_file"}),
        (FILE(uploadFileId="f", mimeType="text/plain"), {"type": "document"}),
        (FILE(upload_file_id="f", mime_type="video/quicktime"), {"type": "video"}),
        (FILE(upload_file_id="f", mime_type="application/json"), {"type": "document"}),
        (FILE(upload_file_id="f", mime_type="application/epub+zip"), {"type": "document"}),
        (FILE(upload_file_id="f", mime_type="text/x-unheard-of"), {"type": "document"}),
        (FILE(upload_file_id="f", mime_type="application/zip"), {"type": "custom"}),
        (FILE(upload_file_id="f", type="custom"), {"type": "custom"}),
    ],
)
def test_a_files_type_and_method_are_worked_out(
    file: ChatMessageSendRequest.ChatMessageFile, sent: dict[str, str]
) -> None:
    with ScriptedServer(OK) as server, RequestsDifyChat(server.url, api_key="app-k") as client:
        client.send(request(files=[file]))
        [on_the_wire] = json.loads(server.requests[0].body)["files"]
        assert on_the_wire.items() >= sent.items()
        assert set(on_the_wire) == {"type", "transfer_method"} | (
            {"url"} if file.url else {"upload_file_id"}
        )


def test_a_file_variable_is_sent_as_a_file() -> None:
    with ScriptedServer(OK) as server, RequestsDifyChat(server.url, api_key="app-k") as client:
        file = FILE(upload_file_id="f", mime_type="text/plain")
        client.send(request(inputs={"doc": file, "docs": [file], "n": 1}))
        sent = {"type": "document", "transfer_method": "local_file", "upload_file_id": "f"}
        inputs = json.loads(server.requests[0].body)["inputs"]
        assert inputs == {"doc": sent, "docs": [sent], "n": 1}


def test_what_java_lacks_and_what_is_null() -> None:
    with ScriptedServer(OK) as server, RequestsDifyChat(server.url, api_key="app-k") as client:
        client.send(request(workflowId="w", traceId="t", inputs={"名": [1, None]}))
        client.send(ChatMessageSendRequest(content="hi"))
        full, least = (json.loads(received.body) for received in server.requests)
        assert (full["workflow_id"], full["trace_id"]) == ("w", "t")
        assert full["inputs"] == {"名": [1, None]}
        assert least == {
            "inputs": {},
            "query": "hi",
            "response_mode": "blocking",
            "auto_generate_name": True,
        }


@pytest.mark.parametrize(
    ("rating", "sent"),
    [
        (MessageFeedbackRequest.Rating.LIKE, "like"),
        (MessageFeedbackRequest.Rating.UNLIKE, None),
        ("dislike", "dislike"),
        (None, None),
    ],
)
def test_a_rating(rating: MessageFeedbackRequest.Rating | None, sent: str | None) -> None:
    with ScriptedServer(OK) as server, RequestsDifyChat(server.url, api_key="app-k") as client:
        client.messageFeedback(MessageFeedbackRequest(message_id="m", rating=rating, user_id="u"))
        assert json.loads(server.requests[0].body) == {"rating": sent, "user": "u", "content": ""}


@pytest.mark.parametrize(
    "bad",
    [
        lambda chat: chat.send(None),
        lambda chat: chat.send({"content": "x"}),
        lambda chat: chat.send(ChatMessageSendRequest()),
        lambda chat: chat.send(request(inputs={"x": object()})),
        lambda chat: chat.send(request(files=[{"url": "http://h/a.png"}])),
        lambda chat: chat.send(request(files="a.png")),
        lambda chat: chat.messages(MessagesRequest(user_id="u")),
        lambda chat: chat.messageFeedback(MessageFeedbackRequest(message_id="m", rating="great")),
        lambda chat: chat.messagesSuggested("", user_id="u"),
        lambda chat: chat.deleteConversation(None, user_id="u"),
        lambda chat: chat.stopMessagesStream(task_id=".."),
    ],
)
def test_a_bad_argument_is_refused_before_anything_is_sent(bad: object) -> None:
    with ScriptedServer(OK) as server, RequestsDifyChat(server.url, api_key="app-k") as client:
        with pytest.raises(IllegalArgumentException) as caught:
            bad(client)  # type: ignore[operator]
        assert isinstance(caught.value, ValueError)
        assert server.requests == []


@pytest.mark.parametrize(
    "given_twice",
    [
        lambda chat: chat.stopMessagesStream("k", apiKey="k"),
        lambda chat: chat.stopMessagesStream(api_key="k", apiKey="k"),
        lambda chat: chat.stopMessagesStream(taskID="t"),
    ],
)
def test_wrong_keywords_are_type_errors(given_twice: object) -> None:
    with pytest.raises(TypeError):
        given_twice(RequestsDifyChat("http://127.0.0.1:9"))  # type: ignore[operator]


@settings(max_examples=60, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40))
def test_any_id_stays_one_path_segment(value: str) -> None:
    with ScriptedServer(OK) as server, RequestsDifyChat(server.url, api_key="app-k") as client:
        if value in (".", ".."):
            with pytest.raises(IllegalArgumentException):
                client.messagesSuggested(value, user_id="u")
            return
        client.messagesSuggested(value, user_id="u")
        path, _, query = server.requests[0].target.partition("?")
        empty, version, messages, segment, suggested = path.split("/")
        assert (empty, version, messages, suggested) == ("", "v1", "messages", "suggested")
        assert unquote(segment) == value
        assert query == "user=u"


@pytest.mark.parametrize("value", ["../x", "a/b?c#d", "%2e%2e", "x" * 4000, "会话", "a b+c"])
def test_telling_ids(value: str) -> None:
    with ScriptedServer(OK) as server, RequestsDifyChat(server.url, api_key="app-k") as client:
        client.deleteConversation(value, user_id="u")
        assert unquote(server.requests[0].target.rsplit("/", 1)[1]) == value


@pytest.mark.parametrize("body", [b"", b"null", b"[1]", b"<html>hello</html>", b'{"half'])
def test_an_answer_that_is_not_the_promised_json(body: bytes) -> None:
    with ScriptedServer(always(response(body))) as server:
        with RequestsDifyChat(server.url, api_key="app-k") as client:
            with pytest.raises(DecodeException) as caught:
                client.parameters()
            assert caught.value.response_body == body.decode()


def test_the_key_is_in_no_repr(capsys: pytest.CaptureFixture[str]) -> None:
    client = RequestsDifyChat("http://127.0.0.1:9", api_key="app-very-secret")
    print(client, vars(client), vars(vars(client)["_transport"]))
    print(request(api_key="app-very-secret"), os.environ.get("NOTHING"))
    assert "very-secret" not in capsys.readouterr().out


@pytest.mark.parametrize("key", [5, b"app-key", ["app-key"], 0.5])
def test_a_key_that_is_no_text_is_refused_before_any_request(key: object) -> None:
    with ScriptedServer(OK) as server:
        with pytest.raises(IllegalArgumentException, match="api_key must be a text"):
            RequestsDifyChat(server.url, api_key=key)  # type: ignore[arg-type]
        with RequestsDifyChat(server.url) as client:
            with pytest.raises(IllegalArgumentException, match="api_key must be a text"):
                client.parameters(key)  # type: ignore[arg-type]
    assert server.requests == []
