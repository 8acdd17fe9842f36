"""The table itself: what a row does wrong is seen, and the pages show every row."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from . import page, table
from .table import GROUPS, Row, Seen, all_rows


def played(function: Callable[[Seen], None], *, seconds: float = 30.0, short: bool = False) -> Seen:
    return Row("streams", ("a row", "一行"), function, seconds=seconds).run(short=short)


@pytest.fixture
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "SETTLING", 0.1)


@pytest.fixture
def leftovers() -> Iterator[contextlib.ExitStack]:
    with contextlib.ExitStack() as stack:
        yield stack


def test_a_row_that_holds_has_no_misses() -> None:
    def row(seen: Seen) -> None:
        with seen.timing():
            seen.equal("sum", 1 + 1, 2)

    seen = played(row)
    assert seen.misses == []
    assert (seen.threads, seen.sockets) == (0, 0)
    assert seen.ms is not None


@pytest.mark.usefixtures("patience")
def test_a_socket_that_is_left_is_a_miss(leftovers: contextlib.ExitStack) -> None:
    def row(seen: Seen) -> None:
        leftovers.enter_context(socket.socket())

    seen = played(row)
    assert seen.misses == ["sockets left: 1, not 0"]


@pytest.mark.usefixtures("patience")
def test_a_thread_that_is_left_is_a_miss(leftovers: contextlib.ExitStack) -> None:
    end = threading.Event()
    thread = threading.Thread(target=end.wait)
    leftovers.callback(thread.join)
    leftovers.callback(end.set)
    seen = played(lambda seen: thread.start())
    assert seen.misses == ["threads left: 1, not 0"]


@pytest.mark.usefixtures("patience")
def test_a_row_that_hangs_is_a_miss(leftovers: contextlib.ExitStack) -> None:
    end = threading.Event()
    leftovers.callback(end.set)

    def row(seen: Seen) -> None:
        end.wait()

    seen = played(row, seconds=0.1)
    assert seen.misses[0] == "did not end within 0.1 s"


def test_what_a_row_raises_is_a_miss() -> None:
    def row(seen: Seen) -> None:
        raise KeyError("a bug")

    [miss] = played(row).misses
    assert "KeyError: 'a bug'" in miss


def test_a_wrong_figure_is_a_miss() -> None:
    seen = played(lambda seen: seen.equal("events", 1, 2))
    assert seen.misses == ["events: 1, not 2"]


def test_what_takes_too_long_is_tried_again_and_then_a_miss() -> None:
    times: list[float] = []

    def row(seen: Seen) -> None:
        times.append(100.0)
        seen.within("known", times[-1], 50.0)

    seen = played(row)
    assert len(times) == seen.figures["tries"] == table.TRIES
    assert seen.misses == ["known: 100 ms, more than 50"]
    assert played(row, short=True).misses == []  # no measurement


def test_a_group_that_is_none() -> None:
    with pytest.raises(ValueError, match="no such group"):
        table.row("strems", "a name", "名")


@pytest.mark.parametrize("language", page.PAGES)
@pytest.mark.parametrize("group", GROUPS)
def test_the_page_shows_every_row(group: str, language: str) -> None:
    """`python -m tests.faults --group ... --write` puts them there."""
    names = [row.names[language == "zh"] for row in all_rows() if row.group == group]
    assert page.shown_rows(language, group) == names
