"""Values of JSON: read from bytes, as parts of a hash, and of a repr."""

from __future__ import annotations

import json
import types
from collections.abc import Mapping
from typing import Any

import msgspec

SCALARS = frozenset((str, int, float, bool, types.NoneType))


def loads(data: bytes) -> Any:
    """Any JSON that Python's own reader takes: NaN and lone surrogates too. ValueError if not.

    A byte order mark is passed over. An integer of more digits than Python reads is kept as text.
    """
    try:
        return msgspec.json.decode(data)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        pass
    text = data.decode("utf-8", "replace").removeprefix("\ufeff")
    try:
        return json.loads(text, parse_int=_whole_number)
    except RecursionError as nested:
        raise ValueError("JSON nested too deep") from nested


def _whole_number(digits: str) -> int | str:
    try:
        return int(digits)
    except ValueError:  # of thousands of digits: to read them would take the square of that
        return digits


def hashable(value: Any) -> Any:
    """Something with a hash that is the same for equal values."""
    if isinstance(value, Mapping):
        return frozenset((key, hashable(item)) for key, item in value.items())
    if isinstance(value, (list, tuple)):
        return tuple(map(hashable, value))
    if isinstance(value, (set, frozenset)):
        return frozenset(value)
    try:
        hash(value)
    except TypeError:
        return None
    return value


def readable(value: Any) -> str:
    """Its repr, where it does not nest too deep for that."""
    try:
        return repr(value)
    except RecursionError:  # JSON nests deeper than Python likes to print
        return f"<{type(value).__name__} nested too deep>"
