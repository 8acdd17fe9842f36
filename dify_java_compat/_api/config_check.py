"""Settings that cannot work, refused before any request."""

from __future__ import annotations

import functools
import math
import types
import typing
from collections.abc import Mapping
from typing import Any

from .._dto.names import names_of
from ..config import ClientConfig
from ..errors import IllegalArgumentException

_ABOVE_ZERO = frozenset(("async_workers", "max_event_bytes"))
# what the connections and the limit of open streams are made with
CONNECTION_SETTINGS = frozenset(
    (
        "cert",
        "connect_timeout",
        "keep_alive_seconds",
        "max_idle_connections",
        "max_requests",
        "max_requests_per_host",
        "proxies",
        "verify",
    )
)


def validated(config: ClientConfig) -> ClientConfig:
    """`config`. IllegalArgumentException names the setting that is not what it must be."""
    if not isinstance(config, ClientConfig):
        raise IllegalArgumentException(
            f"client_config must be a ClientConfig, not {type(config).__name__}"
        )
    for name, kinds in _kinds().items():
        problem = _problem(name, kinds, getattr(config, name))
        if problem:
            raise IllegalArgumentException(f"ClientConfig.{name} must {problem}")
    return config


@functools.cache
def _kinds() -> dict[str, tuple[Any, ...]]:
    """The types that each setting may have."""
    hints = typing.get_type_hints(ClientConfig)
    return {name: typing.get_args(hint) or (hint,) for name, hint in hints.items()}


def changed(config: ClientConfig, settings: Mapping[str, Any]) -> ClientConfig:
    """A copy of `config` with `settings`, which may be spelt in Java's way.

    TypeError as of the constructor for a name that there is not; IllegalArgumentException for a
    setting of the connections, and for what `validated` refuses.
    """
    cls = type(config)
    cls(**settings)  # knows the names, and suggests the right ones
    values, fields = vars(config).copy(), names_of(cls).attribute
    for name, value in settings.items():
        if fields[name] in CONNECTION_SETTINGS:
            raise IllegalArgumentException(
                f"{name} cannot be changed for a call: ClientConfig.{fields[name]} is a setting of "
                "the connections, which are shared; make another client for it"
            )
        values[fields[name]] = value
    return validated(cls._of(values))


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
