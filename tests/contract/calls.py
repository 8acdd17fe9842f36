"""A recorded request read back into the facade's call that makes it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, unquote

from dify_java_compat import (
    AnnotationReplyActionEnum,
    AppAnnotationCreateRequest,
    AppAnnotationPageRequest,
    AppAnnotationReplyQueryRequest,
    AppAnnotationReplyRequest,
    AppAnnotationUpdateRequest,
    AppFeedbackPageRequest,
    AudioToTextRequest,
    ChatMessageSendRequest,
    ConversationVariableRequest,
    DifyFile,
    FilePreviewRequest,
    FileUploadRequest,
    HumanInputSubmitRequest,
    MessageConversationsRequest,
    MessageFeedbackRequest,
    MessagesRequest,
    RenameConversationRequest,
    RequestsDifyChat,
    TextToAudioRequest,
    UpdateConversationVariableRequest,
    WorkflowLogsRequest,
)
from tests.recordings.asking import operation_of
from tests.recordings.library import Recording
from tests.support.facade import KEY

FILE_KEYS = ("type", "transfer_method", "url", "upload_file_id")
SEND_KEYS = {
    "inputs": "inputs",
    "query": "content",
    "user": "user_id",
    "conversation_id": "conversation_id",
    "auto_generate_name": "auto_generate_name",
    "workflow_id": "workflow_id",
    "trace_id": "trace_id",
}

Call = Callable[[RequestsDifyChat], Any]


class Unlike(Exception):
    """No call of the facade makes this request."""


class Part:
    """A part of a recorded or received form."""

    def __init__(self, raw: bytes) -> None:
        head, _, self.content = raw.partition(b"\r\n\r\n")
        text = head.decode()
        self.name = re.search(' name="([^"]*)"', text)[1]  # type: ignore[index]
        found = re.search('filename="([^"]*)"', text)
        self.filename = found and found[1]
        found = re.search(r"(?i)content-type: *(\S+)", text)
        self.type = found and found[1]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Part) and vars(self) == vars(other)

    def __repr__(self) -> str:
        return f"Part({self.name}, {self.filename}, {self.type}, {self.content[:50]!r})"


def parts_of(content_type: str, body: bytes) -> list[Part]:
    boundary = content_type.partition("boundary=")[2].encode()
    pieces = (b"\r\n" + body).split(b"\r\n--" + boundary)
    return sorted((Part(piece[2:]) for piece in pieces[1:-1]), key=lambda part: part.name)


def recorded_json(recording: Recording) -> dict[str, Any]:
    try:
        body = json.loads(recording.request_body)
    except ValueError as error:
        raise Unlike("no JSON") from error
    if not isinstance(body, dict):
        raise Unlike("no object")
    return body


def renamed(given: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    """The values for a DTO, by its names."""
    if unknown := set(given) - set(names):
        raise Unlike(f"no field for {unknown}")
    return {names[key]: value for key, value in given.items()}


def call_of(recording: Recording) -> Call:
    """The call that makes the recorded request."""
    operation = operation_of(recording)
    path, _, query = recording.target.partition("?")
    segments = [unquote(segment) for segment in path.split("/")]
    asked = dict(parse_qsl(query, keep_blank_values=True))
    match operation:
        case "send" | "sendChatMessageStream":
            return send_call(operation, recorded_json(recording))
        case "stopMessagesStream":
            given = renamed(recorded_json(recording), {"user": "user_id"})
            return lambda chat: chat.stopMessagesStream(KEY, segments[3], **given)
        case "messageFeedback":
            names = {"user": "user_id", "content": "content", "rating": "rating"}
            given = renamed(recorded_json(recording), names)
            if "rating" in given:
                given["rating"] = MessageFeedbackRequest.Rating(given["rating"])
            feedback = MessageFeedbackRequest(message_id=segments[3], **given)
            return lambda chat: chat.messageFeedback(feedback)
        case "messages":
            names = {key: key for key in ("conversation_id", "first_id", "limit")}
            request = MessagesRequest(**renamed(asked, {**names, "user": "user_id"}))
            return lambda chat: chat.messages(request)
        case "messagesSuggested":
            given = renamed(asked, {"user": "userId"})
            return lambda chat: chat.messagesSuggested(segments[3], **given)
        case "conversations":
            names = {key: key for key in ("last_id", "limit", "sort_by")}
            listed = MessageConversationsRequest(**renamed(asked, {**names, "user": "user_id"}))
            return lambda chat: chat.conversations(listed)
        case "deleteConversation":
            given = renamed(recorded_json(recording), {"user": "user_id"})
            return lambda chat: chat.deleteConversation(segments[3], **given)
        case "renameConversation":
            names = {"user": "user_id", "name": "name", "auto_generate": "auto_generate"}
            given = renamed(recorded_json(recording), names)
            rename = RenameConversationRequest(conversation_id=segments[3], **given)
            return lambda chat: chat.renameConversation(rename)
        case "textToAudio":
            names = {"user": "user_id", "text": "text", "message_id": "message_id"}
            speech = TextToAudioRequest(
                **renamed(recorded_json(recording), {**names, "voice": "voice"})
            )
            return lambda chat: chat.textToAudio(speech)
        case "audioToText" | "fileUpload":
            return upload_call(operation, recording)
        case "parameters" | "info" | "meta" | "site" | "serverInfo":
            renamed(asked, {})
            return lambda chat: getattr(chat, operation)(KEY)
    return app_call_of(recording, operation or "", segments, asked)


def same(*names: str) -> dict[str, str]:
    """The names of parameters that are called the same on the wire, and of the user."""
    return {**{name: name for name in names}, "user": "user_id"}


def app_call_of(
    recording: Recording, operation: str, segments: list[str], asked: dict[str, str]
) -> Call:
    """The same for annotations, feedback, files, variables and runs."""
    match operation:
        case "filePreview":
            preview = FilePreviewRequest(
                file_id=segments[3], **renamed(asked, same("as_attachment"))
            )
            return lambda chat: chat.filePreview(preview)
        case "feedbacks":
            liked = AppFeedbackPageRequest(**renamed(asked, same("page", "limit")))
            return lambda chat: chat.feedbacks(liked)
        case "pageAppAnnotation":
            page = AppAnnotationPageRequest(**renamed(asked, same("page", "limit", "keyword")))
            return lambda chat: chat.pageAppAnnotation(page)
        case "createAppAnnotation":
            given = renamed(recorded_json(recording), same("question", "answer"))
            created = AppAnnotationCreateRequest(**given)
            return lambda chat: chat.createAppAnnotation(created)
        case "updateAppAnnotation":
            given = renamed(recorded_json(recording), same("question", "answer"))
            updated = AppAnnotationUpdateRequest(annotation_id=segments[4], **given)
            return lambda chat: chat.updateAppAnnotation(updated)
        case "deleteAppAnnotation":
            return lambda chat: chat.deleteAppAnnotation(segments[4], KEY)
        case "annotationReply":
            names = same("score_threshold", "embedding_provider_name", "embedding_model_name")
            given = renamed(recorded_json(recording), names)
            reply = AppAnnotationReplyRequest(action=action_of(segments[4]), **given)
            return lambda chat: chat.annotationReply(reply)
        case "queryAnnotationReply":
            query = AppAnnotationReplyQueryRequest(
                action=action_of(segments[4]), job_id=segments[6]
            )
            return lambda chat: chat.queryAnnotationReply(query)
        case "conversationVariables":
            names = same("variable_name", "last_id", "limit")
            variables = ConversationVariableRequest(
                conversation_id=segments[3], **renamed(asked, names)
            )
            return lambda chat: chat.conversationVariables(variables)
        case "updateConversationVariable":
            update = UpdateConversationVariableRequest(
                conversation_id=segments[3],
                variable_id=segments[5],
                **renamed(recorded_json(recording), same("value")),
            )
            return lambda chat: chat.updateConversationVariable(update)
        case "workflowRun":
            renamed(asked, {})
            return lambda chat: chat.workflowRun(segments[4], KEY)
        case "workflowLogs":
            names = same("keyword", "status", "page", "limit", "created_by_account")
            names |= {f"created_at__{end}": f"created_at_{end}" for end in ("before", "after")}
            logs = WorkflowLogsRequest(
                **renamed(asked, {**names, **same("created_by_end_user_session_id")})
            )
            return lambda chat: chat.workflowLogs(logs)
    return run_call_of(recording, operation, segments, asked)


def run_call_of(
    recording: Recording, operation: str, segments: list[str], asked: dict[str, str]
) -> Call:
    """The same for the events of runs, forms and users, which 1.12 has not."""
    match operation:
        case "workflowEvents":
            flags = ("include_state_snapshot", "continue_on_pause")
            values: dict[str, Any] = renamed(asked, same(*flags))
            values |= {name: values[name] == "true" for name in flags if name in values}
            return lambda chat: chat.workflowEvents(segments[3], KEY, **values).run()
        case "humanInputForm":
            renamed(asked, {})
            return lambda chat: chat.humanInputForm(segments[4], KEY)
        case "submitHumanInputForm":
            values = renamed(recorded_json(recording), same("inputs", "action"))
            form = HumanInputSubmitRequest(form_token=segments[4], **values)
            return lambda chat: chat.submitHumanInputForm(form)
        case "endUser":
            renamed(asked, {})
            return lambda chat: chat.endUser(segments[3], KEY)
    raise AssertionError(f"{operation} has recordings: add a case to call_of in {__name__}")


def action_of(segment: str) -> AnnotationReplyActionEnum:
    try:
        return AnnotationReplyActionEnum(segment)
    except ValueError as error:
        raise Unlike(f"action {segment}") from error


def send_call(operation: str, body: dict[str, Any]) -> Call:
    mode = body.pop("response_mode", None)
    if mode not in (None, "blocking", "streaming"):
        raise Unlike(f"response_mode {mode}")
    files = body.pop("files", None)
    if files is not None:
        if not isinstance(files, list):
            raise Unlike("files is not a list")
        names = {key: key for key in FILE_KEYS}
        files = [ChatMessageSendRequest.ChatMessageFile(**renamed(f, names)) for f in files]
    request = ChatMessageSendRequest(files=files, **renamed(body, SEND_KEYS))
    if operation == "send":
        return lambda chat: chat.send(request)
    return lambda chat: chat.sendChatMessageStream(request).run()


def upload_call(operation: str, recording: Recording) -> Call:
    parts = parts_of(recording.request_headers["content-type"], recording.request_body)
    if [part.name for part in parts] not in (["file"], ["file", "user"]):
        raise Unlike("not one file and perhaps a user")
    file = DifyFile(
        filename=parts[0].filename, content_type=parts[0].type, content=parts[0].content
    )
    user_id = parts[1].content.decode() if len(parts) == 2 else None
    if operation == "audioToText":
        return lambda chat: chat.audioToText(AudioToTextRequest(file=file, user_id=user_id))
    return lambda chat: chat.fileUpload(FileUploadRequest(file=file, user_id=user_id))
