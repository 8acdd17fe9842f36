"""A caller's values as JSON, as a part of a URL and as a field of a form.

What JSON cannot hold is refused by its name and never changed in silence: bytes, NaN, sets. What
other libraries derive from `str`, `int` and `float` goes out as what it is derived from.
"""

from __future__ import annotations

import datetime
import json
import math
import numbers
import re
from collections.abc import Mapping
from enum import Enum
from typing import Any

import msgspec

from .._dto.dto import Dto
from .._dto.names import names_of
from ..errors import IllegalArgumentException

_AS_THEY_ARE = frozenset((str, bool, type(None)))  # most values, which cost a look each
_WORD = 2**63 - 1
_MOST_BITS = 14_000  # Python writes no integer of more than 4,300 digits
_LONE = re.compile("[\ud800-\udfff]")


def encode(values: Mapping[str, Any]) -> bytes:
    """A request body. Half a surrogate pair, which UTF-8 cannot hold, becomes `?`, as in Java."""
    try:
        return msgspec.json.encode(values)
    except (UnicodeEncodeError, OverflowError):  # or an integer of more than 64 bits
        text = json.dumps(values, ensure_ascii=False, separators=(",", ":"))
        paired = text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
        return paired.encode("utf-8", "replace")


def json_value(value: Any, where: str) -> Any:
    """`value` of plain types only. IllegalArgumentException where JSON cannot hold it: `where`."""
    if type(value) in _AS_THEY_ARE:
        return value
    try:
        return _json_value(value, where)
    except RecursionError:
        raise IllegalArgumentException(
            f"{where} must not hold itself, nor nest that deep"
        ) from None


def text_value(value: Any, where: str) -> str:
    """`value` as it stands in a URL or a form. IllegalArgumentException where it is no text."""
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, str) or _is_number(value):
        if isinstance(value, str):
            return checked_text(str.__str__(value), where)
        return str(value if isinstance(value, bool) else _number(value, where))
    raise IllegalArgumentException(f"{where} must be a text, not {type(value).__name__}")


def checked_text(text: str, where: str) -> str:
    """`text`, of whoever must not become another. IllegalArgumentException for half a character."""
    if _LONE.search(text):
        raise IllegalArgumentException(f"{where} has half of a surrogate pair, which is no text")
    return text


def _json_value(value: Any, where: str) -> Any:
    kind = type(value)
    if kind in _AS_THEY_ARE:
        return value
    if kind is int and -_WORD <= value <= _WORD:
        return value
    if isinstance(value, Enum):
        return _json_value(value.value, where)
    if isinstance(value, str):
        return str.__str__(value)
    if _is_number(value):
        return _number(value, where)
    if isinstance(value, Mapping):
        made = {
            (key if type(key) is str else _key(key, where)): item
            if type(item) in _AS_THEY_ARE
            else _json_value(item, f"{where}.{key}")
            for key, item in value.items()
        }
        if len(made) != len(value):  # 1 and "1", say, of which one would be lost
            raise IllegalArgumentException(f"{where} must not have two names that are one in JSON")
        return made
    if isinstance(value, (list, tuple)):
        return [
            item if type(item) in _AS_THEY_ARE else _json_value(item, f"{where}[{n}]")
            for n, item in enumerate(value)
        ]
    if isinstance(value, Dto):
        if names_of(kind).secrets or "api_key" in names_of(kind).defaults:
            raise IllegalArgumentException(f"{where} must not be a {kind.__name__}: it has a key")
        values = {name: item for name, item in value.to_wire().items() if item is not None}
        return _json_value(values, where)
    # a datetime is a date; whoever has a UUID has loaded its module
    is_uuid = kind.__name__ == "UUID" and kind.__module__ == "uuid"
    if is_uuid or isinstance(value, (datetime.date, datetime.time)):
        return msgspec.to_builtins(value)
    raise IllegalArgumentException(f"{where} must be what JSON can hold, not {kind.__name__}")


def _is_number(value: Any) -> bool:
    """Whether it is one that JSON has, of numpy too; a fraction would be rounded."""
    if isinstance(value, numbers.Rational):
        return isinstance(value, numbers.Integral)
    return isinstance(value, numbers.Real)


def _number(value: Any, where: str) -> int | float:
    if isinstance(value, numbers.Integral):
        if int(value).bit_length() > _MOST_BITS:
            raise IllegalArgumentException(f"{where} must not be a number of thousands of digits")
        return int(value)
    number = float(value)
    if not math.isfinite(number):
        raise IllegalArgumentException(f"{where} must be a finite number, not {number!r}")
    return number


def _key(key: Any, where: str) -> str:
    if isinstance(key, Enum):
        key = key.value
    if isinstance(key, str):
        return str.__str__(key)
    if isinstance(key, int) and not isinstance(key, bool):
        return str(key)
    raise IllegalArgumentException(f"{where} must have texts for names, not {type(key).__name__}")
