"""Settings under any spelling of their names, as text or as YAML, to the fields of a DTO.

Spring's rules: upper and lower case, dashes and underscores in a name do not count.
"""

from __future__ import annotations

import functools
import re
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any, NamedTuple

from ..errors import IllegalArgumentException

_TRUE = frozenset(("true", "on", "yes", "1"))
_FALSE = frozenset(("false", "off", "no", "0"))
_NUMBER = r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)"
_DURATION = r"(?i)([0-9]+(?:\.[0-9]+)?)\s*(ms|s|m|h|d)"
_ISO_DURATION = r"(?i)PT(?=[0-9])(?:([0-9]+)H)?(?:([0-9]+)M)?(?:([0-9]+(?:\.[0-9]+)?)S)?"
_UNIT = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_SEGMENT = r"\[[^\[\]]*\]|[^.\[\]]+"


def canonical(name: str) -> str:
    """The one spelling of a name that all its spellings have in common."""
    return re.sub("[-_]", "", name).lower()


def segments(name: str) -> list[str]:
    """`a.b-c[0]` as `a`, `b-c`, `[0]`."""
    return re.findall(_SEGMENT, name)


class Setting(NamedTuple):
    """One setting: the fields that lead to it from the outermost DTO, and its type."""

    fields: tuple[str, ...]
    hint: Any

    @property
    def name(self) -> str:
        return ".".join(name.replace("_", "-") for name in self.fields)

    @property
    def key(self) -> tuple[str, ...]:
        return tuple(canonical(name) for name in self.fields)


@functools.cache
def settings_of(cls: Any) -> dict[tuple[str, ...], Setting]:
    """The settings of a DTO class and of the DTOs within it, by their canonical names."""
    return {setting.key: setting for setting in _walk(cls, ())}


def _walk(cls: Any, above: tuple[str, ...]) -> Iterator[Setting]:
    hints = typing.get_type_hints(cls)
    for part in fields(cls):
        path, hint = (*above, part.name), hints[part.name]
        if is_dataclass(hint):
            yield from _walk(hint, path)
        else:
            yield Setting(path, hint)


class Binder:
    """Takes values by name, then makes the DTO. Its messages put `prefix` before a name."""

    def __init__(self, cls: Any, prefix: str) -> None:
        self._cls, self._prefix = cls, prefix
        self.unknown: list[str] = []
        self._values: dict[Setting, tuple[str, Any]] = {}
        self._known = settings_of(cls)
        self._names = {"".join(key): setting for key, setting in self._known.items()}

    def take(self, path: list[str], value: Any, source_name: str) -> None:
        """A value under a name in parts; the user wrote it as `source_name`. None is no value.

        The name is one that `knows` knows.
        """
        key = tuple(canonical(part) for part in path)
        setting = self._known.get(key)
        if setting is not None:
            if value is not None:
                self._values[setting] = source_name, value
        elif not self._take_item(key, path, value, source_name) and value not in (None, ""):
            raise IllegalArgumentException(f"{source_name} is a group of settings, not a value")

    def knows(self, path: list[str], source_name: str) -> bool:
        """Whether a name is a setting, a part of one, or a group; a misspelt one is noted.

        What begins like none of them is somebody else's, and no concern here.
        """
        key = tuple(canonical(part) for part in path)
        for length in range(len(key), 0, -1):
            setting = self._known.get(key[:length])
            if setting is not None and (
                length == len(key) or _has_part(setting.hint, path[length])
            ):
                return True
        if any(known[: len(key)] == key for known in self._known):
            return True
        if self._is_near(key):
            joined = ".".join(key)
            hint = self.did_you_mean(joined, lambda setting: f"{self._prefix}.{setting.name}")
            self.unknown.append(f"{source_name} is not a known setting{hint}")
        return False

    def _is_near(self, key: tuple[str, ...]) -> bool:
        """Whether its first part is ours, or nearly: `ulr`, `client-confg.read-timeout`."""
        import difflib  # for an unknown name alone

        first = {known[0] for known in self._known}
        return bool(difflib.get_close_matches(key[0], first, 1, 0.65 if len(key) == 1 else 0.8))

    def take_joined(self, name: str, value: str, source_name: str) -> bool:
        """A value under a name whose parts have run together; whether it is known."""
        joined = canonical(name)
        if setting := self._names.get(joined):
            self._values[setting] = source_name, value
            return True
        item = re.fullmatch(r"(.+?)_([0-9]+)_?", name)
        setting = self._names.get(canonical(item[1])) if item else None
        if item is None or setting is None or not _is_list(setting.hint):
            return False
        self._put_item(setting, int(item[2]), value, source_name)
        return True

    def build(self) -> Any:
        """The DTO. IllegalArgumentException names a value that is not of its field's type."""
        values: dict[str, Any] = {}
        for setting, (source_name, value) in self._values.items():
            group = values
            for name in setting.fields[:-1]:
                group = group.setdefault(name, {})
            group[setting.fields[-1]] = _coerced(setting.hint, value, source_name)
        return _built(self._cls, values)

    def did_you_mean(self, name: str, spell: Callable[[Setting], str]) -> str:
        """A question after the known name that is nearest to `name`; "" where none is near."""
        wrong = canonical(name).replace(".", "")
        groups = {"".join(key[:-1]) for key in self._known}
        group = max(filter(wrong.startswith, groups), key=len)  # "" is one too
        known = {
            joined[len(group) :]: spell(setting)
            for joined, setting in self._names.items()
            if joined.startswith(group)
        }
        import difflib  # for a misspelt name alone

        near = difflib.get_close_matches(wrong[len(group) :], known, n=1)
        return f"; did you mean {known[near[0]]}?" if near else ""

    def _take_item(
        self, key: tuple[str, ...], path: list[str], value: Any, source_name: str
    ) -> bool:
        """An entry of a list, `name[0]`, or of a map, whose keys are taken as they are."""
        for length in range(len(key) - 1, 0, -1):
            setting = self._known.get(key[:length])
            if setting is None:
                continue
            rest = path[length:]
            if _is_list(setting.hint) and re.fullmatch(r"\[[0-9]+\]", rest[0]):
                self._put_item(setting, int(rest[0][1:-1]), value, source_name)
                return True
            if _kind(setting.hint) is dict:
                entries = self._values.setdefault(setting, (source_name, {}))[1]
                entries[".".join(part.strip("[]") for part in rest)] = value
                return True
        return False

    def _put_item(self, setting: Setting, index: int, value: Any, source_name: str) -> None:
        items = self._values.get(setting, (source_name, {}))[1]
        if not isinstance(items, _Items):
            items = _Items()
        items[index] = value
        self._values[setting] = source_name, items


class _Items(dict[int, Any]):
    """The items of a list that came one by one."""


def _built(cls: Any, values: Mapping[str, Any]) -> Any:
    hints = typing.get_type_hints(cls)
    return cls(
        **{
            name: _built(hints[name], value) if is_dataclass(hints[name]) else value
            for name, value in values.items()
        }
    )


def _kind(hint: Any) -> Any:
    """What a hint is without its None, and of `bool | str` the first."""
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        hint = next(kind for kind in typing.get_args(hint) if kind is not types.NoneType)
    return typing.get_origin(hint) or hint


def _has_part(hint: Any, part: str) -> bool:
    """Whether a setting may have such a part: `[0]` of a list, any of a map."""
    return _kind(hint) is dict or (_is_list(hint) and bool(re.fullmatch(r"\[[0-9]+\]", part)))


def _is_list(hint: Any) -> bool:
    return _kind(hint) is list


def _coerced(hint: Any, value: Any, source_name: str) -> Any:
    kind = _kind(hint)
    if kind is list:
        return _list(value, source_name)
    if kind is dict:
        return {
            str(key): _scalar(item, source_name)
            for key, item in _mapping(value, source_name).items()
        }
    if kind is Any:
        return tuple(map(str, value)) if isinstance(value, list) else _scalar(value, source_name)
    text = _scalar(value, source_name)
    if kind is str:
        return text
    word = text.strip()
    if kind is bool:
        return _boolean(word, source_name, or_text=str in typing.get_args(hint))
    if kind is int:
        if not re.fullmatch("[+-]?[0-9]+", word):
            raise IllegalArgumentException(f"{source_name} must be a whole number, not {text!r}")
        try:
            return int(word)
        except ValueError:  # of thousands of digits
            raise IllegalArgumentException(f"{source_name} must be less long") from None
    return _seconds(word, source_name)


def _scalar(value: Any, source_name: str) -> str:
    if isinstance(value, (dict, list)):
        raise IllegalArgumentException(f"{source_name} must be one value, not several")
    return "" if value is None else str(value)  # as in Spring: an empty item is an empty text


def _mapping(value: Any, source_name: str) -> dict[Any, Any]:
    if not isinstance(value, dict):
        raise IllegalArgumentException(f"{source_name} must have names and values")
    return value


def _list(value: Any, source_name: str) -> list[str]:
    if isinstance(value, _Items):
        value = [value[index] for index in sorted(value)]
    elif not isinstance(value, list):
        value = [part.strip() for part in _scalar(value, source_name).split(",") if part.strip()]
    return [_scalar(item, source_name) for item in value]


def _boolean(word: str, source_name: str, or_text: bool) -> bool | str:
    if word.lower() in _TRUE:
        return True
    if word.lower() in _FALSE:
        return False
    if or_text:
        return word
    raise IllegalArgumentException(f"{source_name} must be true or false, not {word!r}")


def _seconds(word: str, source_name: str) -> float:
    if re.fullmatch(_NUMBER, word):
        return float(word)
    if simple := re.fullmatch(_DURATION, word):
        return float(simple[1]) * _UNIT[simple[2].lower()]
    if iso := re.fullmatch(_ISO_DURATION, word):
        hours, minutes, seconds = (float(part or 0) for part in iso.groups())
        return hours * 3600 + minutes * 60 + seconds
    raise IllegalArgumentException(
        f"{source_name} must be a number of seconds, or like 30s or 500ms, not {word!r}"
    )
