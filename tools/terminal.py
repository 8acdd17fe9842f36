"""The drawing of a terminal on the front pages: `dify-chat`, asked by this script, as it answers.

The emulator answers, so that the same pieces come in the same order each time. Each appears as long
after the one before as the emulator waits between two tokens, slowed down for reading.
"""

from __future__ import annotations

import html
import json
import os
import subprocess
import sys
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from . import ROOT

QUESTIONS = {"zh": "你好", "en": "Hello"}
COLUMNS = 76
CELL, LINE = 9.0, 24
MARGIN, TOP = 20, 62
TYPING, TOKEN, PAUSE = 0.06, 0.045, 0.6  # seconds: a key, a piece of the answer, before it

_HEAD = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" \
width="{width:.0f}" height="{height:.0f}" role="img" aria-label="{label}">
<style>
text {{ font: 15px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", "PingFang SC",
  "Microsoft YaHei", "Noto Sans Mono CJK SC", "WenQuanYi Zen Hei Mono", monospace; fill: #d7dde8 }}
.prompt {{ fill: #7ee0a1 }}
.typed {{ fill: #ffffff }}
g > text {{ opacity: 0; animation: come 0.01s linear forwards }}
@keyframes come {{ to {{ opacity: 1 }} }}
@media (prefers-reduced-motion: reduce) {{ g > text {{ opacity: 1; animation: none }} }}
</style>
<rect width="{width:.0f}" height="{height:.0f}" rx="10" fill="#1b2130"/>
<circle cx="22" cy="20" r="6" fill="#ff6159"/><circle cx="42" cy="20" r="6" fill="#ffbf2f"/>\
<circle cx="62" cy="20" r="6" fill="#29c941"/>
<g>
"""


@dataclass(frozen=True)
class Piece:
    """A text that appears as a whole: where, when and how."""

    column: int
    row: int
    seconds: float
    style: str
    text: str


def generated() -> dict[Path, str]:
    """The drawing in each language."""
    folder = ROOT / "docs" / "images"
    return {folder / f"terminal-{each}.svg": drawing(each) for each in QUESTIONS}


def drawing(language: str) -> str:
    pieces = list(_pieces(language))
    rows = max(piece.row for piece in pieces) + 1
    size = {"width": COLUMNS * CELL + 2 * MARGIN, "height": TOP + (rows - 1) * LINE + MARGIN}
    label = html.escape(f'dify-chat "{QUESTIONS[language]}"')
    return _HEAD.format(**size, label=label) + "".join(map(_drawn, pieces)) + "</g>\n</svg>\n"


def answer_pieces(question: str) -> list[str]:
    """What `dify-chat` gets of the emulator, event by event."""
    command = [sys.executable, "-m", "dify_java_compat", "--events", question]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DIFY_")}
    environment = {**kept, "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"}
    done = subprocess.run(command, check=True, capture_output=True, env=environment, timeout=60)
    events = map(json.loads, done.stdout.decode().splitlines())
    return [event["answer"] for event in events if event["event"] == "message"]


def _pieces(language: str) -> Iterator[Piece]:
    """The command as it is typed, its answer as it comes, and the prompt after it."""
    question, row, column, seconds = QUESTIONS[language], 0, 2, 0.5
    yield Piece(0, row, 0, "prompt", "$")
    for key in f'dify-chat "{question}"':
        seconds += TYPING
        yield Piece(column, row, seconds, "typed", key)
        column += _cells(key)
    row, column, seconds = row + 1, 0, seconds + PAUSE
    for text in answer_pieces(question):
        seconds += TOKEN
        for part in _words(text):
            if column + _cells(part.rstrip()) > COLUMNS:
                row, column = row + 1, 0
                part = part.lstrip()
            yield Piece(column, row, seconds, "", part)
            column += _cells(part)
    yield Piece(0, row + 1, seconds + TOKEN, "prompt", "$")


def _words(text: str) -> Iterator[str]:
    """Where a line may end: behind a blank, and at any wide character."""
    word = ""
    for char in text:
        if word and (word[-1] == " " or _cells(char) == 2):
            yield word
            word = ""
        word += char
    if word:
        yield word


def _cells(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)


def _drawn(piece: Piece) -> str:
    text = piece.text.rstrip()
    if not text:
        return ""
    x, y = MARGIN + piece.column * CELL, TOP + piece.row * LINE
    style = f' class="{piece.style}"' if piece.style else ""
    width = f'textLength="{_cells(text) * CELL:g}" lengthAdjust="spacingAndGlyphs"'
    delay = f'style="animation-delay:{piece.seconds:.2f}s"'
    return f'<text x="{x:g}" y="{y}"{style} {width} {delay}>{html.escape(text)}</text>\n'
