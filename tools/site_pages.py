"""Gathers the site's pages: those of docs/, of the repository's root, and the reference.

The pages in the repository are plain Markdown, as it is read there. Here their links get the names
that the files have in the site, and the chapters of docs/README.md become its navigation.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from . import ROOT, reference

LANGUAGES = ("zh", "en")
DOCS = ROOT / "docs"
FRONT = {"zh": "README.zh-CN.md", "en": "README.md"}
HEADS = {"zh": "中文", "en": "English"}
CONTENTS = {"zh": "全部文档", "en": "All pages"}
# of the repository's root, in both languages of the site
OF_THE_ROOT = ("CHANGELOG", "ARCHITECTURE", "CONTRIBUTING", "RELEASING", "SECURITY")

_LINK = re.compile(r"(!?)\[([^\[\]]*)\]\(([^()\s]+)\)")
_CODE = re.compile(r"(^```.*?^```$)", re.MULTILINE | re.DOTALL)
_ANCHOR = re.compile(r'^<a id="([\w-]+)"></a>$', re.MULTILINE)
# A line's end within Chinese text, or beside its punctuation: it would show as a blank.
_BREAK = re.compile(
    r"(?<=[一-鿿、-】！-～])\n *(?=[一-鿿、-】！-～])|(?<=[、-】！-～])\n *(?=[\[`A-Za-z“*])"
)
_REFERENCE = "<!-- the site has the reference here -->"


@dataclass(frozen=True)
class Gathered:
    """A file of the site, and the file of the repository that it is edited in, if there is one."""

    content: bytes
    origin: str | None = None


@dataclass(frozen=True)
class Chapter:
    """A chapter of the navigation: its caption, and the titles and names of its pages."""

    caption: str
    entries: list[tuple[str, str]]


def gathered(language: str, repository: tuple[str, str] | None = None) -> dict[str, Gathered]:
    """The files of a language, by their names in its folder."""
    names = _names(language)
    files = {}
    for path, name in names.items():
        origin = path.relative_to(ROOT).as_posix()
        content = path.read_bytes()
        if path.suffix == ".md":
            text = path.read_text(encoding="utf-8")
            if name == "index.md":  # without the languages, which every page of the site has
                text = text.partition("\n\n")[2]
            text = _Links(path, language, names, repository).rewritten(text)
            content = (text + _navigation(language) if name == "index.md" else text).encode()
        files[name] = Gathered(content, origin)
    files["contents.md"] = Gathered(
        _contents(language, names, repository).encode(), "docs/README.md"
    )
    for name, text in reference.pages(language).items():
        files[f"reference/{name}.rst"] = Gathered(text.encode())
    return files


def chapters(language: str) -> list[Chapter]:
    """Those of docs/README.md."""
    names = _names(language)
    found = []
    for chapter in re.split(r"^### ", _index(language), flags=re.MULTILINE)[1:]:
        caption, _, lines = chapter.partition("\n")
        entries = []
        for line in lines.splitlines():
            if line == _REFERENCE:
                entries.append((reference.title(language), "reference/index"))
            elif link := re.match(r"- \[(.+?)\]\((.+?)\)", line):
                name = names[(DOCS / link[2]).resolve()]
                entries.append((link[1], name.removesuffix(".md")))
        found.append(Chapter(caption, entries))
    return found


def _index(language: str) -> str:
    """A language's part of docs/README.md."""
    text = (DOCS / "README.md").read_text(encoding="utf-8")
    parts = re.split(r"^## ", text, flags=re.MULTILINE)[1:]
    return next(each for each in parts if each.startswith(f"{HEADS[language]}\n"))


def _contents(language: str, names: dict[Path, str], repository: tuple[str, str] | None) -> str:
    """That part as a page of the site, which its navigation does not need."""
    text = _index(language).partition("\n")[2].replace("\n### ", "\n## ")
    text = text.replace(_REFERENCE, f"- [{reference.title(language)}](reference/index.rst)")
    links = _Links(DOCS / "README.md", language, names, repository)
    return f"---\norphan: true\n---\n\n# {CONTENTS[language]}\n{links.rewritten(text)}"


def _names(language: str) -> dict[Path, str]:
    """The site's name of each file of the repository that is in it."""
    names = {path: path.name for path in sorted((DOCS / language).glob("*.md"))}
    names |= {ROOT / f"{name}.md": f"{name.lower()}.md" for name in OF_THE_ROOT}
    names |= {path: f"images/{path.name}" for path in sorted(DOCS.glob("*/*.svg"))}
    names |= {path: f"examples/{path.name}" for path in sorted((DOCS / "examples").glob("*.py"))}
    return {ROOT / FRONT[language]: "index.md", **names}


def _navigation(language: str) -> str:
    parts = []
    for chapter in chapters(language):
        entries = "\n".join(f"{title} <{name}>" for title, name in chapter.entries)
        head = f"```{{toctree}}\n:hidden:\n:titlesonly:\n:caption: {chapter.caption}\n\n"
        parts.append(f"\n{head}{entries}\n```\n")
    return "".join(parts)


class _Links:
    """One page with its links as the site has them."""

    def __init__(
        self,
        path: Path,
        language: str,
        names: dict[Path, str],
        repository: tuple[str, str] | None,
    ) -> None:
        self._path = path
        self._language = language
        self._names = names
        self._repository = repository

    def rewritten(self, text: str) -> str:
        return "".join(self._parts(_ANCHOR.sub(r"(\1)=", text)))

    def _parts(self, text: str) -> Iterator[str]:
        for part in _CODE.split(text):
            yield part if part.startswith("```") else _BREAK.sub("", _LINK.sub(self._link, part))

    def _link(self, match: re.Match[str]) -> str:
        mark, text, link = match.groups()
        if re.match(r"[a-z]+:|#", link):
            return match[0]
        path, _, anchor = link.partition("#")
        target = Path(os.path.normpath(self._path.parent / path))
        if link == "reference/index.rst":  # of the site alone
            return match[0]
        if target in self._names:
            return self._to_page(mark, text, self._names[target], anchor)
        if (other := self._other_language(target)) is not None:
            return f'<a href="{other}">{text}</a>'
        return self._to_repository(text, target)

    def _to_page(self, mark: str, text: str, name: str, anchor: str) -> str:
        if name.startswith("examples/"):
            return f"{{download}}`{text} <{name}>`"
        if anchor and self._has_label(name, anchor):
            return f"{mark}[{text}](#{anchor})"
        return f"{mark}[{text}]({name}{'#' if anchor else ''}{anchor})"

    def _has_label(self, name: str, anchor: str) -> bool:
        """Whether the anchor is set by hand, above something that is no heading."""
        path = next(path for path, each in self._names.items() if each == name)
        return f'<a id="{anchor}"></a>' in path.read_text(encoding="utf-8")

    def _other_language(self, target: Path) -> str | None:
        """The address of a page that the other language has."""
        for language in LANGUAGES:
            found = _names(language).get(target)
            if language != self._language and found is not None:
                if target.parent == DOCS / language and self._path.parent == ROOT:
                    return found.replace(".md", ".html")  # a page of the root has no language
                folder = "en/" if self._language == "zh" else "../"
                return f"{folder}{found.removesuffix('.md')}.html"
        if target == DOCS / "README.md":
            return "contents.html"
        return None

    def _to_repository(self, text: str, target: Path) -> str:
        """A link to the repository where its address is known; else the text alone."""
        if self._repository is None:
            return text
        address, branch = self._repository
        return f"[{text}]({address}/blob/{branch}/{target.relative_to(ROOT).as_posix()})"
