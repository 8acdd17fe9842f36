"""The table of bad days: each row runs on real sockets, measures, and gives a verdict.

A row is a function that takes a `Seen`, writes into it what it measured, and says with `check` and
its like what must hold. What a row leaves behind, threads and sockets, is counted for it. `MODULES`
are imported for their rows::

    @row("streams", "connection refused", "拒绝连接")
    def connection_refused(seen: Seen) -> None: ...
"""

from __future__ import annotations

import contextlib
import importlib
import os
import pkgutil
import stat
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

GROUPS = {  # in the order in which they are shown, in English and Chinese
    "streams": ("Streams", "流"),
    "dispose": ("Leaving a stream", "离开流"),
    "calls": ("Calls", "调用"),
    "secrets": ("Secrets and injection", "密钥与注入"),
    "processes": ("Threads and processes", "线程与进程"),
    "fuzz": ("Fuzz and soak", "模糊测试与长跑"),
}
MODULES = {
    *("test_calls", "test_dispose", "test_dispose_stop", "test_dispose_ways", "test_fuzz"),
    *("test_networks", "test_processes", "test_secrets", "soak", "test_streams"),
    "test_streams_content",
}
SETTLING = 10.0  # seconds after which what a row left behind counts as left for good
TRIES = 3  # of a row that took too long: the machine may have been busy with something else
CROWDED = 20.0  # how many times as long things may take in the short form, on any machine


@dataclass
class Seen:
    """What one row saw; a row without misses holds."""

    short: bool = False
    events: int | None = None  # delivered to the caller
    ended: str = ""  # the exception's class, or how else it ended
    ms: float | None = None  # until the caller knew, from the moment it happened
    threads: int = 0  # left behind
    sockets: int = 0  # left behind
    figures: dict[str, object] = field(default_factory=dict)  # whatever else was counted
    misses: list[str] = field(default_factory=list)
    delays: list[str] = field(default_factory=list)  # misses too, which a busy machine can cause

    def check(self, holds: object, miss: str) -> None:
        if not holds:
            self.misses.append(miss)

    def equal(self, what: str, is_: object, wanted: object) -> None:
        self.check(is_ == wanted, f"{what}: {is_!r:.200}, not {wanted!r:.200}")

    def within(self, what: str, ms: float, limit: float) -> None:
        """At most so many milliseconds; the short form is no measurement, and takes it easy."""
        limit *= CROWDED if self.short else 1
        if ms > limit:
            self.delays.append(f"{what}: {ms:.0f} ms, more than {limit:.0f}")

    def ended_with(self, error: BaseException | None) -> None:
        """Note how it ended: the class, and the phase of a timeout."""
        if error is None:
            self.ended = "completed"
            return
        phase = getattr(error, "phase", None)
        self.ended = type(error).__name__ + (f" ({phase})" if phase else "")

    @contextlib.contextmanager
    def timing(self) -> Iterator[None]:
        """What stands within is what `ms` measures."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self.ms = (time.perf_counter() - started) * 1000


Function = Callable[[Seen], None]


@dataclass(frozen=True)
class Row:
    """A row: `names` in English and Chinese; `seconds` after which it counts as hanging.

    One that `takes_long` is left out of the short form; others may do less in it.
    """

    group: str
    names: tuple[str, str]
    function: Function
    takes_long: bool = False
    seconds: float = 120.0

    @property
    def name(self) -> str:
        return self.names[0]

    def run(self, *, short: bool) -> Seen:
        """Play it; again where it only took too long, and then say how often."""
        for count in range(1, TRIES + 1):
            seen = self._played(short)
            if count > 1:
                seen.figures["tries"] = count
            if seen.misses or not seen.delays:
                break
        seen.misses += seen.delays
        return seen

    def _played(self, short: bool) -> Seen:
        seen = Seen(short)
        threads, sockets = set(threading.enumerate()), _sockets()
        thread = threading.Thread(target=self._guarded, args=(seen,), daemon=True)
        thread.start()
        thread.join(self.seconds)
        seen.check(not thread.is_alive(), f"did not end within {self.seconds:g} s")
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

    def _guarded(self, seen: Seen) -> None:
        try:
            self.function(seen)
        except BaseException:
            seen.misses.append(traceback.format_exc().strip())


_rows: list[Row] = []


def row(
    group: str, name: str, chinese: str, *, takes_long: bool = False, seconds: float = 120.0
) -> Callable[[Function], Function]:
    """Put a function into the table."""
    if group not in GROUPS:
        raise ValueError(f"no such group: {group}")

    def register(function: Function) -> Function:
        _rows.append(Row(group, (name, chinese), function, takes_long, seconds))
        return function

    return register


def all_rows() -> list[Row]:
    """Every row, group by group."""
    package = importlib.import_module(__package__ or "tests.faults")
    for module in sorted(module.name for module in pkgutil.iter_modules(package.__path__)):
        if module in MODULES:
            importlib.import_module(f"{package.__name__}.{module}")
    return sorted(_rows, key=lambda row: list(GROUPS).index(row.group))


def _sockets() -> set[int]:
    """The open sockets of this process, by inode."""
    found = set()
    for name in os.listdir("/dev/fd"):
        with contextlib.suppress(OSError):
            status = os.fstat(int(name))
            if stat.S_ISSOCK(status.st_mode):
                found.add(status.st_ino)
    return found
