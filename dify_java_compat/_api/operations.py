"""One row an operation: verb, path, what comes back, where each value of the request goes."""

from __future__ import annotations

from typing import TypeVar

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
    ServerInfoResponse,
    TextToAudioRequest,
    UpdateConversationVariableRequest,
    WorkflowInfoResponse,
    WorkflowLogs,
    WorkflowLogsRequest,
)
from .codec import decode_run
from .operation import AUDIO, BINARY, NOTHING, TEXTS, Operation, Result, one, page, stream
from .param import Param, const, files, inputs, or_default, rating, true_or_none, unless_empty

R = TypeVar("R")


_USER = Param("user", "user_id")


def _chat(name: str, response_mode: str, result: Result[R]) -> Operation[R]:
    return Operation(
        name,
        "POST",
        "/chat-messages",
        result,
        takes=ChatMessageSendRequest,
        non_empty=("content",),
        body=(
            Param("inputs", "inputs", inputs),
            Param("query", "content"),
            const("response_mode", response_mode),
            Param("conversation_id", "conversation_id"),
            _USER,
            Param("files", "files", files),
            Param("auto_generate_name", "auto_generate_name"),
            Param("workflow_id", "workflow_id", unless_empty),
            Param("trace_id", "trace_id", unless_empty),
        ),
    )


SEND = _chat("send", "blocking", one(ChatMessageSendResponse))
SEND_STREAM = _chat("sendChatMessageStream", "streaming", stream(ChatMessageSendCompletionResponse))
STOP = Operation(
    "stopMessagesStream",
    "POST",
    "/chat-messages/{task_id}/stop",
    NOTHING,
    body=(_USER,),
)
MESSAGE_FEEDBACK = Operation(
    "messageFeedback",
    "POST",
    "/messages/{message_id}/feedbacks",
    one(MessageFeedbackResponse),
    takes=MessageFeedbackRequest,
    body=(
        Param("rating", "rating", rating, keep_null=True),  # null takes a feedback back
        _USER,
        Param("content", "content", or_default("")),
    ),
)
MESSAGES = Operation(
    "messages",
    "GET",
    "/messages",
    page(MessagesResponseVO),
    takes=MessagesRequest,
    non_empty=("conversation_id",),
    query=(
        Param("conversation_id", "conversation_id"),
        Param("limit", "limit", or_default(20)),
        Param("first_id", "first_id", unless_empty),
        Param("user", "user_id", unless_empty),
    ),
)
MESSAGES_SUGGESTED = Operation(
    "messagesSuggested", "GET", "/messages/{message_id}/suggested", TEXTS, query=(_USER,)
)
CONVERSATIONS = Operation(
    "conversations",
    "GET",
    "/conversations",
    page(MessageConversationsResponse),
    takes=MessageConversationsRequest,
    query=(
        Param("sort_by", "sort_by", or_default("-updated_at")),
        Param("limit", "limit", or_default(20)),
        Param("user", "user_id", unless_empty),
        Param("last_id", "last_id", unless_empty),
    ),
)
DELETE_CONVERSATION = Operation(
    "deleteConversation", "DELETE", "/conversations/{conversation_id}", NOTHING, body=(_USER,)
)
RENAME_CONVERSATION = Operation(
    "renameConversation",
    "POST",
    "/conversations/{conversation_id}/name",
    one(MessageConversationsResponse),
    takes=RenameConversationRequest,
    body=(
        Param("name", "name", or_default("")),
        Param("auto_generate", "auto_generate", or_default(False)),
        _USER,
    ),
)
TEXT_TO_AUDIO = Operation(
    "textToAudio",
    "POST",
    "/text-to-audio",
    AUDIO,
    takes=TextToAudioRequest,
    body=(
        _USER,
        Param("text", "text"),
        Param("message_id", "message_id"),
        Param("voice", "voice", unless_empty),
    ),
)
AUDIO_TO_TEXT = Operation(
    "audioToText",
    "POST",
    "/audio-to-text",
    one(DifyTextVO),
    takes=AudioToTextRequest,
    non_empty=("file",),
    body=(_USER,),
    file="file",
    audio=True,
)
FILE_UPLOAD = Operation(
    "fileUpload",
    "POST",
    "/files/upload",
    one(FileUploadResponse),
    takes=FileUploadRequest,
    non_empty=("file", "user_id"),
    body=(_USER,),
    file="file",
)
PARAMETERS = Operation("parameters", "GET", "/parameters", one(AppParametersResponseVO))
APP_FEEDBACKS = Operation(
    "feedbacks",
    "GET",
    "/app/feedbacks",
    page(AppFeedbackResponse),
    takes=AppFeedbackPageRequest,
    query=(Param("page", "page"), Param("limit", "limit")),
)
FILE_PREVIEW = Operation(
    "filePreview",
    "GET",
    "/files/{file_id}/preview",
    BINARY,
    takes=FilePreviewRequest,
    query=(Param("as_attachment", "as_attachment", true_or_none), _USER),
)
INFO = Operation("info", "GET", "/info", one(AppInfoResponse))
META = Operation("meta", "GET", "/meta", one(AppMetaResponse))
SITE = Operation("site", "GET", "/site", one(AppSiteResponse))
ANNOTATIONS = Operation(
    "pageAppAnnotation",
    "GET",
    "/apps/annotations",
    page(AppAnnotationResponse),
    takes=AppAnnotationPageRequest,
    query=(
        Param("page", "page"),
        Param("limit", "limit"),
        Param("keyword", "keyword", unless_empty),
    ),
)
_ANNOTATION = (Param("question", "question"), Param("answer", "answer"))
CREATE_ANNOTATION = Operation(
    "createAppAnnotation",
    "POST",
    "/apps/annotations",
    one(AppAnnotationResponse),
    takes=AppAnnotationCreateRequest,
    body=_ANNOTATION,
)
UPDATE_ANNOTATION = Operation(
    "updateAppAnnotation",
    "PUT",
    "/apps/annotations/{annotation_id}",
    one(AppAnnotationResponse),
    takes=AppAnnotationUpdateRequest,
    body=_ANNOTATION,
)
DELETE_ANNOTATION = Operation(
    "deleteAppAnnotation", "DELETE", "/apps/annotations/{annotation_id}", NOTHING
)
ANNOTATION_REPLY = Operation(
    "annotationReply",
    "POST",
    "/apps/annotation-reply/{action}",
    one(AppAnnotationReplyResponse),
    takes=AppAnnotationReplyRequest,
    body=(
        Param("embedding_provider_name", "embedding_provider_name"),
        Param("embedding_model_name", "embedding_model_name"),
        Param("score_threshold", "score_threshold"),
    ),
)
ANNOTATION_REPLY_STATUS = Operation(
    "queryAnnotationReply",
    "GET",
    "/apps/annotation-reply/{action}/status/{job_id}",
    one(AppAnnotationReplyResponse),
    takes=AppAnnotationReplyQueryRequest,
)
CONVERSATION_VARIABLES = Operation(
    "conversationVariables",
    "GET",
    "/conversations/{conversation_id}/variables",
    page(ConversationVariableResponse),
    takes=ConversationVariableRequest,
    query=(
        Param("variable_name", "variable_name", unless_empty),
        _USER,
        Param("last_id", "last_id", unless_empty),
        Param("limit", "limit"),
    ),
)
UPDATE_CONVERSATION_VARIABLE = Operation(
    "updateConversationVariable",
    "PUT",
    "/conversations/{conversation_id}/variables/{variable_id}",
    one(ConversationVariableResponse),
    takes=UpdateConversationVariableRequest,
    non_null=("value",),
    body=(Param("value", "value"), _USER),
)
WORKFLOW_EVENTS = Operation(
    "workflowEvents",
    "GET",
    "/workflow/{workflow_run_id}/events",
    stream(ChatMessageSendCompletionResponse),
    query=(
        _USER,
        Param("include_state_snapshot", "include_state_snapshot", true_or_none),
        Param("continue_on_pause", "continue_on_pause", true_or_none),
    ),
)
HUMAN_INPUT_FORM = Operation(
    "humanInputForm", "GET", "/form/human_input/{form_token}", one(HumanInputFormResponse)
)
SUBMIT_HUMAN_INPUT_FORM = Operation(
    "submitHumanInputForm",
    "POST",
    "/form/human_input/{form_token}",
    NOTHING,
    takes=HumanInputSubmitRequest,
    non_empty=("action",),
    body=(Param("inputs", "inputs", inputs), Param("action", "action"), _USER),
)
WORKFLOW_RUN = Operation(
    "workflowRun", "GET", "/workflows/run/{workflow_run_id}", one(WorkflowInfoResponse, decode_run)
)
WORKFLOW_LOGS = Operation(
    "workflowLogs",
    "GET",
    "/workflows/logs",
    page(WorkflowLogs),
    takes=WorkflowLogsRequest,
    query=(
        Param("keyword", "keyword", unless_empty),
        Param("status", "status", unless_empty),
        Param("page", "page", or_default(1)),
        Param("limit", "limit", or_default(20)),
        Param("created_at__before", "created_at_before", unless_empty),
        Param("created_at__after", "created_at_after", unless_empty),
        Param("created_by_end_user_session_id", "created_by_end_user_session_id", unless_empty),
        Param("created_by_account", "created_by_account", unless_empty),
    ),
)
END_USER = Operation("endUser", "GET", "/end-users/{end_user_id}", one(EndUserResponse))
SERVER_INFO = Operation("serverInfo", "GET", "/", one(ServerInfoResponse))
