"""The methods that are a row of `operations` and nothing else, in the order of the facade."""

from __future__ import annotations

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
    UpdateConversationVariableRequest,
    WorkflowInfoResponse,
    WorkflowLogs,
    WorkflowLogsRequest,
)
from . import operations
from .base_client import BaseClient
from .java_keywords import java_keywords


class HumanInputCalls(BaseClient):
    """The forms that a chatflow or a workflow may wait for."""

    @java_keywords
    def humanInputForm(
        self,
        form_token: str | None = None,
        api_key: str | None = None,
        *,
        formToken: str | None = None,
        apiKey: str | None = None,
    ) -> HumanInputFormResponse:
        return self._call(operations.HUMAN_INPUT_FORM, api_key=api_key, form_token=form_token)

    def submitHumanInputForm(self, request: HumanInputSubmitRequest) -> None:
        self._call(operations.SUBMIT_HUMAN_INPUT_FORM, request)


class PlainCalls(HumanInputCalls):
    """The methods of `DifyChat` and `DifyChatflow` that send, wait and decode, and no more."""

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
        self._call(operations.STOP, api_key=api_key, task_id=task_id, user_id=user_id)

    def messageFeedback(
        self, message_feedback_request: MessageFeedbackRequest
    ) -> MessageFeedbackResponse:
        return self._call(operations.MESSAGE_FEEDBACK, message_feedback_request)

    def messages(self, request: MessagesRequest) -> DifyPageResult[MessagesResponseVO]:
        return self._call(operations.MESSAGES, request)

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
        return self._call(
            operations.MESSAGES_SUGGESTED,
            api_key=api_key,
            message_id=message_id,
            user_id=user_id,
        )

    def conversations(
        self, request: MessageConversationsRequest
    ) -> DifyPageResult[MessageConversationsResponse]:
        return self._call(operations.CONVERSATIONS, request)

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
            operations.DELETE_CONVERSATION,
            api_key=api_key,
            conversation_id=conversation_id,
            user_id=user_id,
        )

    def renameConversation(
        self, rename_conversation_request: RenameConversationRequest
    ) -> MessageConversationsResponse:
        return self._call(operations.RENAME_CONVERSATION, rename_conversation_request)

    def audioToText(self, request: AudioToTextRequest) -> DifyTextVO:
        return self._call(operations.AUDIO_TO_TEXT, request)

    def fileUpload(self, request: FileUploadRequest) -> FileUploadResponse:
        return self._call(operations.FILE_UPLOAD, request)

    @java_keywords
    def parameters(
        self, api_key: str | None = None, *, apiKey: str | None = None
    ) -> AppParametersResponseVO:
        return self._call(operations.PARAMETERS, api_key=api_key)

    @java_keywords
    def info(self, api_key: str | None = None, *, apiKey: str | None = None) -> AppInfoResponse:
        return self._call(operations.INFO, api_key=api_key)

    @java_keywords
    def meta(self, api_key: str | None = None, *, apiKey: str | None = None) -> AppMetaResponse:
        return self._call(operations.META, api_key=api_key)

    @java_keywords
    def site(
        self,
        api_key: str | None = None,
        *,
        apikey: str | None = None,
        apiKey: str | None = None,
    ) -> AppSiteResponse:
        return self._call(operations.SITE, api_key=api_key)

    def filePreview(self, request: FilePreviewRequest) -> ResponseEntity[bytes]:
        return self._call(operations.FILE_PREVIEW, request)

    def feedbacks(self, request: AppFeedbackPageRequest) -> DifyPageResult[AppFeedbackResponse]:
        return self._call(operations.APP_FEEDBACKS, request)

    def pageAppAnnotation(
        self, request: AppAnnotationPageRequest
    ) -> DifyPageResult[AppAnnotationResponse]:
        return self._call(operations.ANNOTATIONS, request)

    def createAppAnnotation(self, request: AppAnnotationCreateRequest) -> AppAnnotationResponse:
        return self._call(operations.CREATE_ANNOTATION, request)

    def updateAppAnnotation(self, request: AppAnnotationUpdateRequest) -> AppAnnotationResponse:
        return self._call(operations.UPDATE_ANNOTATION, request)

    @java_keywords
    def deleteAppAnnotation(
        self,
        annotation_id: str | None = None,
        api_key: str | None = None,
        *,
        annotationId: str | None = None,
        apiKey: str | None = None,
    ) -> None:
        self._call(operations.DELETE_ANNOTATION, api_key=api_key, annotation_id=annotation_id)

    def annotationReply(self, request: AppAnnotationReplyRequest) -> AppAnnotationReplyResponse:
        return self._call(operations.ANNOTATION_REPLY, request)

    def queryAnnotationReply(
        self, request: AppAnnotationReplyQueryRequest
    ) -> AppAnnotationReplyResponse:
        return self._call(operations.ANNOTATION_REPLY_STATUS, request)

    def conversationVariables(
        self, request: ConversationVariableRequest
    ) -> DifyPageResult[ConversationVariableResponse]:
        return self._call(operations.CONVERSATION_VARIABLES, request)

    def updateConversationVariable(
        self, request: UpdateConversationVariableRequest
    ) -> ConversationVariableResponse:
        return self._call(operations.UPDATE_CONVERSATION_VARIABLE, request)

    @java_keywords
    def workflowRun(
        self,
        workflow_run_id: str | None = None,
        api_key: str | None = None,
        *,
        workflowRunId: str | None = None,
        apiKey: str | None = None,
    ) -> WorkflowInfoResponse:
        return self._call(operations.WORKFLOW_RUN, api_key=api_key, workflow_run_id=workflow_run_id)

    def workflowLogs(self, request: WorkflowLogsRequest) -> DifyPageResult[WorkflowLogs]:
        return self._call(operations.WORKFLOW_LOGS, request)

    @java_keywords
    def endUser(
        self,
        end_user_id: str | None = None,
        api_key: str | None = None,
        *,
        endUserId: str | None = None,
        apiKey: str | None = None,
    ) -> EndUserResponse:
        return self._call(operations.END_USER, api_key=api_key, end_user_id=end_user_id)

    @java_keywords
    def serverInfo(
        self, api_key: str | None = None, *, apiKey: str | None = None
    ) -> ServerInfoResponse:
        return self._call(operations.SERVER_INFO, api_key=api_key)
