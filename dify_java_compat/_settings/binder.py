"""Settings under any spelling of their names, as text or as YAML, to the fields of a DTO.

Spring's rules: upper and lower case, dashes and underscores in a name do not count.
"""

from __future__ import annotations

import functools
import re
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from typing import Any, NamedTuple

from .._dto.dto import is_dto
from ..errors import IllegalArgumentException

_TRUE = frozenset(("true", "on", "yes", "1"))
_FALSE = frozenset(("false", "off", "no", "0"))
_NUMBER = r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)"
_DURATION = r"(?i)([0-9]+(?:\.[0-9]+)?)\s*(ms|s|m|h|d)"
_ISO_DURATION = r"(?i)PT(?=[0-9])(?:([0-9]+)H)?(?:([0-9]+)M)?(?:([0-9]+(?:\.[0-9]+)?)S)?"
_UNIT = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_SEGMENT = r"\[[^\]]*\]|[^.\[\]]+"


def canonical(name: str) -> str:
    """The one spelling of a name that all its spellings have in common."""
    return re.sub("[-_]", "", name).lower()


def segments(name: str) -> list[str]:
    """`a.b-c[0]` as `a`, `b-c`, `[0]`."""
    return re.findall(_SEGMENT, name)


class Place(NamedTuple):
    """Where a value goes: the fields that lead there from the outermost DTO, and its type."""

    fields: tuple[str, ...]
    hint: Any

    @property
    def name(self) -> str:
        return ".".join(name.replace("_", "-") for name in self.fields)

    @property
    def key(self) -> tuple[str, ...]:
        return tuple(canonical(name) for name in self.fields)


@functools.cache
def places_of(cls: Any) -> dict[tuple[str, ...], Place]:
    """The places of a DTO class and of the DTOs within it, by their canonical names."""
    return {place.key: place for place in _places(cls, ())}


def _places(cls: Any, above: tuple[str, ...]) -> Iterator[Place]:
    hints = typing.get_type_hints(cls)
    for part in fields(cls):
        path, hint = (*above, part.name), hints[part.name]
        if is_dto(hint):
            yield from _places(hint, path)
        else:
            yield Place(path, hint)


class Binder:
    """Takes values by name, then makes the DTO. What it says of a name has `prefix` before it."""

    def __init__(self, cls: Any, prefix: str) -> None:
        self._cls, self._prefix = cls, prefix
        self.unknown: list[str] = []
        self._given: dict[Place, tuple[str, Any]] = {}
        self._places = places_of(cls)
        self._names = {"".join(key): place for key, place in self._places.items()}

    def take(self, path: list[str], value: Any, written: str) -> None:
        """A value under a name in parts, `written` as the user wrote it. None says nothing."""
        key = tuple(canonical(part) for part in path)
        place = self._places.get(key)
        if place is not None:
            if value is not None:
                self._given[place] = written, value
        elif not self._take_item(key, path, value, written):
            self._take_group(key, value, written)

    def take_joined(self, name: str, value: str, written: str) -> bool:
        """A value under a name whose parts have run together; whether there is such a place."""
        joined = canonical(name)
        if place := self._names.get(joined):
            self._given[place] = written, value
            return True
        item = re.fullmatch(r"(.+?)_([0-9]+)_?", name)
        place = self._names.get(canonical(item[1])) if item else None
        if item is None or place is None or not _is_list(place.hint):
            return False
        self._put_item(place, int(item[2]), value, written)
        return True

    def build(self) -> Any:
        """The DTO. IllegalArgumentException names a value that is not of its field's type."""
        values: dict[str, Any] = {}
        for place, (written, value) in self._given.items():
            group = values
            for name in place.fields[:-1]:
                group = group.setdefault(name, {})
            group[place.fields[-1]] = _coerced(place.hint, value, written)
        return _built(self._cls, values)

    def did_you_mean(self, name: str, spell: Callable[[Place], str]) -> str:
        """A question after the known name that is nearest to `name`; "" where none is near."""
        wrong = canonical(name).replace(".", "")
        groups = {"".join(key[:-1]) for key in self._places}
        group = max(filter(wrong.startswith, groups), key=len)  # "" is one too
        known = {
            joined[len(group) :]: spell(place)
            for joined, place in self._names.items()
            if joined.startswith(group)
        }
        import difflib  # for a misspelt name alone

        near = difflib.get_close_matches(wrong[len(group) :], known, n=1)
        return f"; did you mean {known[near[0]]}?" if near else ""

    def _take_item(self, key: tuple[str, ...], path: list[str], value: Any, written: str) -> bool:
        """An entry of a list, `name[0]`, or of a map, whose keys are taken as they are."""
        for length in range(len(key) - 1, 0, -1):
            place = self._places.get(key[:length])
            if place is None:
                continue
            rest = path[length:]
            if _is_list(place.hint) and re.fullmatch(r"\[[0-9]+\]", rest[0]):
                self._put_item(place, int(rest[0][1:-1]), value, written)
                return True
            if _kind(place.hint) is dict:
                entries = self._given.setdefault(place, (written, {}))[1]
                entries[".".join(part.strip("[]") for part in rest)] = value
                return True
        return False

    def _put_item(self, place: Place, index: int, value: Any, written: str) -> None:
        items = self._given.get(place, (written, {}))[1]
        if not isinstance(items, _Items):
            items = _Items()
        items[index] = value
        self._given[place] = written, items

    def _take_group(self, key: tuple[str, ...], value: Any, written: str) -> None:
        if any(known[: len(key)] == key for known in self._places):
            if value not in (None, ""):
                raise IllegalArgumentException(f"{written} is a group of settings, not a value")
            return
        hint = self.did_you_mean(".".join(key), lambda place: f"{self._prefix}.{place.name}")
        self.unknown.append(f"{written} is not a known setting{hint}")


class _Items(dict[int, Any]):
    """The items of a list that came one by one."""


def _built(cls: Any, values: Mapping[str, Any]) -> Any:
    hints = typing.get_type_hints(cls)
    return cls(
        **{
            name: _built(hints[name], value) if is_dto(hints[name]) else value
            for name, value in values.items()
        }
    )


def _kind(hint: Any) -> Any:
    """What a hint is without its None, and of `bool | str` the first."""
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        hint = next(kind for kind in typing.get_args(hint) if kind is not types.NoneType)
    return typing.get_origin(hint) or hint


def _is_list(hint: Any) -> bool:
    return _kind(hint) is list


def _coerced(hint: Any, value: Any, written: str) -> Any:
    kind = _kind(hint)
    if kind is list:
        return _list(value, written)
    if kind is dict:
        return {str(key): _scalar(item, written) for key, item in _mapping(value, written).items()}
    if kind is Any:
        return tuple(map(str, value)) if isinstance(value, list) else _scalar(value, written)
    text = _scalar(value, written)
    if kind is str:
        return text
    word = text.strip()
    if kind is bool:
        return _boolean(word, written, or_text=str in typing.get_args(hint))
    if kind is int:
        if not re.fullmatch("[+-]?[0-9]+", word):
            raise IllegalArgumentException(f"{written} must be a whole number, not {text!r}")
        return int(word)
    return _seconds(word, written)


def _scalar(value: Any, written: str) -> str:
    if isinstance(value, (dict, list)):
        raise IllegalArgumentException(f"{written} must be one value, not several")
    return str(value)


def _mapping(value: Any, written: str) -> dict[Any, Any]:
    if not isinstance(value, dict):
        raise IllegalArgumentException(f"{written} must have names and values")
    return value


def _list(value: Any, written: str) -> list[str]:
    if isinstance(value, _Items):
        value = [value[index] for index in sorted(value)]
    elif not isinstance(value, list):
        value = [part.strip() for part in _scalar(value, written).split(",") if part.strip()]
    return [_scalar(item, written) for item in value]


def _boolean(word: str, written: str, or_text: bool) -> bool | str:
    if word.lower() in _TRUE:
        return True
    if word.lower() in _FALSE:
        return False
    if or_text:
        return word
    raise IllegalArgumentException(f"{written} must be true or false, not {word!r}")


def _seconds(word: str, written: str) -> float:
    if re.fullmatch(_NUMBER, word):
        return float(word)
    if simple := re.fullmatch(_DURATION, word):
        return float(simple[1]) * _UNIT[simple[2].lower()]
    if iso := re.fullmatch(_ISO_DURATION, word):
        hours, minutes, seconds = (float(part or 0) for part in iso.groups())
        return hours * 3600 + minutes * 60 + seconds
    raise IllegalArgumentException(
        f"{written} must be a number of seconds, or like 30s or 500ms, not {word!r}"
    )
