"""The client: each method is a row of `_operations`, the caller's values, and a result."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar, overload

from ._api import operations
from ._api.audio import audio_blocks, write_audio
from ._api.base_client import java_keywords
from ._api.codec import decode, decode_run, event_decoder
from ._api.plain_calls import PlainCalls
from ._http.request import ApiKey, HttpRequest
from ._http.transport import Exchange
from ._stream.answer import collect, collect_items
from ._stream.observable import Observable, Stop, observe
from ._stream.reader import EVENT_STREAM, EventReader
from ._stream.source import ResumingSource, StreamSource
from .chatflow import DifyChatflow
from .config import ClientConfig
from .interface import DifyChat
from .models import (
    AudioToTextRequest,
    ChatMessageSendCompletionResponse,
    ChatMessageSendRequest,
    ChatMessageSendResponse,
    DifyPageResult,
    DifyResult,
    DifyTextVO,
    EndUserResponse,
    HumanInputFormResponse,
    HumanInputSubmitRequest,
    MessageConversationsRequest,
    MessageConversationsResponse,
    MessageFeedbackRequest,
    MessageFeedbackResponse,
    MessagesRequest,
    MessagesResponseVO,
    RenameConversationRequest,
    ResponseEntity,
    TextToAudioRequest,
    WorkflowLogResponse,
    WorkflowLogsRequest,
    WorkflowRunResponse,
)
from .pipeline import ChatMessagePipelineModel, PipelineProcess, run_processes

C = TypeVar("C", bound=DifyChat)


class RequestsDifyChat(PlainCalls, DifyChatflow):
    """`DifyChat` and `DifyChatflow` over HTTP. One client serves any number of threads and keys.

    `base_url` is the server with or without /v1; without one DIFY_URL, else http://localhost.
    `api_key` serves the requests that have none of their own. A context manager; `close()` closes
    the connections that lie idle. Pickled, it is its settings and that key, without connections.
    """

    _processes: tuple[PipelineProcess[ChatMessagePipelineModel], ...] = ()

    def addProcess(self, process: PipelineProcess[ChatMessagePipelineModel]) -> None:
        """Have `process` see every item of the streams that are made from now on."""
        self._processes = (*self._processes, process)

    def send(self, send_request: ChatMessageSendRequest) -> ChatMessageSendResponse:
        if self._config.blocking_via_stream:
            return collect(self.sendChatMessageStream(send_request))
        exchange = self._asked(operations.SEND, send_request)
        answer = exchange.open()
        if answer.content_type == EVENT_STREAM:
            return collect_items(self._reader(exchange).read(answer))
        return self._body(decode, ChatMessageSendResponse, exchange, answer.read())

    def sendChatMessageStream(
        self, send_request: ChatMessageSendRequest
    ) -> Observable[ChatMessageSendCompletionResponse]:
        endpoint = operations.SEND_STREAM
        values = endpoint.values(send_request)
        key, user_id = self._key_for(endpoint, values.get("api_key")), values.get("user_id")
        request = endpoint.request(key, values)

        def stop(task_id: str) -> None:
            stop_request = operations.STOP.request(key, {"task_id": task_id, "user_id": user_id})
            self._done(self._transport.exchange(stop_request))

        def new_source() -> StreamSource:
            if not self._config.resume_streams:
                return self._source(request)
            exchange = self._transport.exchange(request)
            return ResumingSource(
                exchange,
                self._reader(exchange),
                functools.partial(self._run_events, key, user_id),
                functools.partial(self._run_status, key),
                self._config.resume_attempts,
            )

        return self._observed(new_source, stop if self._config.stop_on_dispose else None)

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
        self._done(self._with_values(operations.STOP, api_key, task_id=task_id, user_id=user_id))

    def messageFeedback(
        self, message_feedback_request: MessageFeedbackRequest
    ) -> MessageFeedbackResponse:
        exchange = self._asked(operations.MESSAGE_FEEDBACK, message_feedback_request)
        return self._result(exchange, MessageFeedbackResponse)

    def messages(self, request: MessagesRequest) -> DifyPageResult[MessagesResponseVO]:
        return self._page(self._asked(operations.MESSAGES, request), MessagesResponseVO)

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
        exchange = self._with_values(
            operations.MESSAGES_SUGGESTED, api_key, message_id=message_id, user_id=user_id
        )
        result: DifyResult[list[str]] = self._result(exchange, DifyResult)
        return result.data or []

    def conversations(
        self, request: MessageConversationsRequest
    ) -> DifyPageResult[MessageConversationsResponse]:
        return self._page(
            self._asked(operations.CONVERSATIONS, request), MessageConversationsResponse
        )

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
        exchange = self._with_values(
            operations.DELETE_CONVERSATION,
            api_key,
            conversation_id=conversation_id,
            user_id=user_id,
        )
        self._done(exchange)

    def renameConversation(
        self, rename_conversation_request: RenameConversationRequest
    ) -> MessageConversationsResponse:
        exchange = self._asked(operations.RENAME_CONVERSATION, rename_conversation_request)
        return self._result(exchange, MessageConversationsResponse)

    @overload
    def textToAudio(self, request: TextToAudioRequest) -> ResponseEntity[bytes]: ...

    @overload
    def textToAudio(self, request: TextToAudioRequest, response: Any) -> None: ...

    def textToAudio(
        self, request: TextToAudioRequest, response: Any = None
    ) -> ResponseEntity[bytes] | None:
        answer = self._asked(operations.TEXT_TO_AUDIO, request).open()
        if response is not None:
            write_audio(answer, response)
            return None
        return ResponseEntity(answer.status, answer.headers, b"".join(audio_blocks(answer)))

    def audioToText(self, request: AudioToTextRequest) -> DifyTextVO:
        return self._result(self._asked(operations.AUDIO_TO_TEXT, request), DifyTextVO)

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
    ) -> Observable[ChatMessageSendCompletionResponse]:
        endpoint = operations.WORKFLOW_EVENTS
        values = {
            "workflow_run_id": workflow_run_id,
            "user_id": user_id,
            "include_state_snapshot": include_state_snapshot,
            "continue_on_pause": continue_on_pause,
        }
        request = endpoint.request(self._key_for(endpoint, api_key), values)
        return self._observed(lambda: self._source(request), None)

    @java_keywords
    def humanInputForm(
        self,
        form_token: str | None = None,
        api_key: str | None = None,
        *,
        formToken: str | None = None,
        apiKey: str | None = None,
    ) -> HumanInputFormResponse:
        exchange = self._with_values(operations.HUMAN_INPUT_FORM, api_key, form_token=form_token)
        return self._result(exchange, HumanInputFormResponse)

    def submitHumanInputForm(self, request: HumanInputSubmitRequest) -> None:
        self._done(self._asked(operations.SUBMIT_HUMAN_INPUT_FORM, request))

    @java_keywords
    def workflowRun(
        self,
        workflow_run_id: str | None = None,
        api_key: str | None = None,
        *,
        workflowRunId: str | None = None,
        apiKey: str | None = None,
    ) -> WorkflowRunResponse:
        exchange = self._with_values(
            operations.WORKFLOW_RUN, api_key, workflow_run_id=workflow_run_id
        )
        return self._decoded(decode_run, WorkflowRunResponse, exchange)

    def workflowLogs(self, request: WorkflowLogsRequest) -> DifyPageResult[WorkflowLogResponse]:
        return self._page(self._asked(operations.WORKFLOW_LOGS, request), WorkflowLogResponse)

    @java_keywords
    def endUser(
        self,
        end_user_id: str | None = None,
        api_key: str | None = None,
        *,
        endUserId: str | None = None,
        apiKey: str | None = None,
    ) -> EndUserResponse:
        exchange = self._with_values(operations.END_USER, api_key, end_user_id=end_user_id)
        return self._result(exchange, EndUserResponse)

    def _reader(self, exchange: Exchange) -> EventReader:
        return EventReader(event_decoder(), self._config, exchange.context())

    def _source(self, request: HttpRequest) -> StreamSource:
        exchange = self._transport.exchange(request)
        return StreamSource(exchange, self._reader(exchange))

    def _observed(
        self, new_source: Callable[[], StreamSource], stop: Stop | None
    ) -> Observable[ChatMessageSendCompletionResponse]:
        processes = self._processes
        process = functools.partial(run_processes, processes) if processes else None
        return observe(new_source, process, stop, self._config.stop_drain_seconds)

    def _run_events(self, key: ApiKey, user_id: str | None, run_id: str) -> Exchange:
        values = {"workflow_run_id": run_id, "user_id": user_id, "include_state_snapshot": True}
        return self._transport.exchange(operations.WORKFLOW_EVENTS.request(key, values))

    def _run_status(self, key: ApiKey, run_id: str) -> str | None:
        request = operations.WORKFLOW_RUN.request(key, {"workflow_run_id": run_id})
        exchange = self._transport.exchange(request)
        return self._decoded(decode_run, WorkflowRunResponse, exchange).status


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
