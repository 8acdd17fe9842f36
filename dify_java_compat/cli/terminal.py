"""The three standard streams and Ctrl-C, for the command line.

stdout carries the answer and nothing else; whatever is said about it goes to stderr.
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
_SLICE = 0.5  # an endless wait would keep Windows from seeing Ctrl-C


def log_line(text: str) -> None:
    """One line on stderr, without anything that looks like a key."""
    line = re.sub(r"\bapp-\w{8,}", "app-***", " ".join(text.split()))
    if sys.stderr is not None:  # closed by whoever started the program
        print(f"{PROG}: {line}", file=sys.stderr, flush=True)


def set_up_streams(events: bool) -> None:
    """Make every text fit: an ASCII locale becomes UTF-8, and JSON always is."""
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            is_json = events and stream is sys.stdout
            is_ascii = stream.encoding.lower() in ("ascii", "us-ascii", "ansi_x3.4-1968", "646")
            # half a surrogate pair with its backslash is what JSON has for it
            unfit = "backslashreplace" if is_json else "replace"
            stream.reconfigure(
                encoding="utf-8" if is_json or is_ascii else stream.encoding,
                errors="surrogateescape" if stream is sys.stdin else unfit,
            )


def abandon_stdout() -> None:
    """Let what Python flushes when it ends go nowhere."""
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), sys.stdout.fileno())


def prepare_typing() -> None:
    """Editing and history for `typed`, where Python has them."""
    if sys.stdout.isatty():  # elsewhere it may write escape sequences into the answer
        with contextlib.suppress(ImportError):
            import readline  # noqa: F401


def read_line() -> str:
    """A line from the terminal; raises EOFError at Ctrl-D."""
    if sys.stdout.isatty():
        return input("> ")
    print("> ", end="", file=sys.stderr, flush=True)
    return input()


@contextlib.contextmanager
def first_interrupt(call: Callable[[], None], leave: type[KeyboardInterrupt]) -> Iterator[None]:
    """The first Ctrl-C runs `call`, within the main thread; the second raises `leave`."""
    before = signal.getsignal(signal.SIGINT)

    def first(*_: object) -> None:
        signal.signal(signal.SIGINT, second)
        call()

    def second(*_: object) -> NoReturn:
        raise leave

    if before is not signal.SIG_IGN:  # as a shell has it for what it runs in the background
        signal.signal(signal.SIGINT, first)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def get_until(came: SimpleQueue[Any], deadline: float | None) -> Any:
    """What comes next; raises Empty at the deadline."""
    while True:
        left = _SLICE if deadline is None else deadline - time.monotonic()
        try:
            return came.get(timeout=max(0.0, min(left, _SLICE)))
        except Empty:
            if left <= 0:
                raise


class Screen:
    """stdout, for one answer: its text as it comes, or its events."""

    def __init__(self, events: bool) -> None:
        self._events = events
        self._answer = AnswerBuilder()
        self._whole: ChatMessageSendResponse | None = None
        self._shown: list[str] = []

    def show(self, item: ChatMessageSendCompletionResponse) -> None:
        """Take the next event of a stream."""
        text = self._answer.add(item)
        if self._events:
            _print_json(item.raw)
        else:
            self._print(text)

    def show_whole(self, answer: ChatMessageSendResponse) -> None:
        """Take an answer that came at once."""
        self._whole = answer
        if self._events:
            _print_json(answer.raw or answer.to_wire())

    def end(self) -> ChatMessageSendResponse:
        """Complete what is shown to the answer as Dify has it in the end; that answer."""
        answer = self._whole or self._answer.build()
        text, shown = answer.answer or "", "".join(self._shown)
        if not self._events:
            if text.startswith(shown):
                self._print(text[len(shown) :])
            elif text.strip() != shown.strip():
                self._print("\n")
                log_line("the answer is another in the end, and follows")
                self._shown = []
                self._print(text)
            if self._shown and not self._shown[-1].endswith("\n"):
                self._print("\n")
        return answer

    def _print(self, text: str) -> None:
        if text:
            self._shown.append(text)
            _print_now(text)


def _print_json(value: Any) -> None:
    _print_now(json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n")


def _print_now(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def summary(answer: ChatMessageSendResponse) -> str:
    """What an answer cost and its ids, as far as they are known."""
    costs: list[str] = []
    usage = getattr(answer.metadata, "usage", None)
    if isinstance(usage, ChatMessageSendResponse.Usage):
        if usage.total_tokens:  # of a stopped answer Dify says 0
            costs.append(f"{usage.total_tokens} tokens")
            with contextlib.suppress(InvalidOperation, TypeError, ValueError):
                costs.append(f"{Decimal(usage.total_price or ''):f} {usage.currency or ''}".strip())
        if isinstance(usage.latency, (int, float)):
            costs.append(f"{usage.latency:.2f} s")
    names = ("conversation_id", "message_id", "task_id")
    ids = [f"{name}={value}" for name in names if (value := getattr(answer, name))]
    return "; ".join(part for part in (", ".join(costs), " ".join(ids)) if part)
