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
import time
from collections.abc import Callable, Iterator
from decimal import Decimal, InvalidOperation
from queue import Empty, SimpleQueue
from typing import Any, NoReturn

from .._stream.answer import AnswerBuilder
from ..models.responses import ChatMessageSendCompletionResponse, ChatMessageSendResponse

PROG = "dify-chat"
_SLICE_SECONDS = 0.5  # an endless wait would keep Windows from seeing Ctrl-C


def log_line(text: str) -> None:
    """Print `text` as one line on stderr, with *** for what looks like a key."""
    line = re.sub(r"\bapp-\w{8,}", "app-***", " ".join(text.split()))
    if sys.stderr is not None:  # the caller may have closed it
        print(f"{PROG}: {line}", file=sys.stderr, flush=True)


def set_up_streams(events: bool) -> None:
    """Let every text be written: UTF-8 in place of ASCII, and for JSON (`events`) in any case."""
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            is_json = events and stream is sys.stdout
            is_ascii = stream.encoding.lower() in ("ascii", "us-ascii", "ansi_x3.4-1968", "646")
            # JSON writes half a surrogate pair with a backslash, too
            unfit = "backslashreplace" if is_json else "replace"
            stream.reconfigure(
                encoding="utf-8" if is_json or is_ascii else stream.encoding,
                errors="surrogateescape" if stream is sys.stdin else unfit,
            )


def abandon_stdout() -> None:
    """Send stdout to the null device, so that Python's flush at its exit cannot fail."""
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), sys.stdout.fileno())


def prepare_typing() -> None:
    """Give `read_line` editing and history, where Python has them."""
    if sys.stdout.isatty():  # elsewhere readline may write escape sequences into the answer
        with contextlib.suppress(ImportError):
            import readline  # noqa: F401


def read_line() -> str:
    """A line from the terminal; raises EOFError at Ctrl-D."""
    if sys.stdout.isatty():
        return input("> ")
    print("> ", end="", file=sys.stderr, flush=True)
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
        remaining = _SLICE_SECONDS if deadline is None else deadline - time.monotonic()
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
                log_line("the answer is another in the end, and follows")
                self._written = []
                self._print(text)
            if self._written and not self._written[-1].endswith("\n"):
                self._print("\n")
        return response

    def _print(self, text: str) -> None:
        if text:
            self._written.append(text)
            _print_now(text)


def _print_json(value: Any) -> None:
    _print_now(json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n")


def _print_now(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def summary(response: ChatMessageSendResponse) -> str:
    """What an answer cost and its ids, as far as they are known."""
    costs: list[str] = []
    usage = getattr(response.metadata, "usage", None)
    if isinstance(usage, ChatMessageSendResponse.Usage):
        if usage.total_tokens:  # Dify counts 0 for a stopped answer
            costs.append(f"{usage.total_tokens} tokens")
            with contextlib.suppress(InvalidOperation, TypeError, ValueError):
                costs.append(f"{Decimal(usage.total_price or ''):f} {usage.currency or ''}".strip())
        if isinstance(usage.latency, (int, float)):
            costs.append(f"{usage.latency:.2f} s")
    names = ("conversation_id", "message_id", "task_id")
    ids = [f"{name}={value}" for name in names if (value := getattr(response, name))]
    return "; ".join(part for part in (", ".join(costs), " ".join(ids)) if part)
