"""The spellings of a DTO's fields: its own names, Java's and the wire's."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, Field, fields
from typing import Any


def camel(name: str) -> str:
    """The Java spelling of a snake_case name."""
    head, *tail = name.split("_")
    return head + "".join(word[:1].upper() + word[1:] for word in tail)


def by_position(cls: type[Any]) -> list[Field[Any]]:
    """The fields in the order of the constructor."""
    return sorted(fields(cls), key=lambda f: not f.metadata.get("positional_first"))


class Names:
    """Every spelling of every field of one DTO class."""

    def __init__(self, cls: type[Any]) -> None:
        self.java_alias: dict[str, str] = {}  # of the fields whose Java name is another
        self.java: list[tuple[str, str]] = []
        self.wire: list[tuple[str, str]] = []
        self.attribute: dict[str, str] = {}  # a field's own name or its Java name -> field
        self.field_of: dict[str, str] = {}  # any spelling, those of JSON too -> field
        ordered = by_position(cls)
        self.defaults = {f.name: f.default for f in ordered}
        self.factories: dict[str, Callable[[], Any]] = {
            f.name: f.default_factory for f in ordered if f.default_factory is not MISSING
        }
        self.secrets = {f.name for f in fields(cls) if f.metadata.get("secret")}
        self.tagged_by = {f.name: t for f in fields(cls) if (t := f.metadata.get("tagged_by"))}
        for f in fields(cls):
            alias = camel(f.name)
            if alias != f.name:
                self.java_alias[alias] = f.name
            java = f.metadata.get("java") or alias
            wire = f.metadata.get("wire") or f.name
            self.java.append((f.name, java))
            self.wire.append((f.name, wire))
            self.attribute |= dict.fromkeys((f.name, alias), f.name)
            self.field_of |= dict.fromkeys((f.name, alias, java, wire), f.name)

    def constructor_values(
        self, cls: type, args: tuple[Any, ...], keywords: Mapping[str, Any]
    ) -> dict[str, Any]:
        """All fields; TypeError for a field that is given twice or that there is not."""
        values = self.defaults.copy()
        for name, make in self.factories.items():
            values[name] = make()
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
        return values

    def reject_both_spellings(self, cls: type, spellings: Iterable[str]) -> None:
        """TypeError for two spellings of one field."""
        spelt: dict[str, str] = {}
        for name in spellings:
            first = spelt.setdefault(self.field_of[name], name)
            if first != name:
                raise TypeError(f"{cls.__name__}: both {first!r} and {name!r} given")

    def suggest(self, name: str) -> str:
        import difflib  # for a misspelt name alone

        near = difflib.get_close_matches(name, self.attribute, n=1)
        return f"; did you mean {near[0]!r}?" if near else ""


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
