"""The pages of docs/ that are generated, or have a generated table in them."""

from __future__ import annotations

from pathlib import Path

from . import ROOT, chatflow, differences, events, fields, versions

LANGUAGES = ("en", "zh")


def generated() -> dict[Path, str]:
    """Each page that is written here, and its text."""
    texts = {}
    for language in LANGUAGES:
        folder = ROOT / "docs" / language
        texts[folder / "fields.md"] = fields.page(language)
        page = folder / "streams.md"
        texts[page] = events.with_table(page.read_text(encoding="utf-8"), language)
        page = folder / "emulator.md"
        texts[page] = versions.with_table(page.read_text(encoding="utf-8"), language)
        page = folder / "migration.md"
        text = chatflow.with_table(page.read_text(encoding="utf-8"), language)
        texts[page] = differences.with_table(text, language)
    return texts
