"""A run's figures as Markdown: the tables for a terminal, and the page of each language."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import zip_longest
from typing import Any

from .environments import AIOHTTP, ENTRIES, FLOOR, JAVA, RELAY_BY_HAND, RELAYS, SESSION
from .results import ByContender, Load, Loss, Results
from .targets import Verdict, verdicts
from .wording import CHINESE, ENGLISH

CHARTS = {
    "streams": "events",
    "calls": "calls",
    "paced": "latency",
    "many": "growth",
    "short": "short",
    "relay": "relay",
}  # the section that shows it -> the name of its file
_TITLES = {entry.key: entry.title for entry in (*ENTRIES, *RELAYS)}
_OURS = {entry.key for entry in (*ENTRIES, *RELAYS) if entry.is_ours}

Rows = Iterable[Sequence[str]]
Words = dict[str, Any]


def figure(value: float) -> str:
    """Three digits are what a benchmark knows."""
    if value >= 100:
        return f"{value:,.0f}"
    if value >= 10:
        return f"{value:.1f}"
    return f"{value:.3g}" if 0.01 <= value < 1 else f"{value:.2f}"


def title(key: str, words: Words = ENGLISH) -> str:
    if key in words["titles"]:
        return str(words["titles"][key])
    return f"**{_TITLES[key]}**" if key in _OURS else _TITLES.get(key, key)


def library(key: str, words: Words = ENGLISH) -> str:
    """The title without the face, which streams alone have."""
    return title(key, words).replace(", Observable", "")


def terminal(results: Results) -> str:
    """Every table, in English, the verdicts last."""
    parts = [
        f"## {heading}\n\n{_aligned(table)}\n" for heading, _, table in _sections(results, ENGLISH)
    ]
    return "\n".join([*parts[1:], *parts[:1]])


def _aligned(table: str) -> str:
    """The same, for eyes: each column as wide as its widest cell."""
    lines = [line[2:-2].split(" | ") for line in table.splitlines()]
    widths = [max(map(len, column)) for column in zip_longest(*lines, fillvalue="")]
    numbers = [rule.endswith(":") for rule in lines[1]]
    lines[1] = ["-" * width for width in widths]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if number else cell.ljust(width)
            for cell, width, number in zip(line, widths, numbers, strict=False)
        ).rstrip()
        for line in lines
    )


def page(results: Results, *, chinese: bool) -> str:
    """The whole page, in one language."""
    words = CHINESE if chinese else ENGLISH
    sections = list(_sections(results, words))
    parts: list[str] = [f"# {words['title']}", _wrapped(words["summary"], words)]
    for heading, text, table in sections:
        parts += [f"## {heading}", *filter(None, [_wrapped(text, words)]), table]
    for section, chart in CHARTS.items():
        heading = words[section]
        at = next((n for n, part in enumerate(parts) if part == f"## {heading}"), None)
        if at is not None:
            parts.insert(at + 2, f"![{heading}](../benchmarks/{chart}.svg)")
    machine = results.machine.replace("cores", words["cores"]).replace(", ", words["comma"])
    run = words["run"].format(date=results.date, machine=machine)
    command = f"```sh\npip install '.[benchmarks]'\n{results.command} --write\n```"
    how = _wrapped(words["how_text"].format(rounds=results.rounds), words)
    parts += [f"## {words['how']}", how, run, command, _versions(results, words)]
    return "\n\n".join(parts) + "\n"


def _wrapped(text: str, words: Words) -> str:
    """Chinese has no blanks to break at: it comes with its line ends."""
    if words is CHINESE:
        return text
    return "\n\n".join(textwrap.fill(paragraph, 100) for paragraph in text.split("\n\n"))


def _sections(results: Results, words: Words) -> Iterator[tuple[str, str, str]]:
    """Heading, text and table; those that nothing was measured for are left out."""
    made: list[tuple[str, list[Sequence[str]]]] = [
        ("verdict", [_verdict(verdict, words) for verdict in verdicts(results)]),
        (
            "streams",
            list(_ratios(results.streams, ("messages", "nodes", "4kb"), FLOOR, title, words)),
        ),
        (
            "calls",
            list(_ratios(results.calls, ("parameters", "messages"), SESSION, library, words)),
        ),
        ("steps", [(_step(name, words), figure(us)) for name, us in results.steps.items()]),
        ("losses", list(_losses(results, words))),
        ("paced", list(_paced(results, words))),
        ("many", list(_load(results.many, AIOHTTP, words))),
        ("short", list(_short(results, words))),
        ("relay", list(_load(results.relay, RELAY_BY_HAND, words))),
        ("uploads", list(_uploads(results, words))),
        ("imports", list(_imports(results, words))),
        ("left_out", list(_left_out(results, words))),
    ]
    for name, rows in made:
        if rows:
            if name == "losses":
                names = words["streams_names"]
                columns: Sequence[str] = (
                    *words["losses_columns"],
                    *(names.get(key, key) for key in results.losses),
                )
            else:
                columns = words[f"{name}_columns"]
            heading = words["verdicts" if name == "verdict" else name]
            yield heading, words.get(f"{name}_text", ""), table(columns, rows)


def _left_out(results: Results, words: Words) -> Iterator[tuple[str, str]]:
    for key, why in results.left_out.items():
        last = results.last_java if key == JAVA else None
        if last is not None:
            us = {"theirs": figure(last.theirs), "ours": figure(last.ours)}
            why += words["last_java"].format(date=last.date, **us)
        yield title(key, words), why


def table(columns: Sequence[str], rows: Rows) -> str:
    """Columns of numbers are flushed right."""
    rows = [list(row) for row in rows]
    numbers = [
        all(cell[:1] in "0123456789—≤<" for cell in column) for column in zip(*rows, strict=True)
    ]
    lines = [columns, ["---:" if number else "---" for number in numbers], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _verdict(verdict: Verdict, words: Words) -> Sequence[str]:
    sign = "<" if verdict.strictly else "≤"
    name = verdict.chinese if words is CHINESE else verdict.english
    unit = words.get(verdict.unit, verdict.unit)
    bound = f"{sign} {verdict.bound:g} {unit}".strip()
    found = f"{figure(verdict.found)} {unit}".strip()
    return name, bound, found, words["met"] if verdict.met else words["missed"]


def _ratios(
    found: dict[str, ByContender],
    names: Sequence[str],
    reference: str,
    named: Callable[[str, Words], str],
    words: Words,
) -> Iterator[Sequence[str]]:
    """A row a contender: each figure, and how many times that of `reference` it is."""
    for key in _TITLES:
        cells = []
        for name in names:
            us, base = found.get(name, {}).get(key), found.get(name, {}).get(reference)
            cells += [figure(us) if us else "—", figure(us / base) if us and base else "—"]
        if any(cell != "—" for cell in cells):
            yield named(key, words), *cells


def _step(name: str, words: Words) -> str:
    return str(words["steps_names"].get(name, f"`{name}`"))


def _losses(results: Results, words: Words) -> Iterator[Sequence[str]]:
    for key in _TITLES:
        cells = [_loss(row.get(key), words) for row in results.losses.values()]
        if any(cell != "—" for cell in cells):
            yield title(key, words), *cells


def _loss(loss: Loss | None, words: Words) -> str:
    if loss is None:
        return "—"
    text: str = words["unsound" if loss.lost or loss.wrong else "sound"]
    told = text.format(expected=loss.expected, lost=loss.lost, wrong=loss.wrong)
    return f"{told} ({loss.failed.partition(':')[0]})" if loss.failed else told


def _paced(results: Results, words: Words) -> Iterator[Sequence[str]]:
    for level, row in results.paced.items():
        for key, found in row.items():
            yield (
                level,
                title(key, words),
                figure(found.p50_ms),
                figure(found.p99_ms),
                figure(found.max_ms),
                f"{found.core:.0%}",
                f"{min(found.pace, 1.0):.0%}",
                figure(found.rss_kb) if found.streams > 1 else "—",
                figure(found.reserved_mb) if found.streams > 1 else "—",
                str(found.lost),
            )


def _load(
    found: dict[str, dict[str, Load]], reference: str, words: Words
) -> Iterator[Sequence[str]]:
    for row in found.values():
        base = row.get(reference)
        for key, load in row.items():
            yield (
                level_name(load, words),
                title(key, words),
                figure(load.cpu_us),
                figure(load.cpu_us / base.cpu_us) if base else "—",
                figure(load.p50_ms),
                figure(load.p99_ms),
                figure(load.max_ms),
                *(figure(kb) for kb in (load.open_kb, load.rss_kb) if kb is not None),
                f"{load.threads:.0f}",
                f"{load.threads_opening:.0f}",
                f"{min(load.pace, 1.0):.0%}",
                str(load.lost),
                f"{load.server_core:.0%}",
            )


def level_name(load: Load, words: Words) -> str:
    parts = [f"{load.streams:,} × {load.rate:.0f}/s"]
    parts += [words["late"]] if load.late else []
    parts += ["TLS"] if load.tls else []
    parts += [words["slow"].format(load.slow)] if load.slow else []
    return str(words["comma"]).join(parts)


def _short(results: Results, words: Words) -> Iterator[Sequence[str]]:
    for scheme, row in results.short.items():
        base = row.get(AIOHTTP)
        for key, short in row.items():
            yield (
                scheme,
                title(key, words),
                figure(short.cpu_us),
                figure(short.cpu_us / base.cpu_us) if base else "—",
                figure(short.wall_us),
                f"{short.threads:.0f}",
                f"{short.server_core:.0%}",
            )


def _uploads(results: Results, words: Words) -> Iterator[Sequence[str]]:
    for key, found in results.uploads.items():
        cells = (found.seconds, found.cpu_seconds, found.peak_mb)
        yield library(key, words), *map(figure, cells)


def _imports(results: Results, words: Words) -> Iterator[Sequence[str]]:
    for key, ms in sorted(results.imports.items(), key=lambda pair: pair[1]):
        yield words.get(key) or library(key, words), figure(ms)


def _versions(results: Results, words: Words) -> str:
    rows = (
        (
            title(key, words),
            str(words["comma"]).join(f"{name} {version}" for name, version in found.items()),
        )
        for key, found in results.versions.items()
    )
    return f"## {words['versions']}\n\n{table(words['versions_columns'], rows)}"
