"""What is an event stream: a type is believed that says something, else the first bytes tell."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dify_java_compat import RequestsDifyChat
from dify_java_compat._stream.content_type import is_event_stream
from tests.support.frames import MESSAGE_END, message, response
from tests.support.server import ScriptedServer, always
from tests.support.watching import request

OTHER_TYPES = ("", "text/plain", "application/octet-stream", "binary/octet-stream", "x")
BEGINNINGS = (b"data:", b"data: {}\n\n", b"event: ping\n\n", b": hi\n\n", b"id: 1\n", b"retry: 1\n")
BEFORE = (b"", b"\xef\xbb\xbf", b"\n", b"\r\n\r\n", b"\xef\xbb\xbf\n")


@pytest.mark.parametrize("content_type", ["text/event-stream"])
def test_the_type_of_streams(content_type: str) -> None:
    assert is_event_stream(content_type) is True
    assert is_event_stream(content_type, b"<html>") is True


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "text/json",
        "application/problem+json",
        "text/html",
        "application/json,x",
    ],
)
def test_the_types_that_are_believed_to_be_something_else(content_type: str) -> None:
    assert is_event_stream(content_type) is False
    assert is_event_stream(content_type, b"data: {}\n\n") is False


@pytest.mark.parametrize("before", BEFORE)
@pytest.mark.parametrize("beginning", BEGINNINGS)
def test_each_beginning_of_a_stream_whatever_its_type(before: bytes, beginning: bytes) -> None:
    for content_type in OTHER_TYPES:
        assert is_event_stream(content_type, before + beginning) is True


@given(st.sampled_from(OTHER_TYPES), st.binary(max_size=40), st.integers(0, 40))
def test_an_answer_once_given_stays(content_type: str, body: bytes, length: int) -> None:
    early, whole = (
        is_event_stream(content_type, body[:length]),
        is_event_stream(content_type, body, is_whole=True),
    )
    assert early in (None, whole)
    assert whole is not None


def test_blank_lines_without_end_are_no_stream() -> None:
    assert is_event_stream("", b"\n" * 100) is None
    assert is_event_stream("", b"\n" * 2000) is False


@pytest.mark.parametrize("content_type", ["text/plain", "application/octet-stream"])
def test_a_blocking_call_that_is_answered_with_a_stream(content_type: str) -> None:
    answer = response(message("hi") + MESSAGE_END, content_type=content_type)
    with (
        ScriptedServer(always(answer)) as server,
        RequestsDifyChat(server.url, api_key="app-k") as chat,
    ):
        assert chat.send(request()).answer == "hi"
        assert [item.event for item in chat.sendChatMessageStream(request())][-1] == "message_end"


def test_json_of_another_type_is_still_an_answer() -> None:
    answer = response(b'{"answer": "hi"}', content_type="text/plain")
    with (
        ScriptedServer(always(answer)) as server,
        RequestsDifyChat(server.url, api_key="app-k") as chat,
    ):
        assert chat.send(request()).answer == "hi"
