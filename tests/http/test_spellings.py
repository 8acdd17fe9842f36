"""The key is hidden in whatever spelling it comes back, and in the frames of a call."""

from __future__ import annotations

import json
import logging
import pickle
import string
import traceback
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from dify_java_compat import (
    ClientConfig,
    DifyException,
    HttpClientException,
    HumanInputSubmitRequest,
    MessageConversationsRequest,
    RequestsDifyChat,
    TextToAudioRequest,
)
from dify_java_compat._http.masking import MASK, without_key
from dify_java_compat._http.request import ApiKey, HttpRequest
from dify_java_compat.recoup import RequestsRecoupChat
from tests.support.frames import response
from tests.support.server import Peer, ScriptedServer, always
from tests.support.watching import request

TOKEN = "9f1c2d3e-aaaa-4bbb-8ccc-123456789abc"
SECRET = "app-Tr0ub4dor/8and+3Correct=="

keys = st.text(string.ascii_letters + string.digits + "-._~+/=&<>%#'\"", min_size=12, max_size=40)
SPELLINGS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "a backslash before it": lambda c: c if c.isalnum() else "\\" + c,
    "two, of JSON in JSON": lambda c: c if c.isalnum() else "\\\\" + c,
    "an escape of JSON": lambda c: f"\\u{ord(c):04x}",
    "one in capitals": lambda c: f"\\u{ord(c):04X}",
    "one of JSON in JSON": lambda c: f"\\\\u{ord(c):04x}",
    "an escape of Python": lambda c: f"\\x{ord(c):02x}",
    "of a URL": lambda c: f"%{ord(c):02X}",
    "of a URL, small": lambda c: f"%{ord(c):02x}",
    "of a URL within a URL": lambda c: f"%25{ord(c):02X}",
    "of HTML": lambda c: f"&#{ord(c)};",
    "of HTML, hexadecimal": lambda c: f"&#x{ord(c):x};",
    "by name": lambda c: {"&": "&amp;", "<": "&lt;", ">": "&gt;", "/": "&sol;"}.get(c, c),
}


@given(key=keys, data=st.data())
def test_each_character_may_be_spelt_in_its_own_way(key: str, data: st.DataObject) -> None:
    ways = [data.draw(st.sampled_from(sorted(SPELLINGS))) for _ in key]
    spelt = "".join(SPELLINGS[way](c) for way, c in zip(ways, key, strict=True))
    assert without_key(f"key: {spelt}, and so on", key) == f"key: {MASK}, and so on"


@given(key=keys, before=st.text(max_size=20), after=st.text(max_size=20))
def test_what_is_no_key_stays(key: str, before: str, after: str) -> None:
    text = f"{before} nothing {after}"
    assume(key not in text)
    assert without_key(text, key) == text


BODIES = {
    "JSON with an escaped slash": json.dumps({"message": f"no {SECRET}"}).replace("/", "\\/"),
    "JSON with an escaped plus": json.dumps({"message": f"no {SECRET}"}).replace("+", "\\u002B"),
    "JSON in JSON": json.dumps({"message": json.dumps({"k": SECRET}).replace("/", "\\/")}),
    "an object": json.dumps({"code": SECRET, "message": {"auth": SECRET.replace("+", "%2b")}}),
    "a page": "<p>" + SECRET.replace("/", "&#x2F;") + "</p>",
    "a URL": quote(quote(SECRET, safe=""), safe=""),
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
@pytest.mark.parametrize("status", ["401 NO", "200 OK", "500 OH"])
def test_no_spelling_comes_out_of_an_exception(body: str, status: str) -> None:
    with ScriptedServer(always(response(body.encode(), status))) as server:
        with RequestsDifyChat(server.url, ClientConfig(max_retries=0), api_key=SECRET) as chat:
            with pytest.raises(DifyException) as caught:
                chat.info()
    shown = f"{caught.value} {vars(caught.value)}"
    part = "Tr0ub4dor"
    assert part not in shown


def test_nor_of_a_status_line_that_is_none() -> None:
    line = f"Authorization: Bearer {SECRET}\r\n\r\n".encode()
    with ScriptedServer(lambda peer: (peer.receive(), peer.send(line))[0]) as server:
        with RequestsDifyChat(server.url, ClientConfig(max_retries=0), api_key=SECRET) as chat:
            with pytest.raises(DifyException) as caught:
                chat.info()
    shown = "".join(traceback.TracebackException.from_exception(caught.value).format())
    assert "Tr0ub4dor" not in shown
    link: BaseException | None = caught.value
    while link is not None:
        assert "Tr0ub4dor" not in f"{link!r} {vars(link)}"
        link = link.__cause__ or link.__context__


def frames(error: BaseException) -> list[str]:
    """The variables of the frames that are the package's."""
    found = []
    for frame, _ in traceback.walk_tb(error.__traceback__):
        if "dify_java_compat" in frame.f_code.co_filename:
            found += [
                f"{frame.f_code.co_name}: {name}={value!r}"
                for name, value in frame.f_locals.items()
            ]
    return found


@pytest.mark.parametrize(
    "call",
    [
        lambda chat: chat.stopMessagesStream(SECRET, "t", "u"),
        lambda chat: chat.stopMessagesStream(apiKey=SECRET, taskId="t", userId="u"),
        lambda chat: chat.info(SECRET),
        lambda chat: chat.messagesSuggested("m", api_key=SECRET),
        lambda chat: chat.workflowEvents("r", SECRET, "u").run(),
    ],
)
def test_no_frame_of_a_call_has_the_key(call: Callable[[Any], object]) -> None:
    with ScriptedServer(always(response(b"{}", "401 NO"))) as server:
        with RequestsDifyChat(server.url) as chat, pytest.raises(DifyException) as caught:
            call(chat)
    assert server.requests[0].headers["authorization"] == f"Bearer {SECRET}"
    assert frames(caught.value)
    assert not [line for line in frames(caught.value) if SECRET in line]


def test_no_frame_of_another_service_either() -> None:
    with ScriptedServer(always(response(b"{}", "401 NO"))) as server:
        with RequestsRecoupChat(server.url) as chat, pytest.raises(DifyException) as caught:
            chat.stopChat("c", SECRET)
    assert server.requests[0].headers["x-api-key"] == SECRET
    assert not [line for line in frames(caught.value) if SECRET in line]


def test_no_frame_has_a_key_that_is_refused() -> None:
    with RequestsDifyChat("http://127.0.0.1:9") as chat, pytest.raises(DifyException) as caught:
        chat.info(f"{SECRET}\n")
    assert not [line for line in frames(caught.value) if SECRET in line]


@pytest.mark.parametrize(
    "url",
    [f"http://x/v1?key={SECRET}", "ftp://app-Tr0ub4dor8and3CorrectHorse", f"http://x#{SECRET}"],
)
def test_a_base_url_that_is_refused_shows_no_key(url: str) -> None:
    with pytest.raises(DifyException) as caught:
        RequestsDifyChat(url)
    assert "Tr0ub4dor" not in str(caught.value)


def test_the_token_of_a_form_is_shown_nowhere(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    body = json.dumps({"message": f"no form {TOKEN}"}).encode()
    with ScriptedServer(always(response(body, "404 NO"))) as server:
        with RequestsDifyChat(server.url, api_key="app-1") as chat:
            for call in (
                lambda: chat.humanInputForm(TOKEN),
                lambda: chat.submitHumanInputForm(
                    HumanInputSubmitRequest(form_token=TOKEN, action="ok")
                ),
            ):
                with pytest.raises(DifyException) as caught:
                    call()
                assert TOKEN not in f"{caught.value} {vars(caught.value)}"
                assert caught.value.path == f"/v1/form/human_input/{MASK}"
    assert server.requests[0].target.endswith(TOKEN)
    assert TOKEN not in caplog.text


def test_urllib3s_own_line_has_no_more_than_ours(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with ScriptedServer(always(response(b'{"data":[]}'))) as server:
        with RequestsDifyChat(server.url, api_key="app-1") as chat:
            chat.conversations(MessageConversationsRequest(user_id="13800138000"))
    assert "138****8000" in caplog.text
    assert "13800138000" not in caplog.text


class Failing(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        raise RuntimeError("a filter of the user's own")


def test_a_log_that_raises_loses_no_answer_and_no_place(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    log, failing = logging.getLogger("dify_java_compat"), Failing()

    def script(peer: Peer) -> None:
        while received := peer.receive():
            streams = "event-stream" in received.headers["accept"]
            event = b'data: {"event":"message_end","task_id":"t"}\n\ndata: none\n\n'
            kind = "text/event-stream" if streams else "application/json"
            peer.send(response(event if streams else b'{"answer":"paid"}', content_type=kind))

    log.addFilter(failing)
    try:
        with ScriptedServer(script) as server:
            config = ClientConfig(max_requests=1, call_timeout=10.0)
            with RequestsDifyChat(server.url, config, api_key="app-1") as chat:
                assert chat.send(request()).answer == "paid"
                for _ in range(3):
                    assert len(list(chat.sendChatMessageStream(request()))) == 1
    finally:
        log.removeFilter(failing)


@pytest.mark.parametrize("spelt", [SECRET, quote(SECRET, safe=""), SECRET.replace("+", "%2b")])
def test_a_redirect_that_is_not_followed_shows_no_key(spelt: str) -> None:
    moved = response(b"", "307 X", headers=f"Location: https://elsewhere.example/?key={spelt}\r\n")
    with ScriptedServer(always(moved)) as server:
        with RequestsDifyChat(server.url, api_key=SECRET) as chat:
            with pytest.raises(DifyException, match="elsewhere") as caught:
                chat.info()
    assert "Tr0ub4dor" not in f"{caught.value} {vars(caught.value)}"


HOSTILE = ("9" * 400, "\xb2", f"Thu, 01 Jan {'9' * 20} 00:00:00 GMT", "inf", "nan", "-1")


@pytest.mark.parametrize("value", HOSTILE)
def test_a_hostile_retry_after_is_none(value: str) -> None:
    line = b"\r\nRetry-After: %b\r\n\r\n" % value.encode("latin-1")
    raw = response(b"{}", "503 NO").replace(b"\r\n\r\n", line, 1)
    with ScriptedServer(always(raw)) as server:
        with RequestsDifyChat(server.url, ClientConfig(max_retries=0), api_key=SECRET) as chat:
            with pytest.raises(HttpClientException) as caught:
                chat.info()
    assert caught.value.retry_after is None


BEARING: dict[str, bytes] = {
    "an encoding": response(headers=f"Content-Encoding: {SECRET}\r\n"),
    "a type, of a success": response(b"no", content_type=f"text/{SECRET}"),
    "a type, of a refusal": response(b"", "401 NO", f"text/{SECRET}"),
    "the reason of a status": response(b"", f"401 {SECRET}"),
    "the ids of a stream": response(
        b'data: {"event":"message","task_id":"%b","conversation_id":"%b"}\n\n'
        % (SECRET.encode(), SECRET.encode()),
        content_type="text/event-stream",
    ),
    "what a gateway says in a stream": response(
        b'data: {"error":{"message":"no %b"}}\n\ndata: [DONE]\n\n' % SECRET.encode(),
        content_type="text/event-stream",
    ),
    "a text in UTF-16": response(f'{{"message":"{SECRET}"}}'.encode("utf-16"), "400 NO"),
    "JSON in a JSON text": response(
        json.dumps(json.dumps({"message": SECRET.replace("/", "\\/")})).encode(), "400 NO"
    ),
}


@pytest.mark.parametrize("name", BEARING)
def test_no_part_of_a_response_shows_the_key(
    name: str, caplog: pytest.LogCaptureFixture, recwarn: pytest.WarningsRecorder
) -> None:
    caplog.set_level(logging.DEBUG)
    config = ClientConfig(max_retries=0, max_idle_connections=0)
    with ScriptedServer(always(BEARING[name])) as server:
        with RequestsDifyChat(server.url, config, api_key=SECRET) as chat:
            calls: list[Callable[[], object]] = [
                lambda: chat.conversations(MessageConversationsRequest(user_id="u")),
                lambda: chat.send(request(conversation_id="c-9")),
                lambda: list(chat.sendChatMessageStream(request(conversation_id="c-9"))),
                lambda: chat.sendChatMessageStream(request()).to_list().run(),
                lambda: chat.textToAudio(TextToAudioRequest(text="t")),
            ]
            for ask in calls:
                with pytest.raises(DifyException) as caught:
                    ask()
                link: BaseException | None = caught.value
                while link is not None:
                    words = {n: v for n, v in vars(link).items() if n != "partial"}
                    shown = f"{link} {link!r} {words}".lower()
                    assert "tr0ub4dor" not in shown
                    link = link.__cause__ or link.__context__
                caught.value.partial = None  # the answer itself, which is as it came
                assert b"Tr0ub4dor" not in pickle.dumps(caught.value)
    assert "tr0ub4dor" not in caplog.text.lower()
    assert not recwarn.list


def one_level_deep(error: BaseException) -> list[str]:
    """The variables of the package's frames, and theirs: so much crash reporters show."""
    found = frames(error)
    for frame, _ in traceback.walk_tb(error.__traceback__):
        if "dify_java_compat" in frame.f_code.co_filename:
            for value in frame.f_locals.values():
                found += [f"{n}={v!r}" for n, v in getattr(value, "__dict__", {}).items()]
    return found


@pytest.mark.parametrize("raw", [b"", b"no HTTP\r\n\r\n"])
def test_nor_do_the_variables_of_a_frames_variables(raw: bytes) -> None:
    proxies = {"ftp": "http://u:Passw0rd@127.0.0.1:1"}
    config = ClientConfig(max_retries=0, headers={"X-Token": "Passw0rd"}, proxies=proxies)
    with ScriptedServer(lambda peer: (peer.receive(), peer.send(raw))[0]) as server:
        with RequestsDifyChat(server.url, config, api_key=SECRET) as chat:
            for ask in (chat.info, lambda: list(chat.sendChatMessageStream(request()))):
                with pytest.raises(DifyException) as caught:
                    ask()
                shown = one_level_deep(caught.value)
                assert shown
                assert not [line for line in shown if "Tr0ub4dor" in line or "Passw0rd" in line]


def test_a_request_that_is_shown_shows_no_token() -> None:
    asked = HttpRequest("humanInputForm", "GET", f"/v1/{TOKEN}", ApiKey("app-1"), secrets=(TOKEN,))
    assert TOKEN not in repr(asked)
    assert repr(asked) == f"HttpRequest(humanInputForm: GET /v1/{MASK})"


MISPLACED: dict[str, Callable[[RequestsDifyChat], object]] = {
    "messagesSuggested": lambda chat: chat.messagesSuggested(SECRET, None, "u"),
    "deleteConversation": lambda chat: chat.deleteConversation(SECRET, None, "u"),
    "stopMessagesStream": lambda chat: chat.stopMessagesStream(None, SECRET, "u"),
    "send": lambda chat: chat.send(request(conversation_id=SECRET)),
    "a stream": lambda chat: list(chat.sendChatMessageStream(request(conversation_id=SECRET))),
    "workflowEvents": lambda chat: list(chat.workflowEvents(SECRET, None, "u")),
}


@pytest.mark.parametrize("name", MISPLACED)
@pytest.mark.parametrize("raw", [response(b"{}", "404 NO"), b"no HTTP\r\n\r\n", response(b"oops")])
def test_a_key_in_the_place_of_an_id_is_not_shown(name: str, raw: bytes) -> None:
    config = ClientConfig(max_retries=0, max_idle_connections=0)
    with ScriptedServer(always(raw)) as server:
        with RequestsDifyChat(server.url, config, api_key=SECRET) as chat:
            with pytest.raises(DifyException) as caught:
                MISPLACED[name](chat)
    shown = f"{caught.value} {vars(caught.value)}"
    assert "***MASKED***" in shown
    assert SECRET not in shown
    assert quote(SECRET, safe="") not in shown
