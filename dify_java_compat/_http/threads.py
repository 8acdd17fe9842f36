"""Threads of ours, and what is left of them in a process that was forked."""

from __future__ import annotations

import functools
import os
import sys
import threading
import weakref
from collections.abc import Callable
from typing import Protocol, TypeVar

T = TypeVar("T")


def members(weak: weakref.WeakSet[T]) -> list[T]:
    """What is in it, while other threads may add to it."""
    while True:
        try:
            return list(weak)
        except RuntimeError:  # it changed meanwhile
            continue


class Renewable(Protocol):
    """What holds locks, threads or descriptors, of which a forked child has none."""

    def renew(self) -> None:
        """Begin anew, with none of them; ends and closes nothing of the parent's."""
        ...


_renewables: weakref.WeakSet[Renewable] = weakref.WeakSet()


def renew_after_fork(owner: Renewable) -> None:
    """Have `owner.renew()` called in each child that is forked, for as long as there is `owner`."""
    _register()
    _renewables.add(owner)


@functools.cache
def _register() -> None:
    """Once, and late: what `call_after_fork` was given while modules were loaded comes first."""
    call_after_fork(_renew_all)


def _renew_all() -> None:
    for owner in members(_renewables):
        owner.renew()


def call_after_fork(function: Callable[[], object]) -> None:
    """Have `function` called in each child that is forked."""
    if hasattr(os, "register_at_fork"):  # not on Windows
        os.register_at_fork(after_in_child=function)


def start_thread(target: Callable[[], object], name: str) -> None:
    """A thread that does not keep the interpreter alive.

    RuntimeError where the system has no more, and once the interpreter ends: there 3.11 and older
    would wait for ever for a thread that does not run any more.
    """
    if sys.is_finalizing():
        raise RuntimeError("can't start a thread while the interpreter ends")
    threading.Thread(target=target, name=name, daemon=True).start()
