"""Settings that cannot work, refused before any request."""

from __future__ import annotations

import functools
import math
import types
import typing
from collections.abc import Mapping
from typing import Any

from .._dto.names import names_of
from .._http.headers import merged_headers, validated_headers
from ..config import ClientConfig
from ..errors import IllegalArgumentException, excerpt

_ABOVE_ZERO = frozenset(("async_workers", "max_body_bytes", "max_event_bytes"))
_HOOKS = {
    "interceptors": ("intercept",),
    "listeners": ("on_start", "on_first_event", "on_end"),
}
_SECONDS = frozenset(
    (
        *("connect_timeout", "read_timeout", "write_timeout", "call_timeout", "sse_read_timeout"),
        "first_event_timeout",
    )
)
_LONGEST = 2_147_483  # in milliseconds an integer of 32 bits, as of sockets and of Java's OkHttp
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
    if config.headers is not None:
        validated_headers(config.headers, "ClientConfig.headers")
    for name, methods in _HOOKS.items():
        _check_hooks(f"ClientConfig.{name}", getattr(config, name), methods)
    return config


def _check_hooks(name: str, hooks: Any, methods: tuple[str, ...]) -> None:
    if hooks is None:
        return
    if not isinstance(hooks, (list, tuple)):
        raise IllegalArgumentException(f"{name} must be a list")
    for hook in hooks:
        is_function = methods == ("intercept",) and callable(hook)
        if not is_function and not any(callable(getattr(hook, each, None)) for each in methods):
            kind = type(hook).__name__
            raise IllegalArgumentException(f"{name}: {kind} has no {' and no '.join(methods)}")


@functools.cache
def _kinds() -> dict[str, tuple[Any, ...]]:
    """The types that each setting may have."""
    hints = typing.get_type_hints(ClientConfig)
    return {name: typing.get_args(hint) or (hint,) for name, hint in hints.items()}


def changed(config: ClientConfig, settings: Mapping[str, Any]) -> ClientConfig:
    """A copy of `config` with `settings`, which may be spelt in Java's way.

    TypeError as of the constructor for a name that there is not; IllegalArgumentException for a
    setting of the connections, and for what `validated` refuses. Headers are added to those there
    are.
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
        if fields[name] == "headers" and value is not None:
            value = merged_headers(config.headers, validated_headers(value, "headers"))
        values[fields[name]] = value
    return validated(cls._of(values))


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer that no float can hold
        return False


def _problem(name: str, kinds: tuple[Any, ...], value: Any) -> str | None:
    if value is None and types.NoneType in kinds:
        return None
    if bool in kinds:
        expected = tuple(kind for kind in kinds if kind is not types.NoneType)
        words = "be True or False" + (", or a path" if str in kinds else "")
        return None if isinstance(value, expected) else f"{words}, not {excerpt(value)}"
    if float not in kinds and int not in kinds:
        return None  # requests checks these itself, and they may hold a password
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not _is_finite(value):
        return f"be a number, not {excerpt(value)}"
    if float not in kinds and not isinstance(value, int):
        return f"be a whole number, not {excerpt(value)}"
    if name in _SECONDS and value > _LONGEST:
        return f"be at most {_LONGEST} seconds, not {excerpt(value)}"
    if value < 0:
        return f"not be negative, not {excerpt(value)}"
    return "be more than 0" if value == 0 and name in _ABOVE_ZERO else None
