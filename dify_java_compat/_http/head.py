"""The head of a response: bytes in, status and headers out; no I/O."""

from __future__ import annotations

import http.client
from typing import NamedTuple

from urllib3 import HTTPHeaderDict

from .body import Body, BodyUntilClose, IncompleteBody, SizedBody
from .chunked import ChunkedBody

_MAX_HEAD = 128 * 1024
MAX_LINE, MAX_HEADERS = 65536, 100
MAX_INTERIM = 64  # heads of 1xx before the one that counts
MAX_DIGITS = 4000  # of a number: of more Python makes none


class Head(NamedTuple):
    """Status line and headers; `closes`: they say that the connection serves no other request."""

    status: int
    reason: str
    headers: HTTPHeaderDict
    closes: bool

    def body(self) -> Body:
        """The machine for the body that follows, as RFC 9112, 6.3, says."""
        headers = self.headers
        if self.status in (204, 304):
            return SizedBody(0)
        if headers.get("Transfer-Encoding", "").strip().lower() == "chunked":
            return ChunkedBody()
        length = _length(headers)
        return BodyUntilClose() if length is None else SizedBody(length)

    def is_reusable_after(self, body: Body) -> bool:
        """Whether the connection serves another request, where this is what came of the body."""
        is_whole = body.is_over and not body.rest
        return is_whole and not self.closes and not isinstance(body, BodyUntilClose)


class HeadParser:
    """Collects the head of a response, cut anywhere, and passes over those of 1xx before it."""

    def __init__(self) -> None:
        self._data = b""
        self._interim = 0

    def feed(self, data: bytes) -> tuple[Head, bytes] | None:
        """The head and what follows it, once it is whole.

        Raises http.client's exceptions for what is none.
        """
        data = self._data + data if self._data else data
        while True:
            if not b"HTTP/".startswith(data[:5]):
                _no_status_line(data)
            end, separator = data.find(b"\r\n\r\n"), 4
            head = data if end < 0 else data[:end]
            if b"\n\n" in head or b"\n\r\n" in head:
                end, separator = _lenient_end(data)
            if end < 0:
                if len(data) > _MAX_HEAD:
                    raise http.client.LineTooLong("header line")
                self._data = data
                return None
            head, rest = data[:end], data[end + separator :]
            if head.count(b"\n") > MAX_HEADERS:
                raise http.client.HTTPException(f"got more than {MAX_HEADERS} headers")
            status = _status(head)
            if not 100 <= status < 200:
                self._data = b""
                return _parsed(head), rest
            if status == 101 or self._interim == MAX_INTERIM:
                raise http.client.HTTPException(f"an answer of status {status} was not asked for")
            self._interim += 1
            data = rest

    def end(self) -> None:
        """The connection is closed before the head was whole: raises."""
        if self._data:
            raise IncompleteBody("the connection was closed in the middle of the headers")
        raise http.client.RemoteDisconnected("Remote end closed connection without response")


def _lenient_end(data: bytes) -> tuple[int, int]:
    """Where the first empty line is, whatever ends the lines; the length of what ends the head."""
    position = 0
    while (line_end := data.find(b"\n", position)) >= 0:
        after = data[line_end + 1 : line_end + 3]
        if after[:1] == b"\n":
            return line_end, 2
        if after == b"\r\n":
            return line_end, 3
        position = line_end + 1
    return -1, 0


def _no_status_line(data: bytes) -> None:
    raise http.client.BadStatusLine(data.partition(b"\n")[0][:200].decode("latin-1") + "\n")


def _status(head: bytes) -> int:
    line = head.partition(b"\n")[0].decode("latin-1").rstrip("\r")
    words = line.split(None, 2)
    if len(words) > 1 and words[0].startswith("HTTP/") and len(words[1]) == 3:
        try:
            status = int(words[1])
        except ValueError:
            status = 0
        if status >= 100:
            if words[0][5:6] != "1" and words[0] != "HTTP/0.9":
                raise http.client.UnknownProtocol(words[0])
            return status
    raise http.client.BadStatusLine(line)


def _parsed(head: bytes) -> Head:
    lines = head.decode("latin-1").split("\n")
    version, status, *reason = lines[0].split(None, 2)
    fields: list[list[str]] = []
    goes_on = False
    for line in lines[1:]:
        line = line.rstrip("\r")
        if len(line) > MAX_LINE:
            raise http.client.LineTooLong("header line")
        if line[:1] in (" ", "\t"):  # a header that goes on
            if goes_on:
                fields[-1][1] += f" {line.strip()}"
            continue
        name, colon, value = line.partition(":")
        # what is no header is no reason to lose the others
        goes_on = bool(colon and name and name == name.strip())
        if goes_on:
            fields.append([name, value.strip()])
    headers = HTTPHeaderDict()
    for name, value in fields:
        headers.add(name, value)
    closes = _closes(version, headers)
    return Head(int(status), reason[0].strip() if reason else "", headers, closes)


def _closes(version: str, headers: HTTPHeaderDict) -> bool:
    connections = [value.lower() for value in headers.getlist("Connection")] or [""]
    if version in ("HTTP/1.0", "HTTP/0.9"):  # as http.client, which looks at the first alone
        return "keep-alive" not in connections[0] and not any(headers.getlist("Keep-Alive")[:1])
    return any("close" in value for value in connections)


def _length(headers: HTTPHeaderDict) -> int | None:
    """What Content-Length says; None where it is missing or no number."""
    values = set(headers.getlist("Content-Length"))
    if len(values) == 1:
        text = values.pop().strip()
        if text.isascii() and text.isdigit() and len(text) < MAX_DIGITS:
            return int(text)
    return None
