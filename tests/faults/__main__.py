"""python -m tests.faults: measures the table of bad days; exits with 1 where a row misses."""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path

import pytest

from . import page
from .measuring import IN_FULL
from .table import GROUPS, Row, Seen


class Table:
    """The plugin of a run: selects rows, prints a line for each, and keeps what they measured."""

    def __init__(self, groups: list[str], match: str, *, short: bool) -> None:
        self.results: list[page.Result] = []
        self._groups = groups
        self._match = match
        self._short = short
        self._rows: dict[str, Row] = {}  # by the id of the test

    def pytest_configure(self, config: pytest.Config) -> None:
        self._config = config
        config.stash[IN_FULL] = not self._short

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        order = list(GROUPS)
        for item in items:
            if isinstance(item, pytest.Function) and hasattr(item, "callspec"):
                row = item.callspec.params.get("seen")
                if isinstance(row, Row) and self._selects(row):
                    self._rows[item.nodeid] = row
        items[:] = [item for item in items if item.nodeid in self._rows]
        items.sort(key=lambda item: order.index(self._rows[item.nodeid].group))

    def _selects(self, row: Row) -> bool:
        fits = row.group in (self._groups or GROUPS) and self._match in row.name
        return fits and not (self._short and row.slow)

    def pytest_report_teststatus(self, report: pytest.TestReport) -> tuple[str, str, str] | None:
        """No letter for a row, which has a line."""
        return (report.outcome, "", "") if report.when == "call" else None

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        measured = dict(report.user_properties).get("seen")
        if report.when == "call" and isinstance(measured, dict):
            self.results.append((self._rows[report.nodeid], Seen(**measured)))
            terminal = self._config.get_terminal_writer()
            terminal.line(page.line(*self.results[-1]))
            terminal.flush()


def main() -> int:
    parser = argparse.ArgumentParser("python -m tests.faults", description=__doc__)
    parser.add_argument("--short", action="store_true", help="smaller rows, for CI")
    parser.add_argument("--group", action="append", choices=list(GROUPS), help="only this group")
    parser.add_argument("--match", default="", help="only rows with this in their English name")
    parser.add_argument("--write", action="store_true", help="put the groups into docs")
    options = parser.parse_args()
    if options.write and (options.short or options.match):
        parser.error("--write is for whole groups, in full")
    logging.getLogger("dify_java_compat").addHandler(logging.NullHandler())
    table = Table(options.group or [], options.match, short=options.short)
    quiet = ("-q", "--tb=no", "-o", "console_output_style=classic", "-p", "no:cacheprovider")
    status = pytest.main([*quiet, "-m", "", str(Path(__file__).parent)], plugins=[table])
    if options.write:
        page.write(table.results)
    missed = sum(bool(seen.misses) for _, seen in table.results)
    print(f"{len(table.results)} rows, {missed} missed")
    return 1 if status or missed else 0


if __name__ == "__main__":
    sys.exit(main())
