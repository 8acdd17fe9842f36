"""One line a request on the logger `dify_java_compat`, that costs and changes nothing."""

from __future__ import annotations

import io
import json
import logging
import re
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

import dify_java_compat
from dify_java_compat import (
    ClientConfig,
    DifyException,
    DifyFile,
    FileUploadRequest,
    HttpClientException,
    MessagesRequest,
    RequestsDifyChat,
    TextToAudioRequest,
    TimeoutException,
    iterate,
)
from dify_java_compat._http import log as http_log
from dify_java_compat._http import masking
from tests.support import TIMEOUT
from tests.support.frames import (
    LAST_CHUNK,
    MESSAGE_END,
    STREAM_HEAD,
    chunk,
    message,
    response,
    stream,
)
from tests.support.server import Peer, ScriptedServer, always
from tests.support.watching import Watcher, request

KEY = "app-0123456789abcdef01234567"
PHONE = "13812345678"


class Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []
        self.came = threading.Semaphore(0)

    def emit(self, record: logging.LogRecord) -> None:
        assert record.levelno == logging.DEBUG
        self.lines.append(record.getMessage())
        self.came.release()

    @property
    def only(self) -> str:
        [line] = self.lines
        return line


@pytest.fixture
def log() -> Iterator[Lines]:
    logger = logging.getLogger("dify_java_compat")
    lines = Lines()
    logger.addHandler(lines)
    logger.setLevel(logging.DEBUG)
    yield lines
    logger.setLevel(logging.NOTSET)
    logger.removeHandler(lines)


def client_of(server: ScriptedServer, **config: object) -> RequestsDifyChat:
    return RequestsDifyChat(server.url, ClientConfig(**config), api_key=KEY)  # type: ignore[arg-type]


def test_a_call_and_its_answer(log: Lines) -> None:
    body = {"answer": "你好", "message_id": "m-1"}
    with ScriptedServer(always(response(json.dumps(body).encode()))) as server:
        with client_of(server) as client:
            client.send(request(conversation_id="c-1"))
    line = re.sub(r"\d+ ms", "0 ms", log.only)
    start, sent, got = re.split("; sent |; got ", line)
    assert start == "POST /v1/chat-messages -> 200, 0 ms [conversation_id=c-1]"
    assert json.loads(sent)["query"] == "你好"
    assert json.loads(got) == body


def test_a_path_has_its_query(log: Lines) -> None:
    with ScriptedServer(always(response(b'{"data":[]}'))) as server, client_of(server) as client:
        client.messages(MessagesRequest(conversation_id="c-1", user_id=PHONE, limit=3))
    assert log.only.startswith("GET /v1/messages?")
    assert "limit=3" in log.only
    assert "user=138****5678" in log.only
    assert "; sent" not in log.only


def test_a_stream_is_a_line_at_its_beginning_and_no_body(log: Lines) -> None:
    more = threading.Event()

    def script(peer: Peer) -> None:
        peer.receive()
        peer.send(STREAM_HEAD)
        more.wait(TIMEOUT)
        peer.send(chunk(message("nobody logs this")) + chunk(MESSAGE_END) + LAST_CHUNK)

    with ScriptedServer(script) as server, client_of(server) as client:
        watcher = Watcher(client.sendChatMessageStream(request()))
        assert log.came.acquire(timeout=TIMEOUT)  # before anything of the body
        assert not watcher.items
        more.set()
        assert watcher.wait().text == "nobody logs this"
    assert re.match(r'POST /v1/chat-messages -> 200, \d+ ms; sent {"', log.only)
    assert "nobody" not in log.only


def test_each_try_is_a_line(log: Lines) -> None:
    good = response(b'{"opening_statement":"o"}')
    left = [response(b'{"code":"c","message":"busy"}', "503 BUSY"), good]

    def script(peer: Peer) -> None:
        while peer.receive():
            peer.send(left.pop(0))

    with ScriptedServer(script) as server, client_of(server) as client:
        client.parameters()
    first, second = log.lines
    assert re.match(r"GET /v1/parameters -> 503, \d+ ms; got .*busy", first)
    assert re.match(r"GET /v1/parameters -> 200, \d+ ms; got {.opening_statement.:.o.}$", second)


def test_a_request_without_an_answer_is_a_line_too(log: Lines) -> None:
    def script(peer: Peer) -> None:
        peer.receive()
        peer.wait_closed()

    with ScriptedServer(script) as server, client_of(server, read_timeout=0.1) as client:
        with pytest.raises(TimeoutException):
            client.send(request())
    assert re.match(
        r"POST /v1/chat-messages failed after \d+ ms: TimeoutException: nothing came for 0\.1 s",
        log.only,
    )


def test_a_body_that_is_cut_is_shown_as_far_as_it_came(log: Lines) -> None:
    def script(peer: Peer) -> None:
        peer.receive()
        peer.send(response(b'{"answer":"yes"}')[:-4])

    with ScriptedServer(script) as server:
        with client_of(server) as client, pytest.raises(DifyException):
            client.send(request())
    assert log.only.endswith('; got {"answer":"y')


SECRETS = {
    "phone": PHONE,
    "email": "zhangsan@example.com",
    "id_card": "110101199003071234",
    "password": "hunter2-hunter2",
    "cookie": "session=abcdef0123456789",
    "text": f"我的电话是{PHONE},邮箱 zhangsan@example.com,身份证110101199003071234",
}


def everything(log: Lines, **config: object) -> str:
    """All that is said of a call with secrets in its body, its answer and its query."""
    inputs = {**SECRETS, "api_key": KEY, "note": f"use {KEY} and Bearer abcdefghijkl"}
    body = json.dumps({"answer": "yes", "data": [], "metadata": inputs}).encode()
    with ScriptedServer(always(response(body))) as server, client_of(server, **config) as client:
        client.send(request(inputs=inputs, conversation_id="c-1"))
        client.messages(MessagesRequest(conversation_id="c-1", user_id=KEY, first_id=KEY))
    with ScriptedServer(always(response(body, "400 BAD"))) as server:
        with client_of(server, **config) as client, pytest.raises(HttpClientException):
            client.send(request(inputs=inputs))
    return "\n".join(log.lines)


def test_nothing_secret_is_said(log: Lines) -> None:
    said = everything(log)
    for secret in ("13812345678", "zhangsan@", "19900307", "hunter2", "abcdef", KEY, "Bearer"):
        assert secret not in said
    assert "138****5678" in said


def test_no_key_is_said_with_masking_off(log: Lines) -> None:
    said = everything(log, logging_mask_enabled=False)
    assert all(secret in said for secret in SECRETS.values())
    assert KEY not in said
    assert "abcdefghijkl" not in said


def test_no_header_is_said(log: Lines) -> None:
    raw = response(headers="Set-Cookie: a=told-nobody\r\nX-Secret: told-nobody\r\n")
    with ScriptedServer(always(raw)) as server, client_of(server) as client:
        client.parameters()
    assert "told" not in log.only
    assert "Authorization" not in log.only


@pytest.mark.parametrize("limit", [1, 10, 100])
def test_a_body_is_shown_up_to_the_limit(log: Lines, limit: int) -> None:
    body = json.dumps({"answer": "x" * 1000}).encode()
    with ScriptedServer(always(response(body))) as server:
        with client_of(server, log_body_max_bytes=limit) as client:
            client.send(request(content="y" * 1000))
    assert max(map(len, re.findall("x+|y+", log.only))) <= limit
    assert f"... ({len(body)} bytes)" in log.only


def test_no_limit_shows_all(log: Lines) -> None:
    body = json.dumps({"answer": "x" * 500_000}).encode()
    with ScriptedServer(always(response(body))) as server:
        with client_of(server, log_body_max_bytes=0) as client:
            client.send(request())
    assert log.only.count("x") == 500_000


def test_audio_is_counted_and_passed_on(log: Lines) -> None:
    audio = bytes(range(256)) * 100
    for binary in (False, True):
        with ScriptedServer(always(response(audio, content_type="audio/mpeg"))) as server:
            with client_of(server, log_binary_body=binary, log_body_max_bytes=5) as client:
                given = client.textToAudio(TextToAudioRequest(text="hi", user_id="u"))
                assert given is not None
                assert given.body == audio
    first, second = log.lines
    assert first.endswith("; got 25600 bytes of audio/mpeg")
    assert second.endswith(r"; got 25600 bytes of audio/mpeg: b'\x00\x01\x02\x03\x04'")


def test_a_form_is_not_read_for_the_log(log: Lines) -> None:
    with ScriptedServer(always(response(b'{"id":"f"}'))) as server, client_of(server) as client:
        file = DifyFile(filename="a.txt", content=b"told nobody")
        client.fileUpload(FileUploadRequest(file=file, user_id="u"))
        assert b"told nobody" in server.requests[0].body
    assert re.search(r"; sent a form of \d+ bytes; got ", log.only)
    assert "told" not in log.only


@pytest.mark.parametrize("off", ["level", "config"])
def test_nothing_is_written_when_nobody_reads(
    log: Lines, off: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*args: object) -> None:
        raise AssertionError("made for nobody")

    monkeypatch.setattr(http_log, "RequestLog", never)
    monkeypatch.setattr(masking, "mask_text", never)
    if off == "level":
        logging.getLogger("dify_java_compat").setLevel(logging.INFO)
    with ScriptedServer(always(response())) as server:
        with client_of(server, logging=off != "config") as client:
            client.parameters()
    with ScriptedServer(always(stream(MESSAGE_END))) as server:
        with client_of(server, logging=off != "config") as client:
            assert list(iterate(client.sendChatMessageStream(request())))
    assert log.lines == []


def test_a_log_that_fails_fails_no_call(log: Lines, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*args: object) -> str:
        raise RuntimeError("oh")

    monkeypatch.setattr(masking, "mask_path", fails)
    with ScriptedServer(always(response(b'{"answer":"yes"}'))) as server:
        with client_of(server) as client:
            assert client.send(request()).answer == "yes"
    assert re.match(r"POST -> 200, \d+ ms \(this request cannot be shown\)$", log.only)


def test_a_handler_gets_text_it_can_write(log: Lines) -> None:
    body = b'{"answer":"\\ud83d\\n\\u2028"}'
    stream_handler = logging.StreamHandler(io.TextIOWrapper(io.BytesIO(), encoding="utf-8"))
    logger = logging.getLogger("dify_java_compat")
    logger.addHandler(stream_handler)
    try:
        with ScriptedServer(always(response(body))) as server, client_of(server) as client:
            client.send(request())
    finally:
        logger.removeHandler(stream_handler)
    log.only.encode()
    assert len(log.only.splitlines()) == 1


def test_importing_configures_no_logging() -> None:
    code = """
import logging
before = list(logging.root.handlers), logging.root.level
from dify_java_compat import RequestsDifyChat
ours = logging.getLogger("dify_java_compat")
assert (list(logging.root.handlers), logging.root.level) == before
assert [type(handler) for handler in ours.handlers] == [logging.NullHandler]
assert (ours.level, ours.propagate, ours.disabled) == (logging.NOTSET, True, False)
"""
    subprocess.run([sys.executable, "-c", code], check=True)
    assert dify_java_compat
