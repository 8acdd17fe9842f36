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
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from enum import Enum
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import msgspec
from dataclasses_json import DataClassJsonMixin, config

from .library import CLASS_CONFIG, reader_of
from .names import BothSpellings, camel, names_of
from .values import SCALARS, hashable, loads, readable

if sys.version_info >= (3, 11):
    from typing import dataclass_transform
else:
    from typing_extensions import dataclass_transform

D = TypeVar("D", bound="Dto")
_TOO_DEEP = "holds values nested too deep"
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
    """A field that no repr shows, that of a dataclass made of the DTO neither."""
    return field(default=default, repr=False, metadata={"secret": True})


def positional_first(*, default: Any) -> Any:
    """A field that by position comes before the inherited ones, as in Java's constructor."""
    return field(default=default, metadata={"positional_first": True})


class Dto(DataClassJsonMixin):
    """The base of every DTO: JSON in Java's names, JSON out of either spelling.

    The four JSON methods have dataclasses-json's signatures and meaning, by plans compiled once
    per class: the library's own walk costs some 100 µs an event. Where the library walks over a
    DTO itself, in a class of the caller's, `dataclass_json_config` has it keep to them.

    Equal DTOs have equal hashes, as in Java: one that is changed is no longer found in a set.
    """

    dataclass_json_config: Any = CLASS_CONFIG
    __signature__: ClassVar[BothSpellings] = BothSpellings()
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
        return all(getattr(self, f) == getattr(other, f) for f in names_of(type(self)).compared)

    def __hash__(self) -> int:
        return hash(tuple(hashable(getattr(self, f)) for f in names_of(type(self)).compared))

    def __init_subclass__(cls, **keywords: Any) -> None:
        """A subclass that `@dataclass` gives an `__eq__` would lose the hash without its own."""
        super().__init_subclass__(**keywords)
        if "__hash__" not in vars(cls):
            cls.__hash__ = Dto.__hash__  # type: ignore[method-assign]

    def to_dict(self, encode_json: bool = False, exclude_none: bool = False) -> dict[str, Any]:
        """The fields under Java's names, nested DTOs too; nulls included, as Jackson does.

        With `exclude_none` fields that are null are left out, as with Jackson's NON_NULL. Maps and
        lists keep theirs. ValueError for values that nest too deep for Python, or hold themselves.
        """
        return _plain_dto(self, "java", exclude_none)

    def to_wire(self) -> dict[str, Any]:
        """The fields under the names Dify's JSON has; raises as `to_dict`."""
        return _plain_dto(self, "wire")

    def to_json(self, *, exclude_none: bool = False, **options: Any) -> str:
        """`to_dict` as compact JSON, Chinese unescaped; `options` are those of `json.dumps`."""
        values = self.to_dict(exclude_none=exclude_none)
        try:
            if options:
                return json.dumps(values, **{"ensure_ascii": False, **options})
            try:
                return msgspec.json.encode(values).decode()
            except (UnicodeEncodeError, TypeError):  # a lone surrogate, or a value only json knows
                text = json.dumps(values, ensure_ascii=False, separators=(",", ":"))
                return _LONE_SURROGATE.sub(lambda m: f"\\u{ord(m[0]):04x}", text)
        except RecursionError:
            raise ValueError(f"{type(self).__name__} {_TOO_DEEP}") from None

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
        text = s.removeprefix("\ufeff") if isinstance(s, str) else s
        try:
            value = json.loads(text, **options)
        except RecursionError:
            raise ValueError("JSON nested too deep") from None
        return cls.from_dict(value, infer_missing=infer_missing)

    @classmethod
    def schema(cls: type[D], *, infer_missing: bool = False, **options: Any) -> Any:
        """A marshmallow schema: dumps Java's names, loads either spelling into a DTO.

        It validates types, as `from_dict` does not, and ignores unknown names. `options` are those
        of a marshmallow Schema; each field may be missing, so `infer_missing` changes nothing.
        """
        from .marshmallow_schema import new_schema

        return new_schema(cls, options)

    if not TYPE_CHECKING:  # a checker knows which ones are generic

        def __class_getitem__(cls, parameters: Any) -> Any:
            """A generic DTO of certain items, which pydantic would take for a mere dataclass."""
            if not hasattr(super(), "__class_getitem__"):
                raise TypeError(f"{cls.__name__} is not generic")
            alias = super().__class_getitem__(parameters)
            alias.__get_pydantic_core_schema__ = cls.__get_pydantic_core_schema__
            alias.__pydantic_core_schema__ = _SchemaOnDemand(cls, alias)
            return alias

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        """How pydantic, and so FastAPI, reads either spelling and writes Java's names."""
        from .pydantic_schema import core_schema_of

        return core_schema_of(cls, source, handler)

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: Any, handler: Any) -> Any:
        from .pydantic_schema import json_schema_of

        return json_schema_of(cls, core_schema, handler)

    if not TYPE_CHECKING:  # a checker would take it to mean that any name may be set

        def __setattr__(self, name: str, value: Any) -> None:
            names = names_of(type(self))
            if name not in names.attribute:
                hint = names.suggest(name)
                raise AttributeError(f"{type(self).__name__} has no field {name!r}{hint}")
            object.__setattr__(self, names.attribute[name], value)

        def __getattr__(self, name: str) -> Any:
            """No such field; the error of a Java getter or setter names the field to use."""
            names = names_of(type(self))
            if names.java_alias.get(name) in vars(self):  # of a subclass that is a plain dataclass
                return vars(self)[names.java_alias[name]]
            bean = re.fullmatch("(?:get|set|is)([A-Z])(.*)", name)
            meant = bean[1].lower() + bean[2] if bean else name
            field_name = names.attribute.get(meant) if bean else None
            hint = f"; it is {field_name!r} here" if field_name else names.suggest(meant)
            raise AttributeError(f"{type(self).__name__} has no field {name!r}{hint}")

    def __repr__(self) -> str:
        secrets = names_of(type(self)).secrets
        parts = (
            f"{name}={'***' if name in secrets else readable(value)}"
            for name, value in vars(self).items()
            if value is not None and not name.startswith("_")
        )
        return f"{type(self).__qualname__}({', '.join(parts)})"


class _SchemaOnDemand(dict[str, Any]):
    """What pydantic finds where it looks for the schema of a generic dataclass: ours."""

    def __init__(self, cls: type[Dto], alias: Any) -> None:
        super().__init__()
        self._class, self._alias = cls, alias

    def __missing__(self, key: str) -> Any:
        from .pydantic_schema import generic_schema_of

        self.update(generic_schema_of(self._class, self._alias))
        return self.get(key)


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


def _plain_dto(
    value: Dto, spelling: typing.Literal["java", "wire"], exclude_none: bool = False
) -> dict[str, Any]:
    try:
        return plain(value, spelling, exclude_none)  # type: ignore[no-any-return]
    except RecursionError:
        raise ValueError(f"{type(value).__name__} {_TOO_DEEP}") from None


def plain(value: Any, spelling: typing.Literal["java", "wire"], exclude_none: bool = False) -> Any:
    """A value as `json.dumps` takes it, DTOs as dicts in one spelling."""
    kind: Any = type(value)
    if kind in SCALARS:
        return value
    # that a scalar is itself is said wherever it stands, for a call would cost more than it
    if kind is dict:
        return {
            key: item if type(item) in SCALARS else plain(item, spelling, exclude_none)
            for key, item in value.items()
        }
    if kind is list or kind is tuple:
        return [
            item if type(item) in SCALARS else plain(item, spelling, exclude_none) for item in value
        ]
    if isinstance(value, Dto):
        names = names_of(kind)
        spelt: dict[str, str] = getattr(names, spelling)
        values, made = vars(value), names.blank[spelling].copy()
        if names.configured:
            values, excluded = names.encoded(values)
            for name in excluded:
                del made[spelt[name]]
        for name, item in values.items():  # of an event only what came
            if name in spelt:
                is_scalar = type(item) in SCALARS
                made[spelt[name]] = item if is_scalar else plain(item, spelling, exclude_none)
        return {name: v for name, v in made.items() if v is not None} if exclude_none else made
    return value.value if isinstance(value, Enum) else value


def build(cls: type[D], mapping: Mapping[str, Any], *, strict: bool = True) -> D:
    """A DTO from JSON in any spelling, each value of an unexpected type kept as it is.

    With `strict`, two spellings of one field are a TypeError; without, the last one counts.
    """
    names = names_of(cls)
    known = {key: value for key, value in mapping.items() if key in names.field_of}
    values = {names.field_of[key]: value for key, value in known.items()}
    if strict and len(values) < len(known):
        names.reject_both_spellings(cls, known)
    return cls(**converted(cls, values, strict))


def converted(cls: type[Dto], values: dict[str, Any], strict: bool) -> dict[str, Any]:
    """Values by field name, JSON made into the DTOs of their fields; changed in place."""
    for name, convert in _converters(cls, strict).items():
        if name in values:
            values[name] = convert(values[name])
    for name, (key, classes, otherwise) in names_of(cls).tagged_by.items():
        if isinstance(value := values.get(name), Mapping):
            tag = values.get(key)
            part = classes.get(tag, otherwise) if isinstance(tag, str) else otherwise
            values[name] = build(part, value, strict=strict)
    return values


@functools.cache
def _converters(cls: Any, strict: bool) -> dict[str, Callable[[Any], Any]]:
    hints, found = typing.get_type_hints(cls), {}
    for f in fields(cls):
        convert = reader_of(f)
        if convert is None:
            convert = _converter(hints[f.name], strict)
            if f.default_factory is not MISSING and not admits_none(hints[f.name]):
                convert = functools.partial(_or_made, f.default_factory, convert)
        if f.init and convert:
            found[f.name] = convert
    return found


def _or_made(make: Any, convert: Callable[[Any], Any] | None, value: Any) -> Any:
    """`value` converted; in place of null what the field's factory makes."""
    if value is None:
        return make()
    return convert(value) if convert else value


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


def admits_none(hint: Any) -> bool:
    """Whether None is a value of a type hint."""
    return hint is Any or types.NoneType in typing.get_args(hint)


def _each(convert: Callable[[Any], Any], values: Any) -> Any:
    return [convert(value) for value in values] if isinstance(values, list) else values
