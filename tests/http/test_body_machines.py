"""The bodies of responses as machines: cut anywhere, what they give is the same."""

from __future__ import annotations

import http.client
import io
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dify_java_compat._http.body import Body, BodyUntilClose, IncompleteBody, SizedBody
from dify_java_compat._http.chunked import ChunkedBody, Frames, Framing
from dify_java_compat._http.chunked_response import ChunkedResponse

from .cutting import Positions, cut, cuts


def read(body: Body, data: bytes, positions: Positions = ()) -> tuple[bytes, bytes, bool]:
    """What the machine gives, what lies behind the body, and whether that ends well."""
    got = b""
    pieces = cut(data, positions)
    while pieces and not body.is_over:
        got += body.feed(pieces.pop(0))
    is_over = body.is_over
    try:
        body.end()
    except IncompleteBody:
        return got, b"", False
    assert is_over or not isinstance(body, SizedBody)
    return got, body.rest + b"".join(pieces), True


def chunk(data: bytes, extension: bytes = b"") -> bytes:
    return b"%x%b\r\n%b\r\n" % (len(data), extension, data)


# as Dify's, with what its text may hold, and others
DATA = st.binary(min_size=1, max_size=30) | st.sampled_from(
    [b"data: {}\n\n", b"\r\n", b"0\r\n\r\n", b"a\r\nb", b"x" * 15, b"x" * 3000]
)
CHUNKS = st.lists(DATA, max_size=8)
TRAILERS = st.sampled_from([b"", b"X: y\r\n", b"0\r\n", b"X: y\r\nZ: 0\r\n"])
EXTENSIONS = st.sampled_from([b"", b"", b";a=b", b" ", b";"])
REST = st.binary(max_size=5) | st.just(b"HTTP/1.1 200 OK\r\n\r\n")


@given(CHUNKS, EXTENSIONS, TRAILERS, REST, cuts(400))
@example([], b"", b"", b"", ())
@example([b"a"], b"", b"", b"", (5, 6, 7))
@example([b"x" * 3000, b"y\r\nz", b"w"], b"", b"", b"", ())
def test_a_chunked_body(
    data: list[bytes], extension: bytes, trailer: bytes, rest: bytes, positions: Positions
) -> None:
    chunks = b"".join(chunk(each, extension) for each in data)
    wire = chunks + b"0" + extension + b"\r\n" + trailer + b"\r\n" + rest
    assert read(ChunkedBody(), wire, positions) == (b"".join(data), rest, True)
    whole = wire[: len(wire) - len(rest)]
    for length in {len(chunks), len(whole) - 1, *positions}:
        if length < len(whole):
            got, _, is_whole = read(ChunkedBody(), whole[:length], positions)
            last = whole[len(chunks) : length]  # http.client takes the end for an empty line
            assert is_whole == (
                b"\n" in last or (last != b"" and not last.removesuffix(b"\r").strip(b"0"))
            )
            assert b"".join(data).startswith(got)


FRAMING = Framing(b"data: ", b"\n\n")


class InFrames(ChunkedBody):
    """Fed by `feed_frames`; `passes` counts the blocks that were taken in one pass."""

    passes = 0

    def feed(self, data: bytes) -> bytes:
        self.feed = super().feed  # type: ignore[method-assign]  # which feed_frames calls
        block = self.feed_frames(data, FRAMING)
        del self.feed
        self.passes += isinstance(block, Frames)
        return bytes(block)


CONTENT = st.binary(max_size=20) | st.sampled_from(
    [
        b'{"event":"message"}',
        b"{}" * 150,
        b"x" * 5000,
        b"",
        b"a\nb",
        b"a\r\n\r\nb",
        b"\n\n\r\n",
        b"\r",
    ]
)
OTHER = st.sampled_from([b"event: ping\n\n", b": comment\n", b"data: ", b"\n", b"x" * 3000])
FRAME = CONTENT.map(lambda content: b"data: " + content + b"\n\n") | OTHER


@given(st.lists(FRAME, min_size=1, max_size=6), st.integers(1, 60), cuts(20_000))
@example([b"data: {}\n\n"], 500, (100, 7000))
def test_frames_in_one_pass_are_the_same_bytes(
    frames: list[bytes], times: int, positions: Positions
) -> None:
    wire = b"".join(map(chunk, frames)) * times + b"0\r\n\r\nrest"
    assert read(InFrames(), wire, positions) == read(ChunkedBody(), wire, positions)


def test_frames_are_taken_in_one_pass() -> None:
    body = InFrames()
    wire = chunk(b'data: {"event":"message"}\n\n') * 1000
    read(body, wire, (2010, 10_010, 20_010))
    assert body.passes == 3  # and the first block is short


@pytest.mark.parametrize("size", [1, 15, 16, 17, 255, 256, 257, 4095, 4096, 65536, 1 << 20])
def test_the_head_of_a_frame(size: int) -> None:
    framing = Framing(b"", b"\n")
    line = b"%x" % size
    assert framing[len(line) + 2 + size - 1] == line + b"\r\n"


PIECES = [b"5", b"a", b"0", b"\r\n", b"\r", b"\n", b"x", b"-", b"1;a=b", b"hello", b" ", b"g", b"_"]
ODD = st.lists(st.sampled_from(PIECES), max_size=16).map(b"".join) | st.binary(max_size=40)


@given(ODD, cuts(40))
@example(b"0\r\n\r\n", ())
@example(b"1\n \r\n0\r\n", (2,))
@example(b"15\nabc" + b"d" * 18 + b"\r\n0\r\n\r\n", (6,))
@example(b"5\r\nhello\r\nno size\r\n", ())
@example(b"-1\r\nx", ())
def test_any_bytes_cut_anywhere_give_the_same(data: bytes, positions: Positions) -> None:
    """What came before the framing breaks is given in each case."""
    assert read(ChunkedBody(), data, positions) == read(ChunkedBody(), data)


@given(ODD, cuts(40))
def test_what_http_client_reads_is_read(data: bytes, positions: Positions) -> None:
    """http.client is the reference where the body is whole; it passes over less that is odd."""

    class Wire:
        def makefile(self, *_: object) -> io.BufferedReader:
            return io.BufferedReader(io.BytesIO(head + data))

    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    response: Any = http.client.HTTPResponse(Wire())  # type: ignore[arg-type]
    response.begin()
    got, _, is_whole = read(ChunkedBody(), data, positions)
    if is_whole:
        assert response.read() == got


@pytest.mark.parametrize("line", [b"x", b"-1", b"", b"1" * 5000, b";a", b"5 5", b"0x", b"\xb2"])
@pytest.mark.parametrize("before", [b"", b"hello"])
def test_chunks_that_are_malformed_end_the_body_behind_what_came(
    line: bytes, before: bytes
) -> None:
    body = ChunkedBody()
    data = (chunk(before) if before else b"") + line + b"\r\nmore"
    assert body.feed(data) == before
    assert body.is_over
    assert body.rest  # such a connection serves nobody else
    with pytest.raises(IncompleteBody, match="malformed"):
        body.end()


def test_a_size_line_and_a_trailer_without_end_are_malformed() -> None:
    for begin in (b"1;", b"0\r\nX: "):
        for step in (100, 10_000):
            body = ChunkedBody()
            body.feed(begin)
            fed = 0
            while not body.is_over:
                assert fed < 20_000
                body.feed(b"x" * step)
                fed += step
            with pytest.raises(IncompleteBody, match="malformed"):
                body.end()


@given(st.binary(max_size=40), st.integers(0, 50), cuts(40))
def test_a_sized_body(data: bytes, length: int, positions: Positions) -> None:
    is_whole = length <= len(data)
    expected = (data[:length], data[length:] if is_whole else b"", is_whole)
    assert read(SizedBody(length), data, positions) == expected


@given(st.binary(max_size=40), cuts(40))
def test_a_body_until_close(data: bytes, positions: Positions) -> None:
    assert read(BodyUntilClose(), data, positions) == (data, b"", True)


def test_a_blocking_response_gives_what_came_before_the_malformed_chunk() -> None:
    class Wire:
        def makefile(self, *_: object) -> io.BufferedReader:
            return io.BufferedReader(io.BytesIO(data))

    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    data = head + chunk(b"hello") + b"no size\r\n"
    response: Any = ChunkedResponse(Wire())  # type: ignore[arg-type]
    response.begin()
    assert response.read1(65536) == b"hello"
    for _ in range(2):
        with pytest.raises(IncompleteBody, match="malformed"):
            response.read1(65536)
