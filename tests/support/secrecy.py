"""Looks for the keys that the tests use, in whatever the whole run says.

That is: all log records, what tests and their subprocesses write, and of every exception of the
package its text, its causes, its attributes and its pickle. The hooks are taken up by conftest.
"""

from __future__ import annotations

import logging
import pickle
import subprocess
import traceback
from collections.abc import Callable
from typing import Any

import pytest

from dify_java_compat import DifyException
from dify_java_compat._http.request import ApiKey
from dify_java_compat.emulator.apps.catalog import APPS

SHORTEST = 12  # a shorter key may be a word of any text
PUBLIC = {app.key for app in APPS}  # the emulator says its own


class Watch(logging.Handler):
    """What was looked at, and where a key was found."""

    def __init__(self) -> None:
        super().__init__(logging.NOTSET)
        self.keys: set[str] = set()
        self.found: set[str] = set()
        self.looked_at: dict[str, int] = {}
        self.test = "the collection"

    def used(self, key: str) -> None:
        if len(key) >= SHORTEST and key not in PUBLIC:
            self.keys.add(key)

    def look(self, what: str, text: str | bytes | None) -> None:
        if text:
            self.looked_at[what] = self.looked_at.get(what, 0) + 1
            shown = text.decode("latin-1") if isinstance(text, bytes) else text
            if any(key in shown for key in self.keys):
                self.found.add(f"{what} of {self.test}")

    def emit(self, record: logging.LogRecord) -> None:
        self.look("a log record", self.format(record))

    def look_at(self, error: DifyException) -> None:
        # not the lines of its frames: formatting them calls ast.parse, and this may run within one,
        # which Python 3.11 takes for a broken count of its recursion
        told = [line for link in _chain(error) for line in traceback.format_exception_only(link)]
        self.look("an exception", "".join(told) + repr(error))
        if error.partial is None:  # else the events of a stream are in it, as they came
            self.look("an exception's attributes", repr(vars(error)))
            self.look("a pickled exception", _pickled(error))


def _chain(error: BaseException) -> list[BaseException]:
    """The exception, its causes and what was being handled."""
    links, more = [], [error]
    while more:
        link = more.pop()
        if link not in links:
            links.append(link)
            more += [cause for cause in (link.__cause__, link.__context__) if cause is not None]
    return links


def _pickled(error: DifyException) -> bytes:
    try:
        return pickle.dumps(error)
    except Exception:  # a test's own, made to be like that
        return b""


watch = Watch()


def _hear_of(cls: type, name: str, hear: Callable[..., None]) -> None:
    """Have `hear` called with what goes into and what comes out of a method."""
    method = getattr(cls, name)

    def heard(self: Any, *args: Any, **kwargs: Any) -> Any:
        result = method(self, *args, **kwargs)
        hear(result, *args)
        return result

    setattr(cls, name, heard)


def pytest_configure(config: pytest.Config) -> None:
    _hear_of(ApiKey, "__init__", lambda _, key, *more: watch.used(key))
    _hear_of(
        subprocess.Popen,
        "communicate",
        lambda output, *_: watch.look("a subprocess's output", "".join(map(str, output))),
    )
    # an exception that is kept would keep its frames, and these what tests say must be gone
    DifyException.__del__ = lambda error: watch.look_at(error)  # type: ignore[attr-defined]
    logging.getLogger().addHandler(watch)


def pytest_runtest_logstart(nodeid: str) -> None:
    watch.test = nodeid


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    for name, text in report.sections:
        watch.look(f"what was {name.lower()}", text)


def pytest_sessionfinish(session: pytest.Session) -> None:
    if watch.found:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for place in sorted(watch.found):
        terminalreporter.write_line(f"AN API KEY IS SHOWN in {place}", red=True)
    counts = ", ".join(f"{count:,} × {what}" for what, count in sorted(watch.looked_at.items()))
    terminalreporter.write_line(f"{len(watch.keys)} keys looked for in: {counts or 'nothing'}")
