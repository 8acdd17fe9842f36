"""A stream's events to the one answer they make up."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..errors import DifyException
from ..models.events import WorkflowFinishedData
from ..models.responses import (
    AgentThought,
    ChatMessageSendCompletionResponse,
    ChatMessageSendResponse,
)
from .iterate import PREFETCH, Observable, iterate

Item = ChatMessageSendCompletionResponse


class AnswerBuilder:
    """Takes the events of one stream in order; `build` gives the answer as far as it came."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._truth: str | None = None
        self._agent_spoke = False
        self._metadata: ChatMessageSendResponse.Metadata | None = None
        self._thoughts: dict[Any, AgentThought] = {}
        self._ids: dict[str, Any] = {}

    def add(self, item: ChatMessageSendCompletionResponse) -> str:
        """Take the next event; the text it adds to the answer, "" where it replaces it too."""
        for name in ("conversation_id", "message_id", "task_id", "created_at"):
            value = getattr(item, name)
            if value is not None:
                self._ids.setdefault(name, value)
        event, answer = item.event, item.answer
        if event == "message" and self._agent_spoke:
            # a New Agent closes with one message that is the whole answer
            self._pieces = [answer or ""]
            self._agent_spoke = False
        elif event in ("message", "agent_message", "message_file") and isinstance(answer, str):
            # a chat with an attached file sends all its text as message_file
            self._pieces.append(answer)
            self._agent_spoke = self._agent_spoke or event == "agent_message"
            return answer
        elif event == "message_replace":
            self._pieces = [answer or ""]
        elif event == "agent_thought":
            self._add_thought(item)
        elif event == "message_end":
            self._metadata = item.metadata
        elif event == "workflow_finished" and isinstance(item.data, WorkflowFinishedData):
            outputs = item.data.outputs
            answer = outputs.get("answer") if isinstance(outputs, dict) else None
            if isinstance(answer, str):
                # a node that retried has sent its tokens twice
                self._truth = answer
        return ""

    def build(self) -> ChatMessageSendResponse:
        return ChatMessageSendResponse(
            event="message",
            id=self._ids.get("message_id"),
            answer="".join(self._pieces) if self._truth is None else self._truth,
            metadata=self._metadata,
            agent_thoughts=list(self._thoughts.values()) or None,
            **self._ids,
        )

    def _add_thought(self, item: ChatMessageSendCompletionResponse) -> None:
        """A thought is sent again with the same id as it fills up."""
        self._thoughts[item.id] = AgentThought(
            id=item.id,
            message_id=item.message_id,
            position=item.position,
            thought=item.thought,
            tool=item.tool,
            tool_labels=item.tool_labels,
            tool_input=item.tool_input,
            observation=item.observation,
            message_files=item.message_files,
            created_at=item.created_at,
        )


def collect(observable: Observable[Item]) -> ChatMessageSendResponse:
    """Wait for a whole stream and give the one answer it makes up.

    Raises what the stream ends with; `partial` of that exception is the answer as far as it came.
    """
    return collect_items(iterate(observable, 8 * PREFETCH))


def collect_items(items: Iterable[Item]) -> ChatMessageSendResponse:
    answer = AnswerBuilder()
    try:
        for item in items:
            answer.add(item)
    except DifyException as error:
        error.add_context(partial=answer.build())
        raise
    return answer.build()
