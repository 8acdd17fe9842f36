"""Both languages have the same pages, and the pages name all that there is.

That the links of every page lead somewhere, anchors too, is tested in tests/packaging.
"""

import dataclasses
import inspect
import re
from pathlib import Path

import pytest

import dify_java_compat
from dify_java_compat import ClientConfig, DifyChatflow, DifyException
from dify_java_compat._dto.names import camel
from dify_java_compat.cli.options import doctor_parser, main_parser
from dify_java_compat.emulator import DifyEmulator, faults
from dify_java_compat.emulator.__main__ import _arguments
from dify_java_compat.emulator.apps.catalog import APPS
from dify_java_compat.emulator.model.speaker import FAILURES

from .pages import DOCS, FRONT_PAGES, LANGUAGES, blocks, outline, page_names, prose

NAMES = sorted(page_names("en"))
EACH_LANGUAGE = pytest.mark.parametrize("language", LANGUAGES)


def cells(page: Path) -> list[list[str]]:
    """The rows of all tables."""
    rows = [line for line in prose(page).splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]] for row in rows]


def test_both_languages_have_the_same_pages() -> None:
    assert page_names("zh") == page_names("en")


@pytest.mark.parametrize("name", NAMES)
def test_both_languages_have_the_same_outline(name: str) -> None:
    assert outline(DOCS / "zh" / name) == outline(DOCS / "en" / name)


@pytest.mark.parametrize("name", NAMES)
def test_both_languages_have_the_same_code(name: str) -> None:
    pairs = zip(blocks(DOCS / "en" / name), blocks(DOCS / "zh" / name), strict=True)
    for english, chinese in pairs:
        if english.language == "text" and english.output is None:
            continue  # drawings and screens have words in them
        assert chinese.without_comments == english.without_comments
        assert chinese.output == english.output


@EACH_LANGUAGE
def test_the_index_has_a_line_for_each_page(language: str) -> None:
    index = (DOCS / "README.md").read_text(encoding="utf-8")
    assert sorted(re.findall(rf"^- \[[^\]]+\]\({language}/([\w-]+\.md)\)", index, re.M)) == NAMES


@EACH_LANGUAGE
@pytest.mark.parametrize("name", NAMES)
def test_a_page_links_to_its_own_language(language: str, name: str) -> None:
    links = set(re.findall(r"(?<!!)\[[^\]]*\]\(([^)#:]+)[)#]", prose(DOCS / language / name)))
    assert links <= page_names(language)


@EACH_LANGUAGE
def test_every_method_of_the_facade_is_in_a_table(language: str) -> None:
    """Java's and those that Java lacks."""
    page = DOCS / language / "migration.md"
    rows = [row for row in cells(page) if len(row) == 3]
    named = {name for row in rows for name in re.findall(r"^`(\w+)\(", row[2])}
    facade = {name for name, _ in inspect.getmembers(DifyChatflow, inspect.isfunction)}
    assert named == {name for name in facade if not name.startswith("_")}


@EACH_LANGUAGE
def test_every_setting_is_in_the_table(language: str) -> None:
    """With its default, and its Java spelling where it has one of its own."""
    rows = {row[0]: row[1] for row in cells(DOCS / language / "configuration.md")}
    for field in dataclasses.fields(ClientConfig):
        shown = rows.pop(f"`{field.name}`").replace(" MiB", " * 1048576").strip("`")
        assert eval(shown) == field.default, f"{field.name}: {shown}"
        assert ClientConfig(**{camel(field.name): field.default}) == ClientConfig()


@EACH_LANGUAGE
def test_every_exception_is_in_the_tree(language: str) -> None:
    tree = next(b.text for b in blocks(DOCS / language / "errors.md") if b.language == "text")
    drawn = re.findall(r"\b[A-Z]\w+Exception\b", tree)
    public = {name: getattr(dify_java_compat, name) for name in dify_java_compat.__all__}
    exceptions = [
        n for n, c in public.items() if inspect.isclass(c) and issubclass(c, DifyException)
    ]
    assert sorted(drawn) == sorted(exceptions)


@EACH_LANGUAGE
def test_every_attribute_of_an_exception_is_named(language: str) -> None:
    text = prose(DOCS / language / "errors.md")
    for cls in vars(dify_java_compat.errors).values():
        if inspect.isclass(cls) and issubclass(cls, DifyException):
            for name in inspect.get_annotations(cls):
                assert f"`{name}`" in text, name


@EACH_LANGUAGE
def test_every_option_of_the_command_is_in_the_table(language: str) -> None:
    named = {row[0] for row in cells(DOCS / language / "command-line.md")}
    for action in [*main_parser()._actions, *doctor_parser()._actions]:
        option = action.option_strings[-1] if action.option_strings else action.dest
        assert any(cell.startswith(f"`{option}") for cell in named), option


@EACH_LANGUAGE
def test_all_of_the_emulator_is_in_its_tables(language: str) -> None:
    """Its arguments with their defaults, its attributes, apps and options."""
    rows = {row[0]: row[1] for row in cells(DOCS / language / "emulator.md")}
    for name, parameter in inspect.signature(DifyEmulator).parameters.items():
        assert eval(rows[f"`{name}`"].strip("`")) == parameter.default, name
    named = " ".join(rows)
    public = {name for name in vars(DifyEmulator) if not name.startswith("_")}
    for name in public - {"start", "close"}:
        assert re.search(rf"`{name}[`(]", named), name
    assert {app.key for app in APPS} == set(re.findall(r"`(app-[\w-]+)`", named))
    options = set(re.findall(r"`(--[\w-]+)`", named))
    assert options == {f"--{name}".replace("_", "-") for name in vars(_arguments([]))}


@EACH_LANGUAGE
def test_every_reply_fault_and_error_of_the_emulator_is_named(language: str) -> None:
    page = DOCS / language / "emulator.md"
    named = " ".join(row[0] for row in cells(page))
    assert set(re.findall(r"`([A-Z]\w+)\(", named)) == set(faults.__all__) - {"Fault"}
    for name in set(inspect.signature(DifyEmulator.reply).parameters) - {"self"}:
        assert f"`{name}`" in prose(page), name
    for code in FAILURES:
        assert f"`{code}`" in prose(page), code


def test_the_front_pages_say_the_same_in_both_languages() -> None:
    english, chinese = FRONT_PAGES
    assert outline(chinese) == outline(english)
    assert [each.text for each in blocks(chinese) if each.language != "sh"] == [
        each.text for each in blocks(english) if each.language != "sh"
    ]
    for page, other in (FRONT_PAGES, FRONT_PAGES[::-1]):
        text = page.read_text(encoding="utf-8")
        assert f"]({other.name})" in text.partition("\n")[0]
        assert "](docs/README.md)" in text


def test_the_two_commands_of_a_front_page_are_one_line_each() -> None:
    """As `.ci/run` takes them."""
    english, chinese = (
        re.findall(
            r"^<!-- run: (\w+) -->\n```sh\n(.+)\n```$", page.read_text(encoding="utf-8"), re.M
        )
        for page in FRONT_PAGES
    )
    assert [name for name, _ in english] == ["main", "test"]
    assert chinese == english
