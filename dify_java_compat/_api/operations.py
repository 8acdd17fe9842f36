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
from .operation import Convert, Endpoint, Value


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


_USER = Value("user", "user_id")


def _chat(operation: str, response_mode: str) -> Endpoint:
    return Endpoint(
        operation,
        "POST",
        "/chat-messages",
        takes=ChatMessageSendRequest,
        required=("content",),
        body=(
            Value("inputs", "inputs", _inputs),
            Value("query", "content"),
            Value("response_mode", "", lambda _: response_mode),
            Value("conversation_id", "conversation_id"),
            _USER,
            Value("files", "files", _files),
            Value("auto_generate_name", "auto_generate_name"),
            Value("workflow_id", "workflow_id", _unless_empty),
            Value("trace_id", "trace_id", _unless_empty),
        ),
        streams=response_mode == "streaming",
    )


SEND = _chat("send", "blocking")
SEND_STREAM = _chat("sendChatMessageStream", "streaming")
STOP = Endpoint(
    "stopMessagesStream",
    "POST",
    "/chat-messages/{task_id}/stop",
    body=(_USER,),
)
MESSAGE_FEEDBACK = Endpoint(
    "messageFeedback",
    "POST",
    "/messages/{message_id}/feedbacks",
    takes=MessageFeedbackRequest,
    body=(
        Value("rating", "rating", _rating, keep_null=True),  # null takes a feedback back
        _USER,
        Value("content", "content", _or_default("")),
    ),
)
MESSAGES = Endpoint(
    "messages",
    "GET",
    "/messages",
    takes=MessagesRequest,
    required=("conversation_id",),
    query=(
        Value("conversation_id", "conversation_id"),
        Value("limit", "limit", _or_default(20)),
        Value("first_id", "first_id", _unless_empty),
        Value("user", "user_id", _unless_empty),
    ),
)
MESSAGES_SUGGESTED = Endpoint(
    "messagesSuggested", "GET", "/messages/{message_id}/suggested", query=(_USER,)
)
CONVERSATIONS = Endpoint(
    "conversations",
    "GET",
    "/conversations",
    takes=MessageConversationsRequest,
    query=(
        Value("sort_by", "sort_by", _or_default("-updated_at")),
        Value("limit", "limit", _or_default(20)),
        Value("user", "user_id", _unless_empty),
        Value("last_id", "last_id", _unless_empty),
    ),
)
DELETE_CONVERSATION = Endpoint(
    "deleteConversation", "DELETE", "/conversations/{conversation_id}", body=(_USER,)
)
RENAME_CONVERSATION = Endpoint(
    "renameConversation",
    "POST",
    "/conversations/{conversation_id}/name",
    takes=RenameConversationRequest,
    body=(
        Value("name", "name", _or_default("")),
        Value("auto_generate", "auto_generate", _or_default(False)),
        _USER,
    ),
)
TEXT_TO_AUDIO = Endpoint(
    "textToAudio",
    "POST",
    "/text-to-audio",
    takes=TextToAudioRequest,
    body=(
        _USER,
        Value("text", "text"),
        Value("message_id", "message_id"),
        Value("voice", "voice", _unless_empty),
    ),
)
AUDIO_TO_TEXT = Endpoint(
    "audioToText",
    "POST",
    "/audio-to-text",
    takes=AudioToTextRequest,
    required=("file",),
    body=(_USER,),
    file="file",
)
FILE_UPLOAD = Endpoint(
    "fileUpload",
    "POST",
    "/files/upload",
    takes=FileUploadRequest,
    required=("file", "user_id"),
    body=(_USER,),
    file="file",
)
PARAMETERS = Endpoint("parameters", "GET", "/parameters")
APP_FEEDBACKS = Endpoint(
    "feedbacks",
    "GET",
    "/app/feedbacks",
    takes=AppFeedbackPageRequest,
    query=(Value("page", "page"), Value("limit", "limit")),
)
FILE_PREVIEW = Endpoint(
    "filePreview",
    "GET",
    "/files/{file_id}/preview",
    takes=FilePreviewRequest,
    query=(Value("as_attachment", "as_attachment", _true_or_nothing), _USER),
)
INFO = Endpoint("info", "GET", "/info")
META = Endpoint("meta", "GET", "/meta")
SITE = Endpoint("site", "GET", "/site")
ANNOTATIONS = Endpoint(
    "pageAppAnnotation",
    "GET",
    "/apps/annotations",
    takes=AppAnnotationPageRequest,
    query=(
        Value("page", "page"),
        Value("limit", "limit"),
        Value("keyword", "keyword", _unless_empty),
    ),
)
_QUESTION_AND_ANSWER = (Value("question", "question"), Value("answer", "answer"))
CREATE_ANNOTATION = Endpoint(
    "createAppAnnotation",
    "POST",
    "/apps/annotations",
    takes=AppAnnotationCreateRequest,
    body=_QUESTION_AND_ANSWER,
)
UPDATE_ANNOTATION = Endpoint(
    "updateAppAnnotation",
    "PUT",
    "/apps/annotations/{annotation_id}",
    takes=AppAnnotationUpdateRequest,
    body=_QUESTION_AND_ANSWER,
)
DELETE_ANNOTATION = Endpoint("deleteAppAnnotation", "DELETE", "/apps/annotations/{annotation_id}")
ANNOTATION_REPLY = Endpoint(
    "annotationReply",
    "POST",
    "/apps/annotation-reply/{action}",
    takes=AppAnnotationReplyRequest,
    body=(
        Value("embedding_provider_name", "embedding_provider_name"),
        Value("embedding_model_name", "embedding_model_name"),
        Value("score_threshold", "score_threshold"),
    ),
)
ANNOTATION_REPLY_STATUS = Endpoint(
    "queryAnnotationReply",
    "GET",
    "/apps/annotation-reply/{action}/status/{job_id}",
    takes=AppAnnotationReplyQueryRequest,
)
CONVERSATION_VARIABLES = Endpoint(
    "conversationVariables",
    "GET",
    "/conversations/{conversation_id}/variables",
    takes=ConversationVariableRequest,
    query=(
        Value("variable_name", "variable_name", _unless_empty),
        _USER,
        Value("last_id", "last_id", _unless_empty),
        Value("limit", "limit"),
    ),
)
UPDATE_CONVERSATION_VARIABLE = Endpoint(
    "updateConversationVariable",
    "PUT",
    "/conversations/{conversation_id}/variables/{variable_id}",
    takes=UpdateConversationVariableRequest,
    not_null=("value",),
    body=(Value("value", "value"), _USER),
)
WORKFLOW_EVENTS = Endpoint(
    "workflowEvents",
    "GET",
    "/workflow/{workflow_run_id}/events",
    query=(
        _USER,
        Value("include_state_snapshot", "include_state_snapshot", _true_or_nothing),
        Value("continue_on_pause", "continue_on_pause", _true_or_nothing),
    ),
    streams=True,
)
HUMAN_INPUT_FORM = Endpoint("humanInputForm", "GET", "/form/human_input/{form_token}")
SUBMIT_HUMAN_INPUT_FORM = Endpoint(
    "submitHumanInputForm",
    "POST",
    "/form/human_input/{form_token}",
    takes=HumanInputSubmitRequest,
    required=("action",),
    body=(Value("inputs", "inputs", _inputs), Value("action", "action"), _USER),
)
WORKFLOW_RUN = Endpoint("workflowRun", "GET", "/workflows/run/{workflow_run_id}")
WORKFLOW_LOGS = Endpoint(
    "workflowLogs",
    "GET",
    "/workflows/logs",
    takes=WorkflowLogsRequest,
    query=(
        Value("keyword", "keyword", _unless_empty),
        Value("status", "status", _unless_empty),
        Value("page", "page"),
        Value("limit", "limit"),
        Value("created_at__before", "created_at_before", _unless_empty),
        Value("created_at__after", "created_at_after", _unless_empty),
        Value("created_by_end_user_session_id", "created_by_end_user_session_id", _unless_empty),
        Value("created_by_account", "created_by_account", _unless_empty),
    ),
)
END_USER = Endpoint("endUser", "GET", "/end-users/{end_user_id}")
