"""The site as it is built: each page in its language, both searches, and the reference.

What Sphinx warns of is an error of the build.
"""

from __future__ import annotations

import json
import re
import zlib
from pathlib import Path
from urllib.parse import unquote

import pytest

import dify_java_compat
from dify_java_compat import models
from dify_java_compat._dto.names import camel
from tools import reference, site, site_pages
from tools.restructured import inline, restructured
from tools.site_search import SearchChinese

from .pages import DOCS, LANGUAGES, ROOT, page_names


def in_language(built: Path, language: str) -> Path:
    return built if language == "zh" else built / language


def objects(inventory: Path) -> set[str]:
    """The names in a Sphinx inventory."""
    head, packed = inventory.read_bytes().split(b"zlib", 1)
    assert head.startswith(b"# Sphinx inventory version 2")
    text = zlib.decompress(packed.partition(b"\n")[2]).decode()
    return {line.partition(" ")[0] for line in text.splitlines()}


def dead_links(built: Path) -> list[str]:
    """Links within the site that lead to no file, or to no place in it."""
    pages = {page.resolve(): page.read_text(encoding="utf-8") for page in built.rglob("*.html")}
    places = {page: set(re.findall(r'\bid="([^"]+)"', text)) for page, text in pages.items()}
    dead = []
    for page, text in pages.items():
        for link in set(re.findall(r'<a\b[^>]*\bhref="([^"]+)"', text)):
            path, _, place = unquote(link).partition("#")
            target = (page.parent / path).resolve() if path else page
            if re.match(r"[a-z]+:", link) or place == "":
                if not re.match(r"[a-z]+:", link) and not target.exists():
                    dead.append(f"{page.name}: {link}")
            elif place not in places.get(target, ()):
                dead.append(f"{page.name}: {link}")
    return dead


@pytest.mark.slow
def test_the_site() -> None:
    """As `make docs` has built it, in half a minute."""
    built = site.OUTPUT
    assert built.is_dir(), "run `make docs` first"
    for language, code in (("zh", "zh-CN"), ("en", "en")):
        folder = in_language(built, language)
        assert f'lang="{code}"' in (folder / "index.html").read_text(encoding="utf-8")
        for name in (*page_names(language), "changelog.md", "contributing.md", "architecture.md"):
            assert (folder / name).with_suffix(".html").exists(), name
        found = objects(folder / "objects.inv")
        assert {each.full for each in reference.public().values()} <= found
        assert {f"{cls}.{name}" for cls, name in reference.documented_fields()} <= found
        assert (folder / "searchindex.js").stat().st_size > 100_000
    chinese = (built / "searchindex.js").read_text(encoding="utf-8")
    assert all(f"{json.dumps(pair)}:" in chinese for pair in ("会话", "话变", "变量"))
    assert "ChineseStemmer" not in (built / "_static" / "language_data.js").read_text("utf-8")
    assert '"convers":' in (built / "en" / "searchindex.js").read_text(encoding="utf-8")
    assert dead_links(built) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_is_in_the_navigation_once(language: str) -> None:
    entries = [entry for chapter in site_pages.chapters(language) for entry in chapter.entries]
    names = [name for _, name in entries]
    assert len(names) == len(set(names))
    of_the_root = {name.lower() for name in site_pages.OF_THE_ROOT}
    own = {name.removesuffix(".md") for name in page_names(language)}
    assert set(names) == own | of_the_root | {"reference/index"}


def test_both_languages_have_the_same_chapters() -> None:
    chinese, english = (
        [[name for _, name in chapter.entries] for chapter in site_pages.chapters(language)]
        for language in ("zh", "en")
    )
    assert chinese == english


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_page_of_the_site_has_a_source_to_edit(language: str) -> None:
    for name, page in site_pages.gathered(language).items():
        if not name.startswith("reference/"):
            assert page.origin is not None
            assert (ROOT / page.origin).exists()


def test_the_edit_link_needs_a_repository(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DOCS_REPOSITORY", "DOCS_BRANCH", "READTHEDOCS_GIT_CLONE_URL"):
        monkeypatch.delenv(name, raising=False)
    assert site.edit_url("docs/zh/faq.md") is None
    monkeypatch.setenv("READTHEDOCS_GIT_CLONE_URL", "https://git.example.org/a/b.git")
    monkeypatch.setenv("READTHEDOCS_GIT_IDENTIFIER", "v1")
    assert site.edit_url("docs/zh/faq.md") == "https://git.example.org/a/b/edit/v1/docs/zh/faq.md"
    monkeypatch.setenv("DOCS_REPOSITORY", "https://gitlab.example.org/a/b")
    monkeypatch.setenv("DOCS_BRANCH", "main")
    assert site.edit_url("README.md") == "https://gitlab.example.org/a/b/-/edit/main/README.md"
    assert site.edit_url(None) is None


def test_links_get_the_names_of_the_site() -> None:
    chinese = site_pages.gathered("zh", ("https://git.example.org/a/b", "main"))
    index = chinese["index.md"].content.decode()
    assert index.startswith("# dify-java-compat")
    assert "](docs/README.md)" not in index
    assert "](quickstart.md)" in index
    assert "](images/terminal-zh.svg)" in index
    assert "](https://git.example.org/a/b/blob/main/LICENSE)" in index
    assert "](LICENSE)" not in site_pages.gathered("zh")["index.md"].content.decode()
    assert '<a href="glossary.html">' in chinese["contributing.md"].content.decode()
    assert "](images/events.svg)" in chinese["benchmarks.md"].content.decode()


def test_every_public_name_is_in_the_reference() -> None:
    found = {each.name for each in reference.public().values()}
    assert set(dify_java_compat.__all__) <= found
    assert {name for name in models.__all__ if not name.isupper()} <= found


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_reference_has_both_spellings(language: str) -> None:
    pages = reference.pages(language)
    assert (
        "   .. py:attribute:: conversation_id\n"
        "                     conversationId\n"
        "      :no-contents-entry:\n"
        "      :type: str | None\n"
    ) in pages["requests"]
    assert (
        "   .. py:method:: stopMessagesStream(api_key: str | None = None, "
        "task_id: str | None = None, user_id: str | None = None) -> None\n"
        "                  stopMessagesStream(*, apiKey=..., taskId=..., userId=...) -> None\n"
    ) in pages["chat"]
    for name in ("sse_read_timeout", camel("sse_read_timeout")):
        assert name in pages["config"]


def test_a_docstring_keeps_its_code_lists_and_drawings() -> None:
    def links(code: str) -> tuple[str, str] | None:
        return ("p.Known", "class") if code == "Known" else None

    parameters = "one: text,\n    more\ntwo: text"
    assert restructured(parameters, links) == "- ``one``\\ : text,\n  more\n- ``two``\\ : text"
    assert inline("a `Known`, *all* of `x`s", links) == (
        "a :py:class:`Known <p.Known>`\\ , \\*all\\* of ``x``\\ s"
    )
    doc = "Text:\n- one\n  more\n- two\nend.\n\n::\n\n    a *b*\n\nafter_"
    assert restructured(doc, links) == (
        "Text:\n\n- one\n  more\n- two\n\nend.\n\n::\n\n    a *b*\n\nafter\\_"
    )


def test_chinese_is_searched_by_pairs() -> None:
    words = SearchChinese({}).split("会话变量 conversation_id，流")
    assert words == ["会", "话", "变", "量", "会话", "话变", "变量", "conversation_id", "流"]


def test_versions_stand_beside_each_other(tmp_path: Path) -> None:
    for name in ("1.0", "0.9"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "versions.js").touch()
    site.write_versions(tmp_path)
    newest = site.version()
    assert (tmp_path / "versions.js").read_text(encoding="utf-8") == (
        f'window.siteVersions = [["{newest}", ""], ["1.0", "1.0/"], ["0.9", "0.9/"]];\n'
    )
    assert (tmp_path / "0.9" / "versions.js").read_text(encoding="utf-8") == (
        f'window.siteVersions = [["{newest}", "../"], ["1.0", "../1.0/"], ["0.9", "../0.9/"]];\n'
    )


def test_the_samples_that_the_site_offers_for_download_are_there() -> None:
    assert "examples/chat.py" in site_pages.gathered("zh")
    assert (DOCS / "examples" / "chat.py").exists()
