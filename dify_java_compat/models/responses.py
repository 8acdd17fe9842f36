"""What comes back. Prices are decimal numbers as text, times are seconds since the epoch."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from .._dto.dto import ResponseDto, dto, tagged_by
from .events import EVENT_DATA, CompletionData

__all__ = [
    "AgentThought",
    "ChatMessagePipelineModel",
    "ChatMessageSendCompletionResponse",
    "ChatMessageSendResponse",
    "DifyPageResult",
    "DifyResult",
    "DifyTextVO",
    "FileUploadResponse",
    "MessageConversationsResponse",
    "MessageFeedbackResponse",
    "MessagesResponseVO",
    "ResponseEntity",
]

T = TypeVar("T")


@dto
class AgentThought(ResponseDto):
    """A step of an agent: what it thought, the tool it called and what that gave."""

    id: str | None = None
    chain_id: str | None = None
    message_id: str | None = None
    position: int | None = None
    thought: str | None = None
    tool: str | None = None
    tool_labels: dict[str, Any] | None = None
    tool_input: str | None = None
    observation: str | None = None
    message_files: list[str] | None = None
    files: list[Any] | None = None
    created_at: int | None = None
    answer: str | None = None


@dto
class ChatMessageSendResponse(ResponseDto):
    """A whole answer; what follows `metadata` is not in Java.

    A chatflow that waits for a person has no answer yet: `event` is workflow_paused, `data` says
    for what it waits, and `data.reasons` has the tokens of the forms. `workflow_status` is how the
    run of a chatflow stands, where the server or the events say it: paused, stopped, failed,
    succeeded or partial-succeeded; the package's own. `files` are those that the answer came with,
    as Dify describes them.
    """

    @dto
    class Usage(ResponseDto):
        """What an answer cost."""

        prompt_tokens: int | None = None
        prompt_unit_price: str | None = None
        prompt_price_unit: str | None = None
        prompt_price: str | None = None
        completion_tokens: int | None = None
        completion_unit_price: str | None = None
        completion_price_unit: str | None = None
        completion_price: str | None = None
        total_tokens: int | None = None
        total_price: str | None = None
        currency: str | None = None
        latency: float | None = None
        time_to_first_token: float | None = None
        time_to_generate: float | None = None

    @dto
    class RetrieverResources(ResponseDto):
        """A piece of a knowledge base that the answer rests on."""

        position: int | None = None
        dataset_id: str | None = None
        dataset_name: str | None = None
        document_id: str | None = None
        document_name: str | None = None
        segment_id: str | None = None
        score: float | None = None
        content: str | None = None
        id: str | None = None
        message_id: str | None = None
        data_source_type: str | None = None
        hit_count: int | None = None
        word_count: int | None = None
        segment_position: int | None = None
        index_node_hash: str | None = None
        retriever_from: str | None = None
        page: int | None = None
        title: str | None = None
        summary: str | None = None
        files: list[Any] | None = None
        doc_metadata: dict[str, Any] | None = None
        created_at: int | None = None

    @dto
    class Metadata(ResponseDto):
        """What an answer cost and what it rests on."""

        usage: "ChatMessageSendResponse.Usage | None" = None
        retriever_resources: "list[ChatMessageSendResponse.RetrieverResources] | None" = None
        annotation_reply: dict[str, Any] | None = None

    event: str | None = None
    conversation_id: str | None = None
    message_id: str | None = None
    created_at: int | None = None
    task_id: str | None = None
    id: str | None = None
    answer: str | None = None
    from_variable_selector: Any = None
    metadata: "ChatMessageSendResponse.Metadata | None" = None
    mode: str | None = None
    agent_thoughts: list[AgentThought] | None = None
    workflow_run_id: str | None = None
    data: CompletionData | Any = tagged_by("event", EVENT_DATA, CompletionData, default=None)
    workflow_status: str | None = None
    files: list[Any] | None = None


@dto
class ChatMessageSendCompletionResponse(ChatMessageSendResponse):
    """One event of a stream; `data` is of the event's own class (see `models.events`).

    `status`, `code` and `message` are an error's, `position` to `message_files` an agent's thought,
    `audio` (base64) a tts_message's, `reason` a message_replace's, `type`, `url` and `belongs_to`
    a message_file's.
    """

    position: int | None = None
    thought: str | None = None
    observation: str | None = None
    tool: str | None = None
    tool_labels: dict[str, Any] | None = None
    tool_input: str | None = None
    message_files: list[str] | None = None
    status: int | None = None
    code: str | None = None
    message: str | None = None
    audio: str | None = None
    reason: str | None = None
    type: str | None = None
    url: str | None = None
    belongs_to: str | None = None

    @property
    def audio_bytes(self) -> bytes:
        """The audio of a tts_message, decoded; b"" of any other event."""
        return base64.b64decode(self.audio or "")


@dto
class ChatMessagePipelineModel(ChatMessageSendCompletionResponse):
    """An item on its way to the subscriber, as the processes of a pipeline get it."""


@dto
class MessageFeedbackResponse(ResponseDto):
    """`result` is always success."""

    result: str | None = None


@dto
class MessagesResponseVO(ResponseDto):
    """A stored message, question and answer."""

    @dto
    class MessageFileAgentThought(ResponseDto):
        """An agent's thought about a file."""

        id: str | None = None
        message_id: str | None = None
        position: int | None = None
        thought: str | None = None
        observation: str | None = None
        tool: str | None = None
        tool_input: str | None = None
        created_at: int | None = None
        message_files: list[str] | None = None
        conversation_id: str | None = None

    @dto
    class MessageFile(ResponseDto):
        """A file of a message; `belongs_to` is user or assistant."""

        id: str | None = None
        filename: str | None = None
        type: str | None = None
        url: str | None = None
        mime_type: str | None = None
        size: int | None = None
        transfer_method: str | None = None
        belongs_to: str | None = None
        upload_file_id: str | None = None
        agent_thoughts: "list[MessagesResponseVO.MessageFileAgentThought] | None" = None

    @dto
    class Feedback(ResponseDto):
        """`rating` is like or dislike."""

        rating: str | None = None

    id: str | None = None
    conversation_id: str | None = None
    inputs: dict[str, Any] | None = None
    query: str | None = None
    message_files: "list[MessagesResponseVO.MessageFile] | None" = None
    answer: str | None = None
    created_at: int | None = None
    feedback: "MessagesResponseVO.Feedback | None" = None
    parent_message_id: str | None = None
    retriever_resources: "list[ChatMessageSendResponse.RetrieverResources] | None" = None
    agent_thoughts: list[AgentThought] | None = None
    extra_contents: list[dict[str, Any]] | None = None
    status: str | None = None
    error: str | None = None
    message_tokens: int | None = None
    answer_tokens: int | None = None
    total_tokens: int | None = None
    provider_response_latency: float | None = None
    total_price: str | None = None
    currency: str | None = None


@dto
class MessageConversationsResponse(ResponseDto):
    """A conversation."""

    id: str | None = None
    name: str | None = None
    inputs: dict[str, Any] | None = None
    status: str | None = None
    introduction: str | None = None
    created_at: int | None = None
    updated_at: int | None = None


@dto
class DifyPageResult(ResponseDto, Generic[T]):
    """A page; the wire has either `has_more` alone or `page` and `total` too.

    `data` is a list always, an empty one where none came.
    """

    data: list[T] = field(default_factory=list)
    has_more: bool | None = None
    limit: int | None = None
    page: int | None = None
    total: int | None = None


@dto
class DifyResult(ResponseDto, Generic[T]):
    """A result and its data."""

    data: T | None = None
    result: str | None = None


@dto
class DifyTextVO(ResponseDto):
    """The text of a recording of speech."""

    text: str | None = None


@dto
class FileUploadResponse(ResponseDto):
    """An uploaded file; `id` is a message file's `upload_file_id`."""

    id: str | None = None
    name: str | None = None
    size: int | None = None
    extension: str | None = None
    mime_type: str | None = None
    created_by: str | None = None
    created_at: int | None = None
    preview_url: str | None = None
    source_url: str | None = None
    original_url: str | None = None
    user_id: str | None = None
    tenant_id: str | None = None
    conversation_id: str | None = None
    file_key: str | None = None
    reference: str | None = None


@dataclass(frozen=True)
class ResponseEntity(Generic[T]):
    """A response that is not JSON, with its status and headers (looked up in any case)."""

    status_code: int
    headers: Mapping[str, str]
    body: T

    @property
    def statusCode(self) -> int:
        return self.status_code
