"""The methods about the app: what it is, its files, annotations, feedback and variables."""

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
    ConversationVariableRequest,
    ConversationVariableResponse,
    DifyPageResult,
    FilePreviewRequest,
    FileUploadRequest,
    FileUploadResponse,
    ResponseEntity,
    UpdateConversationVariableRequest,
)
from . import operations
from .base_client import BaseClient, java_keywords


class PlainCalls(BaseClient):
    """The part of `DifyChat` that is not about talking."""

    @java_keywords
    def parameters(
        self, api_key: str | None = None, *, apiKey: str | None = None
    ) -> AppParametersResponseVO:
        exchange = self._with_values(operations.PARAMETERS, api_key)
        return self._result(exchange, AppParametersResponseVO)

    @java_keywords
    def info(self, api_key: str | None = None, *, apiKey: str | None = None) -> AppInfoResponse:
        return self._result(self._with_values(operations.INFO, api_key), AppInfoResponse)

    @java_keywords
    def meta(self, api_key: str | None = None, *, apiKey: str | None = None) -> AppMetaResponse:
        return self._result(self._with_values(operations.META, api_key), AppMetaResponse)

    @java_keywords
    def site(
        self,
        api_key: str | None = None,
        *,
        apikey: str | None = None,
        apiKey: str | None = None,
    ) -> AppSiteResponse:
        return self._result(self._with_values(operations.SITE, api_key), AppSiteResponse)

    def fileUpload(self, request: FileUploadRequest) -> FileUploadResponse:
        return self._result(self._asked(operations.FILE_UPLOAD, request), FileUploadResponse)

    def filePreview(self, request: FilePreviewRequest) -> ResponseEntity[bytes]:
        answer = self._asked(operations.FILE_PREVIEW, request).open()
        return ResponseEntity(answer.status, answer.headers, answer.read())

    def feedbacks(self, request: AppFeedbackPageRequest) -> DifyPageResult[AppFeedbackResponse]:
        return self._page(self._asked(operations.APP_FEEDBACKS, request), AppFeedbackResponse)

    def pageAppAnnotation(
        self, request: AppAnnotationPageRequest
    ) -> DifyPageResult[AppAnnotationResponse]:
        return self._page(self._asked(operations.ANNOTATIONS, request), AppAnnotationResponse)

    def createAppAnnotation(self, request: AppAnnotationCreateRequest) -> AppAnnotationResponse:
        exchange = self._asked(operations.CREATE_ANNOTATION, request)
        return self._result(exchange, AppAnnotationResponse)

    def updateAppAnnotation(self, request: AppAnnotationUpdateRequest) -> AppAnnotationResponse:
        exchange = self._asked(operations.UPDATE_ANNOTATION, request)
        return self._result(exchange, AppAnnotationResponse)

    @java_keywords
    def deleteAppAnnotation(
        self,
        annotation_id: str | None = None,
        api_key: str | None = None,
        *,
        annotationId: str | None = None,
        apiKey: str | None = None,
    ) -> None:
        endpoint = operations.DELETE_ANNOTATION
        self._done(self._with_values(endpoint, api_key, annotation_id=annotation_id))

    def annotationReply(self, request: AppAnnotationReplyRequest) -> AppAnnotationReplyResponse:
        exchange = self._asked(operations.ANNOTATION_REPLY, request)
        return self._result(exchange, AppAnnotationReplyResponse)

    def queryAnnotationReply(
        self, request: AppAnnotationReplyQueryRequest
    ) -> AppAnnotationReplyResponse:
        exchange = self._asked(operations.ANNOTATION_REPLY_STATUS, request)
        return self._result(exchange, AppAnnotationReplyResponse)

    def conversationVariables(
        self, request: ConversationVariableRequest
    ) -> DifyPageResult[ConversationVariableResponse]:
        exchange = self._asked(operations.CONVERSATION_VARIABLES, request)
        return self._page(exchange, ConversationVariableResponse)

    def updateConversationVariable(
        self, request: UpdateConversationVariableRequest
    ) -> ConversationVariableResponse:
        exchange = self._asked(operations.UPDATE_CONVERSATION_VARIABLE, request)
        return self._result(exchange, ConversationVariableResponse)
