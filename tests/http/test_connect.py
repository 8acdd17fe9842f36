"""Connections made without blocking: one address after another, in time, unless given up."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest

from dify_java_compat._http.connect import dial
from tests.support import sockets


def wanted() -> None:
    pass


@pytest.fixture
def port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def resolves_to(monkeypatch: pytest.MonkeyPatch, *ports: int) -> None:
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port)) for port in ports]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args: found)


def test_a_connection_has_its_timeout_and_options(port: int) -> None:
    option = (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    with dial("127.0.0.1", port, 7.0, wanted, ("127.0.0.1", 0), [option]) as sock:
        assert sock.gettimeout() == 7.0
        assert sock.getpeername() == ("127.0.0.1", port)
        assert sock.getsockopt(*option[:2])
    with dial("127.0.0.1", port, None, wanted) as sock:
        assert sock.gettimeout() is None


def test_the_next_address_is_tried(monkeypatch: pytest.MonkeyPatch, port: int) -> None:
    with sockets.refusing_port() as refused:
        resolves_to(monkeypatch, refused, port)
        with dial("a.name", 80, 5.0, wanted) as sock:
            assert sock.getpeername() == ("127.0.0.1", port)


def test_the_last_failure_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with sockets.refusing_port() as first, sockets.refusing_port() as second:
        resolves_to(monkeypatch, first, second)
        with pytest.raises(ConnectionRefusedError):
            dial("a.name", 80, 5.0, wanted)


def test_a_name_without_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    resolves_to(monkeypatch)
    with pytest.raises(OSError, match=r"a\.name has no address"):
        dial("a.name", 80, 5.0, wanted)


def test_an_address_in_brackets(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def look_up(*args: Any) -> list[Any]:
        asked.append(args[:2])
        return []

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    with pytest.raises(OSError, match="no address"):
        dial("[::1]", 80, 5.0, wanted)
    assert asked == [("::1", 80)]


def test_nobody_answers_in_time() -> None:
    with sockets.full_listener() as port, pytest.raises(TimeoutError):
        dial("127.0.0.1", port, 0.1, wanted)


class GivenUpError(Exception):
    """Not an OSError: the next address must not be tried."""


@pytest.mark.parametrize("timeout", [30.0, None])
def test_given_up(monkeypatch: pytest.MonkeyPatch, port: int, timeout: float | None) -> None:
    until = time.monotonic() + 0.1

    def still_wanted() -> None:
        if time.monotonic() > until:
            raise GivenUpError

    with contextlib.ExitStack() as stack:
        full = stack.enter_context(sockets.full_listener())
        resolves_to(monkeypatch, full, port)
        with pytest.raises(GivenUpError):
            dial("a.name", 80, timeout, still_wanted)


def test_a_connection_comes_from_its_source(port: int) -> None:
    source = sockets.free_port()
    with dial("127.0.0.1", port, 5.0, wanted, ("127.0.0.1", source)) as sock:
        assert sock.getsockname() == ("127.0.0.1", source)
