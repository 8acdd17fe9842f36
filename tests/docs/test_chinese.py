"""Chinese is written in Dify's own words: the retired phrases do not come back, tables are whole.

Looked at are the Chinese pages and the lines of the package that have Chinese in them: the titles
of docstrings, the emulator's answers and its page.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools import PACKAGE

from .pages import DOCS, ROOT, prose

# as a pattern, and what to write in its place; docs/zh/glossary.md has Dify's own words
RETIRED = {
    "对话流": "Chatflow",
    "聊天应用": "聊天助手, where Agents are meant too 聊天助手和 Agent",
    "智能体": "Agent",
    "New Agent 应用": "新 Agent 应用",
    "流程中的人工|等待人工(?!介入)|人工输入": "人工介入",
    "内容审核": "内容审查",
    "听写": "语音转文本、语音识别",
    "挂接": "钩子; of Java PipelineProcess",
    "糟糕的日子": "异常场景、故障表现",
    "如其所应|各有结论": "符合预期",
    "离开": "取消订阅; of a loop 退出, of a client or a browser 断开连接",
    "沉默": "长时间无数据、空闲",
    "(?:断线后|没能)接上|接上(?:它|原来)的运行": "恢复",
    "不给": "省略时、默认",
    "再没有则": "否则为、未设置则为",
    "它不做什么": "不支持的功能",
    "原来不是这样|有意为之的差异": "行为差异",
    "没有了(?!解)": "不再需要; of what is lost 丢失",
    "问两次就|付两次|问两遍": "重复请求会重复计费",
    "回答 [0-9]{3}|(?:服务端|调用)一律回答": "返回; 回答 is the text of a chat",
    "(?<!域名)服务器(?!上)": "服务端; a machine is 主机",
    "连不上": "无法连接",
    "长跑": "长时间运行",
    "您": "你",
}
# what a cell of a table may say without a word of Chinese, beside code and names of exceptions
NAMES = frozenset(
    re.findall(
        r"\S+",
        "Java Python Dify Reactor RxPY Spring SDK JVM DTO CPU GET POST PUT DELETE "
        "Flask Starlette FastAPI Django Celery Spark "
        "pydantic requests requests.Session urllib3 msgspec "
        "reactivex orjson httpx httpx-sse sseclient-py dataclasses-json aiohttp json asyncio "
        "dify-java-compat dify-client dify-client-python pydify dify-oapi2 dify-java "
        "Observable iterate aiterate collect chat agent-chat advanced-chat Agent Chatflow "
        "stdout Ctrl-C TLS http https true false ping ms s KB MB xx 5xx",
    )
)
_CHINESE = r"[\u4e00-\u9fff]"


@functools.cache
def texts() -> list[tuple[Path, str]]:
    """Each file that has Chinese for a reader, with its text; of the package those lines alone."""
    return list(_texts())


def _texts() -> Iterator[tuple[Path, str]]:
    pages = sorted((DOCS / "zh").glob("*.md"))
    readme = ROOT / "README.zh-CN.md"
    for page in [*pages, *([readme] if readme.exists() else [])]:
        yield page, page.read_text(encoding="utf-8")
    for source in sorted([*PACKAGE.rglob("*.py"), *PACKAGE.rglob("*.html")]):
        lines = source.read_text(encoding="utf-8").splitlines()
        yield source, "\n".join(line for line in lines if re.search(_CHINESE, line))


def found_in(pattern: str, text: str) -> list[str]:
    """What matches, with the text around it."""
    return [match[0] for match in re.finditer(f".{{0,20}}(?:{pattern}).{{0,20}}", text)]


def untranslated(row: str) -> list[str]:
    """The cells of a row that are neither Chinese nor names, numbers or code."""
    cells = re.split(r"(?<!\\)\|", re.sub(r"`[^`]*`|\]\([^)]*\)", "", row))[1:-1]
    return [cell.strip() for cell in cells if _is_english(cell)]


def _is_english(cell: str) -> bool:
    if re.search(_CHINESE, cell):
        return False
    plain = re.sub(r"\w+Exception(?: \(\w+\))?|[\w.-]+ v?\d[\w.+-]*", "", cell)
    return not set(re.findall(r"[A-Za-z][\w.-]*", plain)) <= NAMES


@pytest.mark.parametrize("pattern", RETIRED)
def test_a_retired_phrase_is_in_no_chinese_text(pattern: str) -> None:
    found = [
        f"{path.relative_to(ROOT)}: {each}"
        for path, text in texts()
        for each in found_in(pattern, text)
    ]
    assert not found, f"{pattern}: write {RETIRED[pattern]}\n" + "\n".join(found)


@pytest.mark.parametrize(
    ("pattern", "text", "count"),
    [
        ("(?<!域名)服务器(?!上)", "密钥无效时，Dify 的服务器返回 401", 1),
        ("(?<!域名)服务器(?!上)", "请在服务器上更新证书；域名服务器没有响应", 0),
        ("沉默", "流可以永远沉默。\n沉默之后", 2),
        ("没有了(?!解)", "没有了解过的字段", 0),
        ("流程中的人工|等待人工(?!介入)|人工输入", "运行暂停，等待人工介入", 0),
        ("流程中的人工|等待人工(?!介入)|人工输入", "运行暂停，等待人工", 1),
        ("回答 [0-9]{3}|(?:服务端|调用)一律回答", "过期之后回答 412", 1),
    ],
)
def test_a_retired_phrase_is_seen(pattern: str, text: str, count: int) -> None:
    assert pattern in RETIRED
    assert len(found_in(pattern, text)) == count


@pytest.mark.parametrize("phrase", RETIRED.values())
def test_what_to_write_instead_is_not_retired_itself(phrase: str) -> None:
    assert not [pattern for pattern in RETIRED if re.search(pattern, phrase)]


@pytest.mark.parametrize("page", sorted((DOCS / "zh").glob("*.md")), ids=lambda page: page.name)
def test_no_line_ends_within_a_phrase(page: Path) -> None:
    """A browser shows a blank there: lines end behind punctuation, or beside what is no Chinese."""
    assert re.findall(rf"^(?!\|).*{_CHINESE}\n *{_CHINESE}.*$", prose(page), re.MULTILINE) == []


def test_the_pages_and_the_sources_are_looked_at() -> None:
    named = {path.name for path, text in texts() if re.search(_CHINESE, text)}
    assert {"glossary.md", "chatflow.py", "page.html"} <= named


@pytest.mark.parametrize("page", sorted((DOCS / "zh").glob("*.md")), ids=lambda page: page.name)
def test_no_table_is_half_translated(page: Path) -> None:
    """In the glossary's tables one column is English on purpose."""
    rows = [line for line in prose(page).splitlines() if line.startswith("|")]
    if page.name == "glossary.md":
        rows = [re.sub(r"^(\|[^|]*\|)[^|]*", r"\1", row) for row in rows]
    assert [cell for row in rows for cell in untranslated(row)] == []


def test_a_cell_that_is_not_translated_is_seen() -> None:
    row = "| `send` | 是 | yes | TimeoutException (idle) | 201 ms | httpx 0.28.1 | What it does |"
    assert untranslated(row) == ["yes", "What it does"]


@pytest.mark.parametrize("page", sorted((DOCS / "zh").glob("*.md")), ids=lambda page: page.name)
def test_a_chinese_page_says_as_much_as_the_english_one(page: Path) -> None:
    """As many paragraphs, and lists of as many items, under each heading."""
    texts = [(DOCS / language / page.name).read_text(encoding="utf-8") for language in ("en", "zh")]
    english, chinese = (shape(text) for text in texts)
    assert [kinds for _, kinds in chinese] == [kinds for _, kinds in english], chinese


def shape(text: str) -> list[tuple[str, list[str]]]:
    """Each heading with what stands below it: paragraphs, lists of so many items, tables, code."""
    found: list[tuple[str, list[str]]] = [("", [])]
    fenced = re.sub(r"^```.*?^```$", "\n\n```\n\n", text, flags=re.MULTILINE | re.DOTALL)
    for block in re.split(r"\n\s*\n", fenced):
        if block.strip().startswith("#"):
            found.append((block.strip(), []))
        elif block.strip():
            items = len(re.findall(r"^(?:-|\d+\.) ", block, re.MULTILINE))
            start = block.strip()[:3]
            kind = "code" if start == "```" else "table" if start[0] == "|" else "paragraph"
            found[-1][1].append(f"{items} items" if items else kind)
    return found


def test_a_paragraph_that_is_missing_is_seen() -> None:
    english = "# A\n\nOne.\n\nTwo.\n\n- a\n- b\n```sh\nls\n```\n"
    chinese = "# 甲\n\n一。\n\n- 二\n\n```sh\nls\n```\n"
    assert shape(english)[1:] == [("# A", ["paragraph", "paragraph", "2 items", "code"])]
    assert shape(chinese)[1:] == [("# 甲", ["paragraph", "1 items", "code"])]


@pytest.mark.parametrize("page", sorted((DOCS / "zh").glob("*.md")), ids=lambda page: page.name)
def test_chinese_and_latin_stand_apart(page: Path) -> None:
    assert joins(prose(page)) == []


def joins(text: str) -> list[str]:
    """Where Chinese meets a letter, a number or code without a blank between them."""
    plain = re.sub(r"`[^`\n]*`", "`x`", re.sub(r"\]\([^)\n]*\)", "]", text))
    return re.findall(rf"{_CHINESE}[A-Za-z0-9`]+|[A-Za-z0-9`]+{_CHINESE}", plain)


def test_a_join_is_seen() -> None:
    text = "状态码 200，却是HTML 页面，见`send`一节、[Flask](x.md)和 Django"
    assert joins(text) == ["是HTML", "见`x`"]
