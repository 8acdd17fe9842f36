"""Where a value of a request goes on the wire, and how it is written there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, NamedTuple

from ..errors import IllegalArgumentException
from ..models import ChatMessageSendRequest
from .file_types import message_file_type

Convert = Callable[[Any], Any]


class Param(NamedTuple):
    """A value on the wire and the field it comes from; left out when it converts to None."""

    wire: str
    field: str
    convert: Convert | None = None
    keep_null: bool = False

    def of(self, values: Mapping[str, Any]) -> Any:
        value = values.get(self.field)
        return self.convert(value) if self.convert else value


def const(wire: str, value: str) -> Param:
    """A value that is the operation's own, not the caller's."""
    return Param(wire, "", lambda _: value)


def or_default(default: Any) -> Convert:
    return lambda value: default if value is None or value == "" else value


def unless_empty(value: Any) -> Any:
    return value or None


def true_or_none(value: Any) -> Any:
    return "true" if value else None


def rating(value: Any) -> Any:
    value = value.value if isinstance(value, Enum) else value
    if value not in ("like", "dislike", None):
        raise IllegalArgumentException(f"rating must be like, dislike or None, not {value!r}")
    return value


def files(files: Any) -> Any:
    kind = ChatMessageSendRequest.ChatMessageFile
    if files and not (isinstance(files, list) and all(isinstance(file, kind) for file in files)):
        raise IllegalArgumentException("files must be a list of ChatMessageFile")
    return [_file(file) for file in files] if files else None


def inputs(inputs: Any) -> Any:
    """Variables; a file variable is a `ChatMessageFile`, or a list of them."""
    if not isinstance(inputs, Mapping):
        return {} if inputs is None else inputs
    return {name: _input(value) for name, value in inputs.items()}


def _input(value: Any) -> Any:
    if isinstance(value, list):
        return [_input(each) for each in value]
    return _file(value) if isinstance(value, ChatMessageSendRequest.ChatMessageFile) else value


def _file(file: ChatMessageSendRequest.ChatMessageFile) -> dict[str, str]:
    by_id = bool(file.upload_file_id) and not file.url
    values = {
        "type": file.type or message_file_type(file.mime_type, file.url),
        "transfer_method": file.transfer_method or ("local_file" if by_id else "remote_url"),
        "url": file.url,
        "upload_file_id": file.upload_file_id,
    }
    return {name: value for name, value in values.items() if value}
