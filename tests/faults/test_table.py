"""The table as a whole: no row hides another, and the pages show them all."""

from __future__ import annotations

import pytest

from . import page
from .table import GROUPS, all_rows


def test_no_two_rows_have_one_name() -> None:
    for language in (0, 1):
        names = [(row.group, row.names[language]) for row in all_rows()]
        assert len(set(names)) == len(names)


@pytest.mark.parametrize("language", page.PAGES)
@pytest.mark.parametrize("group", GROUPS)
def test_the_page_shows_every_row(group: str, language: str) -> None:
    names = [row.names[language == "zh"] for row in all_rows() if row.group == group]
    assert page.rows_on_page(language, group) == names, (
        f"{page.PAGES[language]} has other rows: run python -m tests.faults --group {group} --write"
    )


@pytest.mark.parametrize("group", GROUPS)
def test_the_chinese_page_shows_the_same_figures(group: str) -> None:
    english = [tuple(cells) for _, *cells in page.cells_on_page("en", group)]
    chinese = [tuple(cells) for _, *cells in page.cells_on_page("zh", group)]
    assert chinese == [page.in_chinese(cells) for cells in english]


@pytest.mark.parametrize("group", GROUPS)
def test_what_is_counted_has_a_chinese_name(group: str) -> None:
    counted = [cells[5] for cells in page.cells_on_page("en", group) if cells[5] != "–"]
    names = {figure.partition("=")[0] for cell in counted for figure in cell.split(", ")}
    assert names <= page.FIGURES.keys()
