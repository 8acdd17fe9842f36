"""dataclasses-json's own configuration: what a field of the caller's has, and what ours have.

The library walks over a DTO that is a part of a class of the caller's (`@dataclass_json`), and over
a subclass that was decorated so. It does not know the tag that chooses a class, nor the wire's
names; it fails on a value of another type. `CLASS_CONFIG` has it leave all that to the DTO.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import Field
from typing import Any, NamedTuple

from dataclasses_json import Undefined


def camel(name: str) -> str:
    """The Java spelling of a snake_case name."""
    if "_" not in name:  # as most are not, of a thousand that are asked for at import
        return name
    head, *tail = name.split("_")
    return head + "".join(word[:1].upper() + word[1:] for word in tail)


class FieldConfig(NamedTuple):
    """What `config(...)` says of a field; None where it says nothing."""

    json_name: str | None = None
    encoder: Callable[[Any], Any] | None = None
    decoder: Callable[[Any], Any] | None = None
    exclude: Callable[[Any], bool] | None = None
    mm_field: Any = None

    @property
    def encodes(self) -> tuple[Any, Any] | None:
        """Its encoder and exclusion, where it has one of them."""
        return (self.encoder, self.exclude) if self.encoder or self.exclude else None


_NO_CONFIG = FieldConfig()


def field_config(f: Field[Any]) -> FieldConfig:
    """The library's configuration of a field."""
    found = f.metadata.get("dataclasses_json")
    if not found:
        return _NO_CONFIG
    letter_case = found.get("letter_case")
    others = {name: found.get(name) for name in ("encoder", "decoder", "exclude", "mm_field")}
    return FieldConfig(letter_case(f.name) if letter_case else None, **others)


def reader_of(f: Field[Any]) -> Callable[[Any], Any] | None:
    """What turns JSON into the value of a field that has a decoder; None stays None."""
    decoder = field_config(f).decoder
    return None if decoder is None else lambda value: None if value is None else decoder(value)


def _unchanged(value: Any) -> Any:
    return value


class _LeaveToDto:
    """How the library is to treat the names of a DTO that it does not know: by these four calls."""

    @staticmethod
    def handle_from_dict(
        cls: Any,  # pyright: ignore[reportSelfClsParameterName]
        kvs: Mapping[str, Any],
    ) -> dict[str, Any]:
        """The values of the fields, of JSON in any spelling."""
        from .dto import converted
        from .names import names_of

        names = names_of(cls)
        values = {name: value for name, value in kvs.items() if name in names.defaults}
        for name, value in kvs.items():
            if name not in names.defaults and name in names.field_of:
                values[names.field_of[name]] = value
        own = {name: values.pop(name) for name in names.decoded if name in values}
        return {**converted(cls, values, strict=False), **own}

    @staticmethod
    def handle_to_dict(obj: Any, kvs: Mapping[str, Any]) -> dict[str, Any]:
        """The values as JSON, under the names of the fields; the library spells them."""
        from .dto import plain
        from .names import names_of

        configured = names_of(type(obj)).configured
        return {
            name: value if name in configured else plain(value, "java")
            for name, value in kvs.items()
        }

    @staticmethod
    def handle_dump(obj: Any) -> dict[str, Any]:
        """Nothing but what the schema has."""
        return {}

    @staticmethod
    def create_init(obj: Any) -> Any:
        """The constructor, as it is."""
        return obj.__init__


class _Action:
    """Stands where the library looks for one of its `Undefined`."""

    name = Undefined.EXCLUDE.name  # in a schema: names that nobody knows are passed over
    value = _LeaveToDto


CLASS_CONFIG: Any = {
    "letter_case": camel,
    "encoder": _unchanged,
    "decoder": _unchanged,
    "undefined": _Action,
}
