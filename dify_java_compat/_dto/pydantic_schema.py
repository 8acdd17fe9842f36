"""How pydantic validates, writes and describes a DTO; read when it asks, and never sooner."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

from pydantic_core import InitErrorDetails, PydanticCustomError, ValidationError, core_schema

from .dto import Dto, admits_none, build, plain
from .library import field_config
from .names import names_of


def core_schema_of(cls: type[Dto], source: Any, handler: Any) -> Any:
    """The schema of a DTO class: an instance as it is, or a mapping in either spelling.

    `source` is the class, or it with its items: `DifyPageResult[MessagesResponseVO]`.

    A value of the wrong type is pydantic's error, except that numbers are texts too, as for
    Jackson. Unknown names are passed over.
    """
    names, hints = names_of(cls), _hints(cls, source)
    members = {
        f.name: _member(cls, f, hints[f.name], names.java[f.name], handler) for f in fields(cls)
    }
    return core_schema.no_info_wrap_validator_function(
        _validator(cls),
        core_schema.typed_dict_schema(
            members,
            total=False,
            config={"coerce_numbers_to_str": True, "title": cls.__name__},
        ),
        ref=f"{cls.__module__}.{cls.__qualname__}:{id(cls)}{_items(source)}",
        serialization=core_schema.plain_serializer_function_ser_schema(_serialize, info_arg=True),
    )


class _OfGeneric:
    """As an annotation: the schema of a generic class with its items."""

    def __init__(self, cls: type[Dto], source: Any) -> None:
        self._class, self._source = cls, source

    def __get_pydantic_core_schema__(self, _: Any, handler: Any) -> Any:
        return core_schema_of(self._class, self._source, handler)


def generic_schema_of(cls: type[Dto], source: Any) -> Any:
    """The whole schema of a class with its items, made apart from any other."""
    from pydantic import TypeAdapter

    adapter: Any = TypeAdapter(typing.Annotated[Any, _OfGeneric(cls, source)])
    return adapter.core_schema


def _hints(cls: type[Dto], source: Any) -> dict[str, Any]:
    """The types of the fields, with the items of a generic class in their places."""
    hints = typing.get_type_hints(cls)
    parameters = getattr(cls, "__parameters__", ())
    items = dict(zip(parameters, typing.get_args(source), strict=False))
    for name, hint in hints.items():
        if hint in parameters:
            hints[name] = items.get(hint, Any)
        elif needed := getattr(hint, "__parameters__", ()):
            hints[name] = hint[tuple(items.get(each, Any) for each in needed)]
    return hints


def _items(source: Any) -> str:
    """The items of a generic class, as a part of a name that is told apart by it."""
    names = [
        f"{getattr(each, '__module__', '')}.{getattr(each, '__qualname__', each)}:{id(each)}"
        for each in typing.get_args(source)
    ]
    return f"[{','.join(names)}]" if names else ""


def _member(cls: type[Dto], f: Any, hint: Any, java: str, handler: Any) -> Any:
    names = names_of(cls)
    part: Any
    if field_config(f).decoder is not None:
        part = core_schema.any_schema()
    elif f.name in names.tagged_by:
        _, classes, otherwise = names.tagged_by[f.name]
        kinds = dict.fromkeys([*classes.values(), otherwise])
        choices = [handler.generate_schema(kind) for kind in kinds]
        choices.append(core_schema.none_schema())
        # which one it is, its tag says: `build` chooses; the union is for the description
        part = core_schema.no_info_wrap_validator_function(
            lambda value, _: value, core_schema.union_schema(choices)
        )
    else:
        part = handler.generate_schema(hint)
    make = names.factories.get(f.name)
    if make and not admits_none(hint):  # null is what it makes
        part = core_schema.no_info_before_validator_function(
            lambda value: make() if value is None else value, part
        )
    if f.name in names.secrets:
        part = core_schema.no_info_wrap_validator_function(_without_input, part)
    if f.default is None or isinstance(f.default, (bool, int, float, str)):
        part = core_schema.with_default_schema(part, default=f.default)
    others = sorted(k for k, name in names.field_of.items() if name == f.name and k != java)
    spellings: list[list[str | int]] = [[spelling] for spelling in (java, *others)]
    return core_schema.typed_dict_field(
        part,
        required=False,
        validation_alias=spellings,
        serialization_alias=java,
    )


def _validator(cls: type[Dto]) -> Callable[[Any, Any], Any]:
    def validate(value: Any, handler: Any) -> Any:
        if isinstance(value, cls):
            return value
        names = names_of(cls)
        if isinstance(value, Mapping):
            known = [key for key in value if key in names.field_of]
            try:
                names.reject_both_spellings(cls, known)
            except TypeError as error:
                raise _error("both_spellings", str(error)) from None
            present = {names.field_of[key] for key in known}
            values = handler(dict(value))
            return build(cls, {name: values[name] for name in values if name in present})
        return build(cls, handler(value))

    return validate


def _without_input(value: Any, handler: Any) -> Any:
    """A secret; pydantic's own error would show it."""
    try:
        return handler(value)
    except ValidationError as error:
        kinds = ", ".join(sorted({line["type"] for line in error.errors(include_input=False)}))
        raise _error("secret", f"a value of the wrong type ({kinds})") from None


def _error(kind: Any, text: str) -> ValidationError:
    """An error without the input, which may have a key in it."""
    custom = PydanticCustomError(kind, "{text}", {"text": text})
    line = InitErrorDetails(type=custom, input="***")
    return ValidationError.from_exception_data("Dto", [line])


def _serialize(value: Any, info: Any) -> Any:
    made = plain(value, "java", bool(info.exclude_none))
    if info.exclude_defaults and isinstance(value, Dto) and isinstance(made, dict):
        names = names_of(type(value))
        made_new = {name: make() for name, make in names.factories.items()}
        default = {**names.defaults, **made_new}
        kept = {java for name, java in names.java.items() if getattr(value, name) != default[name]}
        made = {name: item for name, item in made.items() if name in kept}
    return made


def json_schema_of(cls: type[Dto], schema: Any, handler: Any) -> Any:
    """The JSON schema, with the name and the first paragraph of the class."""
    made = handler(schema)
    description = handler.resolve_ref_schema(made)
    description["title"] = cls.__qualname__
    if doc := inspect.getdoc(cls):
        description["description"] = doc.partition("\n\n")[0].replace("\n", " ")
    return made
