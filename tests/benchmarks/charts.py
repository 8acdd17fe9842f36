"""A run's figures as bar charts: light SVG files whose bytes depend on the figures alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("svg")

import matplotlib.pyplot as plt

from .environments import ENTRIES, FLOOR, OURS
from .report import CHARTS, figure
from .results import ByContender, Results

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
_TITLES = {entry.key: entry.title for entry in ENTRIES}
_LIBRARY = "dify-java-compat"
_IS_OURS = {entry.key for entry in ENTRIES if entry.is_ours}

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
    }
    folder.mkdir(parents=True, exist_ok=True)
    with matplotlib.rc_context(_STYLE):
        for name in CHARTS:
            titles = _TITLES | ({OURS: _LIBRARY} if name == "calls" else {})
            _draw(folder / f"{name}.svg", panels[name], titles)


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
