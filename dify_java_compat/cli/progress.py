"""How much of a file has been sent, on a terminal."""

from __future__ import annotations

import contextlib
import os
import sys
import unicodedata
from collections.abc import Callable, Iterator

_SLOW_BYTES = 1024 * 1024  # a smaller file is sent before anyone could read a bar
_BAR_CELLS = 24


@contextlib.contextmanager
def progress_bar(path: str) -> Iterator[Callable[[int, int], None] | None]:
    """A function that shows on stderr how much is sent; None where that is no terminal.

    The bar is wiped out in the end.
    """
    if sys.stderr is None or not sys.stderr.isatty():
        yield None
        return
    on_screen = ""

    def draw(text: str) -> None:
        nonlocal on_screen
        if text != on_screen:
            blanks = " " * max(0, _cells(on_screen) - _cells(text))
            print(f"\r{text}{blanks}", end="" if text else "\r", file=sys.stderr, flush=True)
            on_screen = text

    def progress(sent: int, total: int) -> None:
        if total > _SLOW_BYTES:
            draw(_bar(os.path.basename(path), sent, total))

    try:
        yield progress
    finally:
        draw("")


def _bar(name: str, sent: int, total: int) -> str:
    """One line that fits the terminal: the name is cut first, then the bar."""
    columns = 0
    with contextlib.suppress(OSError, ValueError):
        columns = os.get_terminal_size(sys.stderr.fileno()).columns
    columns = (columns or 80) - 1
    full = sent * _BAR_CELLS // total
    bar = f"[{'#' * full}{'.' * (_BAR_CELLS - full)}] {sent * 100 // total:3} %"
    name = "".join(char if char.isprintable() else "?" for char in name)
    while name and _cells(name) + len(bar) + 1 > columns:
        name = name[:-1]
    return f"{name} {bar}".strip()[-columns:]


def _cells(text: str) -> int:
    """The columns that a text takes on a terminal, at most."""
    return sum(2 if unicodedata.east_asian_width(char) in "FWA" else 1 for char in text)
