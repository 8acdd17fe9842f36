"""Every DTO class of the package, found rather than listed."""

import dataclasses
import importlib
import pkgutil
from collections.abc import Iterator
from typing import Any

from dify_java_compat import models
from dify_java_compat._dto.dto import Dto
from dify_java_compat._dto.names import camel

MODULES = [
    "dify_java_compat.config",
    *(f"dify_java_compat.models.{module.name}" for module in pkgutil.iter_modules(models.__path__)),
]


def _classes_in(namespace: Any) -> Iterator[type[Dto]]:
    for value in list(vars(namespace).values()):
        if isinstance(value, type) and issubclass(value, Dto) and value.__module__ in MODULES:
            yield value
            yield from _classes_in(value)


ALL: list[type[Dto]] = sorted(
    {cls for name in MODULES for cls in _classes_in(importlib.import_module(name))},
    key=lambda cls: cls.__qualname__,
)
FIELDS: list[tuple[type[Dto], str]] = [
    (cls, field.name) for cls in ALL for field in dataclasses.fields(cls)
]
ALIASES: list[tuple[type[Dto], str, str]] = [
    (cls, name, camel(name)) for cls, name in FIELDS if camel(name) != name
]
