"""One plain call for each operation: what it is asked with does not matter to a replay."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

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
    ClientConfig,
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
from tests.support.replay import replay
from tests.support.server import ScriptedServer

from .library import Recording

KEY = "app-REDACTED"
QUESTION = ChatMessageSendRequest(content="Hello 你好", user_id="rec-user")
FILE = DifyFile(filename="a.wav", content_type="audio/wav", content=b"RIFF")

Call = Callable[[RequestsDifyChat], Any]

# no recorded server had these yet
NEWER: dict[str, Call] = {
    "workflowEvents": lambda chat: chat.workflowEvents("r", KEY, "rec-user").run(),
    "humanInputForm": lambda chat: chat.humanInputForm("t", KEY),
    "submitHumanInputForm": lambda chat: chat.submitHumanInputForm(
        HumanInputSubmitRequest(form_token="t", action="approve")
    ),
    "endUser": lambda chat: chat.endUser("e", KEY),
}

CALLS: dict[str, Call] = {
    "send": lambda chat: chat.send(QUESTION),
    "sendChatMessageStream": lambda chat: chat.sendChatMessageStream(QUESTION).run(),
    "stopMessagesStream": lambda chat: chat.stopMessagesStream(KEY, "task", "rec-user"),
    "messageFeedback": lambda chat: chat.messageFeedback(MessageFeedbackRequest(message_id="m")),
    "messages": lambda chat: chat.messages(MessagesRequest(conversation_id="c")),
    "messagesSuggested": lambda chat: chat.messagesSuggested("m", KEY, "rec-user"),
    "conversations": lambda chat: chat.conversations(MessageConversationsRequest(user_id="u")),
    "deleteConversation": lambda chat: chat.deleteConversation("c", KEY, "rec-user"),
    "renameConversation": lambda chat: chat.renameConversation(
        RenameConversationRequest(conversation_id="c", name="n")
    ),
    "textToAudio": lambda chat: chat.textToAudio(TextToAudioRequest(text="Hello")),
    "audioToText": lambda chat: chat.audioToText(AudioToTextRequest(file=FILE)),
    "fileUpload": lambda chat: chat.fileUpload(FileUploadRequest(file=FILE, user_id="u")),
    "parameters": lambda chat: chat.parameters(KEY),
    "info": lambda chat: chat.info(KEY),
    "meta": lambda chat: chat.meta(KEY),
    "site": lambda chat: chat.site(KEY),
    "filePreview": lambda chat: chat.filePreview(FilePreviewRequest(file_id="f")),
    "feedbacks": lambda chat: chat.feedbacks(AppFeedbackPageRequest()),
    "pageAppAnnotation": lambda chat: chat.pageAppAnnotation(AppAnnotationPageRequest()),
    "createAppAnnotation": lambda chat: chat.createAppAnnotation(
        AppAnnotationCreateRequest(question="q", answer="a")
    ),
    "updateAppAnnotation": lambda chat: chat.updateAppAnnotation(
        AppAnnotationUpdateRequest(annotation_id="a", question="q", answer="a")
    ),
    "deleteAppAnnotation": lambda chat: chat.deleteAppAnnotation("a", KEY),
    "annotationReply": lambda chat: chat.annotationReply(
        AppAnnotationReplyRequest(action=AnnotationReplyActionEnum.enable)
    ),
    "queryAnnotationReply": lambda chat: chat.queryAnnotationReply(
        AppAnnotationReplyQueryRequest(action=AnnotationReplyActionEnum.enable, job_id="j")
    ),
    "conversationVariables": lambda chat: chat.conversationVariables(
        ConversationVariableRequest(conversation_id="c")
    ),
    "updateConversationVariable": lambda chat: chat.updateConversationVariable(
        UpdateConversationVariableRequest(conversation_id="c", variable_id="v", value=1)
    ),
    "workflowRun": lambda chat: chat.workflowRun("r", KEY),
    "workflowLogs": lambda chat: chat.workflowLogs(WorkflowLogsRequest()),
    **NEWER,
}

_PATHS = (
    ("POST", "/chat-messages/[^/]+/stop", "stopMessagesStream"),
    ("POST", "/messages/[^/]+/feedbacks", "messageFeedback"),
    ("GET", "/messages", "messages"),
    ("GET", "/messages/[^/]+/suggested", "messagesSuggested"),
    ("GET", "/conversations", "conversations"),
    ("DELETE", "/conversations/[^/]+", "deleteConversation"),
    ("POST", "/conversations/[^/]+/name", "renameConversation"),
    ("POST", "/text-to-audio", "textToAudio"),
    ("POST", "/audio-to-text", "audioToText"),
    ("POST", "/files/upload", "fileUpload"),
    ("GET", "/parameters", "parameters"),
    ("GET", "/info", "info"),
    ("GET", "/meta", "meta"),
    ("GET", "/site", "site"),
    ("GET", "/files/[^/]+/preview", "filePreview"),
    ("GET", "/app/feedbacks", "feedbacks"),
    ("GET", "/apps/annotations", "pageAppAnnotation"),
    ("POST", "/apps/annotations", "createAppAnnotation"),
    ("PUT", "/apps/annotations/[^/]+", "updateAppAnnotation"),
    ("DELETE", "/apps/annotations/[^/]+", "deleteAppAnnotation"),
    ("POST", "/apps/annotation-reply/[^/]+", "annotationReply"),
    ("GET", "/apps/annotation-reply/[^/]+/status/[^/]+", "queryAnnotationReply"),
    ("GET", "/conversations/[^/]+/variables", "conversationVariables"),
    ("PUT", "/conversations/[^/]+/variables/[^/]+", "updateConversationVariable"),
    ("GET", "/workflow/[^/]+/events", "workflowEvents"),
    ("GET", "/form/human_input/[^/]+", "humanInputForm"),
    ("POST", "/form/human_input/[^/]+", "submitHumanInputForm"),
    ("GET", "/workflows/run/[^/]+", "workflowRun"),
    ("GET", "/workflows/logs", "workflowLogs"),
    ("GET", "/end-users/[^/]+", "endUser"),
)


def operation_of(recording: Recording) -> str | None:
    """The facade's method for a recorded request; None where it has none."""
    if (recording.method, recording.path) == ("POST", "/v1/chat-messages"):
        streams = b'"response_mode": "streaming"' in recording.request_body
        return "sendChatMessageStream" if streams else "send"
    for method, path, operation in _PATHS:
        if recording.method == method and re.fullmatch("/v1" + path, recording.path):
            return operation
    return None


@contextmanager
def replayed(
    recording: Recording, *, config: ClientConfig | None = None, **how: Any
) -> Iterator[tuple[RequestsDifyChat, ScriptedServer]]:
    """A client of a server that replays `recording`; `how` is that of `replay`."""
    with (
        ScriptedServer(replay(recording.raw, **how)) as server,
        RequestsDifyChat(server.url, config or ClientConfig(max_retries=0), api_key=KEY) as chat,
    ):
        yield chat, server
