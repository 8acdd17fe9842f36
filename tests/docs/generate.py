"""Writes the tables of fields, of events and of differences: `python -m tests.docs.generate`.

A test compares the pages with what this would write.
"""

from pathlib import Path

from . import differences, events, fields
from .pages import DOCS, LANGUAGES


def generated() -> dict[Path, str]:
    """Each page that is written here, and its text."""
    texts = {}
    for language in LANGUAGES:
        texts[DOCS / language / "fields.md"] = fields.page(language)
        page = DOCS / language / "streams.md"
        texts[page] = events.with_table(page.read_text(encoding="utf-8"), language)
        page = DOCS / language / "migration.md"
        texts[page] = differences.with_table(page.read_text(encoding="utf-8"), language)
    return texts


if __name__ == "__main__":
    for page, text in generated().items():
        page.write_text(text, encoding="utf-8")
