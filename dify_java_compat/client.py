"""The client: the methods that are more than a row; the others are in `_api.plain_calls`."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar, overload

from ._api import operations
from ._api.audio import write_audio
from ._api.codec import event_decoder
from ._api.java_keywords import java_keywords
from ._api.plain_calls import PlainCalls
from ._http.request import ApiKey, HttpRequest
from ._http.transport import Exchange
from ._stream.answer import collect, collect_async, collect_items
from ._stream.blocking import read
from ._stream.observable import EventStream, Stop, observe
from ._stream.reader import EVENT_STREAM, EventReader
from ._stream.source import StreamSource
from .aio import AsyncDifyChatflow
from .chatflow import DifyChatflow
from .config import ClientConfig
from .interface import DifyChat
from .models import (
    ChatMessageSendCompletionResponse,
    ChatMessageSendRequest,
    ChatMessageSendResponse,
    ResponseEntity,
    TextToAudioRequest,
)

if TYPE_CHECKING:
    from .pipeline import ChatMessagePipelineModel, PipelineProcess

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ._api.options import Options

__all__ = ["AsyncDifyChat", "DifyChatBuilder", "RequestsDifyChat"]

C = TypeVar("C", bound=DifyChat)
A = TypeVar("A", bound="AsyncDifyChat")


class RequestsDifyChat(PlainCalls, DifyChatflow):
    """`DifyChat` and `DifyChatflow` over HTTP. One client serves any number of threads and keys.

    `base_url` is the server with or without /v1; without one DIFY_URL, else http://localhost.
    `api_key` serves the requests that have none of their own. A context manager; `close()` closes
    the connections that lie idle. Pickled, it is its settings and that key, without connections.
    """

    _processes: tuple[PipelineProcess[ChatMessagePipelineModel], ...] = ()

    @property
    def aio(self) -> AsyncDifyChat:
        """The same methods as coroutines, over the same connections, which stay this client's."""
        return AsyncDifyChat._over(self)

    def addProcess(self, process: PipelineProcess[ChatMessagePipelineModel]) -> None:
        """Have `process` see every item of the streams that are made from now on."""
        self._processes = (*self._processes, process)

    def send(self, send_request: ChatMessageSendRequest) -> ChatMessageSendResponse:
        if self._config.blocking_via_stream:
            return collect(self.sendChatMessageStream(send_request))
        response = self._open(operations.SEND, send_request)
        if response.content_type == EVENT_STREAM:
            return collect_items(read(self._reader(response.context()), response))
        return operations.SEND.result.read(response)

    def sendChatMessageStream(
        self, send_request: ChatMessageSendRequest
    ) -> EventStream[ChatMessageSendCompletionResponse]:
        request = self._request(operations.SEND_STREAM, send_request)
        # the calls that follow are for the user of this request, whatever becomes of the DTO
        user = {"api_key": request.key, "user_id": send_request.user_id}

        def stop(task_id: str) -> None:
            self._call(operations.STOP, task_id=task_id, **user)

        def new_source() -> StreamSource:
            if not self._config.resume_streams:
                return self._source(request)
            from ._stream.resume import ResumingSource  # by those alone who ask for it

            exchange = self._exchange(request)
            return ResumingSource(
                exchange,
                self._reader(exchange.context()),
                functools.partial(self._run_events, user),
                functools.partial(self._run_status, request.key),
                self._config.resume_attempts,
            )

        return self._observed(new_source, stop if self._config.stop_on_dispose else None)

    @overload
    def textToAudio(self, request: TextToAudioRequest) -> ResponseEntity[bytes]: ...

    @overload
    def textToAudio(self, request: TextToAudioRequest, response: Any) -> None: ...

    def textToAudio(
        self, request: TextToAudioRequest, response: Any = None
    ) -> ResponseEntity[bytes] | None:
        if response is None:
            return self._call(operations.TEXT_TO_AUDIO, request)
        write_audio(self._open(operations.TEXT_TO_AUDIO, request), response)
        return None

    @java_keywords
    def workflowEvents(
        self,
        workflow_run_id: str | None = None,
        api_key: str | None = None,
        user_id: str | None = None,
        include_state_snapshot: bool = False,
        continue_on_pause: bool = False,
        *,
        workflowRunId: str | None = None,
        apiKey: str | None = None,
        userId: str | None = None,
        includeStateSnapshot: bool = False,
        continueOnPause: bool = False,
    ) -> EventStream[ChatMessageSendCompletionResponse]:
        request = self._request(
            operations.WORKFLOW_EVENTS,
            api_key=api_key,
            workflow_run_id=workflow_run_id,
            user_id=user_id,
            include_state_snapshot=include_state_snapshot,
            continue_on_pause=continue_on_pause,
        )
        return self._observed(lambda: self._source(request), None)

    def _reader(self, context: dict[str, Any]) -> EventReader:
        return EventReader(event_decoder(), self._config, context)

    def _source(self, request: HttpRequest) -> StreamSource:
        exchange = self._exchange(request)
        return StreamSource(exchange, self._reader(exchange.context()))

    def _observed(
        self, new_source: Callable[[], StreamSource], stop: Stop | None
    ) -> EventStream[ChatMessageSendCompletionResponse]:
        processes = self._processes
        process = None
        if processes:
            from .pipeline import run_processes  # by those alone who added one

            process = functools.partial(run_processes, processes)
        return observe(new_source, process, stop, self._config.stop_drain_seconds)

    def _run_events(self, user: dict[str, Any], run_id: str) -> Exchange:
        request = self._request(
            operations.WORKFLOW_EVENTS, workflow_run_id=run_id, include_state_snapshot=True, **user
        )
        return self._exchange(request)

    def _run_status(self, key: ApiKey, run_id: str) -> str | None:
        return self._call(operations.WORKFLOW_RUN, workflow_run_id=run_id, api_key=key).status


class AsyncDifyChat(AsyncDifyChatflow):
    """`RequestsDifyChat` for asyncio: each method that waits is a coroutine.

    Made as that one, it has connections of its own, which `aclose()` or the end of an `async with`
    closes. Made by `chat.aio` it uses those of `chat`, and leaves them to it. It serves any number
    of event loops; trio has none, so that a coroutine raises RuntimeError there.
    """

    def __init__(
        self,
        base_url: str | None = None,
        client_config: ClientConfig | None = None,
        *,
        api_key: str | None = None,
    ) -> None:
        self._attach(RequestsDifyChat(base_url, client_config, api_key=api_key), owns_client=True)

    def with_options(self: A, **settings: Unpack[Options]) -> A:
        """As that of `RequestsDifyChat`; `aclose` of the copy closes no connection."""
        return self._over(self._sync.with_options(**settings))

    def addProcess(self, process: PipelineProcess[ChatMessagePipelineModel]) -> None:
        """Have `process` see every item of the streams that are made from now on."""
        self._sync.addProcess(process)

    async def send(self, send_request: ChatMessageSendRequest) -> ChatMessageSendResponse:
        if self._sync._config.blocking_via_stream:  # so that a cancelled task disposes of it
            return await collect_async(self.sendChatMessageStream(send_request))
        return await super().send(send_request)

    @classmethod
    def _over(cls: type[A], chat: RequestsDifyChat) -> A:
        made = object.__new__(cls)
        made._attach(chat, owns_client=False)
        return made

    def _attach(self, chat: RequestsDifyChat, owns_client: bool) -> None:
        self._client = self._chat = self._sync = chat
        self._owns_client = owns_client


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
    def create(client: C) -> C:
        """Java wraps its client here; ours is the facade already."""
        return client
