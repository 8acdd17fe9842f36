"""Many questions on the command line, from a file to a file."""

from __future__ import annotations

import argparse
import contextlib
import os
import shlex
import sys
from collections.abc import Generator, Iterator
from typing import Any, BinaryIO, TextIO

from .. import ChatMessageSendRequest, RequestsDifyChat
from .._stream.driver import monotonic
from ..batch import Answered, ask_all, on_dask
from .language import tr, unreadable, unwritable
from .progress import Bar
from .questions import Line, NotCsvError, count, lines, opened
from .results import Done, NotResultsError, Sums, mended, write_problem, write_result, written
from .terminal import PROG, first_interrupt, log_line, print_remark

_ALONE = ("prompt", "conversation", "file", "blocking", "events")
_WITH_BATCH = ("out", "concurrency", "per_second", "resume", "dask")


class _Interrupted(Exception):
    """Ctrl-C while a question is read."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of a batch."""
    add = parser.add_argument_group(tr("many questions")).add_argument
    add("--batch", metavar="FILE", help=tr("questions: JSON lines, or .csv; - for stdin"))
    about_results = tr("where the results go, a JSON object a line (stdout)")
    add("--out", metavar="FILE", help=about_results)
    add("--concurrency", type=int, metavar="N", help=tr("how many at once (16)"))
    add("--per-second", type=float, metavar="N", help=tr("how many in a second, at most"))
    about_cluster = tr("ask on the workers of the cluster at tcp://host:port")
    add("--dask", metavar="ADDRESS", help=about_cluster)
    add("--resume", action="store_true", help=tr("go on: what is in --out is not asked again"))


def check_options(options: argparse.Namespace) -> str | None:
    """What does not go together, or None."""
    is_batch = options.batch is not None
    for name in _ALONE if is_batch else _WITH_BATCH:
        if getattr(options, name):
            option = f"--{name.replace('_', '-')}"
            if name == "prompt":
                return tr("a prompt does not go with --batch")
            if is_batch:
                return tr("{option} does not go with --batch", option=option)
            return tr("{option} is for --batch", option=option)
    if not is_batch:
        return None
    options.out = options.out or "-"
    if options.resume and options.out == "-":
        return tr("--resume needs the file that it goes on with: --out")
    if not options.resume and os.path.exists(options.out) and os.path.getsize(options.out):
        return tr(
            "{path} is not empty: --resume goes on with it, or name another", path=options.out
        )
    if options.concurrency is not None and options.concurrency < 1:
        return tr("--concurrency must be at least 1")
    if options.per_second is not None and not 0 < options.per_second < float("inf"):
        return tr("--per-second must be above 0")
    return None


class Batch:
    """One run over a file of questions."""

    def __init__(self, chat: RequestsDifyChat, options: argparse.Namespace) -> None:
        self._chat = chat
        self._options = options
        self._done = Done()
        self._sums = Sums()
        self._open: dict[int, Line] = {}  # by their numbers in this run
        self._is_ending = self._is_reading = False

    def run(self) -> int:
        """The exit code."""
        options, say = self._options, unreadable
        try:
            total = count(options.batch)
            if options.resume:
                self._done = mended(options.out)
            say = unwritable
            out = written(options.out)
        except OSError as error:
            log_line(say(error))
            return 2
        except (NotResultsError, NotCsvError) as error:
            log_line(str(error))
            return 2
        if self._done.count:
            log_line(
                tr(
                    "{count} results are there already, {failed} failed",
                    count=self._done.count,
                    failed=self._done.failed,
                )
            )
        began = monotonic()
        with contextlib.ExitStack() as stack:
            file = stack.enter_context(opened(options.batch))
            stack.enter_context(out)
            bar = stack.enter_context(Bar(total, self._sums, self._done.count))
            is_whole = self._ask(file, out, bar)
        log_line(self._sums.text(monotonic() - began))
        if not is_whole:
            self._say_how_to_go_on()
            return 130
        return 1 if self._sums.failed or self._done.failed else 0

    def _ask(self, file: TextIO, out: BinaryIO, bar: Bar) -> bool:
        """Ask what is still to be asked; whether it came to the end."""
        results = self._results(self._requests(file, out))
        with contextlib.closing(results):
            return self._take_all(results, out, bar)

    def _results(
        self, requests: Iterator[ChatMessageSendRequest]
    ) -> Generator[Answered[Any, Any], None, None]:
        options, concurrency = self._options, self._options.concurrency or 16
        limits: dict[str, Any] = {"concurrency": concurrency, "per_second": options.per_second}
        if not options.dask:
            return ask_all(self._chat, requests, **limits)
        try:
            return on_dask(options.dask, self._chat, requests, **limits)
        except ImportError as error:
            log_line(
                tr('{cause}; --dask needs pip install "dify-java-compat[cluster]"', cause=error)
            )
            raise SystemExit(1) from None

    def _take_all(
        self, results: Generator[Answered[Any, Any], None, None], out: BinaryIO, bar: Bar
    ) -> bool:
        try:
            with first_interrupt(self._end, KeyboardInterrupt):
                for result in results:
                    self._take(result, out)
                    bar.draw()
        except (KeyboardInterrupt, _Interrupted):
            return False
        return not self._is_ending

    def _take(self, result: Answered[Any, Any], out: BinaryIO) -> None:
        line = self._open.pop(result.index)
        error = result.error
        write_result(out, line, result)
        self._sums.add(result.usage, result.seconds, failed=error is not None)

    def _requests(self, file: TextIO, out: BinaryIO) -> Iterator[ChatMessageSendRequest]:
        source = lines(file, self._options.batch, self._options.user)
        number = 0
        while (line := self._next(source)) is not None:
            if self._done.take(line):
                continue
            if line.request is None:
                write_problem(out, line)
                self._sums.add(None, 0.0, failed=True)
                continue
            self._open[number] = line
            number += 1
            yield line.request

    def _next(self, source: Iterator[Line]) -> Line | None:
        """The next question; None at the end, and after Ctrl-C."""
        try:
            self._is_reading = True
            if self._is_ending:
                return None
            return next(source, None)
        except _Interrupted:
            return None
        finally:
            self._is_reading = False

    def _end(self) -> None:
        """The first Ctrl-C: ask no more, and wait for what is open."""
        self._is_ending = True
        if sys.stderr is not None and sys.stderr.isatty():
            print_remark("\n")
        log_line(
            tr(
                "waiting for the {count} that are open; Ctrl-C again stops them",
                count=len(self._open),
            )
        )
        if self._is_reading:  # which may take for ever
            raise _Interrupted

    def _say_how_to_go_on(self) -> None:
        options = self._options
        if options.out == "-" or options.batch == "-":
            log_line(
                tr("{count} have their results; the rest was not asked", count=self._sums.count)
            )
            return
        words = [PROG, "--batch", options.batch, "--out", options.out, "--resume"]
        command = shlex.join(words)
        log_line(tr("to go on, with the other options as they were: {command}", command=command))
