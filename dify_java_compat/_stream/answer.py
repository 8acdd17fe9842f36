"""The events of a stream to the one answer they make up."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import aclosing, contextmanager
from typing import Any

from ..errors import DifyException
from ..models.events import EVENTS
from ..models.responses import (
    AgentThought,
    ChatMessageSendResponse,
)
from ..models.responses import ChatMessageSendCompletionResponse as Item
from .iterate import PREFETCH, Observable, aiterate, iterate

__all__ = ["collect"]


# tuples: looking up an event that is no text, and so may have no hash, must not fail
_APPENDED = tuple(row.name for row in EVENTS if row.text == "append")
_REPLACING = tuple(row.name for row in EVENTS if row.text == "replace")
_FINAL = tuple(row.name for row in EVENTS if row.text == "final")


class AnswerBuilder:
    """Takes the events of one stream in order; `build` gives the answer so far.

    A value of an unexpected type is no text and fails nothing.
    """

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._final_text: str | None = None
        self._agent_streamed = False
        self._metadata: ChatMessageSendResponse.Metadata | None = None
        self._thoughts: dict[str, AgentThought] = {}
        self._ids: dict[str, Any] = {}

    def add(self, item: Item) -> str:
        """Take the next event; the text it appends to the answer, "" where it replaces text."""
        for name in ("conversation_id", "message_id", "task_id", "created_at"):
            value = getattr(item, name)
            if value is not None:
                self._ids.setdefault(name, value)
        event, answer = item.event, item.answer
        if event == "message" and self._agent_streamed:
            # a New Agent streams agent_message and closes with one message, the whole answer
            self._replace(answer)
            self._agent_streamed = False
        elif event in _APPENDED and isinstance(answer, str):
            self._pieces.append(answer)
            self._agent_streamed = self._agent_streamed or event == "agent_message"
            return answer
        elif event in _REPLACING:
            self._replace(answer)
        elif event in _FINAL:
            self._take_final_text(item)
        elif event == "agent_thought":  # the one event that fills `agent_thoughts`
            self._add_thought(item)
        elif event == "message_end" and item.metadata is not None:  # what the answer cost
            self._metadata = item.metadata
        return ""

    def build(self) -> ChatMessageSendResponse:
        """The answer so far, as a blocking call would give it."""
        return ChatMessageSendResponse(
            event="message",
            id=self._ids.get("message_id"),
            answer="".join(self._pieces) if self._final_text is None else self._final_text,
            metadata=self._metadata,
            agent_thoughts=list(self._thoughts.values()) or None,
            **self._ids,
        )

    def _replace(self, answer: Any) -> None:
        """`answer` takes the place of all text so far, that of a run that has finished too."""
        self._pieces = [answer] if isinstance(answer, str) else []
        self._final_text = None

    def _take_final_text(self, item: Item) -> None:
        """The output of a run counts more than its pieces: a node that retries sends its again."""
        outputs = getattr(item.data, "outputs", None)
        answer = outputs.get("answer") if isinstance(outputs, dict) else None
        if isinstance(answer, str):
            self._final_text = answer

    def _add_thought(self, item: Item) -> None:
        """A thought is sent again with the same id as it fills up."""
        key = item.id if isinstance(item.id, str) else repr(item.id)
        self._thoughts[key] = AgentThought(
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


async def collect_async(observable: Observable[Item]) -> ChatMessageSendResponse:
    """`collect` for a coroutine; where its task is cancelled, the stream is disposed of."""
    answer = AnswerBuilder()
    async with aclosing(aiterate(observable, 8 * PREFETCH)) as items:
        with _partial(answer):
            async for item in items:
                answer.add(item)
    return answer.build()


def collect_items(items: Iterable[Item]) -> ChatMessageSendResponse:
    """The answer that `items` make up; raises what they raise, with the answer as `partial`."""
    answer = AnswerBuilder()
    with _partial(answer):
        for item in items:
            answer.add(item)
    return answer.build()


@contextmanager
def _partial(answer: AnswerBuilder) -> Iterator[None]:
    """What fails within has the answer as far as it came."""
    try:
        yield
    except DifyException as error:
        error.add_context(partial=answer.build())
        raise
