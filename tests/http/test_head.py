"""The head of a response, cut anywhere, beside http.client's reading of the same bytes."""

from __future__ import annotations

import http.client
import io
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dify_java_compat._http.body import Body, BodyUntilClose, IncompleteBody, SizedBody
from dify_java_compat._http.chunked import ChunkedBody
from dify_java_compat._http.head import Head, HeadParser

from .cutting import Positions, cut, cuts

OK = b"HTTP/1.1 200 OK\r\n"
INTERIM = [b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"]
# what http.client takes for the end of the whole response
REFUSED = (http.client.HTTPException, IncompleteBody)


def parsed(data: bytes, positions: Positions = ()) -> tuple[Head, bytes] | None:
    """The head and all that follows it, fed in pieces; None where it is not whole."""
    parser = HeadParser()
    pieces = cut(data, positions)
    for number, piece in enumerate(pieces, 1):
        found = parser.feed(piece)
        if found is not None:
            head, rest = found
            return head, rest + b"".join(pieces[number:])
    return None


def reference(data: bytes) -> Any:
    """http.client's response, begun."""

    class Wire:
        def makefile(self, *_: object) -> io.BufferedReader:
            return io.BufferedReader(io.BytesIO(data))

    response: Any = http.client.HTTPResponse(Wire(), method="POST")  # type: ignore[arg-type]
    response.begin()
    return response


# -- heads as servers write them -------------------------------------------------------------------

VERSIONS = st.sampled_from([b"HTTP/1.1", b"HTTP/1.0"])
REASONS = st.sampled_from([b" OK", b"", b" ", b" Not  Found ", b" \xe4\xf6", b" 200"])
NAMES = st.sampled_from([b"Content-Type", b"content-type", b"X", b"Set-Cookie", b"Keep-Alive"])
VALUES = st.sampled_from(
    [
        b"",
        b"text/event-stream",
        b"a: b",
        b"  spaces  ",
        b"close",
        b"Keep-Alive",
        b"\xe4",
        b"timeout=5",
    ]
)
# once: of several, http.client sees the first
CONNECTION = st.sampled_from(
    [b"", b"Connection: close\r\n", b"connection: Keep-Alive\r\n", b"Connection: x, close\r\n"]
)
BOOLEANS: st.SearchStrategy[Any] = st.booleans()
FRAMING = st.sampled_from(
    [
        b"",
        b"Transfer-Encoding: chunked\r\n",
        b"transfer-encoding: Chunked\r\nContent-Length: 3\r\n",
        b"Content-Length: 7\r\n",
        b"Content-Length: 0\r\n",
        b"Content-Length: many\r\n",
        b"Content-Length: -1\r\n",
        b"Transfer-Encoding: gzip\r\n",
    ]
)


@st.composite
def heads(draw: st.DrawFn) -> bytes:
    status = draw(st.sampled_from([200, 201, 204, 302, 304, 401, 500, 999]))
    line = draw(VERSIONS) + b" %d" % status + draw(REASONS) + b"\r\n"
    headers: list[tuple[bytes, bytes]] = draw(st.lists(st.tuples(NAMES, VALUES), max_size=6))
    lines = b"".join(b"%b: %b\r\n" % header for header in headers)
    if headers and draw(BOOLEANS):
        lines += b"\t and on\r\n"
    head = line + lines + draw(CONNECTION) + draw(FRAMING)
    interim: list[bytes] = draw(st.lists(st.just(INTERIM[0]), max_size=3))
    whole = b"".join(interim) + head + b"\r\n"
    return whole.replace(b"\r\n", b"\n") if draw(BOOLEANS) else whole


def framing(body: Body, head: Head) -> tuple[bool, int | None]:
    """As http.client's `chunked` and `length`."""
    if isinstance(body, ChunkedBody):
        return True, None
    if isinstance(body, SizedBody):
        return False, body._missing
    return False, None


@given(heads(), cuts(600), st.binary(max_size=8))
@example(OK + b"\r\n", (len(OK) + 1,), b"\r\n")
@example(OK + b"A: b\r\n\r\n", (2, 5, 20), b"\n\n")
@example(b"HTTP/1.0 200 OK\r\nKeep-Alive: \r\n\r\n", (), b"")
@example(b"HTTP/1.0 200 OK\r\nConnection: \r\nConnection: Keep-Alive\r\n\r\n", (), b"")
@example(b"HTTP/1.1 200 OK\r\nConnection: \r\nConnection: close\r\n\r\n", (), b"")
@example(b"HTTP/1.1 200 OK\n\n", (), b"A: b\r\n\r\n")
@example(b"HTTP/1.1 200 OK\n\n", (15, 16), b"\r\n\r\n")
def test_a_head_reads_as_http_client_reads_it(
    data: bytes, positions: Positions, rest: bytes
) -> None:
    theirs = reference(data + rest)
    found = parsed(data + rest, positions)
    assert found is not None
    ours, ours_rest = found
    assert (ours.status, ours.reason) == (theirs.status, theirs.reason)
    names = {name.lower() for name in ours.headers}
    assert names == {name.lower() for name in theirs.headers}
    for name in names:
        values = [" ".join(value.split()) for value in theirs.headers.get_all(name)]
        assert [" ".join(value.split()) for value in ours.headers.getlist(name)] == values
    is_chunked, length = framing(ours.body(), ours)
    assert is_chunked == (bool(theirs.chunked) and theirs.length is None)  # never of a 204
    assert length == theirs.length
    closes = ours.closes or isinstance(ours.body(), BodyUntilClose)
    assert closes == theirs.will_close or (closes and len(ours.headers.getlist("Connection")) > 1)
    assert ours_rest == rest


LINES = [
    *[b"HTTP/1.1", b"HTTP/1.1 200 OK", b"HTTP/2 200", b"HTTP/1.1 99 X", b"HTTP/1.1 2x0 X"],
    *[b"HTTP/1.1 100 X", b"HTTP/1.1 101 X", b"ICY 200", b"\r\n", b"\n", b"\r", b" ", b"A: b"],
    *[b"no colon", b": no name", b"Space : x", b"\x00", b"\x0b", b"\x85", b"Content-Length: 3"],
]
ODD = st.lists(st.sampled_from(LINES), max_size=10).map(b"".join)


def outcome(data: bytes, positions: Positions) -> tuple[type, object, bytes]:
    """What comes of bytes and then the connection's end: a head and the rest, or an exception."""
    parser = HeadParser()
    pieces = cut(data, positions)
    try:
        for number, piece in enumerate(pieces, 1):
            found = parser.feed(piece)
            if found is not None:
                head, rest = found
                values = {**head._asdict(), "headers": list(head.headers.items())}
                return Head, values, rest + b"".join(pieces[number:])
        parser.end()
    except http.client.HTTPException as error:
        return type(error), None, b""
    raise AssertionError("an end that raises nothing")


@given(ODD | st.binary(max_size=40) | st.binary(max_size=40).map(OK.__add__), cuts(60))
def test_any_bytes_cut_anywhere_give_the_same(data: bytes, positions: Positions) -> None:
    """The same head and rest, or an exception of the same class; never another one."""
    assert outcome(data, positions) == outcome(data, ())


@given(ODD)
def test_what_http_client_refuses_is_refused(data: bytes) -> None:
    try:
        reference(data)
    except (*REFUSED, ValueError):
        kind, *_ = outcome(data, ())
        assert kind is not Head


@pytest.mark.parametrize("length", range(1, len(OK) + 8))
def test_a_head_that_is_cut_is_no_head(length: int) -> None:
    """http.client takes the end of the connection for the end of the headers."""
    parser = HeadParser()
    assert parser.feed((OK + b"A: b\r\n\r\n")[:length]) is None
    with pytest.raises(IncompleteBody, match="middle of the headers"):
        parser.end()


def test_a_connection_that_brings_nothing_is_disconnected() -> None:
    with pytest.raises(http.client.RemoteDisconnected):
        HeadParser().end()


@pytest.mark.parametrize("interim", INTERIM)
@pytest.mark.parametrize("piece", [1, 7, 10_000])
def test_heads_before_the_one_that_counts_are_passed_over_up_to_a_bound(
    interim: bytes, piece: int
) -> None:
    def feed(count: int) -> tuple[Head, bytes] | None:
        data = interim * count + OK + b"\r\nrest"
        return parsed(data, range(piece, len(data), piece))

    found = feed(64)
    assert found is not None
    assert (found[0].status, found[1]) == (200, b"rest")
    with pytest.raises(http.client.HTTPException, match="status 10"):
        feed(65)


def test_a_protocol_that_was_not_asked_for_is_refused() -> None:
    with pytest.raises(http.client.HTTPException, match="101"):
        HeadParser().feed(b"HTTP/1.1 101 Switching Protocols\r\n\r\n")


@pytest.mark.parametrize(
    "head",
    [
        OK + b"A" * 200_000,
        OK + b"A: " + b"b" * 70_000 + b"\r\n\r\n",
        OK + b"A: b\r\n" * 101 + b"\r\n",
        OK + b"A: b\r\n" * 100_000,
    ],
    ids=["no end", "a line", "headers", "lines"],
)
@pytest.mark.parametrize("piece", [1024, 1 << 20])
def test_a_head_without_end_is_refused(head: bytes, piece: int) -> None:
    """http.client's bounds, and one on the whole."""
    with pytest.raises(http.client.HTTPException):
        parsed(head, range(piece, len(head), piece))


def test_what_is_no_head_is_refused_at_its_first_bytes() -> None:
    """Not after an empty line that never comes."""
    for data in (b"S", b"HTTX", b"\x16\x03\x01", b"<html>"):
        with pytest.raises(http.client.BadStatusLine):
            HeadParser().feed(data)


def test_a_line_that_is_no_header_loses_none_that_is() -> None:
    """http.client takes all behind it for the body; RFC 9112, 5.2 lets a client go on."""
    found = parsed(OK + b"A: b\r\nnothing\r\nContent-Length: 3\r\n\r\n")
    assert found is not None
    assert list(found[0].headers.items()) == [("A", "b"), ("Content-Length", "3")]


@pytest.mark.parametrize("values", [b"3, 3", b"3\r\nContent-Length: 4", b"+3", b"3 3", b"\xb2"])
def test_a_length_that_is_none_lets_the_body_end_with_the_connection(values: bytes) -> None:
    found = parsed(OK + b"Content-Length: " + values + b"\r\n\r\n")
    assert found is not None
    assert isinstance(found[0].body(), BodyUntilClose)
