"""The facade as coroutines. Generated from it by `make generate`; a test compares."""

from __future__ import annotations

from typing import Any, overload

from .._api.async_client import AsyncClient
from .._api.java_keywords import java_keywords
from .._stream.annotations import EventStream
from ..chatflow import DifyChatflow
from ..models import (
    AppAnnotationCreateRequest,
    AppAnnotationPageRequest,
    AppAnnotationReplyQueryRequest,
    AppAnnotationReplyRequest,
    AppAnnotationReplyResponse,
    AppAnnotationResponse,
    AppAnnotationUpdateRequest,
    AppFeedbackPageRequest,
    AppFeedbackResponse,
    AppInfoResponse,
    AppMetaResponse,
    AppParametersResponseVO,
    AppSiteResponse,
    AudioToTextRequest,
    ChatMessageSendCompletionResponse,
    ChatMessageSendRequest,
    ChatMessageSendResponse,
    ConversationVariableRequest,
    ConversationVariableResponse,
    DifyPageResult,
    DifyTextVO,
    EndUserResponse,
    FilePreviewRequest,
    FileUploadRequest,
    FileUploadResponse,
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
    ServerInfoResponse,
    TextToAudioRequest,
    UpdateConversationVariableRequest,
    WorkflowInfoResponse,
    WorkflowLogs,
    WorkflowLogsRequest,
)

__all__ = ["AsyncDifyChatflow"]


class AsyncDifyChatflow(AsyncClient):
    """`DifyChatflow` as coroutines, for asyncio: the same names, arguments, results and errors.

    The methods that give a stream are no coroutines: they give the same stream. A method is called
    on a thread, of which there are `ClientConfig.async_workers`, in a copy of its task's context.
    Cancelling the task cancels the request. `AsyncDifyChat` is what makes one.
    """

    _facade: DifyChatflow

    async def send(self, send_request: ChatMessageSendRequest) -> ChatMessageSendResponse:
        """1.1 发送消息: send a question and wait for the whole answer. See `DifyChat`."""
        return await self._run(self._facade.send, send_request)

    def sendChatMessageStream(
        self, send_request: ChatMessageSendRequest
    ) -> EventStream[ChatMessageSendCompletionResponse]:
        """1.2 发送流式消息: send a question and stream the events of the answer. See `DifyChat`."""
        return self._facade.sendChatMessageStream(send_request)

    @java_keywords
    async def stopMessagesStream(
        self,
        api_key: str | None = None,
        task_id: str | None = None,
        user_id: str | None = None,
        *,
        apiKey: str | None = None,
        taskId: str | None = None,
        userId: str | None = None,
    ) -> None:
        """1.3 终止消息流: stop an answer that is being streamed. See `DifyChat`."""
        return await self._run(self._facade.stopMessagesStream, api_key, task_id, user_id)

    async def messageFeedback(
        self, message_feedback_request: MessageFeedbackRequest
    ) -> MessageFeedbackResponse:
        """1.4 消息反馈: like or dislike a message, or take that back with a rating of None.

        See `DifyChat`.
        """
        return await self._run(self._facade.messageFeedback, message_feedback_request)

    async def messages(self, request: MessagesRequest) -> DifyPageResult[MessagesResponseVO]:
        """1.5 获取消息列表: a page of a conversation's messages, oldest first. See `DifyChat`."""
        return await self._run(self._facade.messages, request)

    @java_keywords
    async def messagesSuggested(
        self,
        message_id: str | None = None,
        api_key: str | None = None,
        user_id: str | None = None,
        *,
        messageId: str | None = None,
        apiKey: str | None = None,
        userId: str | None = None,
    ) -> list[str]:
        """1.6 获取建议回复: questions a user might ask next. See `DifyChat`."""
        return await self._run(self._facade.messagesSuggested, message_id, api_key, user_id)

    async def conversations(
        self, request: MessageConversationsRequest
    ) -> DifyPageResult[MessageConversationsResponse]:
        """2.1 获取会话列表: a page of a user's conversations, last used first. See `DifyChat`."""
        return await self._run(self._facade.conversations, request)

    @java_keywords
    async def deleteConversation(
        self,
        conversation_id: str | None = None,
        api_key: str | None = None,
        user_id: str | None = None,
        *,
        conversationId: str | None = None,
        apiKey: str | None = None,
        userId: str | None = None,
    ) -> None:
        """2.2 删除会话: delete a conversation and its messages. See `DifyChat`."""
        return await self._run(self._facade.deleteConversation, conversation_id, api_key, user_id)

    async def renameConversation(
        self, rename_conversation_request: RenameConversationRequest
    ) -> MessageConversationsResponse:
        """2.3 会话重命名: give a conversation a name, or let Dify make one up. See `DifyChat`."""
        return await self._run(self._facade.renameConversation, rename_conversation_request)

    @overload
    async def textToAudio(self, request: TextToAudioRequest) -> ResponseEntity[bytes]: ...

    @overload
    async def textToAudio(self, request: TextToAudioRequest, response: Any) -> None: ...

    async def textToAudio(
        self, request: TextToAudioRequest, response: Any = None
    ) -> ResponseEntity[bytes] | None:
        """3.1 文本转语音: turn a text, or a message's answer, into speech. See `DifyChat`."""
        return await self._run(self._facade.textToAudio, request, response)

    async def audioToText(self, request: AudioToTextRequest) -> DifyTextVO:
        """3.2 语音转文本: turn speech into text. See `DifyChat`."""
        return await self._run(self._facade.audioToText, request)

    async def fileUpload(self, request: FileUploadRequest) -> FileUploadResponse:
        """3.4 文件上传: upload a file for a message; its id is a message file's `upload_file_id`.

        See `DifyChat`.
        """
        return await self._run(self._facade.fileUpload, request)

    @java_keywords
    async def parameters(
        self, api_key: str | None = None, *, apiKey: str | None = None
    ) -> AppParametersResponseVO:
        """3.3 获取应用参数: the app's opening, its form and what it can take. See `DifyChat`."""
        return await self._run(self._facade.parameters, api_key)

    @java_keywords
    async def info(
        self, api_key: str | None = None, *, apiKey: str | None = None
    ) -> AppInfoResponse:
        """3.5 获取应用信息: the app's name, description, tags and mode. Dify's GET /info.

        See `DifyChat`.
        """
        return await self._run(self._facade.info, api_key)

    @java_keywords
    async def meta(
        self, api_key: str | None = None, *, apiKey: str | None = None
    ) -> AppMetaResponse:
        """3.6 获取应用元数据: the icons of the app's tools. Dify's GET /meta. See `DifyChat`."""
        return await self._run(self._facade.meta, api_key)

    @java_keywords
    async def site(
        self, api_key: str | None = None, *, apikey: str | None = None, apiKey: str | None = None
    ) -> AppSiteResponse:
        """3.7 获取应用 WebApp 设置: how the app's web page looks. Dify's GET /site.

        See `DifyChat`.
        """
        return await self._run(self._facade.site, api_key)

    async def filePreview(self, request: FilePreviewRequest) -> ResponseEntity[bytes]:
        """3.8 文件预览: an uploaded file; NotFoundException until a message has used it.

        See `DifyChat`.
        """
        return await self._run(self._facade.filePreview, request)

    async def feedbacks(
        self, request: AppFeedbackPageRequest
    ) -> DifyPageResult[AppFeedbackResponse]:
        """1.7 获取应用反馈列表: a page of all users' feedback. Dify's GET /app/feedbacks.

        See `DifyChat`.
        """
        return await self._run(self._facade.feedbacks, request)

    async def pageAppAnnotation(
        self, request: AppAnnotationPageRequest
    ) -> DifyPageResult[AppAnnotationResponse]:
        """4.1 获取应用标注列表: a page of annotations. Dify's GET /apps/annotations.

        See `DifyChat`.
        """
        return await self._run(self._facade.pageAppAnnotation, request)

    async def createAppAnnotation(
        self, request: AppAnnotationCreateRequest
    ) -> AppAnnotationResponse:
        """4.2 创建应用标注: Dify's POST /apps/annotations. See `DifyChat`."""
        return await self._run(self._facade.createAppAnnotation, request)

    async def updateAppAnnotation(
        self, request: AppAnnotationUpdateRequest
    ) -> AppAnnotationResponse:
        """4.3 更新应用标注: Dify's PUT /apps/annotations/{annotation_id}; both fields.

        See `DifyChat`.
        """
        return await self._run(self._facade.updateAppAnnotation, request)

    @java_keywords
    async def deleteAppAnnotation(
        self,
        annotation_id: str | None = None,
        api_key: str | None = None,
        *,
        annotationId: str | None = None,
        apiKey: str | None = None,
    ) -> None:
        """4.4 删除应用标注: Dify's DELETE /apps/annotations/{annotation_id}. See `DifyChat`."""
        return await self._run(self._facade.deleteAppAnnotation, annotation_id, api_key)

    async def annotationReply(
        self, request: AppAnnotationReplyRequest
    ) -> AppAnnotationReplyResponse:
        """4.5 标注回复: start to switch annotation replies on or off; gives a job.

        See `DifyChat`.
        """
        return await self._run(self._facade.annotationReply, request)

    async def queryAnnotationReply(
        self, request: AppAnnotationReplyQueryRequest
    ) -> AppAnnotationReplyResponse:
        """4.6 查询标注回复状态: that job; `job_status` is waiting, completed or error.

        See `DifyChat`.
        """
        return await self._run(self._facade.queryAnnotationReply, request)

    async def conversationVariables(
        self, request: ConversationVariableRequest
    ) -> DifyPageResult[ConversationVariableResponse]:
        """1.8 获取会话变量列表: a page of a conversation's variables; values are text.

        See `DifyChat`.
        """
        return await self._run(self._facade.conversationVariables, request)

    async def updateConversationVariable(
        self, request: UpdateConversationVariableRequest
    ) -> ConversationVariableResponse:
        """1.9 更新会话变量: a value of the variable's own type; BadRequestException for another.

        See `DifyChat`.
        """
        return await self._run(self._facade.updateConversationVariable, request)

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
        """流式获取工作流事件: go on with a run after a pause or a broken connection.

        See `DifyChatflow`.
        """
        return self._facade.workflowEvents(
            workflow_run_id, api_key, user_id, include_state_snapshot, continue_on_pause
        )

    @java_keywords
    async def humanInputForm(
        self,
        form_token: str | None = None,
        api_key: str | None = None,
        *,
        formToken: str | None = None,
        apiKey: str | None = None,
    ) -> HumanInputFormResponse:
        """获取人工介入表单: the form of a human_input_required event. See `DifyChatflow`."""
        return await self._run(self._facade.humanInputForm, form_token, api_key)

    async def submitHumanInputForm(self, request: HumanInputSubmitRequest) -> None:
        """提交人工介入表单: fill the form in; the run goes on, see `workflowEvents`.

        See `DifyChatflow`.
        """
        return await self._run(self._facade.submitHumanInputForm, request)

    @java_keywords
    async def workflowRun(
        self,
        workflow_run_id: str | None = None,
        api_key: str | None = None,
        *,
        workflowRunId: str | None = None,
        apiKey: str | None = None,
    ) -> WorkflowInfoResponse:
        """获取工作流执行情况: a run's status, inputs and outputs, parsed. See `DifyChatflow`."""
        return await self._run(self._facade.workflowRun, workflow_run_id, api_key)

    async def workflowLogs(self, request: WorkflowLogsRequest) -> DifyPageResult[WorkflowLogs]:
        """获取工作流日志: a page of runs. See `DifyChatflow`."""
        return await self._run(self._facade.workflowLogs, request)

    @java_keywords
    async def endUser(
        self,
        end_user_id: str | None = None,
        api_key: str | None = None,
        *,
        endUserId: str | None = None,
        apiKey: str | None = None,
    ) -> EndUserResponse:
        """获取终端用户信息: a user by Dify's own id. See `DifyChatflow`."""
        return await self._run(self._facade.endUser, end_user_id, api_key)

    @java_keywords
    async def serverInfo(
        self, api_key: str | None = None, *, apiKey: str | None = None
    ) -> ServerInfoResponse:
        """获取服务端信息: which version of Dify it is. See `DifyChatflow`."""
        return await self._run(self._facade.serverInfo, api_key)
