"""Peers that differ a little from Dify: charsets, marks, framing, and whose errors they send."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from dify_java_compat import (
    BadRequestException,
    ClientConfig,
    DecodeException,
    HttpClientException,
    NotChatAppException,
    RequestsDifyChat,
    StreamDecodeException,
    StreamInterruptedException,
    TextToAudioRequest,
)
from dify_java_compat._http.charset import in_utf8, text_of, to_utf8
from tests.support.facade import KEY
from tests.support.frames import (
    CLOSING_STREAM_HEAD,
    MESSAGE_END,
    STREAM_HEAD,
    chunk,
    data_frame,
    message,
    response,
)
from tests.support.server import Peer, ScriptedServer, always
from tests.support.watching import request

STREAM = message("你好") + MESSAGE_END
EVENTS = "text/event-stream"
BOM = b"\xef\xbb\xbf"


def client_of(server: ScriptedServer, **config: Any) -> RequestsDifyChat:
    return RequestsDifyChat(server.url, ClientConfig(max_retries=0, **config), api_key=KEY)


def closing(raw: bytes) -> Callable[[Peer], None]:
    """Sends `raw` and closes."""

    def script(peer: Peer) -> None:
        if peer.receive() is not None:
            peer.send(raw)

    return script


def texts_of(raw: bytes) -> list[str | None]:
    """The texts of a stream by a loop; a pipeline and `send` make the same of it."""
    # no connection is used again, whose end may be on its way
    config = {"max_idle_connections": 0}
    with ScriptedServer(closing(raw)) as server, client_of(server, **config) as client:
        items = list(client.sendChatMessageStream(request()))
        piped = client.sendChatMessageStream(request()).filter(lambda _: True).to_list().run()
        assert [item.event for item in piped] == [item.event for item in items]
        answer = client.send(request()).answer
    texts = [item.answer for item in items if item.event == "message"]
    assert [item.answer for item in piped if item.event == "message"] == texts
    assert answer == "".join(text or "" for text in texts)
    assert items[-1].event == "message_end"
    return texts


BODIES = {
    "a byte order mark in the middle": (message("你好") + BOM + MESSAGE_END, EVENTS),
    "two of them at the beginning": (BOM + BOM + STREAM, EVENTS),
    "one before each line": (STREAM.replace(b"data", BOM + b"data"), EVENTS),
    "GBK": (STREAM.decode().encode("gbk"), f"{EVENTS}; charset=GBK"),
    "GB2312, quoted": (STREAM.decode().encode("gbk"), f'{EVENTS};Charset="gb2312"'),
    "Big5": (STREAM.decode().encode("big5"), f"{EVENTS}; charset=big5"),
    "UTF-16": (STREAM.decode().encode("utf-16"), f"{EVENTS}; charset=utf-16"),
    "UTF-8 that is called Latin-1": (STREAM, f"{EVENTS}; charset=ISO-8859-1"),
    "a charset that nobody knows": (STREAM, f"{EVENTS}; charset=x-none"),
    "a charset that is no charset": (STREAM, f"{EVENTS}; charset=zip"),
    "a charset that is slow to read": (STREAM, f"{EVENTS}; charset=punycode"),
    "an event without data": (b"event: x\n\n" + STREAM + b"event: y\n\n", EVENTS),
    "lines that end with CR": (STREAM.replace(b"\n", b"\r"), EVENTS),
    "a type of odd case": (STREAM, "TEXT/Event-Stream ; Charset=UTF-8"),
    "a quoted type": (STREAM, '"text/event-stream"'),
    "two types": (STREAM, f"{EVENTS}, {EVENTS}"),
}


@pytest.mark.parametrize("name", BODIES)
def test_a_stream_in_another_dress(name: str) -> None:
    body, content_type = BODIES[name]
    assert texts_of(response(body, content_type=content_type)) == ["你好"]


@pytest.mark.parametrize("encoding", ["utf-8", "UTF8", "none", "Identity", "binary", "8bit, none"])
def test_a_content_encoding_that_is_none(encoding: str) -> None:
    header = f"Content-Encoding: {encoding}\r\n"
    assert texts_of(response(STREAM, content_type=EVENTS, headers=header)) == ["你好"]
    with ScriptedServer(always(response(headers=header))) as server, client_of(server) as client:
        assert client.info().name == "n"


FRAMINGS = {
    "a size that ends with LF": b"%x\n%b\r\n0\r\n\r\n",
    "the last size, too": b"%x\n%b\r\n0\n\n",
    "no empty line behind the last size": b"%x\r\n%b\r\n0\r\n",
    "no line break behind the last size": b"%x\r\n%b\r\n0",
    "half a line break behind the last size": b"%x\r\n%b\r\n0\r",
    "a trailer that is not ended": b"%x\r\n%b\r\n0\r\nX: y\r\n",
    "an extension and LF": b"%x;a=b\n%b\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("name", FRAMINGS)
def test_chunks_that_end_otherwise(name: str) -> None:
    framing = FRAMINGS[name]
    assert texts_of(STREAM_HEAD + framing % (len(STREAM), STREAM)) == ["你好"]
    body = b'{"name":"n"}'
    head = STREAM_HEAD.replace(EVENTS.encode(), b"application/json")
    raw = head + framing % (len(body), body)
    with ScriptedServer(closing(raw)) as server:
        with client_of(server, max_idle_connections=0) as client:
            assert client.info().name == "n"


def test_a_connection_that_ended_behind_its_last_size_is_not_used_again() -> None:
    """Not even where its end has not been seen by whoever asks for it."""
    raw = STREAM_HEAD + chunk(STREAM) + b"0\r\n"
    with ScriptedServer(closing(raw)) as server, client_of(server) as client:
        for _ in range(3):
            assert len(list(client.sendChatMessageStream(request()))) == 2
    assert server.connections == 3


@pytest.mark.parametrize("rest", [b"", b"5", b"0123", b"5\r\nab", b"\r\n"])
def test_a_body_that_is_cut_is_none_of_these(rest: bytes) -> None:
    raw = STREAM_HEAD + chunk(STREAM) + rest
    with ScriptedServer(closing(raw)) as server, client_of(server) as client:
        with pytest.raises(StreamInterruptedException):
            list(client.sendChatMessageStream(request()))


REFUSED = json.dumps(
    {"code": "not_chat_app", "message": "无权访问", "status": 400}, ensure_ascii=False
)
ERRORS = {
    "GBK by its type": (REFUSED, "gbk", "application/json; charset=gbk"),
    "GBK of no type": (REFUSED, "gbk", "application/json"),
    "UTF-16 by its type": (REFUSED, "utf-16", "application/json; charset=utf-16"),
    "UTF-16 by its mark": (REFUSED, "utf-16", "application/json"),
    "UTF-8 with a mark": (REFUSED, "utf-8-sig", "application/json"),
    "UTF-8 that is called Latin-1": (REFUSED, "utf-8", "application/json; charset=iso-8859-1"),
    "JSON in a JSON text": (json.dumps(REFUSED, ensure_ascii=False), "utf-8", "application/json"),
    "an event": (f"event: error\ndata: {REFUSED}\n\n", "utf-8", EVENTS),
}


@pytest.mark.parametrize("name", ERRORS)
def test_a_refusal_in_another_dress(name: str) -> None:
    text, charset, content_type = ERRORS[name]
    raw = response(text.encode(charset), "400 NO", content_type)
    with ScriptedServer(always(raw)) as server, client_of(server) as client:
        calls: list[Callable[[], Any]] = [
            lambda: client.send(request()),
            lambda: list(client.sendChatMessageStream(request())),
            lambda: client.sendChatMessageStream(request()).to_list().run(),
        ]
        for ask in calls:
            with pytest.raises(NotChatAppException) as caught:
                ask()
            assert caught.value.message == "无权访问"
            assert "无权访问" in str(caught.value)


GATEWAYS = {
    '{"Code":"Throttling","Message":"slow down","RequestId":"r"}': ("Throttling", "slow down"),
    '{"Response":{"Error":{"Code":"Auth","Message":"slow down"}}}': ("Auth", "slow down"),
    '{"ErrorCode":"E1","ErrorMessage":"slow down"}': ("E1", "slow down"),
    '{"Message":"slow down"}': (None, "slow down"),
    '{"code":"c","Code":"C","message":"slow down","Message":"M"}': ("c", "slow down"),
    '{"error":{"Code":"C","Message":"slow down"}}': ("C", "slow down"),
    '{"code":"c","message":"slow down","n":' + "9" * 5000 + "}": ("c", "slow down"),
    '{"code":"c","message":' + '{"message":' * 12 + '"slow down"' + "}" * 13: ("c", "slow down"),
}


@pytest.mark.parametrize("body", GATEWAYS, ids=[body[:40] for body in GATEWAYS])
def test_the_errors_of_other_gateways(body: str) -> None:
    raw = response(body.encode(), "403 NO")
    with ScriptedServer(always(raw)) as server, client_of(server) as client:
        for ask in (client.info, lambda: list(client.sendChatMessageStream(request()))):
            with pytest.raises(HttpClientException) as caught:
                ask()
            assert (caught.value.code, caught.value.message) == GATEWAYS[body]


@pytest.mark.parametrize("depth", [100, 300, 900, 5000, 100_000])
@pytest.mark.parametrize("opening", ['{"message":', '{"error":', "[", '{"a":', '{"message":['])
def test_an_error_that_nests_deep(opening: str, depth: int) -> None:
    closing_signs = "".join({"{": "}", "[": "]"}[sign] for sign in opening[::-1] if sign in "{[")
    body = f"{opening * depth}1{closing_signs * depth}".encode()
    with ScriptedServer(always(response(body, "400 NO"))) as server, client_of(server) as client:
        for ask in (client.info, lambda: list(client.sendChatMessageStream(request()))):
            with pytest.raises(BadRequestException):
                ask()
    ending = message("a") + b"data: %b\n\n" % body
    raw = CLOSING_STREAM_HEAD + ending
    with ScriptedServer(closing(raw)) as server, client_of(server) as client:
        with pytest.raises((StreamInterruptedException, StreamDecodeException)):
            list(client.sendChatMessageStream(request()))


def test_an_openai_error_before_its_done() -> None:
    """The reason is not lost behind what is no event."""
    error = data_frame({"error": {"message": "upstream timed out", "type": "t"}})
    raw = response(message("a") + error + b"data: [DONE]\n\n", content_type=EVENTS)
    with ScriptedServer(always(raw)) as server, client_of(server) as client:
        with pytest.raises(StreamDecodeException, match="a gateway says: upstream timed out"):
            list(client.sendChatMessageStream(request()))


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b'{"code":401,"msg":"token expired"}', "audio/mpeg"),
        (b'{"code":401,"msg":"token expired"}', "application/octet-stream"),
        (BOM + b' {"msg":"token expired"}', "audio/mpeg"),
        (b'{"msg":"token expired"}', "application/problem+json"),
        (b"<html>token expired</html>", "audio/wav"),
        (b"<e>token expired</e>", "application/xml"),
        (b"", "audio/mpeg"),
    ],
)
def test_speech_that_is_none(body: bytes, content_type: str) -> None:
    raw = response(body, content_type=content_type)
    with ScriptedServer(always(raw)) as server, client_of(server) as client:
        with pytest.raises(
            DecodeException, match="token expired" if body else "audio was expected"
        ):
            client.textToAudio(TextToAudioRequest(text="t"))


@pytest.mark.parametrize(
    "name", ["idna", "punycode", "unicode_escape", "zip", "undefined", "", "x"]
)
def test_no_charset_of_a_page(name: str) -> None:
    content_type = f"text/html; charset={name}"
    assert in_utf8(b"caf\xe9", content_type) == b"caf\xe9"
    assert text_of(b"a-b", content_type) == "a-b"
    assert to_utf8(content_type) is None


@pytest.mark.parametrize("cut", range(1, 9))
def test_a_character_that_is_cut(cut: int) -> None:
    make = to_utf8("text/event-stream; charset=gbk")
    body = "a你好b".encode("gbk")
    assert make is not None
    assert make(body[:cut]) + make(body[cut:]) + make(b"") == "a你好b".encode()
