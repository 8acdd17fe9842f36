"""The facade: Java's `DifyChat`, method for method.

Requests are DTOs as in Java. The methods that take plain arguments take them in Java's order, by
position, by their Python names or by Java's. Every method raises `IllegalArgumentException` before
any I/O for an argument that cannot work, `HttpClientException` (a subclass per status) for an
response that is not a success, `ConnectionException`, `TimeoutException` and `DecodeException`.
"""

from __future__ import annotations

from typing import Any, Protocol, overload

from ._stream.annotations import EventStream
from .models import (
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
    FilePreviewRequest,
    FileUploadRequest,
    FileUploadResponse,
    MessageConversationsRequest,
    MessageConversationsResponse,
    MessageFeedbackRequest,
    MessageFeedbackResponse,
    MessagesRequest,
    MessagesResponseVO,
    RenameConversationRequest,
    ResponseEntity,
    TextToAudioRequest,
    UpdateConversationVariableRequest,
)

__all__ = ["DifyChat"]


class DifyChat(Protocol):
    """What a chat service asks of Dify; Java's `io.github.guoshiqiufeng.dify.chat.DifyChat`."""

    def send(self, send_request: ChatMessageSendRequest) -> ChatMessageSendResponse:
        """1.1 发送消息: send a question and wait for the whole answer.

        Dify's POST /chat-messages with response_mode blocking, or streaming and collected with
        `ClientConfig(blocking_via_stream=True)`. Dify refuses blocking for agent apps
        (BadRequestException, invalid_param), and gateways cut it after a minute or two.
        """
        ...

    def sendChatMessageStream(
        self, send_request: ChatMessageSendRequest
    ) -> EventStream[ChatMessageSendCompletionResponse]:
        """1.2 发送流式消息: send a question and stream the events of the answer.

        Dify's POST /chat-messages with response_mode streaming. The stream is cold: each
        subscription sends the question anew, and nothing is sent before. It emits every data event
        in order, and ends with on_completed, or on_error with StreamErrorException (Dify's `error`
        event), StreamInterruptedException (cut, or ended early), StreamDecodeException, or what the
        other methods raise. `dispose()` returns at once; see `ClientConfig.stop_on_dispose`.
        """
        ...

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
        """1.3 终止消息流: stop an answer that is being streamed.

        Dify's POST /chat-messages/{task_id}/stop, which reports success for any id.
        `user_id` must be that of the question. Chat and agent apps, and chatflows of Dify 1.12,
        keep what came; a chatflow of 1.14 keeps that or nothing, and a paused run goes on.
        """
        ...

    def messageFeedback(
        self, message_feedback_request: MessageFeedbackRequest
    ) -> MessageFeedbackResponse:
        """1.4 消息反馈: like or dislike a message, or take that back with a rating of None.

        Dify's POST /messages/{message_id}/feedbacks.
        """
        ...

    def messages(self, request: MessagesRequest) -> DifyPageResult[MessagesResponseVO]:
        """1.5 获取消息列表: a page of a conversation's messages, oldest first.

        Dify's GET /messages. Without `first_id` the newest page; the id of its first message as
        `first_id` gives the page before it. `limit` is 1 to 100.
        """
        ...

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
        """1.6 获取建议回复: questions a user might ask next.

        Dify's GET /messages/{message_id}/suggested.
        """
        ...

    def conversations(
        self, request: MessageConversationsRequest
    ) -> DifyPageResult[MessageConversationsResponse]:
        """2.1 获取会话列表: a page of a user's conversations, last used first.

        Dify's GET /conversations. The id of a page's last conversation as `last_id` gives the next
        page. `limit` is 1 to 100.
        """
        ...

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
        """2.2 删除会话: delete a conversation and its messages.

        Dify's DELETE /conversations/{conversation_id}. Of an unknown one Dify 1.14 gives a
        NotFoundException; 1.12 succeeds, and so it does for another user's, which it deletes.
        """
        ...

    def renameConversation(
        self, rename_conversation_request: RenameConversationRequest
    ) -> MessageConversationsResponse:
        """2.3 会话重命名: give a conversation a name, or let Dify make one up.

        Dify's POST /conversations/{conversation_id}/name.
        """
        ...

    @overload
    def textToAudio(self, request: TextToAudioRequest) -> ResponseEntity[bytes]: ...

    @overload
    def textToAudio(self, request: TextToAudioRequest, response: Any) -> None: ...

    def textToAudio(
        self, request: TextToAudioRequest, response: Any = None
    ) -> ResponseEntity[bytes] | None:
        """3.1 文本转语音: turn a text, or a message's answer, into speech.

        Dify's POST /text-to-audio. Alone it returns the audio with its status and headers. With a
        `response` it writes the type, the disposition (attachment; filename=audio.mp3 where Dify
        gives none) and the audio into that, block by block: anything with `write`, a Werkzeug or
        Flask `Response`, a Django `HttpResponse` or `StreamingHttpResponse`.
        """
        ...

    def audioToText(self, request: AudioToTextRequest) -> DifyTextVO:
        """3.2 语音转文本: turn speech into text.

        Dify's POST /audio-to-text, for mp3, m4a, wav, amr and mpga up to 30 MB. `request.file` is
        a DifyFile, a path, bytes, a file opened in binary mode, `(filename, content, type)`, or
        the upload object of a web framework (Werkzeug, Django, Starlette); or any of these in an
        `Upload` with a progress callback.
        """
        ...

    def fileUpload(self, request: FileUploadRequest) -> FileUploadResponse:
        """3.4 文件上传: upload a file for a message; its id is a message file's `upload_file_id`.

        Dify's POST /files/upload. `request.file` is what `audioToText` takes.
        """
        ...

    def parameters(
        self, api_key: str | None = None, *, apiKey: str | None = None
    ) -> AppParametersResponseVO:
        """3.3 获取应用参数: the app's opening, its form and what it can take.

        Dify's GET /parameters.
        """
        ...

    def info(self, api_key: str | None = None, *, apiKey: str | None = None) -> AppInfoResponse:
        """3.5 获取应用信息: the app's name, description, tags and mode. Dify's GET /info."""
        ...

    def meta(self, api_key: str | None = None, *, apiKey: str | None = None) -> AppMetaResponse:
        """3.6 获取应用元数据: the icons of the app's tools. Dify's GET /meta."""
        ...

    def site(
        self,
        api_key: str | None = None,
        *,
        apikey: str | None = None,
        apiKey: str | None = None,
    ) -> AppSiteResponse:
        """3.7 获取应用 WebApp 设置: how the app's web page looks. Dify's GET /site."""
        ...

    def filePreview(self, request: FilePreviewRequest) -> ResponseEntity[bytes]:
        """3.8 文件预览: an uploaded file; NotFoundException until a message has used it.

        Dify's GET /files/{file_id}/preview.
        """
        ...

    def feedbacks(self, request: AppFeedbackPageRequest) -> DifyPageResult[AppFeedbackResponse]:
        """1.7 获取应用反馈列表: a page of all users' feedback. Dify's GET /app/feedbacks."""
        ...

    def pageAppAnnotation(
        self, request: AppAnnotationPageRequest
    ) -> DifyPageResult[AppAnnotationResponse]:
        """4.1 获取应用标注列表: a page of annotations. Dify's GET /apps/annotations."""
        ...

    def createAppAnnotation(self, request: AppAnnotationCreateRequest) -> AppAnnotationResponse:
        """4.2 创建应用标注: Dify's POST /apps/annotations."""
        ...

    def updateAppAnnotation(self, request: AppAnnotationUpdateRequest) -> AppAnnotationResponse:
        """4.3 更新应用标注: Dify's PUT /apps/annotations/{annotation_id}; both fields."""
        ...

    def deleteAppAnnotation(
        self,
        annotation_id: str | None = None,
        api_key: str | None = None,
        *,
        annotationId: str | None = None,
        apiKey: str | None = None,
    ) -> None:
        """4.4 删除应用标注: Dify's DELETE /apps/annotations/{annotation_id}."""
        ...

    def annotationReply(self, request: AppAnnotationReplyRequest) -> AppAnnotationReplyResponse:
        """4.5 标注回复: start to switch annotation replies on or off; gives a job.

        Dify's POST /apps/annotation-reply/{action}, which wants all three settings for both.
        """
        ...

    def queryAnnotationReply(
        self, request: AppAnnotationReplyQueryRequest
    ) -> AppAnnotationReplyResponse:
        """4.6 查询标注回复状态: that job; `job_status` is waiting, completed or error.

        Dify's GET /apps/annotation-reply/{action}/status/{job_id}.
        """
        ...

    def conversationVariables(
        self, request: ConversationVariableRequest
    ) -> DifyPageResult[ConversationVariableResponse]:
        """1.8 获取会话变量列表: a page of a conversation's variables; values are text.

        Dify's GET /conversations/{conversation_id}/variables.
        """
        ...

    def updateConversationVariable(
        self, request: UpdateConversationVariableRequest
    ) -> ConversationVariableResponse:
        """1.9 更新会话变量: a value of the variable's own type; BadRequestException for another.

        Dify's PUT /conversations/{conversation_id}/variables/{variable_id}.
        """
        ...
