"""Each method of the facade called with every value it takes, or with some of them.

A text is its own field's name, so that the request shows where each value comes from.
"""

from __future__ import annotations

import dataclasses
import inspect
import typing
from typing import Any

from dify_java_compat import (
    AnnotationReplyActionEnum,
    ChatMessageSendRequest,
    DifyChatflow,
    DifyFile,
    MessageFeedbackRequest,
    RequestsDifyChat,
)
from dify_java_compat._stream.observable import Observable

KEY = "app-REDACTED"

METHODS = [name for name in dir(DifyChatflow) if not name.startswith("_")]

# operations of ours that Dify's description does not know, as `GET /path`, and why
UNDOCUMENTED: dict[str, str] = {
    "GET /": "a greeting with the version, which the description of an app leaves out",
}
# methods that no recorded server had yet
UNRECORDED = {"serverInfo"}

FILE = DifyFile(filename="a.wav", content_type="audio/wav", content=b"RIFF")

_VALUES: dict[Any, Any] = {
    int: 7,
    float: 0.25,
    bool: True,
    dict[str, Any]: {"key": "value"},
    MessageFeedbackRequest.Rating: MessageFeedbackRequest.Rating.DISLIKE,
    AnnotationReplyActionEnum: AnnotationReplyActionEnum.disable,
}


def call(chat: RequestsDifyChat, operation: str, only: set[str] | None = None) -> Any:
    """What the method gives; a stream is read to its end. `only`: no other fields are filled."""
    result = getattr(chat, operation)(**arguments(operation, only))
    return result.run() if isinstance(result, Observable) else result


def arguments(operation: str, only: set[str] | None = None) -> dict[str, Any]:
    """A value for each parameter but those in Java's spelling and textToAudio's `response`."""
    method = getattr(DifyChatflow, operation)
    hints = typing.get_type_hints(method)
    names = [
        parameter.name
        for parameter in list(inspect.signature(method).parameters.values())[1:]
        if parameter.kind != parameter.KEYWORD_ONLY and parameter.name != "response"
    ]
    if len(names) == 1 and dataclasses.is_dataclass(request := hints[names[0]]):
        return {names[0]: _filled(request, only)}
    return {name: _value(name, hints[name]) for name in names if only is None or name in only}


def _value(name: str, hint: Any) -> Any:
    if name == "api_key":
        return KEY
    if name == "form_token":  # a secret, which errors and logs mask wherever it stands
        return "form-token-1"
    if name == "file":
        return FILE
    (hint,) = {*(typing.get_args(hint) or (hint,))} - {type(None)} if _is_optional(hint) else {hint}
    if hint == list[ChatMessageSendRequest.ChatMessageFile]:
        return [_filled(ChatMessageSendRequest.ChatMessageFile)]
    if hint in (str, Any):
        return name
    if hint in _VALUES:
        return _VALUES[hint]
    assert dataclasses.is_dataclass(hint), f"{name} is {hint}: give it a value in _VALUES here"
    return _filled(hint)


def _is_optional(hint: Any) -> bool:
    return type(None) in typing.get_args(hint)


def _filled(cls: Any, only: set[str] | None = None) -> Any:
    hints = typing.get_type_hints(cls)
    names = [field.name for field in dataclasses.fields(cls) if only is None or field.name in only]
    return cls(**{name: _value(name, hints[name]) for name in names})
