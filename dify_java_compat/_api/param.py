"""Where a value of a request goes on the wire, and how it is written there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, NamedTuple

from ..errors import IllegalArgumentException, excerpt
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
    return lambda value: default if _is_empty(value) else value


def unless_empty(value: Any) -> Any:
    return None if _is_empty(value) or (isinstance(value, (int, float)) and not value) else value


def _is_empty(value: Any) -> bool:
    """Whether there is none; an array of numpy's, or bytes, are not compared with a text."""
    return value is None or (isinstance(value, str) and not value)


def true_or_none(value: Any) -> Any:
    if value is not None and not isinstance(value, (bool, int, float, str)):
        raise IllegalArgumentException(f"True or False was expected, not {type(value).__name__}")
    return "true" if value else None


def rating(value: Any) -> Any:
    value = value.value if isinstance(value, Enum) else value
    if value is not None and not (isinstance(value, str) and value in ("like", "dislike")):
        raise IllegalArgumentException(
            f"rating must be like, dislike or None, not {excerpt(value)}"
        )
    return value


def files(files: Any) -> Any:
    kind = ChatMessageSendRequest.ChatMessageFile
    if _is_empty(files):
        return None
    if not isinstance(files, (list, tuple)) or not all(isinstance(file, kind) for file in files):
        raise IllegalArgumentException("files must be a list of ChatMessageFile")
    return [_file(file) for file in files] or None


def inputs(inputs: Any) -> Any:
    """Variables; a file variable is a `ChatMessageFile`, or a list of them, however deep."""
    if not isinstance(inputs, Mapping):
        return {} if inputs is None else inputs
    try:
        return _input(inputs)
    except RecursionError:
        raise IllegalArgumentException("inputs must not hold itself, nor nest that deep") from None


def _input(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return [_input(each) for each in value]
    if isinstance(value, Mapping):
        return {name: _input(each) for name, each in value.items()}
    return _file(value) if isinstance(value, ChatMessageSendRequest.ChatMessageFile) else value


def _file(file: ChatMessageSendRequest.ChatMessageFile) -> dict[str, Any]:
    by_id = bool(file.upload_file_id) and not file.url
    for name in ("type", "mime_type", "transfer_method", "url", "upload_file_id"):
        value = getattr(file, name)
        if not isinstance(value, (str, Enum, type(None))):
            raise IllegalArgumentException(
                f"{name} of a ChatMessageFile must be a text, not {type(value).__name__}"
            )
    values = {
        "type": file.type or message_file_type(file.mime_type, file.url),
        "transfer_method": file.transfer_method or ("local_file" if by_id else "remote_url"),
        "url": file.url,
        "upload_file_id": file.upload_file_id,
    }
    return {name: value for name, value in values.items() if value}
