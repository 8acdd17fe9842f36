"""Why the headers are read through a file that remembers its last line: one reason a test.

`http.client.HTTPResponse` stands beside ours where it would do the wrong thing.
"""

from __future__ import annotations

import http.client
import io
from typing import Any

import pytest

from dify_java_compat._http.body import IncompleteBody
from dify_java_compat._http.chunked_response import ChunkedResponse

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 2\r\n\r\n"


class Wire:
    """Stands for a socket that brings some bytes and then its end."""

    def __init__(self, data: bytes) -> None:
        self.file = io.BufferedReader(io.BytesIO(data))

    def makefile(self, *_: object) -> object:
        return self.file

    def gettimeout(self) -> float | None:
        return None

    def settimeout(self, timeout: float | None) -> None:
        pass


def begun(cls: type[http.client.HTTPResponse], data: bytes) -> Any:
    response = cls(Wire(data))  # type: ignore[arg-type]
    response.begin()
    return response


LINE_ENDS = [end + 2 for end in range(len(HEAD) - 4) if HEAD[end : end + 2] == b"\r\n"]


@pytest.mark.parametrize("length", LINE_ENDS)
def test_headers_that_end_between_two_lines_are_not_whole(length: int) -> None:
    """http.client: a response without the headers that are missing, its type among them."""
    assert begun(http.client.HTTPResponse, HEAD[:length]).status == 200
    with pytest.raises(IncompleteBody, match="middle of the headers"):
        begun(ChunkedResponse, HEAD[:length])


def test_half_a_header_is_no_header() -> None:
    """http.client: a response of the type that the first half of the header names."""
    half = HEAD[: HEAD.index(b"/event-stream")]
    assert begun(http.client.HTTPResponse, half).headers["Content-Type"] == "text"
    with pytest.raises(IncompleteBody, match="middle of the headers"):
        begun(ChunkedResponse, half)


def test_headers_without_their_empty_line_are_not_whole() -> None:
    """http.client: a body of two bytes that reads as an empty one."""
    cut = HEAD[:-2]
    assert begun(http.client.HTTPResponse, cut).length == 2
    with pytest.raises(IncompleteBody, match="middle of the headers"):
        begun(ChunkedResponse, cut)


@pytest.mark.parametrize("interim", [b"HTTP/1.1 100 Continue\r\n", b"HTTP/1.1 100 X\r\nA: b\r\n"])
def test_the_end_of_an_interim_response_is_not_that_of_the_headers(interim: bytes) -> None:
    assert begun(ChunkedResponse, interim + b"\r\n" + HEAD + b"ok").read1() == b"ok"
    with pytest.raises(IncompleteBody, match="middle of the headers"):
        begun(ChunkedResponse, interim + b"\r\n" + HEAD[:-2])


def test_a_line_that_is_too_long_is_still_refused() -> None:
    """The remembering file passes http.client's limit on."""
    with pytest.raises(http.client.LineTooLong):
        begun(ChunkedResponse, b"HTTP/1.1 200 OK\r\nA: " + b"b" * 70_000 + b"\r\n\r\n")


@pytest.mark.parametrize(
    ("status_line", "is_closed"),
    [(b"SSH-2.0-OpenSSH\r\n", True), (b"HTTP/1.1 abc\r\n", False), (b"", False)],
)
def test_a_file_that_http_client_closed_stays_closed(status_line: bytes, is_closed: bool) -> None:
    """As it does over some bad status lines."""
    wire = Wire(status_line)
    response: Any = ChunkedResponse(wire)  # type: ignore[arg-type]
    with pytest.raises(http.client.BadStatusLine):
        response.begin()
    assert response.fp is (None if is_closed else wire.file)
    assert wire.file.closed == is_closed


def test_the_body_is_read_from_the_file_itself() -> None:
    """What remembers the last line is gone with the headers, and costs the body nothing."""
    wire = Wire(HEAD + b"ok")
    response: Any = ChunkedResponse(wire)  # type: ignore[arg-type]
    response.begin()
    assert response.fp is wire.file
    assert response.read1() == b"ok"


def test_after_a_cut_the_file_is_closed() -> None:
    wire = Wire(HEAD[:-2])
    response = ChunkedResponse(wire)  # type: ignore[arg-type]
    with pytest.raises(IncompleteBody):
        response.begin()
    assert wire.file.closed
