"""The table of what differs from Java on purpose.

Its rows stand in two files: what a comparison of both SDKs' requests and answers sees, and the
rest, which only words can say.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, fields
from typing import Any

from . import ROOT
from .marked import replaced

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

SEEN = ROOT / "tests/java/differences.toml"
UNSEEN = ROOT / "tools/differences.toml"
HEADS = {"en": ("Id", "Java", "Here", "Why"), "zh": ("编号", "Java", "本库", "原因")}

START = "<!-- written by: make generate -->"
END = "<!-- to here -->"


@dataclass(frozen=True)
class Difference:
    """A row: `java` is what Java does, `ours` what happens here; `*_zh` the same in Chinese."""

    id: str
    java: str
    ours: str
    why: str
    java_zh: str
    ours_zh: str
    why_zh: str

    def row(self, language: str) -> tuple[str, ...]:
        suffix = "" if language == "en" else f"_{language}"
        texts = (getattr(self, name + suffix) for name in ("java", "ours", "why"))
        return f"`{self.id}`", *(_cell(text) for text in texts)


def read() -> list[Difference]:
    """Of both files."""
    rows: list[dict[str, Any]] = []
    for path in (SEEN, UNSEEN):
        rows += tomllib.loads(path.read_text(encoding="utf-8"))["difference"]
    names = [field.name for field in fields(Difference)]
    return [Difference(**{name: row[name] for name in names}) for row in rows]


def table(language: str) -> str:
    lines = [HEADS[language], ["---"] * 4, *(each.row(language) for each in read())]
    return "\n".join("|" + "|".join(_padded(cell) for cell in line) + "|" for line in lines)


def with_table(text: str, language: str) -> str:
    """`text` of a page with its table as it should be."""
    return replaced(text, START, END, f"\n{table(language)}\n\n")


def _cell(text: str) -> str:
    """One line, and no bar that would end the cell."""
    return re.sub(r"\s*\n\s*", " ", text.strip()).replace("|", "\\|")


def _padded(cell: str) -> str:
    return cell if set(cell) == {"-"} else f" {cell} "
