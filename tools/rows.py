"""The rows of operations, by the facade's method, and the names they give to fields on the wire."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

from dify_java_compat import models
from dify_java_compat._api import operations, param, workflow_operations
from dify_java_compat._api.operation import Operation
from dify_java_compat._dto.dto import ResponseDto
from dify_java_compat._dto.names import names_of


def _rows(module: Any) -> dict[str, Operation[Any]]:
    return {row.name: row for row in vars(module).values() if isinstance(row, Operation)}


ROWS = _rows(operations)
WORKFLOW_ROWS = _rows(workflow_operations)


def wire_names(cls: Any, name: str) -> list[str]:
    """What a field is called in Dify's JSON or query; `{name}` in a path. None: it is not sent."""
    if issubclass(cls, (ResponseDto, models.ChatMessageVO, models.ChatMessageVO.ChatMessageFile)):
        return [names_of(cls).wire[name]]
    if cls is models.ChatMessageSendRequest.ChatMessageFile:
        every = cls(**{field.name: "x" for field in dataclasses.fields(cls)})
        return [name] if name in param._file(every) else []
    return list(dict.fromkeys(wire for row in _rows_of(cls) for wire in _sent(row, name)))


def is_file(cls: Any, name: str) -> bool:
    """Whether a field is sent as the file of a form."""
    return any(row.file == name for row in _rows_of(cls))


def _rows_of(cls: Any) -> Iterator[Operation[Any]]:
    rows = (*ROWS.values(), *WORKFLOW_ROWS.values())
    return (row for row in rows if row.takes and issubclass(row.takes, cls))


def _sent(row: Operation[Any], name: str) -> Iterator[str]:
    if f"{{{name}}}" in row.path:
        yield f"{{{name}}}"
    yield from (each.wire for each in (*row.query, *(row.body or ())) if each.field == name)
