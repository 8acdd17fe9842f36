"""Java's enums. A response never holds one: an unknown value must not fail."""

from __future__ import annotations

from enum import Enum

from .events import EVENT_DATA, CompletionData, EmptyData

__all__ = [
    "AnnotationReplyActionEnum",
    "DiftChatExceptionEnum",
    "IconTypeEnum",
    "MessageFileTransferMethodEnum",
    "MessageFileTypeEnum",
    "ResponseModeEnum",
    "StreamEventEnum",
]


class AnnotationReplyActionEnum(Enum):
    """The actions of `annotationReply`: switch the replies on, or off."""

    enable = "enable"
    disable = "disable"


class IconTypeEnum(Enum):
    """The kinds of an app's icon."""

    emoji = "emoji"
    image = "image"


class MessageFileTransferMethodEnum(Enum):
    """The ways in which Dify gets a message's file: from a URL, or uploaded."""

    remote_url = "remote_url"
    local_file = "local_file"


class MessageFileTypeEnum(Enum):
    """Dify's kinds of file."""

    document = "document"
    image = "image"
    audio = "audio"
    video = "video"
    custom = "custom"


class ResponseModeEnum(Enum):
    """The ways to get an answer: event by event, or whole."""

    streaming = "streaming"
    blocking = "blocking"


class StreamEventEnum(Enum):
    """The events Java knows and the class of their `data`; `EVENT_DATA` has all of Dify's."""

    workflow_started = "workflow_started"
    node_started = "node_started"
    text_chunk = "text_chunk"
    node_finished = "node_finished"
    workflow_finished = "workflow_finished"
    parallel_branch_started = "parallel_branch_started"
    parallel_branch_finished = "parallel_branch_finished"
    agent_log = "agent_log"
    agent_message = "agent_message"
    agent_thought = "agent_thought"
    message = "message"
    message_end = "message_end"
    message_replace = "message_replace"
    error = "error"
    ping = "ping"

    @property
    def clazz(self) -> type[CompletionData]:
        """Java's `getClazz()`."""
        return EVENT_DATA.get(self.value, EmptyData)


class DiftChatExceptionEnum(Enum):
    """Java's error codes and texts; ours carry Dify's own instead."""

    DELETE_ERROR = (18003, "删除失败")
    DATA_EXIST = (18004, "数据重复添加")
    DIFY_APP_NOT_EXIST = (19001, "App 不存在")
    DIFY_API_KET_INIT_ERROR = (19011, "Api Key 初始化失败")
    DIFY_DATA_PARSING_FAILURE = (19910, "数据解析失败")
    DIFY_TTS_IS_NOT_ENABLED = (19911, "文字转语音未启用")
    DIFY_SPEECH_TO_TEXT_IS_NOT_ENABLED = (19912, "语音转文字未启用")
    DIFY_API_ERROR = (19990, "远程调用失败")

    @property
    def code(self) -> int:
        return self.value[0]

    @property
    def msg(self) -> str:
        return self.value[1]
