"""One row per operation: verb, path, and where each value of the request goes."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any

from ..errors import IllegalArgumentException
from ..models import (
    AppAnnotationCreateRequest,
    AppAnnotationPageRequest,
    AppAnnotationReplyQueryRequest,
    AppAnnotationReplyRequest,
    AppAnnotationUpdateRequest,
    AppFeedbackPageRequest,
    AudioToTextRequest,
    ChatMessageSendRequest,
    ConversationVariableRequest,
    FilePreviewRequest,
    FileUploadRequest,
    HumanInputSubmitRequest,
    MessageConversationsRequest,
    MessageFeedbackRequest,
    MessagesRequest,
    RenameConversationRequest,
    TextToAudioRequest,
    UpdateConversationVariableRequest,
    WorkflowLogsRequest,
)
from .file_types import message_file_type
from .operation import Convert, Operation, Param


def _or_default(default: Any) -> Convert:
    return lambda value: default if value is None or value == "" else value


def _unless_empty(value: Any) -> Any:
    return value or None


def _true_or_nothing(value: Any) -> Any:
    return "true" if value else None


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


def _inputs(inputs: Any) -> Any:
    """Variables; a file variable is a `ChatMessageFile`, or a list of them."""
    if not isinstance(inputs, Mapping):
        return {} if inputs is None else inputs
    return {name: _input(value) for name, value in inputs.items()}


def _input(value: Any) -> Any:
    if isinstance(value, list):
        return [_input(each) for each in value]
    return _file(value) if isinstance(value, ChatMessageSendRequest.ChatMessageFile) else value


def _file(file: ChatMessageSendRequest.ChatMessageFile) -> dict[str, str]:
    by_id = bool(file.upload_file_id) and not file.url
    values = {
        "type": file.type or message_file_type(file.mime_type, file.url),
        "transfer_method": file.transfer_method or ("local_file" if by_id else "remote_url"),
        "url": file.url,
        "upload_file_id": file.upload_file_id,
    }
    return {name: value for name, value in values.items() if value}


_USER = Param("user", "user_id")


def _chat(operation: str, response_mode: str) -> Operation:
    return Operation(
        operation,
        "POST",
        "/chat-messages",
        takes=ChatMessageSendRequest,
        required=("content",),
        body=(
            Param("inputs", "inputs", _inputs),
            Param("query", "content"),
            Param("response_mode", "", lambda _: response_mode),
            Param("conversation_id", "conversation_id"),
            _USER,
            Param("files", "files", _files),
            Param("auto_generate_name", "auto_generate_name"),
            Param("workflow_id", "workflow_id", _unless_empty),
            Param("trace_id", "trace_id", _unless_empty),
        ),
        streams=response_mode == "streaming",
    )


SEND = _chat("send", "blocking")
SEND_STREAM = _chat("sendChatMessageStream", "streaming")
STOP = Operation(
    "stopMessagesStream",
    "POST",
    "/chat-messages/{task_id}/stop",
    body=(_USER,),
)
MESSAGE_FEEDBACK = Operation(
    "messageFeedback",
    "POST",
    "/messages/{message_id}/feedbacks",
    takes=MessageFeedbackRequest,
    body=(
        Param("rating", "rating", _rating, keep_null=True),  # null takes a feedback back
        _USER,
        Param("content", "content", _or_default("")),
    ),
)
MESSAGES = Operation(
    "messages",
    "GET",
    "/messages",
    takes=MessagesRequest,
    required=("conversation_id",),
    query=(
        Param("conversation_id", "conversation_id"),
        Param("limit", "limit", _or_default(20)),
        Param("first_id", "first_id", _unless_empty),
        Param("user", "user_id", _unless_empty),
    ),
)
MESSAGES_SUGGESTED = Operation(
    "messagesSuggested", "GET", "/messages/{message_id}/suggested", query=(_USER,)
)
CONVERSATIONS = Operation(
    "conversations",
    "GET",
    "/conversations",
    takes=MessageConversationsRequest,
    query=(
        Param("sort_by", "sort_by", _or_default("-updated_at")),
        Param("limit", "limit", _or_default(20)),
        Param("user", "user_id", _unless_empty),
        Param("last_id", "last_id", _unless_empty),
    ),
)
DELETE_CONVERSATION = Operation(
    "deleteConversation", "DELETE", "/conversations/{conversation_id}", body=(_USER,)
)
RENAME_CONVERSATION = Operation(
    "renameConversation",
    "POST",
    "/conversations/{conversation_id}/name",
    takes=RenameConversationRequest,
    body=(
        Param("name", "name", _or_default("")),
        Param("auto_generate", "auto_generate", _or_default(False)),
        _USER,
    ),
)
TEXT_TO_AUDIO = Operation(
    "textToAudio",
    "POST",
    "/text-to-audio",
    takes=TextToAudioRequest,
    body=(
        _USER,
        Param("text", "text"),
        Param("message_id", "message_id"),
        Param("voice", "voice", _unless_empty),
    ),
)
AUDIO_TO_TEXT = Operation(
    "audioToText",
    "POST",
    "/audio-to-text",
    takes=AudioToTextRequest,
    required=("file",),
    body=(_USER,),
    file="file",
)
FILE_UPLOAD = Operation(
    "fileUpload",
    "POST",
    "/files/upload",
    takes=FileUploadRequest,
    required=("file", "user_id"),
    body=(_USER,),
    file="file",
)
PARAMETERS = Operation("parameters", "GET", "/parameters")
APP_FEEDBACKS = Operation(
    "feedbacks",
    "GET",
    "/app/feedbacks",
    takes=AppFeedbackPageRequest,
    query=(Param("page", "page"), Param("limit", "limit")),
)
FILE_PREVIEW = Operation(
    "filePreview",
    "GET",
    "/files/{file_id}/preview",
    takes=FilePreviewRequest,
    query=(Param("as_attachment", "as_attachment", _true_or_nothing), _USER),
)
INFO = Operation("info", "GET", "/info")
META = Operation("meta", "GET", "/meta")
SITE = Operation("site", "GET", "/site")
ANNOTATIONS = Operation(
    "pageAppAnnotation",
    "GET",
    "/apps/annotations",
    takes=AppAnnotationPageRequest,
    query=(
        Param("page", "page"),
        Param("limit", "limit"),
        Param("keyword", "keyword", _unless_empty),
    ),
)
_QUESTION_AND_ANSWER = (Param("question", "question"), Param("answer", "answer"))
CREATE_ANNOTATION = Operation(
    "createAppAnnotation",
    "POST",
    "/apps/annotations",
    takes=AppAnnotationCreateRequest,
    body=_QUESTION_AND_ANSWER,
)
UPDATE_ANNOTATION = Operation(
    "updateAppAnnotation",
    "PUT",
    "/apps/annotations/{annotation_id}",
    takes=AppAnnotationUpdateRequest,
    body=_QUESTION_AND_ANSWER,
)
DELETE_ANNOTATION = Operation("deleteAppAnnotation", "DELETE", "/apps/annotations/{annotation_id}")
ANNOTATION_REPLY = Operation(
    "annotationReply",
    "POST",
    "/apps/annotation-reply/{action}",
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
    takes=AppAnnotationReplyQueryRequest,
)
CONVERSATION_VARIABLES = Operation(
    "conversationVariables",
    "GET",
    "/conversations/{conversation_id}/variables",
    takes=ConversationVariableRequest,
    query=(
        Param("variable_name", "variable_name", _unless_empty),
        _USER,
        Param("last_id", "last_id", _unless_empty),
        Param("limit", "limit"),
    ),
)
UPDATE_CONVERSATION_VARIABLE = Operation(
    "updateConversationVariable",
    "PUT",
    "/conversations/{conversation_id}/variables/{variable_id}",
    takes=UpdateConversationVariableRequest,
    not_null=("value",),
    body=(Param("value", "value"), _USER),
)
WORKFLOW_EVENTS = Operation(
    "workflowEvents",
    "GET",
    "/workflow/{workflow_run_id}/events",
    query=(
        _USER,
        Param("include_state_snapshot", "include_state_snapshot", _true_or_nothing),
        Param("continue_on_pause", "continue_on_pause", _true_or_nothing),
    ),
    streams=True,
)
HUMAN_INPUT_FORM = Operation("humanInputForm", "GET", "/form/human_input/{form_token}")
SUBMIT_HUMAN_INPUT_FORM = Operation(
    "submitHumanInputForm",
    "POST",
    "/form/human_input/{form_token}",
    takes=HumanInputSubmitRequest,
    required=("action",),
    body=(Param("inputs", "inputs", _inputs), Param("action", "action"), _USER),
)
WORKFLOW_RUN = Operation("workflowRun", "GET", "/workflows/run/{workflow_run_id}")
WORKFLOW_LOGS = Operation(
    "workflowLogs",
    "GET",
    "/workflows/logs",
    takes=WorkflowLogsRequest,
    query=(
        Param("keyword", "keyword", _unless_empty),
        Param("status", "status", _unless_empty),
        Param("page", "page"),
        Param("limit", "limit"),
        Param("created_at__before", "created_at_before", _unless_empty),
        Param("created_at__after", "created_at_after", _unless_empty),
        Param("created_by_end_user_session_id", "created_by_end_user_session_id", _unless_empty),
        Param("created_by_account", "created_by_account", _unless_empty),
    ),
)
END_USER = Operation("endUser", "GET", "/end-users/{end_user_id}")
