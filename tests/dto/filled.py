"""A DTO of any class, each field with a value of its type, and DTOs wherever there may be some."""

import dataclasses
import types
import typing
from enum import Enum
from typing import Any

from dify_java_compat._dto.dto import Dto
from dify_java_compat._dto.names import names_of

_SIMPLE: dict[Any, Any] = {str: "文", int: 3, float: 0.5, bool: True, Any: {"a_b": [1, None]}}


def filled(cls: type[Dto], only: str | None = None) -> Any:
    """A DTO with a value in every field, or in the one field `only`."""
    hints, tagged = typing.get_type_hints(cls), names_of(cls).tagged_by
    values: dict[str, Any] = {}
    for f in dataclasses.fields(cls):
        if only in (None, f.name):
            values[f.name] = _value(hints[f.name])
    for name, (key, classes, _) in tagged.items():
        if only in (None, name):
            values[key] = sorted(classes)[0]
            values[name] = filled(classes[values[key]])
    return cls(**values)


def _value(hint: Any) -> Any:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if isinstance(hint, typing.TypeVar):
        return {"a_b": 1}
    if hint in _SIMPLE:
        return _SIMPLE[hint]
    if origin in (typing.Union, types.UnionType):
        return _value(next(part for part in arguments if part is not types.NoneType))
    if origin is list:
        return [_value(arguments[0])]
    if origin is dict:
        return {"key": _value(arguments[1])}
    if issubclass(hint, Enum):
        return next(iter(hint))
    assert issubclass(hint, Dto), f"no value for {hint}"
    return filled(hint)
