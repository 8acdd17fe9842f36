"""Settings that cannot work, refused before any request."""

from __future__ import annotations

import math
import types
import typing
from typing import Any

from ..config import ClientConfig
from ..errors import IllegalArgumentException

_ABOVE_ZERO = frozenset(("max_event_bytes",))


def validated(config: ClientConfig) -> ClientConfig:
    """`config`. IllegalArgumentException names the setting that is not what it must be."""
    if not isinstance(config, ClientConfig):
        raise IllegalArgumentException(
            f"client_config must be a ClientConfig, not {type(config).__name__}"
        )
    for name, hint in typing.get_type_hints(ClientConfig).items():
        kinds = typing.get_args(hint) or (hint,)
        problem = _problem(name, kinds, getattr(config, name))
        if problem:
            raise IllegalArgumentException(f"ClientConfig.{name} must {problem}")
    return config


def _problem(name: str, kinds: tuple[Any, ...], value: Any) -> str | None:
    if value is None and types.NoneType in kinds:
        return None
    if bool in kinds:
        expected = tuple(kind for kind in kinds if kind is not types.NoneType)
        words = "be True or False" + (", or a path" if str in kinds else "")
        return None if isinstance(value, expected) else f"{words}, not {value!r}"
    if float not in kinds and int not in kinds:
        return None  # requests checks these itself, and they may hold a password
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not math.isfinite(value):
        return f"be a number, not {value!r}"
    if float not in kinds and not isinstance(value, int):
        return f"be a whole number, not {value!r}"
    if value < 0:
        return f"not be negative, not {value!r}"
    return "be more than 0" if value == 0 and name in _ABOVE_ZERO else None
