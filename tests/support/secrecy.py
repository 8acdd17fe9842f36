"""Checks that no key used by a test shows up in anything the run writes.

That is: all log records, what tests and their subprocesses write, and of every exception of the
package its text, its causes, its attributes and its pickle. A pytest plugin; with pytest-xdist each
worker checks its own tests and tells the controller. Silent unless it finds something, or -v.
"""

from __future__ import annotations

import contextlib
import logging
import pickle
import subprocess
import traceback
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from dify_java_compat import DifyException
from dify_java_compat._http.request import ApiKey
from dify_java_compat.emulator.apps.catalog import APPS

SHORTEST = 12  # a shorter key may be a word of any text
PUBLIC = {app.key for app in APPS}  # the emulator names them itself
_REPORT = "secrets"  # in what a worker sends to the controller


class SecretsCheck(logging.Handler):
    """What was checked, and where a key was found."""

    def __init__(self) -> None:
        super().__init__(logging.NOTSET)
        self.keys: set[str] = set()
        self.found: set[str] = set()
        self.checked: Counter[str] = Counter()
        self.test = "the collection"

    def add_key(self, key: str) -> None:
        if len(key) >= SHORTEST and key not in PUBLIC:
            self.keys.add(key)

    def search(self, what: str, text: str | bytes | None) -> None:
        if text:
            readable = text.decode("latin-1") if isinstance(text, bytes) else text
            if any(key in readable for key in self.keys):
                self.found.add(f"{what} of {self.test}")

    def emit(self, record: logging.LogRecord) -> None:
        self.checked["log records"] += 1
        self.search("a log record", self.format(record))

    def check_exception(self, error: DifyException) -> None:
        # not the lines of its frames: formatting them calls ast.parse, and this may run within one,
        # which Python 3.11 takes for a broken count of its recursion
        lines = [line for link in _chain(error) for line in traceback.format_exception_only(link)]
        self.checked["exceptions"] += 1
        self.search("an exception", "".join(lines) + repr(error))
        if error.partial is None:  # else the events of a stream are in it, as they were sent
            self.search("an exception's attributes", repr(vars(error)))
            self.search("a pickled exception", _pickled(error))

    def check_output(self, what: str, text: str) -> None:
        self.checked["outputs"] += bool(text)
        self.search(what, text)

    def report(self) -> dict[str, Any]:
        """As a worker sends it: plain values."""
        return {"found": sorted(self.found), "checked": dict(self.checked)}

    def add_report(self, report: dict[str, Any]) -> None:
        self.found.update(report["found"])
        self.checked.update(report["checked"])


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


check = SecretsCheck()


def _observe_calls(cls: type, name: str, observe: Callable[..., None]) -> None:
    """Have `observe` called with what a method returned and what it was called with."""
    method = getattr(cls, name)

    def observed(self: Any, *args: Any, **kwargs: Any) -> Any:
        result = method(self, *args, **kwargs)
        observe(result, *args)
        return result

    setattr(cls, name, observed)


def _check_at_its_end(error: DifyException) -> None:
    # the collector may come at the bottom of a recursion that a test drives to its limit
    with contextlib.suppress(RecursionError):
        check.check_exception(error)


def pytest_configure(config: pytest.Config) -> None:
    _observe_calls(
        ApiKey, "__init__", lambda _, key, *more: check.add_key(getattr(key, "text", key))
    )
    _observe_calls(
        subprocess.Popen,
        "communicate",
        lambda output, *_: check.check_output("a subprocess's output", "".join(map(str, output))),
    )
    # not by a list of all exceptions: one that is kept keeps its frames, and these what tests say
    # must be gone
    DifyException.__del__ = _check_at_its_end  # type: ignore[attr-defined]
    logging.getLogger().addHandler(check)


def pytest_runtest_logstart(nodeid: str) -> None:
    check.test = nodeid


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if hasattr(report, "node"):  # from a worker, which has checked it
        return
    for name, text in report.sections:
        check.check_output(f"what was {name.lower()}", text)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    check.add_report(getattr(node, "workeroutput", {}).get(_REPORT, SecretsCheck().report()))


def pytest_sessionfinish(session: pytest.Session) -> None:
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput[_REPORT] = check.report()
    elif check.found:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    for where in sorted(check.found):
        terminalreporter.write_line(f"AN API KEY IS SHOWN in {where}", red=True)
    if not check.found and config.get_verbosity() > 0:
        counts = ", ".join(f"{count:,} {what}" for what, count in sorted(check.checked.items()))
        terminalreporter.write_line(f"secrets check: no key in {counts or 'nothing'}")
