"""One row per operation: verb, path, and where each value of the request goes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any
from urllib.parse import quote, urlencode

from ._media import MultipartForm, file_part, message_file_type
from .codec import encode
from .errors import IllegalArgumentException
from .models.requests import (
    AudioToTextRequest,
    BaseChatRequest,
    ChatMessageSendRequest,
    FileUploadRequest,
    MessageConversationsRequest,
    MessageFeedbackRequest,
    MessagesRequest,
    RenameConversationRequest,
    TextToAudioRequest,
)
from .transport import Key, Request

Convert = Callable[[Any], Any]


@dataclass(frozen=True)
class Value:
    """A value on the wire and the field it comes from; left out when it converts to None."""

    wire: str
    field: str
    convert: Convert | None = None
    keep_null: bool = False

    def of(self, values: Mapping[str, Any]) -> Any:
        value = values.get(self.field)
        return self.convert(value) if self.convert else value


@dataclass(frozen=True)
class Endpoint:
    """An operation of the Service API. `required` are the fields that may not be empty."""

    operation: str
    method: str
    path: str
    query: tuple[Value, ...] = ()
    body: tuple[Value, ...] | None = None
    file: str | None = None
    required: tuple[str, ...] = ()
    takes: type[BaseChatRequest] | None = None
    streams: bool = False
    prefix: str = "/v1"

    def values(self, request: Any) -> dict[str, Any]:
        """The fields of a request DTO. IllegalArgumentException where it is another thing."""
        if self.takes is None or not isinstance(request, self.takes):
            expected = self.takes.__name__ if self.takes else "no request"
            raise IllegalArgumentException(
                f"request must be a {expected}, not {type(request).__name__}",
                operation=self.operation,
            )
        return vars(request)

    def request(self, key: Key, values: Mapping[str, Any]) -> Request:
        """The request for `values`, by field name. IllegalArgumentException names a bad one."""
        for name in self.required:
            if values.get(name) in (None, "", [], {}):
                raise IllegalArgumentException(
                    f"{name} must not be empty", operation=self.operation
                )
        headers = {"Accept": "text/event-stream" if self.streams else "application/json"}
        if self.streams:
            headers["Accept-Encoding"] = "identity"
        body: Any = None
        if self.file is not None:
            part = file_part(values[self.file], audio=self.operation == "audioToText")
            body = MultipartForm(self._given(self.body or (), values), part)
            headers["Content-Type"] = body.content_type
        elif self.body is not None:
            body = self._json(values)
            headers["Content-Type"] = "application/json"
        return Request(
            operation=self.operation,
            method=self.method,
            path=self._path(values),
            key=key,
            headers=headers,
            body=body,
            streams=self.streams,
            ids={
                name: value
                for name in ("task_id", "message_id", "conversation_id", "workflow_run_id")
                if isinstance(value := values.get(name), str) and value
            },
        )

    def _path(self, values: Mapping[str, Any]) -> str:
        def segment(name: str) -> str:
            value = values.get(name)
            if not isinstance(value, str) or value in ("", ".", ".."):
                raise IllegalArgumentException(
                    f"{name} must be an id, not {value!r}", operation=self.operation
                )
            return quote(value, safe="")

        parts = self.path.split("/")
        path = self.prefix + "/".join(segment(p[1:-1]) if p.startswith("{") else p for p in parts)
        query = urlencode(self._given(self.query, values))
        return f"{path}?{query}" if query else path

    def _json(self, values: Mapping[str, Any]) -> bytes:
        try:
            return encode(self._given(self.body or (), values))
        except (TypeError, ValueError) as error:
            text = f"the request cannot be written as JSON: {error}"
            raise IllegalArgumentException(text, operation=self.operation) from error

    def _given(self, places: tuple[Value, ...], values: Mapping[str, Any]) -> dict[str, Any]:
        found = ((place, place.of(values)) for place in places)
        return {place.wire: value for place, value in found if value is not None or place.keep_null}


def _or_default(default: Any) -> Convert:
    return lambda value: default if value is None or value == "" else value


def _unless_empty(value: Any) -> Any:
    return value or None


def _rating(value: Any) -> Any:
    value = value.value if isinstance(value, Enum) else value
    if value not in ("like", "dislike", None):
        raise IllegalArgumentException(f"rating must be like, dislike or None, not {value!r}")
    return value


def _files(files: Any) -> Any:
    kind = ChatMessageSendRequest.ChatMessageFile
    if files and not (isinstance(files, list) and all(isinstance(file, kind) for file in files)):
        raise IllegalArgumentException("files must be a list of ChatMessageFile")
    return [_file(file) for file in files] if files else None


def _file(file: ChatMessageSendRequest.ChatMessageFile) -> dict[str, str]:
    by_id = bool(file.upload_file_id) and not file.url
    values = {
        "type": file.type or message_file_type(file.mime_type, file.url),
        "transfer_method": file.transfer_method or ("local_file" if by_id else "remote_url"),
        "url": file.url,
        "upload_file_id": file.upload_file_id,
    }
    return {name: value for name, value in values.items() if value}


_USER = Value("user", "user_id")


def _chat(operation: str, response_mode: str) -> Endpoint:
    return Endpoint(
        operation,
        "POST",
        "/chat-messages",
        takes=ChatMessageSendRequest,
        required=("content",),
        body=(
            Value("inputs", "inputs", _or_default({})),
            Value("query", "content"),
            Value("response_mode", "", lambda _: response_mode),
            Value("conversation_id", "conversation_id"),
            _USER,
            Value("files", "files", _files),
            Value("auto_generate_name", "auto_generate_name"),
            Value("workflow_id", "workflow_id", _unless_empty),
            Value("trace_id", "trace_id", _unless_empty),
        ),
        streams=response_mode == "streaming",
    )


SEND = _chat("send", "blocking")
SEND_STREAM = _chat("sendChatMessageStream", "streaming")
STOP = Endpoint(
    "stopMessagesStream",
    "POST",
    "/chat-messages/{task_id}/stop",
    body=(_USER,),
)
MESSAGE_FEEDBACK = Endpoint(
    "messageFeedback",
    "POST",
    "/messages/{message_id}/feedbacks",
    takes=MessageFeedbackRequest,
    body=(
        Value("rating", "rating", _rating, keep_null=True),  # null takes a feedback back
        _USER,
        Value("content", "content", _or_default("")),
    ),
)
MESSAGES = Endpoint(
    "messages",
    "GET",
    "/messages",
    takes=MessagesRequest,
    required=("conversation_id",),
    query=(
        Value("conversation_id", "conversation_id"),
        Value("limit", "limit", _or_default(20)),
        Value("first_id", "first_id", _unless_empty),
        Value("user", "user_id", _unless_empty),
    ),
)
MESSAGES_SUGGESTED = Endpoint(
    "messagesSuggested", "GET", "/messages/{message_id}/suggested", query=(_USER,)
)
CONVERSATIONS = Endpoint(
    "conversations",
    "GET",
    "/conversations",
    takes=MessageConversationsRequest,
    query=(
        Value("sort_by", "sort_by", _or_default("-updated_at")),
        Value("limit", "limit", _or_default(20)),
        Value("user", "user_id", _unless_empty),
        Value("last_id", "last_id", _unless_empty),
    ),
)
DELETE_CONVERSATION = Endpoint(
    "deleteConversation", "DELETE", "/conversations/{conversation_id}", body=(_USER,)
)
RENAME_CONVERSATION = Endpoint(
    "renameConversation",
    "POST",
    "/conversations/{conversation_id}/name",
    takes=RenameConversationRequest,
    body=(
        Value("name", "name", _or_default("")),
        Value("auto_generate", "auto_generate", _or_default(False)),
        _USER,
    ),
)
TEXT_TO_AUDIO = Endpoint(
    "textToAudio",
    "POST",
    "/text-to-audio",
    takes=TextToAudioRequest,
    body=(
        _USER,
        Value("text", "text"),
        Value("message_id", "message_id"),
        Value("voice", "voice", _unless_empty),
    ),
)
AUDIO_TO_TEXT = Endpoint(
    "audioToText",
    "POST",
    "/audio-to-text",
    takes=AudioToTextRequest,
    required=("file",),
    body=(_USER,),
    file="file",
)
FILE_UPLOAD = Endpoint(
    "fileUpload",
    "POST",
    "/files/upload",
    takes=FileUploadRequest,
    required=("file", "user_id"),
    body=(_USER,),
    file="file",
)
PARAMETERS = Endpoint("parameters", "GET", "/parameters")
