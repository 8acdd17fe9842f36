"""The client: the methods that are more than a row; the others are in `_api.plain_calls`."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar, overload

from .._api import operations
from .._api.audio import check_target, write_audio
from .._api.base_client import BaseClient
from .._api.config_check import changed, validated
from .._api.plain_calls import PlainCalls
from .._http.headers import merged_headers
from .._http.log import logger
from .._http.response import HttpResponse
from .._stream.annotations import EventStream
from .._stream.answer import AnswerBuilder, built
from .._stream.blocking import begins_stream, read
from .._stream.source import stop_refused
from .._stream.verdict import is_other_conversation, other_conversation
from ..chatflow import DifyChatflow
from ..config import ClientConfig
from ..models import (
    ChatMessagePipelineModel,
    ChatMessageSendCompletionResponse,
    ChatMessageSendRequest,
    ChatMessageSendResponse,
    ResponseEntity,
    TextToAudioRequest,
    WorkflowPausedData,
)
from .streaming import StreamingClient

if TYPE_CHECKING:
    from ..pipeline import PipelineProcess
    from .coroutines import AsyncDifyChat
    from .workflow import RequestsDifyWorkflow

__all__ = ["DifyChatBuilder", "DifyClient", "RequestsDifyChat"]

B = TypeVar("B", bound="Settings")
K = TypeVar("K", bound=BaseClient)


class RequestsDifyChat(
    StreamingClient[ChatMessageSendCompletionResponse], PlainCalls, DifyChatflow
):
    """`DifyChat` and `DifyChatflow` over HTTP. One client serves any number of threads and keys.

    `base_url` is the server with or without /v1; without one DIFY_URL, else http://localhost.
    `api_key` serves the requests that have none of their own. A context manager; `close()` closes
    the connections that lie idle. Pickled, it is its settings and that key, without connections.

    `session`, of requests, lends its headers, proxies, `verify`, `cert` and the adapters that are
    mounted on it; it stays the caller's. IllegalArgumentException where it is no session.
    """

    _STOP = operations.STOP
    _RUN = operations.WORKFLOW_RUN
    _EVENTS = operations.WORKFLOW_EVENTS
    _processes: tuple[PipelineProcess[ChatMessagePipelineModel], ...] = ()

    @property
    def aio(self) -> AsyncDifyChat:
        """The same methods as coroutines, over the same connections, which stay this client's."""
        from .coroutines import AsyncDifyChat  # by those alone who have an event loop

        return AsyncDifyChat._over(self)

    def addProcess(self, process: PipelineProcess[ChatMessagePipelineModel]) -> None:
        """Have `process` see every item of the streams that are made from now on."""
        from ..pipeline import checked_process  # by those alone who add one

        self._processes = (*self._processes, checked_process(process))

    def send(self, send_request: ChatMessageSendRequest) -> ChatMessageSendResponse:
        if self._config.blocking_via_stream:
            from .._stream.collecting import wait_for  # which a blocking call does without

            return wait_for(*self._question(send_request))
        read_whole = functools.partial(self._whole_response, send_request)
        return self._read(read_whole, operations.SEND, send_request)

    def _whole_response(
        self, send_request: ChatMessageSendRequest, response: HttpResponse
    ) -> ChatMessageSendResponse:
        if begins_stream(response):
            return self._collected(send_request, response)
        result = operations.SEND.result.read(response)
        if is_other_conversation(send_request.conversation_id, result.conversation_id):
            self._warn_of_conversation(send_request.conversation_id, result, response.context())
        if result.workflow_status is None and isinstance(result.data, WorkflowPausedData):
            result.workflow_status = result.data.status or "paused"
        return result

    def _collected(
        self, send_request: ChatMessageSendRequest, response: HttpResponse
    ) -> ChatMessageSendResponse:
        """What an event stream makes up that came where one response was asked for."""
        reader = self._reader(operations.SEND_STREAM, response.context())
        user = {"api_key": send_request.api_key, "user_id": send_request.user_id}
        try:
            return built(AnswerBuilder(), read(reader, response))
        finally:
            if reader.is_refused and reader.task_id is not None:
                stop_refused(functools.partial(self._stop_run, user, reader.task_id))

    def sendChatMessageStream(
        self, send_request: ChatMessageSendRequest
    ) -> EventStream[ChatMessageSendCompletionResponse]:
        return self._run_stream(operations.SEND_STREAM, send_request)

    def _question(
        self, request: ChatMessageSendRequest
    ) -> tuple[EventStream[ChatMessageSendCompletionResponse], AnswerBuilder]:
        """What a batch asks: a stream, and what makes one response of its items."""
        return self.sendChatMessageStream(request), AnswerBuilder()

    def _warn_of_conversation(
        self, requested: str | None, result: ChatMessageSendResponse, context: dict[str, Any]
    ) -> None:
        """Say that Dify has begun a new conversation; with strict_conversation, by raising it."""
        error = other_conversation(requested, result.conversation_id, context)
        if self._config.strict_conversation:
            error.add_context(partial=result)
            raise error
        logger.warning("%s", error.message)

    @overload
    def textToAudio(self, request: TextToAudioRequest) -> ResponseEntity[bytes]: ...

    @overload
    def textToAudio(self, request: TextToAudioRequest, response: Any) -> None: ...

    def textToAudio(
        self, request: TextToAudioRequest, response: Any = None
    ) -> ResponseEntity[bytes] | None:
        if response is None:
            return self._call(operations.TEXT_TO_AUDIO, request)
        check_target(response)
        self._read(lambda source: write_audio(source, response), operations.TEXT_TO_AUDIO, request)
        return None

    def _process(self) -> Callable[[Any], Any] | None:
        if not self._processes:
            return None
        from ..pipeline import run_processes  # by those alone who added one

        return functools.partial(run_processes, self._processes)


class Settings:
    """The setters of Java's builders; each returns the builder."""

    def __init__(self) -> None:
        self._base_url: str | None = None
        self._client_config: ClientConfig | None = None
        self._headers: dict[str, str] = {}
        self._interceptors: list[Any] = []

    def baseUrl(self: B, base_url: str) -> B:
        """The server, with or without /v1."""
        self._base_url = base_url
        return self

    def clientConfig(self: B, client_config: ClientConfig) -> B:
        """The settings of the client."""
        self._client_config = client_config
        return self

    def defaultHeader(self: B, name: str, value: str) -> B:
        """A header for each request, beside those of the settings. May be called again."""
        self._headers = merged_headers(self._headers, {name: value})
        return self

    def interceptor(self: B, interceptor: Any) -> B:
        """An `Interceptor`, within those of the settings. May be called again."""
        self._interceptors.append(interceptor)
        return self

    def _made(self, kind: type[K]) -> K:
        config = validated(self._client_config or ClientConfig())
        added: dict[str, Any] = {"headers": self._headers} if self._headers else {}
        if self._interceptors:
            added["interceptors"] = [*(config.interceptors or ()), *self._interceptors]
        return kind(self._base_url, changed(config, added))


class DifyChatBuilder:
    """Java's way in: `DifyChatBuilder.create(DifyChatBuilder.builder().baseUrl(u).build())`."""

    class Builder(Settings):
        """What `builder()` gives."""

        def build(self) -> RequestsDifyChat:
            """The client."""
            return self._made(RequestsDifyChat)

    @staticmethod
    def builder() -> DifyChatBuilder.Builder:
        return DifyChatBuilder.Builder()

    @staticmethod
    def create(client: K) -> K:
        """Java wraps its client here; ours is the facade already."""
        return client


class DifyClient:
    """Java's other way in: `DifyClient.builder().baseUrl(u).build().getChat()`."""

    class Builder(Settings):
        """What `builder()` gives."""

        def build(self) -> DifyClient:
            """The client of all facades."""
            return DifyClient(self._made(RequestsDifyChat))

    def __init__(self, chat: RequestsDifyChat) -> None:
        self._chat = chat

    @staticmethod
    def builder() -> DifyClient.Builder:
        return DifyClient.Builder()

    def getChat(self) -> RequestsDifyChat:
        """The facade of chat apps, the same one each time."""
        return self._chat

    def getWorkflow(self) -> RequestsDifyWorkflow:
        """The facade of workflow apps, over the connections of the chat, which closes them."""
        from .workflow import RequestsDifyWorkflow  # by those alone who have such apps

        return self._chat._sharing(RequestsDifyWorkflow)
