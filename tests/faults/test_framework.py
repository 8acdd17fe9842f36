"""What runs the rows: whatever a row does wrong is seen, and fails its test and the run."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator

import pytest

from tests.support.processes import ROOT

from . import measuring, table
from .__main__ import Table
from .measuring import measured
from .table import Row, Seen, case

TESTS = """
    from tests.faults.table import Seen, case, row, rows

    @row("streams", "one that holds", "成立")
    def test_one(seen: Seen) -> None:
        seen.equal("sum", 1 + 1, 2)

    @rows("calls", [case("two", "二", number=2), case("three", "三", number=3)])
    def test_many(seen: Seen, *, number: int) -> None:
        seen.equal("number", number, 2)
        seen.check(number < 3, "the second miss")

    @row("fuzz", "one that fails", "出错")
    def test_failure(seen: Seen) -> None:
        raise KeyError("a bug")

    def test_that_is_no_row() -> None:
        pass
"""


def played(function: Callable[[Seen], None], *, seconds: float = 30.0, short: bool = False) -> Seen:
    return measured(Row("streams", ("a row", "一行"), seconds=seconds), function, short=short)


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measuring, "SETTLING", 0.1)


@pytest.fixture
def leftovers() -> Iterator[contextlib.ExitStack]:
    with contextlib.ExitStack() as stack:
        yield stack


def test_a_row_that_misses_fails_with_all_its_misses(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(TESTS)
    pytester.makeini("[pytest]\nmarkers = slow")
    result = pytester.runpytest("-v", "-p", "tests.faults.measuring")
    result.assert_outcomes(passed=3, failed=2)
    result.stdout.fnmatch_lines(
        [
            "*::test_one?one that holds? PASSED*",
            "*::test_many?two? PASSED*",
            "*::test_many?three? FAILED*",
            "*::test_failure?one that fails? FAILED*",
            "number: 3, not 2",
            "the second miss",
            "KeyError: 'a bug'",
        ]
    )


def test_the_table_shows_a_row_that_misses(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(TESTS)
    pytester.makeini("[pytest]\nmarkers = slow")
    printing = Table(groups=["calls", "streams"], match="", short=True)
    result = pytester.runpytest_inprocess("-q", plugins=[measuring, printing])
    result.stdout.fnmatch_lines(
        [
            "ok    streams    one that holds *",
            "ok    calls      two *",
            "MISS  calls      three *",
            "      number: 3, not 2",
            "      the second miss",
        ]
    )
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert [bool(seen.misses) for _, seen in printing.results] == [False, False, True]


@pytest.mark.parametrize(
    ("options", "printed", "code"),
    [
        (("--match", "the connection is refused"), "1 rows, 0 missed", 0),
        (("--match", "no such row"), "0 rows, 0 missed", 1),
    ],
)
def test_the_command_measures_and_prints_the_selected_rows(
    options: tuple[str, ...], printed: str, code: int
) -> None:
    command = [sys.executable, "-m", "tests.faults", "--group", "streams", *options]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    *_, last = done.stdout.splitlines()
    assert (last, done.returncode, done.stderr) == (printed, code, "")
    lines = [line for line in done.stdout.splitlines() if line.startswith("ok    streams")]
    assert len(lines) == int(printed[0])


def test_a_row_that_holds_has_no_misses() -> None:
    def row(seen: Seen) -> None:
        with seen.timing():
            seen.equal("sum", 1 + 1, 2)

    seen = played(row)
    assert seen.misses == []
    assert (seen.threads, seen.sockets) == (0, 0)
    assert seen.ms is not None


@pytest.mark.usefixtures("hurried")
def test_a_socket_that_is_left_is_a_miss(leftovers: contextlib.ExitStack) -> None:
    def row(seen: Seen) -> None:
        leftovers.enter_context(socket.socket())

    seen = played(row)
    assert seen.misses == ["sockets left: 1, not 0"]


@pytest.mark.usefixtures("hurried")
def test_a_thread_that_is_left_is_a_miss(leftovers: contextlib.ExitStack) -> None:
    end = threading.Event()
    thread = threading.Thread(target=end.wait)
    leftovers.callback(thread.join)
    leftovers.callback(end.set)
    seen = played(lambda seen: thread.start())
    assert seen.misses == ["threads left: 1, not 0"]


@pytest.mark.usefixtures("hurried")
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


def test_what_takes_too_long_is_measured_again_and_then_a_miss() -> None:
    times: list[float] = []

    def row(seen: Seen) -> None:
        times.append(100.0)
        seen.within("known", times[-1], 50.0)

    seen = played(row)
    assert len(times) == seen.figures["tries"] == measuring.TRIES
    assert seen.misses == ["known: 100 ms, more than 50"]


def test_the_short_form_has_wide_limits_and_one_try() -> None:
    times: list[float] = []

    def row(seen: Seen) -> None:
        times.append(50.0 * table.CROWDED + len(times))
        seen.within("known", times[-1], 50.0)

    assert played(row, short=True).misses == []
    assert played(row, short=True).misses == ["known: 1001 ms, more than 1000"]
    assert len(times) == 2


def test_a_group_that_is_none() -> None:
    with pytest.raises(ValueError, match="no such group"):
        table.row("strems", "a name", "名")


def test_cases_of_one_test_have_the_same_arguments() -> None:
    with pytest.raises(AssertionError, match="other arguments"):
        table.rows("streams", [case("a", "甲", x=1), case("b", "乙", y=1)])
