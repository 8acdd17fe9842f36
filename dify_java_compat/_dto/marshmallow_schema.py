"""The marshmallow schema of a DTO, which dataclasses-json's own builder fails to make."""

from __future__ import annotations

import functools
import types
import typing
from collections.abc import Mapping
from dataclasses import Field
from dataclasses import fields as fields_of
from enum import Enum
from typing import TYPE_CHECKING, Any

from marshmallow import Schema, ValidationError, fields, post_load, pre_load

from .dto import Dto, admits_none, build, is_dto, plain
from .library import field_config
from .names import names_of

_SIMPLE: dict[Any, type[fields.Field]] = {
    str: fields.String,
    int: fields.Integer,
    float: fields.Float,
    bool: fields.Boolean,
    dict: fields.Dict,
}


class DtoSchema(Schema):
    """Loads a DTO of either spelling, and dumps it with Java's names."""

    dto_class: type[Dto]

    @pre_load
    def _in_java_spelling(self, data: Any, **_: Any) -> Any:
        if not isinstance(data, Mapping):
            return data  # marshmallow says what is wrong with it
        names = names_of(self.dto_class)
        known = {key: value for key, value in data.items() if key in names.field_of}
        try:
            names.reject_both_spellings(self.dto_class, known)
        except TypeError as error:
            raise ValidationError(str(error)) from None
        java = names.java
        unknown = {key: value for key, value in data.items() if key not in names.field_of}
        return {**unknown, **{java[names.field_of[key]]: value for key, value in known.items()}}

    @post_load
    def _make(self, values: dict[str, Any], **_: Any) -> Dto:
        return build(self.dto_class, values)

    def dumps(self, obj: Any, *args: Any, **options: Any) -> Any:
        """As JSON text, Chinese unescaped as in `to_json`."""
        return super().dumps(obj, *args, **{"ensure_ascii": False, **options})


def new_schema(cls: type[Dto], options: Mapping[str, Any]) -> DtoSchema:
    """A schema with marshmallow's options; those that name fields take either spelling."""
    spelt = names_of(cls).attribute
    own: dict[str, Any] = {"unknown": "exclude"}
    for option, value in options.items():
        if value is not None:
            if option in ("only", "exclude", "load_only", "dump_only"):
                parts = (str(name).partition(".") for name in value)
                value = [spelt.get(name, name) + dot + rest for name, dot, rest in parts]
            own[option] = value
    return schema_of(cls)(**own)


@functools.cache
def schema_of(cls: type[Dto]) -> type[DtoSchema]:
    """The schema of a DTO class."""
    hints, java = typing.get_type_hints(cls), names_of(cls).java
    members: dict[str, Any] = {
        f.name: _field(cls, f, hints[f.name], java[f.name]) for f in fields_of(cls)
    }
    return type(f"{cls.__name__}Schema", (DtoSchema,), {**members, "dto_class": cls})


def _field(cls: type[Dto], f: Field[Any], hint: Any, java: str) -> Any:
    own, names = field_config(f), names_of(cls)
    if own.mm_field is not None:
        return own.mm_field
    tagged = f.name in names.tagged_by
    # with a factory, null is what that makes
    allow_none = admits_none(hint) or f.default is None or f.name in names.factories
    made = _of_hint(Any if tagged or own.decoder else hint)(data_key=java, allow_none=allow_none)
    if own.encoder is not None:
        _serialize_by(made, own.encoder)
    elif not isinstance(made, fields.Nested):
        _serialize_by(made, functools.partial(plain, spelling="java"))
    return made


def _of_hint(hint: Any) -> Any:
    """What makes the field of a type hint; of one that no field has, `Raw`: any value."""
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        others = [each for each in typing.get_args(hint) if each is not types.NoneType]
        return _of_hint(others[0]) if len(others) == 1 else fields.Raw
    if is_dto(hint):
        return functools.partial(_Part, schema_of(hint))
    if isinstance(hint, type) and issubclass(hint, Enum):
        return functools.partial(fields.Enum, hint, by_value=True)
    origin = typing.get_origin(hint) or hint
    if origin is list:
        item = typing.get_args(hint)[0]
        if is_dto(item):
            return functools.partial(_Part, schema_of(item), many=True)
        return functools.partial(fields.List, _of_hint(item)())
    return _SIMPLE.get(origin, fields.Raw)


class _Part(fields.Nested):
    """A DTO, or a list of them, within a DTO; what is there instead is dumped as it is."""

    def __init__(self, nested: type[DtoSchema], **options: Any) -> None:
        super().__init__(nested, unknown="exclude", **options)

    if not TYPE_CHECKING:  # whose signature is not the one that marshmallow declares

        def _serialize(self, value: Any, attr: Any, obj: Any, **options: Any) -> Any:
            parts = value if self.many and isinstance(value, list) else [value]
            if all(isinstance(part, Dto) for part in parts):
                return super()._serialize(value, attr, obj, **options)
            return plain(value, "java")


def _serialize_by(made: Any, encode: Any) -> None:
    made._serialize = lambda value, *_, **__: encode(value)
