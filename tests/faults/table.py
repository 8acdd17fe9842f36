"""The table of bad days: each row is a test that runs on real sockets and measures.

A row's test takes a `Seen`, writes into it what it measured, and says with `check` and its like
what must hold; all that does not hold is reported, not only the first. `measuring` runs it, and
counts the threads and sockets that it leaves behind::

    @row("streams", "connection refused", "拒绝连接")
    def test_connection_refused(seen: Seen) -> None: ...

    @rows("streams", [case("reset", "被重置", how=Peer.reset), case("closed", "被关闭", how=close)])
    def test_broken(seen: Seen, *, how: Callable[[Peer], None]) -> None: ...
"""

from __future__ import annotations

import contextlib
import importlib
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pytest

GROUPS = {  # in the order of the pages, in English and Chinese
    "streams": ("Streams", "流"),
    "dispose": ("Leaving a stream", "取消订阅"),
    "calls": ("Calls", "调用"),
    "connections": ("Connections", "连接"),
    "secrets": ("Secrets and injection", "密钥与注入"),
    "processes": ("Threads and processes", "线程与进程"),
    "fuzz": ("Fuzz and soak", "模糊测试与长时间运行"),
}
CROWDED = 20.0  # how many times as long things may take in the short form, on any machine

Test = TypeVar("Test", bound=Callable[..., None])


@dataclass
class Seen:
    """What one row measured; a row without misses holds."""

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


@dataclass(frozen=True)
class Row:
    """A row: `names` in English and Chinese; `seconds` after which it counts as hanging.

    The short form, which plain pytest plays, leaves out what is `slow`; others may do less in it.
    """

    group: str
    names: tuple[str, str]
    slow: bool = False
    seconds: float = 120.0

    @property
    def name(self) -> str:
        return self.names[0]


@dataclass(frozen=True)
class Case:
    """One row of a test that has several: its names, and the arguments of the test."""

    names: tuple[str, str]
    arguments: dict[str, Any]
    options: dict[str, Any]


def case(
    name: str, chinese: str, *, slow: bool = False, seconds: float = 120.0, **arguments: Any
) -> Case:
    return Case((name, chinese), arguments, {"slow": slow, "seconds": seconds})


def row(group: str, name: str, chinese: str, **options: Any) -> Callable[[Test], Test]:
    """Make a test one row of the table; `options` are those of `Row`."""
    return rows(group, [Case((name, chinese), {}, options)])


def rows(group: str, cases: Iterable[Case]) -> Callable[[Test], Test]:
    """Make a test a row for each case."""
    if group not in GROUPS:
        raise ValueError(f"no such group: {group}")
    cases = list(cases)
    made = [Row(group, each.names, **each.options) for each in cases]
    names = [*cases[0].arguments]
    assert all([*each.arguments] == names for each in cases), "cases with other arguments"
    parameters = [
        pytest.param(
            row,
            *each.arguments.values(),
            id=row.name,
            marks=[pytest.mark.slow] if row.slow else [],
        )
        for row, each in zip(made, cases, strict=True)
    ]

    def register(test: Test) -> Test:
        _rows.setdefault(test.__module__, []).extend(made)
        parametrized: Test = pytest.mark.parametrize(("seen", *names), parameters)(test)
        return parametrized

    return register


_rows: dict[str, list[Row]] = {}  # by module


def all_rows() -> list[Row]:
    """Every row of the modules beside this one, group by group."""
    package = __name__.rpartition(".")[0]
    modules = [f"{package}.{file.stem}" for file in sorted(Path(__file__).parent.glob("test_*.py"))]
    for module in modules:
        importlib.import_module(module)
    found = [row for module in modules for row in _rows.get(module, ())]
    return sorted(found, key=lambda row: list(GROUPS).index(row.group))
