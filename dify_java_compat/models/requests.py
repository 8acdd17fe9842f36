"""The requests of the facade. `content` is Dify's `query`, `user_id` its `user`."""

from enum import Enum
from typing import Any

from .._dto.dto import Dto, dto, field_named, positional_first, secret

__all__ = [
    "AudioToTextRequest",
    "BaseChatRequest",
    "ChatMessageSendRequest",
    "DifyFile",
    "FileUploadRequest",
    "MessageConversationsRequest",
    "MessageFeedbackRequest",
    "MessagesRequest",
    "RenameConversationRequest",
    "TextToAudioRequest",
]


@dto
class DifyFile(Dto):
    """A file to send. `content`, which no repr shows, is bytes, a path or an open binary file."""

    filename: str | None = None
    content_type: str | None = None
    content: Any = secret(default=None)
    size: int | None = None


@dto
class BaseChatRequest(Dto):
    """What every request has: the app's key and the user it speaks for."""

    api_key: str | None = secret(default=None)
    user_id: str | None = None


@dto
class ChatMessageSendRequest(BaseChatRequest):
    """1.1 发送消息; `workflow_id` and `trace_id` are Dify's, not in Java."""

    @dto
    class ChatMessageFile(Dto):
        """A file of a message, by `url` or by the `upload_file_id` of an uploaded one.

        `type` (image, document, audio, video, custom) and `transfer_method` (remote_url,
        local_file) are derived where they are None, from `mime_type` (not sent) or `url`.
        """

        type: str | None = None
        transfer_method: str | None = None
        url: str | None = None
        upload_file_id: str | None = None
        mime_type: str | None = None

    conversation_id: str | None = None
    content: str | None = None
    files: "list[ChatMessageSendRequest.ChatMessageFile] | None" = None
    inputs: dict[str, Any] | None = None
    auto_generate_name: bool | None = field_named(java="auto_generate_name", default=True)
    workflow_id: str | None = None
    trace_id: str | None = None


@dto
class MessageFeedbackRequest(BaseChatRequest):
    """1.4 消息反馈; a rating of None, or `Rating.UNLIKE`, takes the feedback back."""

    class Rating(Enum):
        LIKE = "like"
        DISLIKE = "dislike"
        UNLIKE = None

    message_id: str | None = None
    rating: "MessageFeedbackRequest.Rating | None" = None
    content: str | None = None


@dto
class MessagesRequest(BaseChatRequest):
    """1.5 获取消息列表; `first_id` is the first message of the page before which to go on."""

    conversation_id: str | None = None
    first_id: str | None = None
    limit: int | None = 20


@dto
class MessageConversationsRequest(BaseChatRequest):
    """2.1 获取会话列表; `sort_by` None is -updated_at."""

    last_id: str | None = None
    limit: int | None = 20
    sort_by: str | None = None


@dto
class RenameConversationRequest(BaseChatRequest):
    """2.3 会话重命名; with `auto_generate` Dify makes the name up."""

    conversation_id: str | None = None
    name: str | None = None
    auto_generate: bool | None = False


@dto
class TextToAudioRequest(BaseChatRequest):
    """3.1 文本转语音; `voice` is Dify's, not in Java."""

    text: str | None = None
    message_id: str | None = None
    voice: str | None = None


@dto
class AudioToTextRequest(BaseChatRequest):
    """3.2 语音转文本; `file` is anything that `DifyChat.audioToText` names."""

    file: Any = positional_first(default=None)


@dto
class FileUploadRequest(BaseChatRequest):
    """A file to upload; `file` is anything that `DifyChat.audioToText` names."""

    file: Any = positional_first(default=None)
