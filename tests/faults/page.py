"""The table as lines on a terminal and as tables of the reliability page."""

from __future__ import annotations

import platform
import re
import time
from pathlib import Path

from .table import GROUPS, Row, Seen

PAGES = {
    language: Path(__file__).parents[2] / "docs" / language / "reliability.md"
    for language in ("en", "zh")
}
COLUMNS = {
    "en": ("what happens", "events", "ends with", "known after", "left", "counted", "holds"),
    "zh": ("发生了什么", "事件数", "结果", "得知用时", "残留", "计数", "成立"),
}
_RUN = {
    "en": "{rows} rows, {missed} missed; run on {day} with Python {python}.",
    "zh": "共 {rows} 行，{missed} 行不成立；运行于 {day}，Python {python}。",
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


def rows_on_page(language: str, group: str) -> list[str]:
    """The names of a group's rows in a page."""
    text = PAGES[language].read_text(encoding="utf-8")
    found = _section(group).search(text)
    rows = re.findall(r"^\| (.+?) \|", found[2], re.MULTILINE) if found else []
    return rows[2:]  # without the heads of the columns and the line below


def _table(results: list[Result], language: str) -> str:
    columns = COLUMNS[language]
    rows = [columns, ("---",) * len(columns)]
    rows += [(row.names[language == "zh"], *cells(seen)) for row, seen in results]
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
