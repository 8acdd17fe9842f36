"""The alias rule: every field has one snake_case name, one Java name and one wire name.

A DTO is a dataclass made by `@dto` on the base `Dto`. Its Java (camelCase) names are accepted as
constructor keywords, as attributes and as JSON keys; `to_dict` and `to_json` give them back.
"""

from __future__ import annotations

import functools
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

from .names import BothSpellings, camel, names_of

if sys.version_info >= (3, 11):
    from typing import dataclass_transform
else:
    from typing_extensions import dataclass_transform

D = TypeVar("D", bound="Dto")
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


def field_named(*, default: Any, wire: str | None = None, java: str | None = None) -> Any:
    """A field whose wire or Java JSON name is not the one the rule derives."""
    java_metadata: dict[str, Any] = dict(config(field_name=java)) if java else {}
    return field(default=default, metadata={"wire": wire, "java": java, **java_metadata})


def tagged_by(
    name: str, classes: Mapping[str, type[Dto]], otherwise: type[Dto], *, default: Any
) -> Any:
    """A field whose class depends on the value of another field, its tag."""
    return field(default=default, metadata={"tagged_by": (name, classes, otherwise)})


def secret(*, default: Any) -> Any:
    """A field that no repr shows."""
    return field(default=default, metadata={"secret": True})


def positional_first(*, default: Any) -> Any:
    """A field that by position comes before the inherited ones, as in Java's constructor."""
    return field(default=default, metadata={"positional_first": True})


class Dto(DataClassJsonMixin):
    """The base of every DTO: JSON in Java's names, JSON out of either spelling.

    The four JSON methods have dataclasses-json's signatures and meaning, by plans compiled once
    per class: the library's own walk costs some 100 µs an event.
    """

    dataclass_json_config = config(  # type: ignore[assignment, unused-ignore]  # of 0.6.0
        letter_case=LetterCase.CAMEL
    )["dataclasses_json"]
    __signature__ = BothSpellings()
    if TYPE_CHECKING:  # the stubs show the outcome of `@dto` instead of the decorator
        __dataclass_fields__: ClassVar[dict[str, Field[Any]]]
    else:

        def __init__(self, *args: Any, **keywords: Any) -> None:
            """Any field by position, or by either of its names."""
            cls = type(self)
            vars(self).update(names_of(cls).constructor_values(cls, args, keywords))

    @classmethod
    def _of(cls: type[D], values: dict[str, Any]) -> D:
        """A DTO with these values, by field name, unchecked: the one way round `__init__`.

        `values` becomes its `__dict__`; a field that is not in it has the class's default. A
        stream's event is made so in an eighth of the time its constructor takes.
        """
        made = object.__new__(cls)
        object.__setattr__(made, "__dict__", values)
        return made

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return all(getattr(self, f) == getattr(other, f) for f in names_of(type(self)).defaults)

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
            """No such field; the error of a Java getter or setter names the field to use."""
            bean = re.fullmatch("(?:get|set|is)([A-Z])(.*)", name)
            names = names_of(type(self))
            field_name = names.attribute.get(bean[1].lower() + bean[2]) if bean else None
            hint = f"; it is {field_name!r} here" if field_name else names.suggest(name)
            raise AttributeError(f"{type(self).__name__} has no field {name!r}{hint}")

    def __repr__(self) -> str:
        secrets = names_of(type(self)).secrets
        parts = (
            f"{name}={'***' if name in secrets else repr(value)}"
            for name, value in vars(self).items()
            if value is not None and not name.startswith("_")
        )
        return f"{type(self).__qualname__}({', '.join(parts)})"


class ResponseDto(Dto):
    """A DTO that Dify sends."""

    def _keep_raw(self, raw: Any) -> None:
        """`raw` is the JSON as received: bytes, or what was read of them."""
        vars(self)["_raw"] = raw

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


@dataclass_transform(
    kw_only_default=False,
    field_specifiers=(field, field_named, tagged_by, secret, positional_first),
)
def dto(cls: type[D]) -> type[D]:
    """Make `cls` a dataclass whose Java names work wherever its field names do.

    Its methods are `Dto`'s: to write some for each class would be half the time of the import.
    """
    cls = dataclass(init=False, repr=False, eq=False)(cls)
    for f in fields(cls):
        alias = camel(f.name)
        if alias != f.name and alias not in vars(cls):
            setattr(cls, alias, _alias_property(f.name))
    return cls


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
    names, converters = names_of(cls), _converters(cls, strict)
    known = {key: value for key, value in mapping.items() if key in names.field_of}
    values = {names.field_of[key]: value for key, value in known.items()}
    if strict and len(values) < len(known):
        names.reject_both_spellings(cls, known)
    for name, convert in converters.items():
        if name in values:
            values[name] = convert(values[name])
    for name, (key, classes, otherwise) in names.tagged_by.items():
        if isinstance(value := values.get(name), Mapping):
            tag = values.get(key)
            part = classes.get(tag, otherwise) if isinstance(tag, str) else otherwise
            values[name] = build(part, value, strict=strict)
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
