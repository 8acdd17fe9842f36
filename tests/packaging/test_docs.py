"""The pages: every link leads somewhere, and nothing in them belongs to one machine."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CONTRIBUTORS_PAGES = ("ARCHITECTURE.md", "CONTRIBUTING.md", "RELEASING.md", "SECURITY.md")
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])

_ROOTS = (ROOT, ROOT / "dify_java_compat")
_LINK = re.compile(r"\[[^\]\n]*\]\(<?([^()\s>]+(?:\([^()\s]*\)[^()\s>]*)*)>?(?:\s[^)]*)?\)")
_CODE = re.compile(r"^```.*?^```|`[^`\n]+`", re.MULTILINE | re.DOTALL)
_OUT_OF_PLACE = {
    "a path of one machine": r"(?<![\w.])/(?:home|root|Users|work|tmp)/\w",
    "an API key that may be real": r"\bapp-(?=\w*\d)[A-Za-z0-9]{20,}",
    "an unfinished place": r"\b(?:TODO|FIXME|XXX|TBD)\b",
}


def dead_links(page: Path, text: str) -> list[str]:
    """Links within the repository that lead nowhere."""
    links = _LINK.findall(_CODE.sub("", text))
    return [link for link in links if not _leads(page, text, link)]


def _leads(page: Path, text: str, link: str) -> bool:
    if re.match(r"[a-z]+:", link):  # elsewhere: nothing here depends on it
        return True
    path, _, anchor = link.partition("#")
    if path:
        target = (page.parent / path).resolve()
        if not target.exists() or not target.is_relative_to(ROOT):
            return False
        text = target.read_text(encoding="utf-8") if anchor else ""
    return not anchor or anchor in _anchors(text)


def _anchors(text: str) -> Iterator[str]:
    yield from re.findall(r'\b(?:id|name)="([^"]+)"', text)
    yield from re.findall(r"^\(([\w-]+)\)=$", text, re.MULTILINE)
    for heading in re.findall(r"^#+ (.+)$", text, re.MULTILINE):
        yield re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def missing_files(text: str) -> list[str]:
    """Files and folders that a page names, from the repository's root or the package's."""
    named = re.findall(r"`((?:[\w.-]+/)*(?:[\w-]+\.(?:py|json|cfg)|[\w-]+/))`", text)
    return [path for path in named if not any((root / path).exists() for root in _ROOTS)]


def out_of_place(text: str) -> list[str]:
    return [what for what, pattern in _OUT_OF_PLACE.items() if re.search(pattern, text)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    assert dead_links(page, page.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_nothing_is_out_of_place(page: Path) -> None:
    assert out_of_place(page.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("page", CONTRIBUTORS_PAGES)
def test_every_file_that_a_contributors_page_names_is_there(page: str) -> None:
    missing = missing_files((ROOT / page).read_text(encoding="utf-8"))
    assert not missing, f"{page} names files that moved: {', '.join(missing)}"


def test_a_file_that_is_not_there_is_seen() -> None:
    text = (
        "`tests/packaging/`, `chatflow.py`, `_http/`, `setup.cfg`, `_http/none.py`, `none/`, `x.y`"
    )
    assert missing_files(text) == ["_http/none.py", "none/"]


@pytest.mark.parametrize(
    ("text", "dead"),
    [
        ("[a](CHANGELOG.md) [b](tests/packaging) ![c](LICENSE)", []),
        ("[a](https://example.org/x) [b](mailto:a@b.c)", []),
        ("[a](#a-heading)\n\n## A heading", []),
        ("[a](CHANGELOG.md#changelog)", []),
        ("`[a](none.md)`", []),
        ("[a](none.md)", ["none.md"]),
        ('[a](none.md "title")', ["none.md"]),
        ("[a](CHANGELOG.md#none)", ["CHANGELOG.md#none"]),
        ("[a](#none)", ["#none"]),
        ("[a](../outside.md)", ["../outside.md"]),
    ],
)
def test_a_dead_link_is_seen(text: str, dead: list[str]) -> None:
    assert dead_links(ROOT / "page.md", text) == dead


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("see /home/me/dify", "a path of one machine"),
        ("key app-0a1B2c3D4e5F6g7H8i9J0k1L", "an API key that may be real"),
        ("TODO: more", "an unfinished place"),
    ],
)
def test_what_is_out_of_place_is_seen(text: str, what: str) -> None:
    assert out_of_place(text) == [what]
    assert out_of_place("`app-chat`, docs/work/page.md, POST /v1/files/upload") == []
