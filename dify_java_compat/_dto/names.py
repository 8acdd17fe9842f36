"""The spellings of a DTO's fields: its own names, Java's and the wire's."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, Field, fields
from typing import Any

from .library import camel, field_config

_LONGEST_NAME, _MOST_HINTS = 64, 64
_OF_DIFY = {"query": "content", "user": "user_id"}  # what its HTTP API calls them


__all__ = ["BothSpellings", "Names", "by_position", "camel", "names_of"]


def by_position(cls: type[Any]) -> list[Field[Any]]:
    """The fields in the order of the constructor."""
    return sorted(fields(cls), key=lambda f: not f.metadata.get("positional_first"))


class Names:
    """Every spelling of every field of one DTO class."""

    def __init__(self, cls: type[Any]) -> None:
        self._hints: dict[str, str] = {}
        self.java_alias: dict[str, str] = {}  # of the fields whose Java name is another
        self.java: dict[str, str] = {}  # field -> its name in Java's JSON
        self.wire: dict[str, str] = {}  # field -> its name in Dify's
        self.attribute: dict[str, str] = {}  # a field's own name or its Java name -> field
        self.field_of: dict[str, str] = {}  # any spelling, those of JSON too -> field
        ordered = by_position(cls)
        self.defaults = {f.name: f.default for f in ordered}
        self.factories: dict[str, Callable[[], Any]] = {
            f.name: f.default_factory for f in ordered if f.default_factory is not MISSING
        }
        self.compared = [f.name for f in ordered if f.compare]
        self.configured = {f.name: of for f in ordered if (of := field_config(f).encodes)}
        self.decoded = {f.name for f in ordered if field_config(f).decoder}
        self.secrets = {f.name for f in fields(cls) if f.metadata.get("secret")}
        self.tagged_by = {f.name: t for f in fields(cls) if (t := f.metadata.get("tagged_by"))}
        for f in fields(cls):
            alias = camel(f.name)
            if alias != f.name:
                self.java_alias[alias] = f.name
            java = f.metadata.get("java") or field_config(f).json_name or alias
            wire = f.metadata.get("wire") or f.name
            self.java[f.name], self.wire[f.name] = java, wire
            self.attribute |= dict.fromkeys((f.name, alias), f.name)
            self.field_of |= dict.fromkeys((f.name, alias, java, wire), f.name)
        self.blank: dict[str, dict[str, Any]] = {  # the JSON of a DTO that has nothing
            "java": dict.fromkeys(self.java.values()),
            "wire": dict.fromkeys(self.wire.values()),
        }

    def constructor_values(
        self, cls: type, args: tuple[Any, ...], keywords: Mapping[str, Any]
    ) -> dict[str, Any]:
        """All fields; TypeError for a field that is given twice or that there is not."""
        values = self.defaults.copy()
        if len(args) > len(values):
            raise TypeError(f"{cls.__name__} has {len(values)} fields, {len(args)} values given")
        positional = dict(zip(values, args, strict=False))
        for name in keywords:
            if name not in self.attribute:
                raise TypeError(f"{cls.__name__} has no field {name!r}{self.suggest(name)}")
            if self.attribute[name] in positional:
                raise TypeError(f"{cls.__name__}: {name!r} given by position and by name")
        values.update(positional)
        self.reject_both_spellings(cls, keywords)
        for name, value in keywords.items():
            values[self.attribute[name]] = value
        for name, make in self.factories.items():  # no field of ours that has one is ever None
            if values[name] is None or values[name] is MISSING:
                values[name] = make()
        return values

    def encoded(self, values: Mapping[str, Any]) -> tuple[dict[str, Any], set[str]]:
        """`values` after the encoders of fields that have some, and the fields to leave out."""
        values, excluded = dict(values), set()
        for name, (encoder, exclude) in self.configured.items():
            if exclude is not None and exclude(values.get(name)):
                excluded.add(name)
                values.pop(name, None)
            elif encoder is not None:
                values[name] = encoder(values.get(name))
        return values, excluded

    def reject_both_spellings(self, cls: type, spellings: Iterable[str]) -> None:
        """TypeError for two spellings of one field."""
        spelt: dict[str, str] = {}
        for name in spellings:
            first = spelt.setdefault(self.field_of[name], name)
            if first != name:
                raise TypeError(f"{cls.__name__}: both {first!r} and {name!r} given")

    def suggest(self, name: str) -> str:
        """A hint for a name that there is not; kept, for code may ask for it at each event."""
        hint = self._hints.get(name)
        if hint is None:
            hint = ""
            if _OF_DIFY.get(name) in self.attribute:
                hint = f"; it is {_OF_DIFY[name]!r} here"
            elif len(name) <= _LONGEST_NAME:
                import difflib  # for a misspelt name alone

                near = difflib.get_close_matches(name, self.attribute, n=1)
                hint = f"; did you mean {near[0]!r}?" if near else ""
            if len(self._hints) < _MOST_HINTS:
                self._hints[name] = hint
        return hint


names_of: Callable[[type], Names] = functools.cache(Names)
"""The spellings of a DTO class, found out once."""


class BothSpellings:
    """The signature of a DTO class: its fields, then their Java names by keyword."""

    def __get__(self, _instance: object, cls: type[Any]) -> inspect.Signature:
        names = names_of(cls)
        default = {**names.defaults, **names.factories}
        ours = (
            inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=value)
            for name, value in default.items()
        )
        java = (
            inspect.Parameter(alias, inspect.Parameter.KEYWORD_ONLY, default=default[name])
            for alias, name in names.java_alias.items()
        )
        return inspect.Signature([*ours, *java])
