"""Runs the test of a row: in a thread that may hang, with a count of what it leaves behind."""

from __future__ import annotations

import contextlib
import functools
import os
import stat
import threading
import time
import traceback
from collections.abc import Callable

import pytest

from .table import Row, Seen

SETTLING = 10.0  # seconds after which what a row left behind counts as left for good
TRIES = 3  # in full, of a row that took too long: the machine may have been busy
IN_FULL = pytest.StashKey[bool]()  # whether rows measure, or, as in plain pytest, only check

Function = Callable[[Seen], None]


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Call a row's test with a `Seen` instead of its row, and fail it with all its misses."""
    row = pyfuncitem.funcargs.get("seen")
    if not isinstance(row, Row):
        return None
    arguments = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    del arguments["seen"]
    short = not pyfuncitem.config.stash.get(IN_FULL, False)
    seen = measured(row, functools.partial(pyfuncitem.obj, **arguments), short=short)
    figures = {name: str(value) for name, value in seen.figures.items()}
    pyfuncitem.user_properties.append(("seen", {**vars(seen), "figures": figures}))
    if seen.misses:
        pytest.fail("\n".join(seen.misses), pytrace=False)
    return True


def measured(row: Row, function: Function, *, short: bool) -> Seen:
    """Run a row's test.

    In full, where limits are tight, it runs again if all that it missed is a limit of time, and the
    number of tries is shown. The short form has wide limits and one try.
    """
    for count in range(1, 2 if short else TRIES + 1):
        seen = _run_once(row, function, short)
        if count > 1:
            seen.figures["tries"] = count
        if seen.misses or not seen.delays:
            break
    seen.misses += seen.delays
    return seen


def _run_once(row: Row, function: Function, short: bool) -> Seen:
    seen = Seen(short)
    threads, sockets = set(threading.enumerate()), _sockets()
    thread = threading.Thread(target=_guarded, args=(function, seen), daemon=True)
    thread.start()
    thread.join(row.seconds)
    seen.check(not thread.is_alive(), f"did not end within {row.seconds:g} s")
    until = time.monotonic() + SETTLING
    while True:
        seen.threads = len(set(threading.enumerate()) - threads)
        seen.sockets = len(_sockets() - sockets)
        if not (seen.threads or seen.sockets) or time.monotonic() > until:
            break
        time.sleep(0.002)
    seen.equal("threads left", seen.threads, 0)
    seen.equal("sockets left", seen.sockets, 0)
    return seen


def _guarded(function: Function, seen: Seen) -> None:
    try:
        function(seen)
    except BaseException:
        seen.misses.append(traceback.format_exc().strip())


def _sockets() -> set[int]:
    """The open sockets of this process, by inode."""
    found = set()
    for name in os.listdir("/dev/fd"):
        with contextlib.suppress(OSError):
            status = os.fstat(int(name))
            if stat.S_ISSOCK(status.st_mode):
                found.add(status.st_ino)
    return found
