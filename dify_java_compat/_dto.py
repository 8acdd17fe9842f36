"""The alias rule: every field has one snake_case name, one Java name and one wire name.

A DTO is a dataclass made by `@dto` on the base `Dto`. Its Java (camelCase) names are accepted as
constructor keywords, as attributes and as JSON keys; `to_dict` and `to_json` give them back.
"""

from __future__ import annotations

import difflib
import functools
import inspect
import json
import re
import sys
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import Field, dataclass, field, fields
from enum import Enum
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import msgspec
from dataclasses_json import DataClassJsonMixin, LetterCase, config

if sys.version_info >= (3, 11):
    from typing import dataclass_transform
else:
    from typing_extensions import dataclass_transform

D = TypeVar("D", bound="Dto")
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


def camel(name: str) -> str:
    """The Java spelling of a snake_case name."""
    head, *tail = name.split("_")
    return head + "".join(word[:1].upper() + word[1:] for word in tail)


def named(*, default: Any, wire: str | None = None, java: str | None = None) -> Any:
    """A field whose wire or Java JSON name is not the one the rule derives."""
    java_metadata: dict[str, Any] = dict(config(field_name=java)) if java else {}
    return field(default=default, metadata={"wire": wire, "java": java, **java_metadata})


def chosen_by(
    name: str, classes: Mapping[str, type[Dto]], otherwise: type[Dto], *, default: Any
) -> Any:
    """A field whose class the value of another field says."""
    return field(default=default, metadata={"chosen_by": (name, classes, otherwise)})


def secret(*, default: Any) -> Any:
    """A field that no repr shows."""
    return field(default=default, metadata={"secret": True})


class Names:
    """Every spelling of every field of one DTO class."""

    def __init__(self, cls: type[Any]) -> None:
        self.java_alias: dict[str, str] = {}  # of the fields whose Java name is another
        self.java: list[tuple[str, str]] = []
        self.wire: list[tuple[str, str]] = []
        self.attribute: dict[str, str] = {}  # a field's own name or its Java name -> field
        self.field_of: dict[str, str] = {}  # any spelling, those of JSON too -> field
        self.secrets = {f.name for f in fields(cls) if f.metadata.get("secret")}
        self.chosen_by = {f.name: c for f in fields(cls) if (c := f.metadata.get("chosen_by"))}
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

    def to_fields(self, cls: type, given: Mapping[str, Any]) -> dict[str, Any]:
        """`given` by field name; TypeError for two spellings of one field or an unknown name."""
        for name in given:
            if name not in self.attribute:
                raise TypeError(f"{cls.__name__} has no field {name!r}{self.suggest(name)}")
        return {self.attribute[name]: given[name] for name in self.once(cls, given)}

    def once(self, cls: type, given: Iterable[str]) -> Iterable[str]:
        """`given`; TypeError for two spellings of one field."""
        spelt: dict[str, str] = {}
        for name in given:
            first = spelt.setdefault(self.field_of[name], name)
            if first != name:
                raise TypeError(f"{cls.__name__}: both {first!r} and {name!r} given")
        return given

    def suggest(self, name: str) -> str:
        near = difflib.get_close_matches(name, self.attribute, n=1)
        return f"; did you mean {near[0]!r}?" if near else ""


@functools.cache
def names_of(cls: Any) -> Names:
    return Names(cls)


class Dto(DataClassJsonMixin):
    """The base of every DTO: JSON in Java's names, JSON out of either spelling.

    The four JSON methods have dataclasses-json's signatures and meaning, by plans compiled once
    per class: the library's own walk costs some 100 µs an event.
    """

    dataclass_json_config = config(  # type: ignore[assignment, unused-ignore]  # of 0.6.0
        letter_case=LetterCase.CAMEL
    )["dataclasses_json"]
    if TYPE_CHECKING:  # the stubs show the outcome of `@dto` instead of the decorator
        __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    def to_dict(self, encode_json: bool = False) -> dict[str, Any]:
        """The fields under Java's names, nested DTOs too; nulls included, as Jackson does."""
        return _plain(self, "java")  # type: ignore[no-any-return]

    def to_wire(self) -> dict[str, Any]:
        """The fields under the names Dify's JSON has."""
        return _plain(self, "wire")  # type: ignore[no-any-return]

    def to_json(self, **options: Any) -> str:
        """`to_dict` as compact JSON, Chinese unescaped; `options` are those of `json.dumps`."""
        if options:
            return json.dumps(self.to_dict(), **{"ensure_ascii": False, **options})
        try:
            return msgspec.json.encode(self.to_dict()).decode()
        except (UnicodeEncodeError, TypeError):  # a lone surrogate, or a value only json knows
            text = json.dumps(self.to_dict(), ensure_ascii=False, separators=(",", ":"))
            return _LONE_SURROGATE.sub(lambda m: f"\\u{ord(m[0]):04x}", text)

    @classmethod
    def from_dict(cls: type[D], kvs: Any, *, infer_missing: bool = False) -> D:
        """Either spelling of every name, unknown names left out, wrong types kept as they are."""
        if not isinstance(kvs, Mapping):
            raise TypeError(f"{cls.__name__}.from_dict takes a mapping, not {type(kvs).__name__}")
        return build(cls, kvs)

    @classmethod
    def from_json(cls: type[D], s: str | bytes | bytearray, **options: Any) -> D:
        """`from_dict` of a JSON object; `options` are those of `json.loads`."""
        infer_missing = options.pop("infer_missing", False)
        return cls.from_dict(json.loads(s, **options), infer_missing=infer_missing)

    if not TYPE_CHECKING:  # a checker would take it to mean that any name may be set

        def __setattr__(self, name: str, value: Any) -> None:
            names = names_of(type(self))
            if name not in names.attribute:
                hint = names.suggest(name)
                raise AttributeError(f"{type(self).__name__} has no field {name!r}{hint}")
            object.__setattr__(self, name, value)

        def __getattr__(self, name: str) -> Any:
            """What no field is called; a Java getter or setter is told its field."""
            bean = re.fullmatch("(?:get|set|is)([A-Z])(.*)", name)
            names = names_of(type(self))
            field_name = names.attribute.get(bean[1].lower() + bean[2]) if bean else None
            hint = f"; it is {field_name!r} here" if field_name else names.suggest(name)
            raise AttributeError(f"{type(self).__name__} has no field {name!r}{hint}")

    def __repr__(self) -> str:
        secrets = names_of(type(self)).secrets
        shown = (
            f"{name}={'***' if name in secrets else repr(value)}"
            for name, value in vars(self).items()
            if value is not None and not name.startswith("_")
        )
        return f"{type(self).__qualname__}({', '.join(shown)})"


class ResponseDto(Dto):
    """A DTO that Dify sends."""

    @property
    def raw(self) -> dict[str, Any]:
        """The JSON object as received, with the fields nobody knows.

        {} where built by hand, and in a part of another DTO: that one's `raw` has it all.
        """
        raw = vars(self).get("_raw")
        if isinstance(raw, bytes):
            raw = vars(self)["_raw"] = loads(raw)
        return raw or {}


def loads(data: bytes) -> Any:
    """Any JSON that Python's own reader takes: NaN and lone surrogates too. ValueError if not."""
    try:
        return msgspec.json.decode(data)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        pass
    try:
        return json.loads(data.decode("utf-8", "replace"))
    except RecursionError as nested:
        raise ValueError("JSON nested too deep") from nested


@dataclass_transform(kw_only_default=False, field_specifiers=(field, named, chosen_by, secret))
def dto(cls: type[D]) -> type[D]:
    """Make `cls` a dataclass whose Java names work wherever its field names do."""
    cls = dataclass(repr=False)(cls)
    names = names_of(cls)
    construct = cls.__init__

    @functools.wraps(construct)
    def __init__(self: D, *args: Any, **given: Any) -> None:
        construct(self, *args, **(names.to_fields(cls, given) if given else {}))

    cls.__init__ = __init__  # type: ignore[method-assign, assignment]
    __init__.__signature__ = _both_spellings(construct, names)  # type: ignore[attr-defined]
    for alias, name in names.java_alias.items():
        if alias not in vars(cls):
            setattr(cls, alias, _alias_property(name))
    return cls


def _both_spellings(construct: Callable[..., None], names: Names) -> inspect.Signature:
    snake = list(inspect.signature(construct).parameters.values())
    default = {p.name: p.default for p in snake}
    java = (
        inspect.Parameter(alias, inspect.Parameter.KEYWORD_ONLY, default=default[name])
        for alias, name in names.java_alias.items()
        if name in default
    )
    return inspect.Signature([*snake, *java])


def _alias_property(name: str) -> property:
    def fget(self: Dto) -> Any:
        return getattr(self, name)

    def fset(self: Dto, value: Any) -> None:
        setattr(self, name, value)

    return property(fget, fset, doc=f"Java's name of `{name}`.")


def _plain(value: Any, spelling: typing.Literal["java", "wire"]) -> Any:
    """A value as `json.dumps` takes it, DTOs as dicts in one spelling."""
    kind: Any = type(value)
    if kind in _SCALARS:
        return value
    if kind is dict:
        return {key: _plain(item, spelling) for key, item in value.items()}
    if kind is list or kind is tuple:
        return [_plain(item, spelling) for item in value]
    if isinstance(value, Dto):
        names: Iterable[tuple[str, str]] = getattr(names_of(kind), spelling)
        values = vars(value)  # msgspec leaves a field that did not come to the class: None
        return {
            out: item if type(item := values.get(name)) in _SCALARS else _plain(item, spelling)
            for name, out in names
        }
    return value.value if isinstance(value, Enum) else value


_SCALARS = frozenset((str, int, float, bool, types.NoneType))


def build(cls: type[D], mapping: Mapping[str, Any], *, strict: bool = True) -> D:
    """A DTO from JSON in any spelling, each value of an unexpected type kept as it is.

    With `strict`, two spellings of one field are a TypeError; without, the last one counts.
    """
    key: Any = cls
    names, converters = names_of(key), _converters(key, strict)
    known = {key: value for key, value in mapping.items() if key in names.field_of}
    values = {names.field_of[key]: value for key, value in known.items()}
    if strict and len(values) < len(known):
        names.once(cls, known)
    for name, convert in converters.items():
        if name in values:
            values[name] = convert(values[name])
    for name, (key, classes, otherwise) in names.chosen_by.items():
        if isinstance(value := values.get(name), Mapping):
            says = values.get(key)
            chosen = classes.get(says, otherwise) if isinstance(says, str) else otherwise
            values[name] = build(chosen, value, strict=strict)
    return cls(**values)


@functools.cache
def _converters(cls: Any, strict: bool) -> dict[str, Callable[[Any], Any]]:
    hints = typing.get_type_hints(cls)
    found = ((f.name, _converter(hints[f.name], strict)) for f in fields(cls))
    return {name: convert for name, convert in found if convert}


def _converter(hint: Any, strict: bool) -> Callable[[Any], Any] | None:
    """What turns JSON into `hint`; None where JSON is already the value."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if Any in arguments:
        return None
    if origin in (typing.Union, types.UnionType):
        found = (convert for argument in arguments if (convert := _converter(argument, strict)))
        return next(found, None)
    if is_dto(hint):
        return lambda v: build(hint, v, strict=strict) if isinstance(v, Mapping) else v
    if origin is None and isinstance(hint, type) and issubclass(hint, Enum):
        # a list, for values of any type; null is no value, as in Jackson
        known = [member.value for member in hint if member.value is not None]
        return lambda value: hint(value) if value in known else value
    if origin is list and (item := _converter(arguments[0], strict)):
        return functools.partial(_each, item)
    return None


def is_dto(hint: Any) -> bool:
    """Whether a type hint is a DTO class; Python 3.10 takes `list[str]` for a type."""
    return typing.get_origin(hint) is None and isinstance(hint, type) and issubclass(hint, Dto)


def _each(convert: Callable[[Any], Any], values: Any) -> Any:
    return [convert(value) for value in values] if isinstance(values, list) else values
