"""The three standard streams and Ctrl-C, for the command line.

stdout carries the answer and nothing else; remarks on it go to stderr.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import signal
import sys
import unicodedata
from collections.abc import Callable, Iterator
from decimal import Decimal, InvalidOperation
from queue import Empty, SimpleQueue
from typing import Any, NoReturn, TextIO

from .. import ChatMessageSendCompletionResponse, ChatMessageSendResponse
from .._stream.answer import AnswerBuilder
from .._stream.driver import monotonic
from .language import tr

PROG = "dify-chat"
_SLICE_SECONDS = 0.5  # an endless wait would keep Windows from seeing Ctrl-C


# C0 and C1 but line feed and tab: what a model says writes no clipboard, and hides nothing
_CONTROLS = dict.fromkeys((*range(9), *range(11, 32), *range(127, 160)), "\ufffd")
_MOST_DIGITS = 30  # of a price


def log_line(text: str) -> None:
    """Print `text` as one line on stderr, with *** for what looks like a key."""
    print_remark(f"{PROG}: {masked(' '.join(text.split()))}\n")


def masked(text: str) -> str:
    """`text` with *** for what looks like a key, and without control characters."""
    return printable(re.sub(r"\bapp-\w{8,}", "app-***", text))


def print_remark(text: str) -> None:
    """Write to stderr, as far as there is one that somebody reads."""
    if sys.stderr is None:  # the caller has closed it
        return
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except OSError:
        abandon(sys.stderr)


def print_text(text: str) -> None:
    """Write to stdout, or where that is closed to stderr. Raises OSError."""
    if sys.stdout is None:
        print_remark(text)
        return
    sys.stdout.write(text)
    sys.stdout.flush()


def set_up_streams() -> None:
    """Let every text be written: UTF-8 in place of ASCII, else ? for what an encoding lacks."""
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            is_ascii = stream.encoding.lower() in ("ascii", "us-ascii", "ansi_x3.4-1968", "646")
            stream.reconfigure(
                encoding="utf-8" if is_ascii else stream.encoding,
                errors="surrogateescape" if stream is sys.stdin else "replace",
            )


def write_json_to_stdout() -> None:
    """UTF-8 whatever the locale; half a surrogate pair with a backslash."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")


def read_json_from_stdin() -> None:
    """UTF-8 whatever the locale, with or without a mark."""
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(encoding="utf-8-sig", errors="surrogateescape")


def abandon(stream: TextIO) -> None:
    """Send it to the null device, so that Python's flush at its exit cannot fail."""
    with open(os.devnull, "wb") as nowhere, contextlib.suppress(OSError):
        os.dup2(nowhere.fileno(), stream.fileno())


def prepare_typing() -> None:
    """Give `read_line` editing and history, where Python has them."""
    if sys.stdout.isatty():  # elsewhere readline may write escape sequences into the answer
        with contextlib.suppress(ImportError):
            import readline  # noqa: F401


def read_line() -> str:
    """A line from the terminal; raises EOFError at Ctrl-D."""
    if sys.stdout.isatty():
        return input("> ")
    print_remark("> ")
    return input()


@contextlib.contextmanager
def first_interrupt(
    handle: Callable[[], None], second_interrupt: type[KeyboardInterrupt]
) -> Iterator[None]:
    """The first Ctrl-C calls `handle`, in the main thread; the next raises `second_interrupt`."""
    before = signal.getsignal(signal.SIGINT)

    def first(*_: object) -> None:
        signal.signal(signal.SIGINT, second)
        handle()

    def second(*_: object) -> NoReturn:
        raise second_interrupt

    if before is not signal.SIG_IGN:  # a shell has it ignored by what runs in the background
        signal.signal(signal.SIGINT, first)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def get_until(inbox: SimpleQueue[Any], deadline: float | None) -> Any:
    """The next message of `inbox`; raises Empty at the deadline, by the monotonic clock."""
    while True:
        remaining = _SLICE_SECONDS if deadline is None else deadline - monotonic()
        try:
            return inbox.get(timeout=max(0.0, min(remaining, _SLICE_SECONDS)))
        except Empty:
            if remaining <= 0:
                raise


class Screen:
    """stdout, for one answer: its text as it arrives, or its events."""

    def __init__(self, events: bool) -> None:
        self._events = events
        self._builder = AnswerBuilder()
        self._whole: ChatMessageSendResponse | None = None
        self._written: list[str] = []
        self._has_lost = False  # a character that stdout's encoding lacks

    def show(self, item: ChatMessageSendCompletionResponse) -> None:
        """Show the next event of a stream."""
        text = self._builder.add(item)
        if self._events:
            _print_json(item.raw)
        else:
            self._print(text)

    def show_whole(self, response: ChatMessageSendResponse) -> None:
        """Take the answer of a blocking call; `end` prints its text."""
        self._whole = response
        if self._events:
            _print_json(response.raw or response.to_wire())

    def end(self) -> ChatMessageSendResponse:
        """Print what the answer has and the screen has not; the whole answer."""
        response = self._whole or self._builder.build()
        text, written = response.answer or "", "".join(self._written)
        if not self._events:
            if text.startswith(written):
                self._print(text[len(written) :])
            elif text.strip() != written.strip():
                self._print("\n")
                log_line(tr("the answer is another in the end, and follows"))
                self._written = []
                self._print(text)
            if self._written and not self._written[-1].endswith("\n"):
                self._print("\n")
        if self._has_lost:
            log_line(
                tr(
                    "stdout is written in {encoding}, which lacks characters of this answer: they"
                    " are ? now; with PYTHONIOENCODING=utf-8 in the environment none is lost",
                    encoding=sys.stdout.encoding,
                )
            )
        return response

    def _print(self, text: str) -> None:
        if text:
            self._written.append(text)
            self._has_lost = self._has_lost or not _fits(text)
            _print_now(text)


def _fits(text: str) -> bool:
    """Whether stdout's encoding has all of it; halves of characters, which none has, aside."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    if encoding.lower().replace("_", "-").startswith("utf"):
        return True
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def _print_json(value: Any) -> None:
    _print_now(json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n")


def printable(text: str) -> str:
    """`text` without the control characters by which a terminal is commanded."""
    return text.translate(_CONTROLS)


def _print_now(text: str) -> None:
    sys.stdout.write(printable(text) if sys.stdout.isatty() else text)
    sys.stdout.flush()


def cells(text: str) -> int:
    """The columns that a text takes on a terminal, at most."""
    return sum(2 if unicodedata.east_asian_width(char) in "FWA" else 1 for char in text)


def summary(response: ChatMessageSendResponse) -> str:
    """What an answer cost and its ids, as far as they are known."""
    costs: list[str] = []
    usage = getattr(response.metadata, "usage", None)
    if isinstance(usage, ChatMessageSendResponse.Usage):
        if usage.total_tokens:  # Dify counts 0 for a stopped answer
            costs.append(tr("{count} tokens", count=usage.total_tokens))
            with contextlib.suppress(InvalidOperation, TypeError, ValueError):
                price = Decimal(usage.total_price or "")
                if abs(price.adjusted()) < _MOST_DIGITS:  # 1E999999999 would fill the memory
                    costs.append(f"{price:f} {usage.currency or ''}".strip())
        if isinstance(usage.latency, (int, float)):
            costs.append(tr("{seconds:.2f} s", seconds=usage.latency))
    names = ("conversation_id", "message_id", "task_id")
    ids = [f"{name}={value}" for name in names if (value := getattr(response, name))]
    return tr("; ").join(part for part in (tr(", ").join(costs), " ".join(ids)) if part)
