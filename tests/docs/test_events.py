"""The table of events on the pages of streams; that it is fresh is tested with the other tables."""

import re

import pytest

from dify_java_compat.models.events import EVENTS
from tools import events

from .pages import DOCS, LANGUAGES

each_language = pytest.mark.parametrize("language", LANGUAGES)
ROWS = {row.name: row for row in EVENTS}


@each_language
def test_each_event_is_in_the_table_once(language: str) -> None:
    lines = events.table(language).splitlines()[2:]
    named = [name for line in lines for name in re.findall(r"`(\w+)`", line.split("|")[1])]
    assert named == list(ROWS)


@each_language
def test_every_line_says_what_its_event_has(language: str) -> None:
    for name, row in ROWS.items():
        assert row.data or name in events.NOTES, f"{name}: add a note to NOTES of events.py"
    for name, note in events.NOTES.items():
        assert name in ROWS
        assert note[language]


@each_language
def test_the_ends_of_a_stream_are_those_of_the_rows(language: str) -> None:
    page = (DOCS / language / "streams.md").read_text(encoding="utf-8")
    line = next(line for line in page.splitlines() if "`on_completed` |" in line)
    ends = [name for name, row in ROWS.items() if row.ends not in (None, "error")]
    assert re.findall(r"`(\w+)`", line.split("|")[1]) == ends


def test_a_page_without_the_table_is_an_error() -> None:
    with pytest.raises(ValueError, match="there is no block"):
        events.with_table("# Streams", "en")
