"""Every row of the table holds, in its short form."""

from __future__ import annotations

import pytest

from .table import Row, all_rows

ROWS = all_rows()


@pytest.mark.parametrize(
    "row",
    [row for row in ROWS if not row.takes_long],
    ids=lambda row: f"{row.group}: {row.name}",
)
def test_the_row_holds(row: Row) -> None:
    assert row.run(short=True).misses == []


def test_no_two_rows_have_one_name() -> None:
    for language in (0, 1):
        names = [(row.group, row.names[language]) for row in ROWS]
        assert len(set(names)) == len(names)
