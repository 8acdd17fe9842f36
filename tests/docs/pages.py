"""The pages of README.md and docs/, and the code blocks in them."""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
LANGUAGES = ("en", "zh")
FRONT_PAGES = (ROOT / "README.md", ROOT / "README.zh-CN.md")

_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"# (\w+\.py)\n")
_COMMENT = {"java": r"\s*//.*", "sh": r"(^|\s+)#.*"}


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its text, and the line of the page on which that begins."""

    language: str
    text: str
    line: int
    output: str | None
    """What a `text` block directly below says that this one prints."""

    @property
    def file_name(self) -> str | None:
        """The file that a first line such as `# tasks.py` says it is."""
        found = _FILE.match(self.text) if self.language == "python" else None
        return found and found[1]

    @property
    def without_comments(self) -> str:
        if self.language == "python":
            return _python_without_comments(self.text)
        pattern = _COMMENT.get(self.language)
        text = re.sub(pattern, "", self.text, flags=re.MULTILINE) if pattern else self.text
        return _without_empty_lines(text)


def all_pages() -> list[Path]:
    return [*FRONT_PAGES, DOCS / "README.md", *sorted(DOCS.glob("*/*.md"))]


def page_names(language: str) -> set[str]:
    return {page.name for page in (DOCS / language).iterdir()}


def blocks(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    found = list(_BLOCK.finditer(text))
    return [
        Block(
            match[1],
            match[2],
            text.count("\n", 0, match.start()) + 1,
            _output(text, match, found[index + 1 : index + 2]),
        )
        for index, match in enumerate(found)
    ]


def _output(text: str, match: re.Match[str], following: list[re.Match[str]]) -> str | None:
    for after in following:
        between = text[match.end() : after.start()]
        if match[1] == "python" and after[1] == "text" and between.strip() == "":
            return after[2]
    return None


def prose(page: Path) -> str:
    """The page without its blocks."""
    return _BLOCK.sub("", page.read_text(encoding="utf-8"))


def outline(page: Path) -> list[str]:
    """Headings as their level, tables as their size, blocks as their language: in order."""
    return list(_outline(page.read_text(encoding="utf-8")))


def _outline(text: str) -> Iterator[str]:
    rows, columns = 0, 0
    for line in [*_BLOCK.sub(r"```\1", text).splitlines(), ""]:
        if line.startswith("|"):
            rows, columns = rows + 1, len(re.findall(r"(?<!\\)\|", line)) - 1
            continue
        if rows:
            yield f"table of {rows} rows, {columns} columns"
            rows = 0
        if heading := re.match("#+ ", line):
            yield heading[0].strip()
        elif line.startswith("```"):
            yield line


def _python_without_comments(text: str) -> str:
    lines = text.splitlines()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column].rstrip()
    return _without_empty_lines("\n".join(lines))


def _without_empty_lines(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.splitlines() if line.strip())
