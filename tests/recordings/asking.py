"""One plain call for each operation: what it is asked with does not matter to a replay."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from dify_java_compat import (
    AudioToTextRequest,
    ChatMessageSendRequest,
    ClientConfig,
    DifyFile,
    FileUploadRequest,
    MessageConversationsRequest,
    MessageFeedbackRequest,
    MessagesRequest,
    RenameConversationRequest,
    RequestsDifyChat,
    TextToAudioRequest,
)
from tests.replay import ReplayServer

from .library import Recording

KEY = "app-REDACTED"
QUESTION = ChatMessageSendRequest(content="Hello 你好", user_id="rec-user")
FILE = DifyFile(filename="a.wav", content_type="audio/wav", content=b"RIFF")

Call = Callable[[RequestsDifyChat], Any]

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
) -> Iterator[tuple[RequestsDifyChat, ReplayServer]]:
    """A client of a server that replays `recording`; `how` is ReplayServer's."""
    with (
        ReplayServer(recording.raw, **how) as server,
        RequestsDifyChat(server.url, config or ClientConfig(max_retries=0), api_key=KEY) as chat,
    ):
        yield chat, server
