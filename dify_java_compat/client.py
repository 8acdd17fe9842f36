"""The client: each method is a row of `_endpoints`, the caller's values, and a result."""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, overload

from . import _endpoints
from ._dto import ResponseDto, camel
from ._endpoints import Endpoint
from ._media import audio_blocks, write_audio
from ._reading import EVENT_STREAM, EventReader
from .codec import decode, decode_event, decode_page
from .config import ClientConfig
from .errors import DecodeException, IllegalArgumentException
from .interface import DifyChat
from .models.parameters import AppParametersResponseVO
from .models.requests import (
    AudioToTextRequest,
    ChatMessageSendRequest,
    FileUploadRequest,
    MessageConversationsRequest,
    MessageFeedbackRequest,
    MessagesRequest,
    RenameConversationRequest,
    TextToAudioRequest,
)
from .models.responses import (
    ChatMessageSendCompletionResponse,
    ChatMessageSendResponse,
    DifyPageResult,
    DifyResult,
    DifyTextVO,
    FileUploadResponse,
    MessageConversationsResponse,
    MessageFeedbackResponse,
    MessagesResponseVO,
    ResponseEntity,
)
from .stream import Observable, collect, collect_items, observe
from .transport import Exchange, Key, Transport, service_url

P = ParamSpec("P")
T = TypeVar("T")
R = TypeVar("R", bound=ResponseDto)


def java_keywords(method: Callable[P, T]) -> Callable[P, T]:
    """Hand a method's keywords to it under their Python names."""

    @functools.wraps(method)
    def call(*args: P.args, **given: P.kwargs) -> T:
        return method(*args, **_snake(method.__name__, given))

    return call


def _snake(method: str, given: dict[str, Any]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, value in given.items():
        snake = re.sub("[A-Z]", lambda letter: "_" + letter[0].lower(), name)
        if snake in values or (snake != name and snake in given):
            raise TypeError(f"{method}() got both {snake!r} and {camel(snake)!r}")
        values[snake] = value
    return values


class RequestsDifyChat(DifyChat):
    """`DifyChat` over HTTP. One client serves any number of threads and keys.

    `base_url` is the server with or without /v1; without one DIFY_URL, else http://localhost.
    `api_key` serves the requests that have none of their own. A context manager; `close()` closes
    the connections that lie idle.
    """

    def __init__(
        self,
        base_url: str | None = None,
        client_config: ClientConfig | None = None,
        *,
        api_key: str | None = None,
    ) -> None:
        self._config = client_config or ClientConfig()
        base_url = base_url or os.environ.get("DIFY_URL") or "http://localhost"
        self._transport = Transport(service_url(base_url), self._config)
        self._key = Key(api_key) if api_key is not None else None

    @property
    def base_url(self) -> str:
        """Where the operations are, /v1 included."""
        return self._transport.base_url + "/v1"

    def close(self) -> None:
        self._transport.close()

    def __enter__(self) -> RequestsDifyChat:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"RequestsDifyChat({self.base_url!r})"

    def send(self, send_request: ChatMessageSendRequest) -> ChatMessageSendResponse:
        if self._config.blocking_via_stream:
            return collect(self.sendChatMessageStream(send_request))
        exchange = self._asked(_endpoints.SEND, send_request)
        answer = exchange.open()
        if answer.content_type == EVENT_STREAM:
            return collect_items(self._reader(exchange).read(answer))
        return self._decoded(decode, ChatMessageSendResponse, exchange, answer.read())

    def sendChatMessageStream(
        self, send_request: ChatMessageSendRequest
    ) -> Observable[ChatMessageSendCompletionResponse]:
        endpoint = _endpoints.SEND_STREAM
        values = endpoint.values(send_request)
        key, user_id = self._key_for(endpoint, values.get("api_key")), values.get("user_id")
        request = endpoint.request(key, values)

        def stop(task_id: str) -> None:
            stop_request = _endpoints.STOP.request(key, {"task_id": task_id, "user_id": user_id})
            self._transport.exchange(stop_request).open().read()

        return observe(
            lambda: self._transport.exchange(request),
            self._reader,
            stop if self._config.stop_on_dispose else None,
            self._config.stop_drain_seconds,
        )

    @java_keywords
    def stopMessagesStream(
        self,
        api_key: str | None = None,
        task_id: str | None = None,
        user_id: str | None = None,
        *,
        apiKey: str | None = None,
        taskId: str | None = None,
        userId: str | None = None,
    ) -> None:
        self._call(_endpoints.STOP, api_key, task_id=task_id, user_id=user_id)

    def messageFeedback(
        self, message_feedback_request: MessageFeedbackRequest
    ) -> MessageFeedbackResponse:
        endpoint = _endpoints.MESSAGE_FEEDBACK
        return self._result(endpoint, message_feedback_request, MessageFeedbackResponse)

    def messages(self, request: MessagesRequest) -> DifyPageResult[MessagesResponseVO]:
        return self._page(_endpoints.MESSAGES, request, MessagesResponseVO)

    @java_keywords
    def messagesSuggested(
        self,
        message_id: str | None = None,
        api_key: str | None = None,
        user_id: str | None = None,
        *,
        messageId: str | None = None,
        apiKey: str | None = None,
        userId: str | None = None,
    ) -> list[str]:
        exchange, body = self._call(
            _endpoints.MESSAGES_SUGGESTED, api_key, message_id=message_id, user_id=user_id
        )
        result: DifyResult[list[str]] = self._decoded(decode, DifyResult, exchange, body)
        return result.data or []

    def conversations(
        self, request: MessageConversationsRequest
    ) -> DifyPageResult[MessageConversationsResponse]:
        return self._page(_endpoints.CONVERSATIONS, request, MessageConversationsResponse)

    @java_keywords
    def deleteConversation(
        self,
        conversation_id: str | None = None,
        api_key: str | None = None,
        user_id: str | None = None,
        *,
        conversationId: str | None = None,
        apiKey: str | None = None,
        userId: str | None = None,
    ) -> None:
        self._call(
            _endpoints.DELETE_CONVERSATION,
            api_key,
            conversation_id=conversation_id,
            user_id=user_id,
        )

    def renameConversation(
        self, rename_conversation_request: RenameConversationRequest
    ) -> MessageConversationsResponse:
        endpoint = _endpoints.RENAME_CONVERSATION
        return self._result(endpoint, rename_conversation_request, MessageConversationsResponse)

    @overload
    def textToAudio(self, request: TextToAudioRequest) -> ResponseEntity[bytes]: ...

    @overload
    def textToAudio(self, request: TextToAudioRequest, response: Any) -> None: ...

    def textToAudio(
        self, request: TextToAudioRequest, response: Any = None
    ) -> ResponseEntity[bytes] | None:
        answer = self._asked(_endpoints.TEXT_TO_AUDIO, request).open()
        if response is not None:
            write_audio(answer, response)
            return None
        return ResponseEntity(answer.status, answer.headers, b"".join(audio_blocks(answer)))

    def audioToText(self, request: AudioToTextRequest) -> DifyTextVO:
        return self._result(_endpoints.AUDIO_TO_TEXT, request, DifyTextVO)

    def fileUpload(self, request: FileUploadRequest) -> FileUploadResponse:
        return self._result(_endpoints.FILE_UPLOAD, request, FileUploadResponse)

    @java_keywords
    def parameters(
        self, api_key: str | None = None, *, apiKey: str | None = None
    ) -> AppParametersResponseVO:
        exchange, body = self._call(_endpoints.PARAMETERS, api_key)
        return self._decoded(decode, AppParametersResponseVO, exchange, body)

    def _reader(self, exchange: Exchange) -> EventReader:
        return EventReader(decode_event, self._config, exchange.context())

    def _key_for(self, endpoint: Endpoint, api_key: str | None) -> Key:
        key = Key(api_key) if api_key else self._key
        if key is None:
            raise IllegalArgumentException(
                "api_key must be given, with the call or to the client",
                operation=endpoint.operation,
            )
        return key

    def _asked(self, endpoint: Endpoint, request: Any) -> Exchange:
        values = endpoint.values(request)
        key = self._key_for(endpoint, values.get("api_key"))
        return self._transport.exchange(endpoint.request(key, values))

    def _call(
        self, endpoint: Endpoint, api_key: str | None, **values: Any
    ) -> tuple[Exchange, bytes]:
        request = endpoint.request(self._key_for(endpoint, api_key), values)
        exchange = self._transport.exchange(request)
        return exchange, exchange.open().read()

    def _result(self, endpoint: Endpoint, request: Any, cls: type[R]) -> R:
        exchange = self._asked(endpoint, request)
        return self._decoded(decode, cls, exchange, exchange.open().read())

    def _page(self, endpoint: Endpoint, request: Any, cls: type[R]) -> DifyPageResult[R]:
        exchange = self._asked(endpoint, request)
        return self._decoded(decode_page, cls, exchange, exchange.open().read())

    @staticmethod
    def _decoded(
        decode_body: Callable[[type[R], bytes], T], cls: type[R], exchange: Exchange, body: bytes
    ) -> T:
        try:
            return decode_body(cls, body)
        except ValueError as error:
            text = body.decode("utf-8", "replace")
            raise DecodeException(
                f"the answer is not the JSON that was expected ({error}): {text[:200]!r}",
                response_body=text,
                **exchange.context(),
            ) from error


class DifyChatBuilder:
    """Java's way in: `DifyChatBuilder.create(DifyChatBuilder.builder().baseUrl(u).build())`."""

    class Builder:
        def __init__(self) -> None:
            self._base_url: str | None = None
            self._client_config: ClientConfig | None = None

        def baseUrl(self, base_url: str) -> DifyChatBuilder.Builder:
            self._base_url = base_url
            return self

        def clientConfig(self, client_config: ClientConfig) -> DifyChatBuilder.Builder:
            self._client_config = client_config
            return self

        def build(self) -> RequestsDifyChat:
            return RequestsDifyChat(self._base_url, self._client_config)

    @staticmethod
    def builder() -> DifyChatBuilder.Builder:
        return DifyChatBuilder.Builder()

    @staticmethod
    def create(client: DifyChat) -> DifyChat:
        """Java wraps its client here; ours is the facade already."""
        return client
