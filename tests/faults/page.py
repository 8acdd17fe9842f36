"""The table as lines on a terminal and as tables of the reliability page."""

from __future__ import annotations

import platform
import re
import time
from collections.abc import Sequence
from pathlib import Path

from .table import GROUPS, Row, Seen

PAGES = {
    language: Path(__file__).parents[2] / "docs" / language / "reliability.md"
    for language in ("en", "zh")
}
COLUMNS = {
    "en": ("what happens", "events", "ends with", "known after", "left", "counted", "holds"),
    "zh": ("场景", "事件数", "结果", "得知用时", "残留", "其他计数", "符合预期"),
}
# the Chinese words of the cells: how a row ended and whether it holds, and what it counted
ENDED = {
    "completed": "正常完成",
    "left": "已取消订阅",
    "exit 0": "退出码 0",
    "yes": "是",
    "no": "否",
}
FIGURES = {
    "DecodeException": "DecodeException",
    "MB": "内存 MB",
    "after": "其后推送",
    "calls": "调用数",
    "completed": "完成数",
    "connections": "连接数",
    "copies": "副本数",
    "cuts": "切断次数",
    "descriptors": "描述符数",
    "elsewhere": "对方收到的连接",
    "faults": "故障数",
    "gone_ms": "连接关闭毫秒数",
    "grown_mib": "内存增长 MiB",
    "inputs": "输入数",
    "kept": "保存字数",
    "late": "迟到数",
    "left": "取消数",
    "log lines": "日志行数",
    "methods with an id": "带 id 的方法数",
    "names": "文件名数",
    "pings": "ping 数",
    "processes": "进程数",
    "proxies": "代理数",
    "refused": "拒绝数",
    "requests": "请求数",
    "requests of each GET": "每个 GET 的请求数",
    "requests of each others": "其他方法的请求数",
    "right": "正确数",
    "sent again": "重发数",
    "sent_kib": "发送 KiB",
    "stayed_ms": "保持毫秒数",
    "stops": "停止请求数",
    "streams": "流数",
    "taken_mib": "读取 MiB",
    "texts": "文本数",
    "threads": "线程数",
    "tries": "尝试次数",
    "types": "类型数",
    "ways": "方式数",
    "wrong": "错误数",
    "posts": "POST 数",
    "sent": "发送字节数",
    "MiB in use": "占用 MiB",
}
_RUN = {
    "en": "{rows} rows, {missed} missed; run on {day} with Python {python}.",
    "zh": "共 {rows} 行，{missed} 行不符合预期；{day} 在 Python {python} 上运行。",
}

Result = tuple[Row, Seen]


def cells(seen: Seen) -> tuple[str, ...]:
    """What a row measured: the cells behind its name."""
    return (
        "–" if seen.events is None else f"{seen.events:,}",
        seen.ended or "–",
        "–" if seen.ms is None else f"{seen.ms:,.{1 if seen.ms < 100 else 0}f} ms",
        f"{seen.threads} + {seen.sockets}",
        ", ".join(f"{name}={value}" for name, value in seen.figures.items()) or "–",
        "no" if seen.misses else "yes",
    )


def line(row: Row, seen: Seen) -> str:
    """A row on a terminal, with its misses below."""
    events, ended, known, remaining, figures, _ = cells(seen)
    verdict = "MISS" if seen.misses else "ok"
    text = f"{verdict:4}  {row.group:9}  {row.name:58}  {events:>7}  {ended:34}  {known:>10}"
    text += f"  left {remaining}  {figures}"
    return "\n".join([text.rstrip(" –"), *(f"      {miss}" for miss in seen.misses)])


def write(results: list[Result]) -> None:
    """Put the groups that were run into the pages, each between its markers."""
    for language, page in PAGES.items():
        text = page.read_text(encoding="utf-8")
        for group in GROUPS:
            of_group = [result for result in results if result[0].group == group]
            if of_group:
                text = _replaced(text, group, _table(of_group, language))
        page.write_text(text, encoding="utf-8")


def in_chinese(measured: Sequence[str]) -> tuple[str, ...]:
    """What a row measured, in the words of the Chinese page."""
    events, ended, known, remaining, figures, holds = measured
    counted = [figure.partition("=") for figure in figures.split(", ")]
    shown = "，".join(f"{FIGURES.get(name, name)}{sign}{value}" for name, sign, value in counted)
    return events, ENDED.get(ended, ended), known, remaining, shown, ENDED[holds]


def rows_on_page(language: str, group: str) -> list[str]:
    """The names of a group's rows in a page."""
    return [name for name, *_ in cells_on_page(language, group)]


def cells_on_page(language: str, group: str) -> list[list[str]]:
    """A group's rows in a page, their names first."""
    text = PAGES[language].read_text(encoding="utf-8")
    found = _section(group).search(text)
    rows = re.findall(r"^\| (.+) \|$", found[2], re.MULTILINE) if found else []
    return [row.split(" | ") for row in rows[2:]]  # without the heads and the line below


def _table(results: list[Result], language: str) -> str:
    columns = COLUMNS[language]
    rows = [columns, ("---",) * len(columns)]
    for row, seen in results:
        measured = cells(seen)
        rows.append((row.names[0], *measured))
        if language == "zh":
            rows[-1] = (row.names[1], *in_chinese(measured))
    run = _RUN[language].format(
        rows=len(results),
        missed=sum(bool(seen.misses) for _, seen in results),
        day=time.strftime("%Y-%m-%d"),
        python=platform.python_version(),
    )
    return "\n".join([run, "", *("| " + " | ".join(cells) + " |" for cells in rows)])


def _replaced(text: str, group: str, table: str) -> str:
    pattern = _section(group)
    if not pattern.search(text):
        raise SystemExit(f"the page has no markers for the group {group}")
    return pattern.sub(lambda match: f"{match[1]}\n{table}\n{match[3]}", text)


def _section(group: str) -> re.Pattern[str]:
    return re.compile(rf"(<!-- faults: {group} -->\n)(.*?)(\n<!-- end -->)", re.DOTALL)
