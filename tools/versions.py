"""The table of what Dify 1.12 and 1.14 do otherwise, on the emulator's page.

Its rows are the fields of `Version`, by which the emulator decides; the Chinese words stand in
`versions.toml`, one entry a field.
"""

from __future__ import annotations

import sys

from dify_java_compat.emulator.version import VERSIONS, Difference, differences

from . import ROOT
from .marked import replaced

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

CHINESE = ROOT / "tools" / "versions.toml"
HEADS = {"en": "What", "zh": "内容"}
START = "<!-- the two versions, written by: make generate -->"
END = "<!-- to here -->"


def rows(language: str) -> list[Difference]:
    """The rows in a language. ValueError where the Chinese words are of other fields."""
    found = differences()
    if language == "en":
        return found
    words = tomllib.loads(CHINESE.read_text(encoding="utf-8"))
    if list(words) != [row.name for row in found]:
        raise ValueError(f"{CHINESE.name} needs an entry for each field of Version, in its order")
    return [Difference(row.name, **words[row.name]) for row in found]


def table(language: str) -> str:
    lines = [(HEADS[language], *VERSIONS), ("---",) * 3]
    lines += [(row.about, row.old, row.new) for row in rows(language)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines).replace("| --- ", "|---")


def with_table(text: str, language: str) -> str:
    """`text` of the page with its table as it should be."""
    return replaced(text, START, END, f"\n{table(language)}\n\n")
