"""A DTO against the JSON it came from, field by field."""

from __future__ import annotations

import dataclasses
import typing
from typing import Any

import msgspec

# the fields whose name on the wire is not their own, written down again on purpose
WIRE_NAMES = {
    "default_value": "default",
    "text_input": "text-input",
    "file_list": "file-list",
    "auto_play": "autoPlay",
    "file_upload_config": "fileUploadConfig",
}


def differences(value: Any, wire: Any, where: str = "") -> list[str]:
    """Where a decoded value is not what the JSON says; empty where it all agrees."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        if not isinstance(wire, dict):
            return [f"{where}: a {type(value).__name__} of {wire!r}"]
        return [
            found
            for field in dataclasses.fields(value)
            for found in differences(
                getattr(value, field.name),
                wire.get(WIRE_NAMES.get(field.name, field.name)),
                f"{where}.{field.name}",
            )
        ]
    if isinstance(value, list) and isinstance(wire, list) and len(value) == len(wire):
        return [
            found
            for index, (item, wired) in enumerate(zip(value, wire, strict=True))
            for found in differences(item, wired, f"{where}[{index}]")
        ]
    if value != wire or isinstance(value, bool) != isinstance(wire, bool):
        return [f"{where}: {value!r}, not {wire!r}"]
    return []


def undeclared(value: Any, wire: Any) -> set[str]:
    """The JSON's keys that the DTOs have no field for, as `Class.key`."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        of_field = {WIRE_NAMES.get(f.name, f.name): f.name for f in dataclasses.fields(value)}
        found = {f"{type(value).__name__}.{key}" for key in wire if key not in of_field}
        return found.union(
            *(
                undeclared(getattr(value, of_field[key]), wire[key])
                for key in wire
                if key in of_field
            )
        )
    if isinstance(value, list):
        return set().union(*map(undeclared, value, wire))
    return set()


def mistyped(value: Any, wire: Any) -> set[str]:
    """The fields whose declared type is not that of the JSON's value: type checkers would lie."""
    if isinstance(value, list) and isinstance(wire, list):
        return set().union(*map(mistyped, value, wire))
    if not dataclasses.is_dataclass(value) or isinstance(value, type):
        return set()
    found: set[str] = set()
    hints = typing.get_type_hints(type(value))
    for field in dataclasses.fields(value):
        name = WIRE_NAMES.get(field.name, field.name)
        if name not in wire:
            continue
        below = getattr(value, field.name)
        items = below if isinstance(below, list) else [below]
        if any(dataclasses.is_dataclass(item) for item in items):
            found |= mistyped(below, wire[name])
            continue
        try:
            msgspec.convert(wire[name], hints[field.name])
        except msgspec.ValidationError as error:
            found.add(f"{type(value).__name__}.{field.name}: {error}")
    return found
