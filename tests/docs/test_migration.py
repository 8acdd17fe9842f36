"""What the pages about Java have to name: every method, key, exception and operator there is."""

from __future__ import annotations

import dataclasses
import inspect
import re

import pytest

import dify_java_compat
from dify_java_compat import DifyException, DifyProperties
from dify_java_compat._dto.dto import Dto
from tools import differences
from tools.fields import JAVA_TYPES, MANIFEST

from .pages import DOCS, LANGUAGES, blocks, prose

EACH_LANGUAGE = pytest.mark.parametrize("language", LANGUAGES)

# Reactor's operator, and what the Python sample of its section has in its place
OPERATORS = {
    "subscribe": ".subscribe(",
    "doOnNext": ".do_action(",
    "filter": ".filter(",
    "map": ".map(",
    "blockLast": ".run()",
    "collectList": ".to_list(",
    "reduce": ".reduce(",
    "toIterable": "for item in stream:",
    "toStream": "iterate(stream",
    "take": ".take(",
    "takeUntil": ".take_while(",
    "timeout": ".timeout(",
    "retry": ".retry(",
    "retryWhen": "dify_ops.retry_when(",
    "onErrorResume": ".catch(",
    "switchIfEmpty": "dify_ops.switch_if_empty(",
    "doOnCancel": "dify_ops.do_on_cancel(",
    "doFinally": ".finally_action(",
    "publishOn": ".observe_on(",
    "subscribeOn": "pool.submit(",
    "share": ".share(",
    "autoConnect": ".auto_connect(",
    "concatMap": ".concat_map(",
    "bufferUntil": "dify_ops.buffer_until(",
}
JAVA_EXCEPTIONS = [
    "BaseException",
    "DiftChatException",
    "DiftDatasetException",
    "DifyClientException",
    "HttpClientException",
    "IllegalArgumentException",
    "IllegalStateException",
    "JsonException",
    "UtilException",
]


def section(name: str, language: str, heading: str) -> str:
    """The text below the heading that names `heading`, up to the next one."""
    text = (DOCS / language / name).read_text(encoding="utf-8")
    for each in re.split(r"^(?=##+ )", text, flags=re.MULTILINE)[1:]:
        if heading in re.findall(r"\w+", each.partition("\n")[0]):
            return each
    raise AssertionError(f"{language}/{name} has no section about {heading}")


def code(text: str, language: str) -> str:
    return "\n".join(re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL))


@EACH_LANGUAGE
@pytest.mark.parametrize("method", MANIFEST["methods"])
def test_a_method_has_its_section_in_both_languages_of_code(language: str, method: str) -> None:
    text = section("methods.md", language, method)
    assert f"chat.{method}(" in code(text, "java")
    assert f"chat.{method}(" in code(text, "python")


@EACH_LANGUAGE
@pytest.mark.parametrize("operator", OPERATORS)
def test_an_operator_is_shown_beside_its_twin(language: str, operator: str) -> None:
    page = DOCS / language / "flux.md"
    shown = [(f".{operator}(" in b.text, b.language) for b in blocks(page)]
    assert (True, "java") in shown
    assert any(OPERATORS[operator] in b.text for b in blocks(page) if b.language == "python")


@EACH_LANGUAGE
def test_an_operator_of_the_sections_is_in_the_table_and_on_the_first_page(language: str) -> None:
    table = [row for row in prose(DOCS / language / "flux.md").splitlines() if row[:1] == "|"]
    for operator in OPERATORS:
        assert any(re.search(rf"\b{operator}\b", row.split(" | ")[0]) for row in table), operator
    first = prose(DOCS / language / "migration.md")
    for operator in OPERATORS.keys() - {"collectList", "reduce", "takeUntil", "autoConnect"}:
        assert f"`{operator}`" in first, operator


def keys(cls: type[Dto], prefix: str) -> list[str]:
    """The keys of an `application.yml` that bind to `cls`."""
    found: list[str] = []
    for field in dataclasses.fields(cls):
        name = f"{prefix}.{field.name.replace('_', '-')}"
        default = field.default_factory
        inner = inspect.isclass(default) and issubclass(default, Dto)
        found += keys(default, name) if inner else [name]  # type: ignore[arg-type]
    return found


@EACH_LANGUAGE
def test_every_key_is_in_the_table_with_its_default(language: str) -> None:
    text = prose(DOCS / language / "migration.md")
    rows = dict(re.findall(r"^\| `(dify\.[\w.-]+)` \| [^|]+ \| (.+) \|$", text, re.MULTILINE))
    assert rows.keys() == set(keys(DifyProperties, "dify"))
    for key, cell in rows.items():
        value: object = DifyProperties()
        for name in key.split(".")[1:]:
            value = getattr(value, name.replace("-", "_"))
        name, default = re.findall("`([^`]+)`", cell)
        assert key.replace("-", "_").endswith(name)
        assert eval(default) == value, key


@EACH_LANGUAGE
def test_every_exception_is_named(language: str) -> None:
    text = section("migration.md", language, {"en": "Exceptions", "zh": "异常"}[language])
    ours = {
        name
        for name, each in vars(dify_java_compat).items()
        if inspect.isclass(each) and issubclass(each, DifyException)
    }
    for name in ours | set(JAVA_EXCEPTIONS):
        assert f"`{name}`" in text, name


@EACH_LANGUAGE
def test_every_type_of_javas_has_its_table(language: str) -> None:
    text = (DOCS / language / "fields.md").read_text(encoding="utf-8")
    assert len(JAVA_TYPES) == 78 + 12  # those of chat apps, and what workflow apps have besides
    for name in JAVA_TYPES:
        below = text.partition(f"\n### {name}\n")[2].partition("\n### ")[0]
        for field in MANIFEST["classes"].get(name, {}).get("fields", {}):
            assert f"| `{field}`" in below, f"{name}.{field}"
        for member in MANIFEST["enums"].get(name, ()):
            assert f"| `{member}` | `{member}` |" in below, f"{name}.{member}"


def test_every_difference_has_a_short_name_of_its_own() -> None:
    ids = [each.id for each in differences.read()]
    assert len(ids) == len(set(ids))
    for each in ids:
        assert re.fullmatch(r"[a-z]+(-[a-z]+){0,4}", each)


def test_a_difference_is_told_whole_in_both_languages() -> None:
    for each in differences.read():
        for name, text in dataclasses.asdict(each).items():
            assert text.strip(), f"{each.id}: no {name}"
            chinese = bool(re.search("[一-鿿]", text))
            assert chinese == name.endswith("_zh"), f"{each.id}: {name}"


@EACH_LANGUAGE
def test_the_differences_have_an_anchor_of_their_own(language: str) -> None:
    text = (DOCS / language / "migration.md").read_text(encoding="utf-8")
    anchor, table = text.index('<a id="deliberate-differences"></a>'), text.index(differences.START)
    assert anchor < table
    assert "\n#" not in text[anchor:table].partition("\n## ")[2]
