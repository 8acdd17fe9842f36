"""The app itself: what it is, its annotations, its feedback, its conversations' variables."""

from typing import Any

from .._dto.dto import Dto, ResponseDto, dto, field_named, positional_first
from .enums import AnnotationReplyActionEnum, ResponseModeEnum
from .requests import BaseChatRequest

__all__ = [
    "AppAnnotationCreateRequest",
    "AppAnnotationPageRequest",
    "AppAnnotationReplyQueryRequest",
    "AppAnnotationReplyRequest",
    "AppAnnotationReplyResponse",
    "AppAnnotationResponse",
    "AppAnnotationUpdateRequest",
    "AppFeedbackPageRequest",
    "AppFeedbackResponse",
    "AppInfoResponse",
    "AppMetaResponse",
    "AppSiteResponse",
    "ChatMessageVO",
    "ConversationVariableRequest",
    "ConversationVariableResponse",
    "FilePreviewRequest",
    "MessagesCurrentRequest",
    "ServerInfoResponse",
    "UpdateConversationVariableRequest",
]


@dto
class ServerInfoResponse(ResponseDto):
    """What the server says of itself: a greeting, and its versions, "1.14.2" say."""

    welcome: str | None = None
    api_version: str | None = None
    server_version: str | None = None


@dto
class AppInfoResponse(ResponseDto):
    """An app's name; `mode` and `author_name` are not in Java."""

    name: str | None = None
    description: str | None = None
    tags: list[str] | None = None
    mode: str | None = None
    author_name: str | None = None


@dto
class AppMetaResponse(ResponseDto):
    """The icons of an app's tools, by tool: a URL, or an emoji with its background."""

    tool_icons: dict[str, Any] | None = None


@dto
class AppSiteResponse(ResponseDto):
    """How an app's web page looks; `icon_type` is emoji or image."""

    title: str | None = None
    chat_color_theme: str | None = None
    chat_color_theme_inverted: bool | None = None
    icon_type: str | None = None
    icon: str | None = None
    icon_background: str | None = None
    icon_url: str | None = None
    description: str | None = None
    copyright: str | None = None
    privacy_policy: str | None = None
    custom_disclaimer: str | None = None
    default_language: str | None = None
    show_workflow_steps: bool | None = None
    use_icon_as_answer_icon: bool | None = None
    input_placeholder: str | None = None


@dto
class AppFeedbackPageRequest(BaseChatRequest):
    """A page of an app's feedback, from 1; `limit` is 1 to 101."""

    page: int | None = 1
    limit: int | None = 20


@dto
class AppFeedbackResponse(ResponseDto):
    """One feedback; times are ISO texts without a zone."""

    id: str | None = None
    app_id: str | None = field_named(java="app_id", default=None)
    conversation_id: str | None = field_named(java="conversation_id", default=None)
    message_id: str | None = field_named(java="message_id", default=None)
    rating: str | None = None
    content: str | None = None
    from_source: str | None = field_named(java="from_source", default=None)
    from_end_user_id: str | None = field_named(java="from_end_user_id", default=None)
    from_account_id: str | None = field_named(java="from_account_id", default=None)
    created_at: str | None = field_named(java="created_at", default=None)
    updated_at: str | None = field_named(java="updated_at", default=None)


@dto
class AppAnnotationPageRequest(BaseChatRequest):
    """A page of an app's annotations, from 1; `keyword` is Dify's, not in Java."""

    page: int | None = 1
    limit: int | None = 20
    keyword: str | None = None


@dto
class AppAnnotationCreateRequest(BaseChatRequest):
    """A question and the answer it gets."""

    question: str | None = None
    answer: str | None = None


@dto
class AppAnnotationUpdateRequest(BaseChatRequest):
    """An annotation's new question and answer; Dify wants both."""

    annotation_id: str | None = field_named(java="annotation_id", default=None)
    question: str | None = None
    answer: str | None = None


@dto
class AppAnnotationResponse(ResponseDto):
    """An annotation, and how often it was the answer."""

    id: str | None = None
    question: str | None = None
    answer: str | None = None
    hit_count: int | None = None
    created_at: int | None = None


@dto
class AppAnnotationReplyRequest(BaseChatRequest):
    """Switch annotation replies on or off; Dify wants all fields for both."""

    action: AnnotationReplyActionEnum | None = None
    embedding_provider_name: str | None = field_named(java="embedding_provider_name", default=None)
    embedding_model_name: str | None = field_named(java="embedding_model_name", default=None)
    score_threshold: float | None = field_named(java="score_threshold", default=None)


@dto
class AppAnnotationReplyQueryRequest(BaseChatRequest):
    """How far such a switch has come."""

    action: AnnotationReplyActionEnum | None = None
    job_id: str | None = None


@dto
class AppAnnotationReplyResponse(ResponseDto):
    """`job_status` is waiting, completed or error."""

    job_id: str | None = None
    job_status: str | None = None
    error_msg: str | None = None


@dto
class FilePreviewRequest(BaseChatRequest):
    """An uploaded file that was used in a message."""

    file_id: str | None = positional_first(default=None)
    as_attachment: bool | None = positional_first(default=None)


@dto
class ConversationVariableRequest(BaseChatRequest):
    """A page of a conversation's variables; `last_id` and `limit` are Dify's, not in Java."""

    conversation_id: str | None = None
    variable_name: str | None = None
    last_id: str | None = None
    limit: int | None = None


@dto
class ConversationVariableResponse(ResponseDto):
    """A variable. `value` is text whatever its type, and of lists and objects Python's own."""

    id: str | None = None
    name: str | None = None
    value_type: str | None = field_named(java="value_type", default=None)
    value: Any = None
    description: str | None = None
    created_at: int | None = field_named(java="created_at", default=None)
    updated_at: int | None = field_named(java="updated_at", default=None)


@dto
class UpdateConversationVariableRequest(BaseChatRequest):
    """A variable's new value, of the variable's own type."""

    conversation_id: str | None = None
    variable_id: str | None = None
    value: Any = None


@dto
class MessagesCurrentRequest(Dto):
    """Java's; no method takes it."""

    app_id: str | None = None
    conversation_id: str | None = None
    first_id: str | None = None
    limit: int | None = 20


@dto
class ChatMessageVO(Dto):
    """Java's body of a chat call; the client builds its own from the request."""

    @dto
    class ChatMessageFile(Dto):
        """A file in that body."""

        type: str | None = "image"
        transfer_method: str | None = field_named(java="transfer_method", default="remote_url")
        url: str | None = None
        upload_file_id: str | None = field_named(java="upload_file_id", default=None)

    inputs: dict[str, Any] | None = None
    query: str | None = None
    response_mode: ResponseModeEnum | None = field_named(java="response_mode", default=None)
    conversation_id: str | None = field_named(java="conversation_id", default=None)
    user: str | None = None
    files: "list[ChatMessageVO.ChatMessageFile] | None" = None
    auto_generate_name: bool | None = field_named(java="auto_generate_name", default=True)
