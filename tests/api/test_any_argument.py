"""Whatever a caller gives and a server says, each method ends in a result or in an exception of the
package: IllegalArgumentException before anything is sent, and any other behind it.

Over real sockets; Hypothesis makes up the arguments and the responses.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import decimal
import enum
import fractions
import io
import json
import pathlib
import pickle
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dify_java_compat import (
    AudioToTextRequest,
    ChatMessageSendRequest,
    ClientConfig,
    DifyException,
    DifyFile,
    FileUploadRequest,
    IllegalArgumentException,
    MessageFeedbackRequest,
    RequestsDifyChat,
    collect,
)
from dify_java_compat._api.files import Upload
from dify_java_compat._stream.observable import Observable
from tests.support.facade import METHODS, arguments
from tests.support.frames import STREAM_HEAD, chunk, response
from tests.support.server import Peer, ScriptedServer

KEY = "app-Tr0ub4dor8and3CorrectHorse"


class Text(str):
    """As lxml's, bs4's and numpy's."""


class Real(float):
    """As numpy's."""


class Whole(int):
    """As numpy's."""


class Place(enum.Enum):
    HERE = 7


class Array:
    """Compares and counts as an array of numpy's does."""

    def __eq__(self, other: object) -> Any:
        return self

    __hash__ = None  # type: ignore[assignment]

    def __bool__(self) -> bool:
        raise ValueError("the truth value of an array is ambiguous")


def held_by_itself() -> dict[str, Any]:
    made: dict[str, Any] = {}
    made["self"] = made
    return made


def deep() -> list[Any]:
    made: list[Any] = []
    for _ in range(20_000):
        made = [made]
    return made


def closed() -> io.BytesIO:
    file = io.BytesIO(b"x")
    file.close()
    return file


FILE = ChatMessageSendRequest.ChatMessageFile
ODD: dict[str, Any] = {
    **{repr(value): value for value in (None, "", " ", 0, -1, 10**400, 1.5, True)},
    "a number of 5,000 digits": 10**5000 - 1,
    **{repr(value): value for value in (b"", b"x", bytearray(b"x"), float("nan"), float("inf"))},
    **{
        repr(value): value for value in ((), [], {}, [None], {"a": 1}, {1: 2}, {(1,): 2}, {b"k": 1})
    },
    **{
        ascii(value): value
        for value in ("\ud83d", "a\x00b", "a\r\nX: 1", "..", "/", "好", "long " * 1000)
    },
    **{repr(value): value for value in (Text("t"), Real(1.5), Whole(1), {1, 2})},
    "an object": object(),
    "an array": Array(),
    "Decimal": decimal.Decimal("1.5"),
    "Fraction": fractions.Fraction(1, 3),
    "complex": 1j,
    "a datetime": datetime.datetime(2026, 1, 1),
    "a timedelta": datetime.timedelta(1),
    "a uuid": uuid.UUID(int=1),
    "a path": pathlib.Path("no-such-file"),
    "a class": dict,
    "a function": print,
    "a rating": MessageFeedbackRequest.Rating.LIKE,
    "a memoryview of every other byte": memoryview(b"abcd")[::2],
    "a file of texts": io.StringIO("x"),
    "a file of bytes": io.BytesIO(b"x"),
    "an Upload": Upload(b"x"),
    "an Upload that tells nobody": Upload(b"x", 5),  # type: ignore[arg-type]
    "an Upload in one": Upload(Upload(b"x")),
    "a tuple": ("a.txt", b"x", "text/plain"),
    "a tuple with a Path": (pathlib.Path("a.txt"), b"x"),
    "a tuple with bytes for a name": (b"a.txt", b"x"),
    "a tuple with line breaks for a type": ("a.txt", b"x", "text/plain\r\nX: 1"),
    "a tuple of numbers": (1, 2, 3),
    "a DifyFile of nothing": DifyFile(),
    "a DifyFile": DifyFile(filename="a.wav", content=b"RIFF"),
    "a file of a chat": FILE(type="image", url="http://x/y.png"),
    "a file of a chat, odd": FILE(type=b"x", url=5),  # type: ignore[arg-type]
    "another request": ChatMessageSendRequest(api_key=KEY),
}
HYPOTHESIS_CAN_SHOW = [value for name, value in ODD.items() if "digits" not in name]
MADE = {"itself": held_by_itself, "deep": deep, "closed": closed}  # anew for each use
values = st.one_of(
    st.sampled_from(HYPOTHESIS_CAN_SHOW),
    st.sampled_from(sorted(MADE)).map(lambda name: MADE[name]()),
    st.recursive(
        st.sampled_from(HYPOTHESIS_CAN_SHOW) | st.text(max_size=5) | st.floats() | st.integers(),
        lambda inner: (
            st.lists(inner, max_size=2)
            | st.dictionaries(st.text(max_size=3), inner, max_size=2)
            | st.tuples(inner)
        ),
        max_leaves=4,
    ),
)

json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)
NAMES = (
    *("event", "answer", "task_id", "message_id", "data", "id", "result", "metadata", "code"),
    *("message", "error", "status", "limit", "has_more", "files", "outputs", "inputs", "position"),
)
objects = st.dictionaries(st.sampled_from(NAMES), json_values, max_size=5)
EVENTS = (
    "message",
    "message_end",
    "workflow_finished",
    "error",
    "agent_thought",
    "message_replace",
)
events = st.builds(
    lambda value, event: {**value, "event": event}, objects, st.sampled_from(EVENTS) | json_values
)
bodies = st.one_of(
    (objects | json_values).map(lambda value: json.dumps(value).encode()),
    st.sampled_from(
        [
            *(b"", b"null", b"{}", b"[]", b"\xef\xbb\xbf{}", b"<html>\xd6\xd0</html>", b"\xff\xfe"),
            *(b"[" * 50_000, b'{"data":' * 50_000, b'{"answer":' + b"9" * 5000 + b"}"),
            *(b'{"answer":"\\ud83d"}', b'{"data":[{"id":["x"]}]}', b'{"data":[1,null,"x"]}'),
        ]
    ),
    st.binary(max_size=30),
)
STATUSES = ("200 OK", "200 OK", "204 NO", "206 PART", "301 MOVED", "307 THERE", "400 BAD", "401 NO")
STATUSES += ("404 NO", "413 BIG", "429 MANY", "500 OH", "503 NO", "999 WHAT", "200")
TYPES = ("application/json", "text/event-stream", "text/html; charset=gbk", "audio/mpeg", "", "x")
HEADERS = (
    *(
        "",
        "",
        "Retry-After: \xb2\r\n",
        "Retry-After: Thu, 01 Jan 99999999999999999999 00:00 GMT\r\n",
    ),
    *("Location: http://[\r\n", "Location: //evil/\r\n", "Content-Encoding: gzip\r\n"),
    *("Content-Encoding: br\r\n", "Retry-After: " + "9" * 5000 + "\r\n", "Set-Cookie: a=b\r\n"),
)


def whole(body: bytes, status: str, content_type: str, headers: str) -> bytes:
    made = response(body, status, content_type)
    return made.replace(b"\r\n\r\n", b"\r\n" + headers.encode("latin-1") + b"\r\n", 1)


streams = st.lists(events | objects, max_size=4).map(
    lambda items: (
        STREAM_HEAD
        + b"".join(chunk(b"data: %b\n\n" % json.dumps(item).encode()) for item in items)
        + b"0\r\n\r\n"
    )
)
replies = st.one_of(
    st.builds(whole, bodies, *map(st.sampled_from, (STATUSES, TYPES, HEADERS))),
    streams,
    st.tuples(streams, st.integers(0, 400)).map(lambda both: both[0][: both[1]]),
    st.binary(max_size=40),
)


@pytest.fixture(scope="module")
def answering() -> Iterator[tuple[RequestsDifyChat, ScriptedServer, list[bytes]]]:
    reply = [b""]

    def script(peer: Peer) -> None:
        if peer.receive() is not None:
            peer.send(reply[0])

    config = ClientConfig(
        max_retries=0, read_timeout=5.0, sse_read_timeout=5.0, max_event_bytes=100_000
    )
    with ScriptedServer(script) as server:
        with RequestsDifyChat(server.url, config, api_key=KEY) as client:
            yield client, server, reply


def outcome(client: RequestsDifyChat, method: str, given: dict[str, Any]) -> Any:
    result = getattr(client, method)(**given)
    if isinstance(result, Observable):
        collect(result)
        return list(result)
    for part in (repr, lambda value: getattr(value, "raw", None)):
        part(result)
    return result


def check(
    answering: tuple[RequestsDifyChat, ScriptedServer, list[bytes]],
    method: str,
    given: dict[str, Any],
    reply: bytes,
) -> None:
    client, server, replies = answering
    replies[0] = reply
    sent = len(server.requests)
    problem: DifyException | None = None
    try:
        outcome(client, method, given)
    except DifyException as error:
        problem = error
    if problem is None:
        return
    assert str(pickle.loads(pickle.dumps(problem))) == str(problem)
    assert KEY not in f"{problem} {vars(problem)}"
    if isinstance(problem, IllegalArgumentException):
        assert len(server.requests) == sent, "refused, after it was sent"


def filled(method: str) -> dict[str, Any]:
    made = arguments(method)
    made.pop("api_key", None)
    for value in made.values():
        if hasattr(value, "api_key"):
            value.api_key = None
    return made


RELAXED = settings(
    max_examples=40, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)


@pytest.mark.parametrize("method", METHODS)
@RELAXED
@given(data=st.data())
def test_any_argument(
    answering: tuple[RequestsDifyChat, ScriptedServer, list[bytes]],
    method: str,
    data: st.DataObject,
) -> None:
    made = filled(method)
    for name, value in list(made.items()):
        if dataclasses.is_dataclass(value) and data.draw(st.integers(0, 9)):
            fields = [field.name for field in dataclasses.fields(value)]
            for field in data.draw(st.lists(st.sampled_from(fields), max_size=3)):
                setattr(value, field, data.draw(values))
        elif data.draw(st.booleans()):
            made[name] = data.draw(values)
    check(answering, method, made, response(b'{"result":"success","answer":"a","data":[]}'))


@pytest.mark.parametrize("method", METHODS)
@RELAXED
@given(reply=replies)
def test_any_response(
    answering: tuple[RequestsDifyChat, ScriptedServer, list[bytes]], method: str, reply: bytes
) -> None:
    check(answering, method, filled(method), reply)


@pytest.mark.parametrize("name", [*ODD, *MADE])
@pytest.mark.parametrize("method", METHODS)
def test_each_odd_value_in_each_place(
    answering: tuple[RequestsDifyChat, ScriptedServer, list[bytes]], method: str, name: str
) -> None:
    reply = response(b'{"result":"success","answer":"a","data":[]}')
    value = MADE[name]() if name in MADE else ODD[name]
    for argument, given_value in filled(method).items():
        check(answering, method, {**filled(method), argument: value}, reply)
        if dataclasses.is_dataclass(given_value):
            for field in dataclasses.fields(given_value):
                made = filled(method)
                setattr(made[argument], field.name, value)
                check(answering, method, made, reply)


@pytest.mark.parametrize("name", [*ODD, *MADE])
def test_each_odd_value_as_a_setting(
    answering: tuple[RequestsDifyChat, ScriptedServer, list[bytes]], name: str
) -> None:
    _, server, replies = answering
    replies[0] = response(b'{"name":"n"}')
    value = MADE[name]() if name in MADE else ODD[name]
    quick: dict[str, Any] = {"max_retries": 0, "connect_timeout": 1.0, "read_timeout": 1.0}
    for field in dataclasses.fields(ClientConfig):
        config = ClientConfig(**{**quick, field.name: value})
        with contextlib.suppress(DifyException):
            RequestsDifyChat(server.url, config, api_key=KEY).info()
        if field.name in ("verify", "cert", "proxies"):
            with contextlib.suppress(DifyException):
                RequestsDifyChat("https://127.0.0.1:9", config, api_key=KEY).info()
        with contextlib.suppress(DifyException):
            RequestsDifyChat(server.url, api_key=KEY).with_options(**{field.name: value})
    for made in ({"base_url": value}, {"client_config": value}, {"api_key": value}):
        with contextlib.suppress(DifyException):
            RequestsDifyChat(**{"base_url": server.url, **made}).info()


class Unreadable:
    """A file of the caller's own, which cannot be read in some way."""

    def __init__(self, error: Exception | None = None, size: int = 0) -> None:
        self.error, self.size = error, size

    def read(self, size: int = -1) -> bytes:
        return b""

    def tell(self) -> int:
        return 0

    def seek(self, position: int, whence: int = 0) -> int:
        if self.error is not None:
            raise self.error
        return self.size


UNREADABLE = [
    *(Unreadable(KeyError("k")), Unreadable(RuntimeError("r")), Unreadable(ZeroDivisionError())),
    *(Unreadable(EOFError()), Unreadable(size=-5), Unreadable(size=10**20)),
]


@pytest.mark.parametrize("file", UNREADABLE)
def test_a_file_that_cannot_be_read(
    answering: tuple[RequestsDifyChat, ScriptedServer, list[bytes]], file: Unreadable
) -> None:
    client, server, _ = answering
    before = len(server.requests)
    for given_file in (file, ("a.txt", file), DifyFile(filename="a.txt", content=file)):
        with pytest.raises(IllegalArgumentException, match="file cannot be read"):
            client.fileUpload(FileUploadRequest(user_id="u", file=given_file))
        with pytest.raises(IllegalArgumentException, match="file cannot be read"):
            client.audioToText(AudioToTextRequest(user_id="u", file=given_file))
    assert len(server.requests) == before


@pytest.mark.parametrize(
    "inputs", [{1: "a", "1": "b"}, {"x": [{"2": 0, 2: 1}]}, {"x": {Place.HERE: 1, "7": 2}}]
)
def test_no_value_is_lost_under_the_name_of_another(
    answering: tuple[RequestsDifyChat, ScriptedServer, list[bytes]], inputs: dict[str, Any]
) -> None:
    client, server, _ = answering
    before = len(server.requests)
    with pytest.raises(IllegalArgumentException, match="two names that are one"):
        client.send(ChatMessageSendRequest(user_id="u", content="x", inputs=inputs))
    assert len(server.requests) == before
