"""The body of a response, as its framing says: machines that are fed with what the wire brings."""

from __future__ import annotations

import http.client
from typing import Protocol

CUT = "the connection was closed in the middle of the body"


class IncompleteBody(http.client.HTTPException):
    """A response that ends before its headers or its last chunk do, or has malformed chunks."""


class Body(Protocol):
    """Takes the next bytes of the wire and gives those of the body.

    `is_over`: the end of the body has come. `rest`: what came behind it, which is no part of it.
    """

    is_over: bool
    rest: bytes

    def feed(self, data: bytes) -> bytes:
        """The bytes of the body in `data`; where the framing is broken the body is over."""
        ...

    def end(self) -> None:
        """Nothing more comes. Raises IncompleteBody where the body is not whole."""
        ...


class SizedBody:
    """A body whose length the headers say."""

    def __init__(self, length: int) -> None:
        self.is_over = length == 0
        self.rest = b""
        self._missing = length

    def feed(self, data: bytes) -> bytes:
        if len(data) > self._missing:
            data, self.rest = data[: self._missing], data[self._missing :]
        self._missing -= len(data)
        self.is_over = self._missing == 0
        return data

    def end(self) -> None:
        if not self.is_over:
            raise IncompleteBody(CUT)


class BodyUntilClose:
    """A body that ends with the connection."""

    rest = b""

    def __init__(self) -> None:
        self.is_over = False

    def feed(self, data: bytes) -> bytes:
        return data

    def end(self) -> None:
        self.is_over = True
