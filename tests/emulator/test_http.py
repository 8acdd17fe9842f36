"""The server as an HTTP server: connections, framing, paths, headers."""

import contextlib
import socket

import pytest

from dify_java_compat.emulator import DifyEmulator
from tests.support.client import request_bytes

from .caller import Caller


def test_one_connection_serves_many_requests(chat: Caller) -> None:
    reader = chat.connect()
    for _ in range(3):
        reader.send(request_bytes("GET", "/v1/info", "app-chat"))
        assert reader.response().json()["mode"] == "chat"
        reader.send(request_bytes("POST", "/v1/chat-messages", "app-chat", chat.message()))
        assert reader.response().names == ["message", "message_end"]
        reader.send(request_bytes("HEAD", "/v1/info", "app-chat"))
        assert reader.response("HEAD").status == 200
    reader.close()


def test_requests_sent_together_are_answered_in_order(chat: Caller) -> None:
    reader = chat.connect()
    asked = ["app-chat", "app-agent", "app-workflow"]
    reader.send(b"".join(request_bytes("GET", "/v1/info", key) for key in asked))
    modes = [reader.response().json()["mode"] for _ in asked]
    assert modes == ["chat", "agent-chat", "workflow"]
    reader.close()


def test_a_refused_body_does_not_spoil_the_connection(chat: Caller) -> None:
    reader = chat.connect()
    reader.send(
        request_bytes("POST", "/v1/chat-messages", "app-wrong", b"GET / HTTP/1.1\r\n\r\n" * 999)
    )
    assert reader.response().status == 401
    reader.send(request_bytes("GET", "/v1/info", "app-chat"))
    assert reader.response().status == 200
    reader.close()


@pytest.mark.parametrize(
    "framed",
    [
        b"3fffffff\r\n{}",
        b"7fffffffffffffff\r\n{}",
        b"-5\r\n{}\r\n0\r\n\r\n",
        b"1_0\r\n{}\r\n0\r\n\r\n",
        b"zz\r\n{}\r\n0\r\n\r\n",
        b"\r\n{}\r\n0\r\n\r\n",
        b"2\r\n{}xx0\r\n\r\n",
        b"2;" + b"x" * 10000 + b"\r\n{}\r\n0\r\n\r\n",
        b"2\r\n{}\r\n0\r\n" + b"a: b\r\n" * 200 + b"\r\n",
    ],
    ids=lambda framed: repr(framed[:16]),
)
def test_chunks_that_are_none_end_their_connection_alone(chat: Caller, framed: bytes) -> None:
    kind = ("Transfer-Encoding: chunked", "Content-Type: application/json")
    with socket.create_connection(("127.0.0.1", chat.emulator.port), 10) as sock:
        sock.sendall(request_bytes("POST", "/v1/chat-messages", "app-chat", None, kind) + framed)
        answered = b""
        with contextlib.suppress(OSError):
            sock.shutdown(socket.SHUT_WR)
            while block := sock.recv(4096):
                answered += block
    assert not answered
    assert chat.get("/info").status == 200


def test_a_chunked_body_is_understood(chat: Caller) -> None:
    kind = ("Transfer-Encoding: chunked", "Content-Type: application/json")
    body = b'{"inputs": {}, "query": "Hi", "user": "ann"}'
    request = request_bytes("POST", "/v1/chat-messages", "app-chat", None, kind)
    first, second = body[:10], body[10:]
    request += b"%x\r\n%b\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(first), first, len(second), second)
    assert chat.raw(request).json()["mode"] == "chat"


def test_an_idle_connection_is_closed_after_a_while() -> None:
    with DifyEmulator(version="1.12", keep_alive_seconds=0.1) as emulator:
        reader = Caller(emulator).connect()
        reader.send(request_bytes("GET", "/v1/info", "app-chat"))
        assert reader.response().header("Connection") == "keep-alive"
        assert reader.at_end()
        reader.close()


def test_a_connection_that_asks_to_close_is_closed(chat: Caller) -> None:
    reader = chat.connect()
    reader.send(request_bytes("GET", "/v1/info", "app-chat", None, ("Connection: close",)))
    assert reader.response().header("Connection") == "close"
    assert reader.at_end()
    reader.close()


def test_an_old_client_gets_a_stream_that_ends_with_the_connection(chat: Caller) -> None:
    request = request_bytes(
        "POST", "/v1/chat-messages", "app-chat", chat.message(), version="HTTP/1.0"
    )
    answer = chat.raw(request)
    assert answer.status_line == "HTTP/1.0 200 OK"
    assert answer.chunks is None
    assert answer.header("Content-Length") is None
    assert answer.names == ["message", "message_end"]


def test_no_head_is_sent_before_the_first_event() -> None:
    with DifyEmulator(version="1.12", token_pause=60.0) as emulator:
        caller = Caller(emulator)
        reader = caller.connect()
        reader.send(request_bytes("POST", "/v1/chat-messages", "app-chat", caller.message()))
        reader.sock.settimeout(0.2)
        with pytest.raises(TimeoutError):
            reader.sock.recv(1)
        reader.close()


def test_silence_is_filled_with_pings() -> None:
    with DifyEmulator(version="1.12", token_pause=0.5, ping_seconds=0.05) as emulator:
        reader, chunks = Caller(emulator).open_stream()
        assert next(chunks) == b"event: ping\n\n"
        reader.close()


def test_every_event_is_one_chunk_and_ends_are_not_mixed_up(chat: Caller) -> None:
    query = 'a\u2028b\u2029c\u0085d "quoted" \\ \n\r\n\tdata: x'
    answer = chat.say(query)
    assert answer.chunks is not None
    assert len(answer.chunks) == len(answer.events)
    assert all(raw.encode() in answer.body for raw in "\u2028\u2029\u0085")
    assert query in answer.text


@pytest.mark.parametrize(
    "path",
    [
        "/banana",
        "/v1",
        "/v1/banana",
        "/v1/info/",
        "/v1/messages/zz/suggested",
        "/v1/conversations/zz/name",
    ],
)
def test_no_such_path(chat: Caller, path: str) -> None:
    answer = chat.raw(request_bytes("GET", path, "app-chat"))
    assert answer.status_line == "HTTP/1.1 404 NOT FOUND"
    assert answer.header("Content-Type") == "text/html; charset=utf-8"


def test_a_double_slash_is_redirected(chat: Caller) -> None:
    answer = chat.raw(request_bytes("GET", "/v1//messages?user=a%20b", "app-chat"))
    assert answer.status == 308
    assert answer.header("Location") == "http://127.0.0.1/v1/messages?user=a%20b"


@pytest.mark.parametrize("origin", [None, "http://localhost:3000"])
def test_browsers_are_let_in(chat: Caller, origin: str | None) -> None:
    headers = () if origin is None else (f"Origin: {origin}",)
    answer = chat.raw(request_bytes("GET", "/v1/info", "app-chat", None, headers))
    assert answer.header("Access-Control-Allow-Origin") == (origin or "*")
    assert answer.header("Vary") == (origin and "Origin")


@pytest.mark.parametrize(
    "rubbish", [b"\x00\x01\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n"]
)
def test_rubbish_is_survived(chat: Caller, rubbish: bytes) -> None:
    reader = chat.connect()
    reader.send(rubbish)
    reader.sock.shutdown(socket.SHUT_WR)
    reader.close()
    assert chat.get("/info").status == 200


def test_a_broken_off_request_is_survived(chat: Caller) -> None:
    reader = chat.connect()
    reader.send(request_bytes("POST", "/v1/chat-messages", "app-chat", chat.message())[:-5])
    reader.close()
    assert chat.get("/info").status == 200


@pytest.mark.parametrize("path", ["/apps/annotations", "/app/feedbacks"])
def test_a_page_beyond_all_counting_is_empty(chat: Caller, path: str) -> None:
    for page in (2**63, 10**30):
        answer = chat.get(f"{path}?page={page}&limit=100")
        assert (answer.status, answer.json()["data"]) == (200, [])
