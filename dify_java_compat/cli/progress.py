"""How much of a file has been sent, and how far a batch has come, on a terminal."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from types import TracebackType

from .._stream.driver import monotonic
from .language import tr
from .results import Sums
from .terminal import cells, print_remark

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
            blanks = " " * max(0, cells(on_screen) - cells(text))
            print_remark(f"\r{text}{blanks}" + ("" if text else "\r"))
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
    columns = _columns() - 1
    full = sent * _BAR_CELLS // total
    bar = f"[{'#' * full}{'.' * (_BAR_CELLS - full)}] {sent * 100 // total:3} %"
    name = "".join(char if char.isprintable() else "?" for char in name)
    while name and cells(name) + len(bar) + 1 > columns:
        name = name[:-1]
    return f"{name} {bar}".strip()[-columns:]


def _columns() -> int:
    """The width of the terminal that stderr is."""
    columns = 0
    with contextlib.suppress(OSError, ValueError):
        columns = os.get_terminal_size(sys.stderr.fileno()).columns
    return columns or 80


class Bar:
    """One line on stderr, where that is a terminal: how many of a batch are over, and how fast."""

    def __init__(self, total: int | None, sums: Sums, done: int) -> None:
        self._total = total
        self._sums = sums
        self._done = done  # before this run
        self._is_terminal = sys.stderr is not None and sys.stderr.isatty()
        self._began = monotonic()
        self._next_at = 0.0

    def __enter__(self) -> Bar:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._is_terminal and self._next_at:
            print_remark("\r\x1b[K")

    def draw(self) -> None:
        """Show how it stands, at most ten times a second."""
        now = monotonic()
        if self._is_terminal and now >= self._next_at:
            self._next_at = now + 0.1
            text = self.text(now - self._began)
            while cells(text) >= _columns():
                text = text[:-1]
            print_remark(f"\r{text}\x1b[K")

    def text(self, elapsed: float) -> str:
        sums, over = self._sums, self._done + self._sums.count
        facts = tr(
            "{rate:.1f}/s  {failed} failed  {tokens} tokens",
            rate=sums.count / max(elapsed, 0.001),
            failed=sums.failed,
            tokens=sums.tokens,
        )
        if self._total is None:
            return f"{over}  {facts}"
        full = min(over, self._total) * _BAR_CELLS // max(self._total, 1)
        return f"[{'#' * full}{'.' * (_BAR_CELLS - full)}] {over}/{self._total}  {facts}"


@contextlib.contextmanager
def waiting(text: str) -> Iterator[None]:
    """Show on stderr, where that is a terminal, what is waited for, and wipe it out then."""
    is_terminal = sys.stderr is not None and sys.stderr.isatty()
    if is_terminal:
        print_remark(f"\r{text} …\x1b[K")
    try:
        yield
    finally:
        if is_terminal:
            print_remark("\r\x1b[K")
