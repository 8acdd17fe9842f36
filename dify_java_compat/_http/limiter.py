"""What a client is held to: settings that make sense, and a number of streams at once."""

from __future__ import annotations

import math
import threading
import types
import typing
from collections.abc import Callable
from typing import Any

from ..config import ClientConfig
from ..errors import IllegalArgumentException

_ABOVE_ZERO = frozenset(("max_event_bytes",))


def checked(config: ClientConfig) -> ClientConfig:
    """`config`. IllegalArgumentException names the setting that is not what it must be."""
    if not isinstance(config, ClientConfig):
        raise IllegalArgumentException(
            f"client_config must be a ClientConfig, not {type(config).__name__}"
        )
    for name, hint in typing.get_type_hints(ClientConfig).items():
        kinds = typing.get_args(hint) or (hint,)
        wrong = _wrong(name, kinds, getattr(config, name))
        if wrong:
            raise IllegalArgumentException(f"ClientConfig.{name} must {wrong}")
    return config


def _wrong(name: str, kinds: tuple[Any, ...], value: Any) -> str | None:
    if value is None and types.NoneType in kinds:
        return None
    if bool in kinds:
        expected = tuple(kind for kind in kinds if kind is not types.NoneType)
        words = "be True or False" + (", or a path" if str in kinds else "")
        return None if isinstance(value, expected) else f"{words}, not {value!r}"
    if float not in kinds and int not in kinds:
        return None  # requests says what is wrong with these, and they may hold a password
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not math.isfinite(value):
        return f"be a number, not {value!r}"
    if float not in kinds and not isinstance(value, int):
        return f"be a whole number, not {value!r}"
    if value < 0:
        return f"not be negative, not {value!r}"
    return "be more than 0" if value == 0 and name in _ABOVE_ZERO else None


class Slots:
    """Room for a number of streams; 0 for any number."""

    def __init__(self, *sizes: int) -> None:
        self._free = min((size for size in sizes if size), default=0)
        self._bounded = self._free > 0
        self._changed = threading.Condition()

    def take(self, given_up: Callable[[], bool], seconds: float | None) -> bool:
        """Wait for room, at most so long; False where there was none, or it was given up."""
        if not self._bounded:
            return True
        with self._changed:
            ready = self._changed.wait_for(lambda: self._free > 0 or given_up(), seconds)
            if not ready or given_up():
                return False
            self._free -= 1
            return True

    def give_back(self) -> None:
        if self._bounded:
            with self._changed:
                self._free += 1
                self._changed.notify_all()

    def wake(self) -> None:
        """Let those who wait see whether they were given up."""
        if self._bounded:
            with self._changed:
                self._changed.notify_all()
