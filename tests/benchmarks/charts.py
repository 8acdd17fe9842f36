"""A run's figures as bar charts: light SVG files whose bytes depend on the figures alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import cycle
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("svg")

import matplotlib.pyplot as plt

from .environments import AIOHTTP, ENTRIES, FLOOR, OURS, RELAYS
from .report import figure
from .results import ByContender, Load, Results

# told apart by anyone's eyes, and in grey
_OURS, _FLOOR, _PEER = "#0072B2", "#B0B0B0", "#E69F00"
_STYLE = {
    "svg.hashsalt": "dify-java-compat",
    "svg.fonttype": "none",  # text stays text: light, and searchable
    "font.family": "sans-serif",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.bottom": False,
}
_TITLES = {entry.key: entry.title for entry in (*ENTRIES, *RELAYS)}
_LIBRARY = "dify-java-compat"
_IS_OURS = {entry.key for entry in (*ENTRIES, *RELAYS) if entry.is_ours}
_MARKERS = "osD^v*"

Panel = tuple[str, ByContender]


def write(results: Results, folder: Path) -> None:
    """The files that the pages show."""
    streams, calls = results.streams, results.calls
    panels: dict[str, list[Panel]] = {
        "events": [
            ("CPU µs: a message event", streams["messages"]),
            ("CPU µs: a chatflow's node event", streams["nodes"]),
            ("CPU µs: a 4 KB event", streams["4kb"]),
        ],
        "calls": [
            ("CPU µs: parameters", calls["parameters"]),
            ("CPU µs: a page of 100 messages", calls["messages"]),
        ],
        "latency": [
            (f"p99 ms: {level}", {key: found.p99_ms for key, found in row.items()})
            for level, row in results.paced.items()
        ],
        "short": [
            (f"CPU µs: a short stream, {scheme}", {key: found.cpu_us for key, found in row.items()})
            for scheme, row in results.short.items()
        ],
        "relay": [
            (f"CPU µs: an event relayed, {level}", {key: load.cpu_us for key, load in row.items()})
            for level, row in results.relay.items()
        ],
    }
    folder.mkdir(parents=True, exist_ok=True)
    with matplotlib.rc_context(_STYLE):
        for name, bars in panels.items():
            titles = _TITLES | ({OURS: _LIBRARY} if name == "calls" else {})
            if bars:
                _draw(folder / f"{name}.svg", bars, titles)
        if results.many:
            _draw_growth(folder / "growth.svg", results)


def _draw_growth(path: Path, results: Results) -> None:
    """How an event's cost and lateness grow with the streams, the head sent at once."""
    found: dict[str, list[Load]] = {}
    for row in results.many.values():
        for key, load in row.items():
            if not (load.late or load.tls or load.slow):
                found.setdefault(key, []).append(load)
    measures: list[tuple[str, str, Callable[[Load], float]]] = [
        ("CPU µs an event", "linear", lambda load: load.cpu_us),
        ("p99 ms", "log", lambda load: load.p99_ms),
    ]
    drawn, axes = plt.subplots(1, 2, figsize=(8, 3.6), layout="constrained")
    for axis, (heading, scale, measure) in zip(axes, measures, strict=True):
        for (key, loads), marker in zip(found.items(), cycle(_MARKERS)):
            loads = sorted(loads, key=lambda load: load.streams)
            axis.plot(
                [load.streams for load in loads],
                [measure(load) for load in loads],
                marker=marker,
                color=_OURS if key in _IS_OURS else _PEER if key == AIOHTTP else _FLOOR,
                linewidth=2 if key in _IS_OURS else 1,
                label=_TITLES[key],
            )
        axis.set_title(heading, loc="left", fontweight="bold")
        axis.set_xlabel("streams at once")
        axis.set_xscale("log")
        axis.set_yscale(scale)
        if scale == "linear":
            axis.set_ylim(bottom=0)
        counts = sorted({load.streams for loads in found.values() for load in loads})
        axis.set_xticks(counts, [f"{count:,}" for count in counts], minor=False)
        axis.minorticks_off()
        axis.spines["bottom"].set_visible(True)
        axis.yaxis.set_major_formatter(lambda value, _: figure(value))
        axis.grid(axis="y", color="#E0E0E0")
    drawn.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    _save(drawn, path)


def _draw(path: Path, panels: Sequence[Panel], titles: dict[str, str]) -> None:
    """Bars lie, the shortest on top, so that names are read without turning the head."""
    heights = [len(bars) for _, bars in panels]
    drawn, axes = plt.subplots(
        len(panels),
        1,
        figsize=(8, 0.3 * sum(heights) + 0.6 * len(panels)),
        height_ratios=heights,
        squeeze=False,
        layout="constrained",
    )
    for (heading, bars), axis in zip(panels, axes[:, 0], strict=True):
        _bars(axis, heading, bars, titles)
    _save(drawn, path)


def _save(drawn: Any, path: Path) -> None:
    drawn.savefig(path, format="svg", metadata={"Date": None})
    plt.close(drawn)
    # matplotlib leaves blanks at the ends of lines
    lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join(line.rstrip() for line in lines) + "\n", encoding="utf-8")


def _bars(axis: Any, heading: str, bars: ByContender, titles: dict[str, str]) -> None:
    ranked = sorted(bars.items(), key=lambda pair: -pair[1])
    colours = [_OURS if key in _IS_OURS else _FLOOR if key == FLOOR else _PEER for key, _ in ranked]
    drawn = axis.barh([titles[key] for key, _ in ranked], [n for _, n in ranked], color=colours)
    axis.bar_label(drawn, [figure(n) for _, n in ranked], padding=3)
    axis.set_title(heading, loc="left", fontweight="bold")
    axis.set_xticks([])
    axis.tick_params(axis="y", length=0)
    axis.margins(x=0.1, y=0.02)
    for label, (key, _) in zip(axis.get_yticklabels(), ranked, strict=True):
        if key in _IS_OURS:
            label.set_fontweight("bold")
