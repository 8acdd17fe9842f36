"""Success that is none, loss that is not told, and peers that differ a little from Dify."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import pytest

from dify_java_compat import (
    AudioToTextRequest,
    ChatMessageSendRequest,
    ClientConfig,
    DecodeException,
    DifyException,
    DifyFile,
    FilePreviewRequest,
    FileUploadRequest,
    HttpClientException,
    IllegalArgumentException,
    RequestsDifyChat,
    ServerErrorException,
    StreamInterruptedException,
    TextToAudioRequest,
    collect,
)
from dify_java_compat._api import operations
from dify_java_compat._api.operation import Operation
from dify_java_compat._http.charset import text_of
from dify_java_compat._http.errors import code_and_message
from dify_java_compat.models import ChatMessageSendCompletionResponse
from tests.support.facade import KEY, METHODS, call
from tests.support.frames import ANY_RESULT, MESSAGE_END, event, message, response, stream
from tests.support.server import ScriptedServer, always
from tests.support.watching import request

ROWS = {row.name: row for row in vars(operations).values() if isinstance(row, Operation)}
BINARY = {name for name, row in ROWS.items() if row.result.kind == "binary"}
ERRORS = {
    "code and msg": {"code": 401, "msg": "token expired", "data": None},
    "code and message": {"code": 500, "message": "token expired", "data": []},
    "code as a text": {"code": "E401", "message": "token expired"},
    "success is false": {"success": False, "error": "token expired"},
    "success is false, with data": {"success": False, "message": "token expired", "data": {}},
    "errcode": {"errcode": 40001, "errmsg": "token expired"},
    "OpenAI's": {"error": {"message": "token expired", "type": "auth", "code": None}},
    "a problem": {"type": "about:blank", "title": "token expired", "status": 401, "instance": "/"},
    "FastAPI's": {"detail": "token expired"},
    "FastAPI's of a field": {"detail": [{"loc": ["user"], "msg": "token expired"}]},
    "Spring's": {"timestamp": "t", "status": 401, "error": "token expired", "path": "/v1"},
    "an id beside it": {"id": "req-1", "code": 401, "message": "token expired"},
    "wrapped": {"code": 0, "message": "token expired", "data": {"answer": "a", "id": "i"}},
    "Aliyun's": {"Code": "Forbidden", "Message": "token expired", "RequestId": "r"},
    "Aliyun's beside an id": {
        "id": "r",
        "data": [],
        "Code": "Forbidden",
        "Message": "token expired",
    },
    "Tencent's": {"Response": {"Error": {"Code": "Auth", "Message": "token expired"}}},
    "a number that is no code": {"errno": 401, "errmsg": "token expired"},
    "a status that is a word": {"status": "error", "msg": "token expired"},
    "Java's own": {"errorCode": "E1", "errorMessage": "token expired", "success": None},
    "an envelope with a trace": {"error_code": 110, "error_msg": "token expired", "trace_id": "t"},
}


def client_of(server: ScriptedServer, **config: Any) -> RequestsDifyChat:
    return RequestsDifyChat(server.url, ClientConfig(max_retries=0, **config), api_key=KEY)


@pytest.mark.parametrize("name", ERRORS)
@pytest.mark.parametrize("method", [name for name in METHODS if name not in BINARY])
def test_an_error_with_status_200_is_no_success(method: str, name: str) -> None:
    body = json.dumps(ERRORS[name]).encode()
    with ScriptedServer(always(response(body))) as server, client_of(server) as client:
        with pytest.raises(DifyException) as caught:
            call(client, method)
    assert isinstance(caught.value, DecodeException)
    assert "token expired" in str(caught.value)
    assert json.loads(caught.value.response_body or "") == ERRORS[name]


@pytest.mark.parametrize("body", [b"{}", b"[]", b"null", b'"ok"', b"1", b'{"unknown":1}', b"ok"])
@pytest.mark.parametrize("method", [name for name in METHODS if name not in BINARY])
def test_nothing_that_is_promised_is_no_success(method: str, body: bytes) -> None:
    with ScriptedServer(always(response(body))) as server, client_of(server) as client:
        done = ROWS[method].result is operations.NOTHING and body == b"{}"
        if done:  # what Dify says of a form that was submitted
            call(client, method)
            return
        with pytest.raises(DecodeException):
            call(client, method)


@pytest.mark.parametrize("result", ["fail", "error", "", 5, None])
def test_a_result_that_is_no_success(result: object) -> None:
    body = json.dumps({"result": result}).encode()
    with ScriptedServer(always(response(body))) as server, client_of(server) as client:
        with pytest.raises(DecodeException):
            client.deleteConversation("c", KEY, "u")


@pytest.mark.parametrize("method", [name for name in METHODS if name not in BINARY])
def test_a_result_of_nulls_is_one(method: str) -> None:
    """As Dify answers about a run that it does not know: keys tell, not their values."""
    row = ROWS[method]
    if row.result.kind == "stream" or row.result.kind == "page":
        return
    body = json.loads(ANY_RESULT) | {"status": None, "error": None, "icon": None}
    kept = {name: None for name in body if name not in ("result", "data")}
    raw = json.dumps({**kept, "result": "success", "data": []}).encode()
    with ScriptedServer(always(response(raw))) as server, client_of(server) as client:
        call(client, method)


# -- loss that is not told ---------------------------------------------------------------------

CAT = {"type": "image", "url": "http://d/cat.png"}


def test_a_collected_answer_has_its_files() -> None:
    frames = (
        event("message_file", id="f-1", belongs_to="assistant", **CAT),
        event("message_file", id="f-2", belongs_to="user", type="image", url="http://d/mine.png"),
        event("agent_message", answer="Here"),
        event("message_end", metadata={}, files=[{**CAT, "size": 3}, {"id": "f-3", "url": "x"}, 7]),
    )
    with ScriptedServer(always(stream(*frames))) as server:
        with client_of(server, blocking_via_stream=True) as client:
            whole = client.send(request())
            same = collect(client.sendChatMessageStream(request()))
    assert whole.files == same.files
    assert whole.files == [
        {"id": "f-1", "belongs_to": "assistant", **CAT, "size": 3},
        {"id": "f-3", "url": "x"},
        7,
    ]


class Text(str):
    """As those of lxml, bs4 and numpy."""


class Number(float):
    """As numpy.float64."""


def sent(client_request: ChatMessageSendRequest) -> Any:
    with ScriptedServer(always(response())) as server, client_of(server) as client:
        client.send(client_request)
    return server.requests[0].json


def test_what_is_derived_from_plain_types_is_sent() -> None:
    inputs = {Text("k"): Text("v"), "n": Number(1.5), "deep": [{"a": (Text("x"),)}]}
    body = sent(request(content=Text("hi"), user_id=Text("u"), inputs=inputs))
    assert body["query"] == "hi"
    assert body["user"] == "u"
    assert body["inputs"] == {"k": "v", "n": 1.5, "deep": [{"a": ["x"]}]}


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"content": b"hello"}, "content"),
        ({"user_id": b"u-1"}, "user_id"),
        ({"inputs": {"score": float("nan")}}, "inputs.score"),
        ({"inputs": {"a": [1, float("inf")]}}, "inputs.a[1]"),
        ({"inputs": {"s": {1}}}, "inputs.s"),
        ({"inputs": {"b": bytearray(b"x")}}, "inputs.b"),
        ({"inputs": {"r": ChatMessageSendRequest(api_key="app-secret-of-another")}}, "inputs.r"),
        ({"inputs": {b"k": 1}}, "inputs"),
        ({"user_id": "u\ud83d"}, "user_id"),
    ],
)
def test_what_would_be_changed_is_refused_by_name(values: dict[str, Any], named: str) -> None:
    with pytest.raises(IllegalArgumentException, match=named.replace("[", r"\[")) as caught:
        sent(request(**values))
    assert "secret-of-another" not in str(caught.value)


def test_half_a_character_becomes_a_question_mark_as_in_java() -> None:
    body = sent(request(content="cut \ud83d and \ud83d\ude00", inputs={"a": "\udc00"}))
    assert body["query"] == "cut ? and 😀"
    assert body["inputs"] == {"a": "?"}


@pytest.mark.parametrize("number", [2**63 - 1, 2**64, -(2**70), 10**1000])
def test_an_integer_of_any_size_arrives(number: int) -> None:
    assert sent(request(inputs={"n": number}))["inputs"] == {"n": number}


def test_files_are_found_at_any_depth_of_inputs() -> None:
    file = ChatMessageSendRequest.ChatMessageFile(
        upload_file_id="f-1", mime_type="application/pdf; charset=binary"
    )
    one = {"type": "document", "transfer_method": "local_file", "upload_file_id": "f-1"}
    inputs = {"tuple": (file,), "deeper": {"a": [{"b": file}]}}
    body = sent(request(inputs=inputs, files=(file,)))
    assert body["inputs"] == {"tuple": [one], "deeper": {"a": [{"b": one}]}}
    assert body["files"] == [one]


# -- peers that differ a little ----------------------------------------------------------------

WHOLE = b"".join((message("Hi"), MESSAGE_END))
TYPES = ("", "text/plain; charset=utf-8", "application/octet-stream", "text/event-stream,x")


@pytest.mark.parametrize("content_type", TYPES)
@pytest.mark.parametrize("before", [b"", b"\xef\xbb\xbf", b": hello\n\n", b"\r\n", b"id: 1\n"])
def test_a_stream_instead_of_an_answer_is_known_by_its_first_bytes(
    content_type: str, before: bytes
) -> None:
    raw = response(before + WHOLE, content_type=content_type)
    with ScriptedServer(always(raw)) as server, client_of(server) as client:
        assert client.send(request()).answer == "Hi"


@pytest.mark.parametrize("content_type", TYPES)
def test_an_answer_is_known_under_any_type(content_type: str) -> None:
    raw = response(b'{"answer":"Hi"}', content_type=content_type)
    with ScriptedServer(always(raw)) as server, client_of(server) as client:
        assert client.send(request()).answer == "Hi"


def test_a_stream_that_breaks_off_instead_of_an_answer() -> None:
    raw = response(message("Hi"), content_type="text/plain")
    with ScriptedServer(always(raw)) as server, client_of(server) as client:
        with pytest.raises(StreamInterruptedException) as caught:
            client.send(request())
    assert caught.value.partial.answer == "Hi"
    assert caught.value.task_id


def test_events_with_one_line_feed_between_them() -> None:
    frames = message("a") + message("b") + MESSAGE_END
    raw = response(frames.replace(b"\n\n", b"\n"), content_type="text/event-stream")
    with ScriptedServer(always(raw)) as server, client_of(server) as client:
        items = list(client.sendChatMessageStream(request()))
    assert [item.answer for item in items] == ["a", "b", None]


@pytest.mark.parametrize("data", [b"\xef\xbb\xbf", b" \xef\xbb\xbf"])
def test_a_byte_order_mark_before_an_event(data: bytes) -> None:
    raw = response(WHOLE.replace(b"data: ", b"data:" + data), content_type="text/event-stream")
    with ScriptedServer(always(raw)) as server, client_of(server) as client:
        assert collect(client.sendChatMessageStream(request())).answer == "Hi"


ERROR_BODIES = {
    '{"code":"c","message":"m"}': ("c", "m"),
    '\ufeff{"code":"c","message":"m"}': ("c", "m"),
    '{"code":"c","message":{"user":"is required"}}': ("c", '{"user": "is required"}'),
    '{"code":"c","message":["a","b"]}': ("c", '["a", "b"]'),
    '{"error":{"message":"m","code":"c"}}': ("c", "m"),
    '{"error":{"message":"m","type":"t","code":null}}': ("t", "m"),
    '{"error":"m"}': (None, "m"),
    '{"code":401,"msg":"m"}': (None, "m"),
    '{"errcode":40001,"errmsg":"m"}': (None, "m"),
    '{"detail":"m"}': (None, "m"),
    '{"detail":[{"loc":["a"],"msg":"m"}]}': (None, '[{"loc": ["a"], "msg": "m"}]'),
    '{"errors":[{"message":"m"}]}': (None, '[{"message": "m"}]'),
    '[{"error":{"message":"m","code":5}}]': (None, "m"),
    'data: {"code":"c","message":"m"}\n\n': ("c", "m"),
    'event: error\r\ndata:{"error":{"message":"m"}}\r\n\r\n': (None, "m"),
    '{"code":"c"}': ("c", None),
    '{"error":{"text":"x"}}': (None, None),
    '{"code":"c","mess': (None, None),
    "": (None, None),
}


@pytest.mark.parametrize(("body", "expected"), ERROR_BODIES.items())
def test_errors_of_gateways(body: str, expected: tuple[str | None, str | None]) -> None:
    assert code_and_message(body) == expected
    with ScriptedServer(always(response(body.encode(), "400 NO"))) as server:
        with client_of(server) as client, pytest.raises(HttpClientException) as caught:
            client.info()
    assert (caught.value.code, caught.value.message) == expected
    assert not expected[1] or expected[1] in str(caught.value)


@pytest.mark.parametrize(
    ("text", "charset", "content_type"),
    [
        ("无权访问", "gbk", "text/html; charset=gbk"),
        ("无权访问", "gb18030", 'text/html; Charset="GB2312"'),
        ("无权访问", "gbk", "text/html"),
        ("无权访问", "utf-8-sig", "application/json"),
        ("café", "latin-1", "text/html; charset=iso-8859-1"),
        ("无权访问", "utf-8", "text/html; charset=no-such"),
    ],
)
def test_the_text_of_a_page_in_another_charset(text: str, charset: str, content_type: str) -> None:
    assert text_of(text.encode(charset), content_type) == text


def test_json_in_another_charset() -> None:
    raw = response('{"name":"客服"}'.encode("gbk"), content_type="application/json; charset=GBK")
    with ScriptedServer(always(raw)) as server, client_of(server) as client:
        assert client.info().name == "客服"


CALLS: dict[str, Callable[[RequestsDifyChat], object]] = {
    "info": lambda client: client.info(),
    "filePreview": lambda client: client.filePreview(FilePreviewRequest(file_id="f")),
    "textToAudio": lambda client: client.textToAudio(TextToAudioRequest(text="t")),
    "send": lambda client: client.send(ChatMessageSendRequest(content="c", user_id="u")),
    "a stream": lambda client: list(
        client.sendChatMessageStream(ChatMessageSendRequest(content="c", user_id="u"))
    ),
}


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("encoding", ["x-unknown", "gzip, x-unknown"])
@pytest.mark.parametrize("content_type", ["a/b", "application/json", "text/html"])
@pytest.mark.parametrize("status", ["200 OK", "502 Bad Gateway"])
def test_a_body_that_cannot_be_unpacked_says_so(
    name: str, encoding: str, content_type: str, status: str
) -> None:
    header = f"Content-Encoding: {encoding}\r\n"
    raw = response(b"\x8b\x05", status, headers=header, content_type=content_type)
    expected = DecodeException if status == "200 OK" else ServerErrorException
    with ScriptedServer(always(raw)) as server, client_of(server) as client:
        with pytest.raises(expected, match="x-unknown"):
            CALLS[name](client)


def test_a_frameworks_odd_uploads() -> None:
    class Sanic(tuple):  # a named tuple of type, body and name
        type, body, name = "text/plain", b"PNG", "cat.png"

    files: list[Any] = [
        Sanic(("text/plain", b"PNG", "cat.png")),
        DifyFile(filename="cat.png", content=b"PNG"),
        ("cat.png", memoryview(b"PxNxGx")[::2]),
    ]
    with ScriptedServer(always(response())) as server, client_of(server) as client:
        for file in files:
            client.fileUpload(FileUploadRequest(user_id="u", file=file))
            body = server.requests[-1].body
            assert b'filename="cat.png"' in body
            assert b"\r\n\r\nPNG\r\n" in body


@pytest.mark.parametrize(
    "content_type", ["a/b\r\nX: 1", "a/b\r\n\r\nx", "a/b\nX: 1", "a/é", 5, b"a/b"]
)
def test_a_content_type_begins_no_header(content_type: Any) -> None:
    uploads: list[Any] = [
        ("a.txt", b"x", content_type),
        DifyFile(filename="a.txt", content=b"x", content_type=content_type),
    ]
    with ScriptedServer(always(response())) as server, client_of(server) as client:
        for file in uploads:
            with pytest.raises(IllegalArgumentException, match="content_type"):
                client.fileUpload(FileUploadRequest(user_id="u", file=file))
            with pytest.raises(IllegalArgumentException, match="content_type"):
                client.audioToText(AudioToTextRequest(user_id="u", file=file))
    assert server.requests == []


def test_an_item_is_the_same_whatever_the_spacing() -> None:
    item = ChatMessageSendCompletionResponse.from_json('\ufeff{"event":"message"}')
    assert item.event == "message"


def test_a_file_of_texts_is_refused_before_anything_is_sent() -> None:
    with ScriptedServer(always(response())) as server, client_of(server) as client:
        for file in (io.StringIO("x"), ("a.txt", io.StringIO("x"))):
            with pytest.raises(IllegalArgumentException, match="opened in binary mode"):
                client.fileUpload(FileUploadRequest(user_id="u", file=file))
        assert server.connections == 0


def test_a_run_that_goes_on_behind_a_pause_has_not_ended() -> None:
    paused = event("workflow_paused", workflow_run_id="r", data={})
    goes_on = event("node_started", workflow_run_id="r", data={"id": "n"})
    for frames, ends_well in (((paused,), True), ((paused, goes_on), False)):
        with ScriptedServer(always(stream(*frames))) as server, client_of(server) as client:
            items = client.sendChatMessageStream(request())
            if ends_well:
                assert len(list(items)) == 1
            else:
                with pytest.raises(StreamInterruptedException):
                    list(items)
