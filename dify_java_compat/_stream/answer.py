"""The events of a stream to the one answer they make up, and what makes such a response."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Generic, TypeVar

from ..errors import DifyException, IllegalArgumentException
from ..models.events import EVENTS
from ..models.responses import (
    AgentThought,
    ChatMessageSendResponse,
)
from ..models.responses import ChatMessageSendCompletionResponse as Item
from .verdict import ENDS, is_stop

B = TypeVar("B", bound="Builder[Any]")
R = TypeVar("R", covariant=True)

# tuples: looking up an event that is no text, and so may have no hash, must not fail
_APPENDED = tuple(row.name for row in EVENTS if row.text == "append")
_REPLACING = tuple(row.name for row in EVENTS if row.text == "replace")
_FINAL = tuple(row.name for row in EVENTS if row.text == "final")


_IDS = ("conversation_id", "message_id", "task_id", "created_at", "workflow_run_id")
_OF_RUNS = tuple(
    row.name for row in EVENTS if row.ends in ("run", "pause") or row.means in ("start", "node")
)
# what a message_file event has beside its file
_OF_THE_EVENT = ("event", "task_id", "conversation_id", "message_id", "created_at", "answer")
_FILE_FIELDS = ("id", "type", "url", "belongs_to")
_NO_ITEM = (
    "an answer is made of a chat's items, not of {}: collect before map, or go through the stream"
    " yourself; a run of a workflow app is whole by runWorkflow and blocking_via_stream"
)


class Builder(Generic[R]):
    """Takes the items of one stream in order; what fails within it has them as its `partial`."""

    def add(self, item: Any, /) -> object:
        """Take the next item."""
        raise NotImplementedError

    def build(self) -> R:
        """The response so far."""
        raise NotImplementedError

    def __enter__(self: B) -> B:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool | None:
        if isinstance(error, DifyException):
            error.add_context(partial=self.build())
        return None


def built(builder: Builder[R], items: Iterable[Any]) -> R:
    """What `items` make up; raises what they raise."""
    with builder:
        for item in items:
            builder.add(item)
    return builder.build()


class AnswerBuilder(Builder[ChatMessageSendResponse]):
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
        self._files: dict[tuple[str, str], Any] = {}  # each under its id and its address
        self._paused: Item | None = None
        self._workflow_status: str | None = None

    def add(self, item: Item) -> str:
        """Take the next event; the text it appends to the answer, "" where it replaces text.

        IllegalArgumentException for what is no item of a chat's stream.
        """
        if not isinstance(item, Item):
            raise IllegalArgumentException(_NO_ITEM.format(type(item).__name__))
        for name in _IDS:
            value = getattr(item, name)
            if value is not None:
                self._ids.setdefault(name, value)
        event, answer = item.event, item.answer
        if event in _OF_RUNS:
            self._follow_run(item)
        elif event == "message_file" and item.url is not None:  # the one event that is a file
            self._add_file(item.raw or {name: getattr(item, name) for name in _FILE_FIELDS})
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
        elif event == "message_end":
            if item.metadata is not None:  # what the answer cost
                self._metadata = item.metadata
            files = item.files if isinstance(item.files, list) else []
            for file in files:
                self._add_file(file)
        return ""

    def build(self) -> ChatMessageSendResponse:
        """The answer so far, as a blocking call would give it."""
        paused = self._paused
        return ChatMessageSendResponse(
            event="message" if paused is None else paused.event,
            id=self._ids.get("message_id"),
            answer="".join(self._pieces) if self._final_text is None else self._final_text,
            metadata=self._metadata,
            agent_thoughts=list(self._thoughts.values()) or None,
            data=None if paused is None else paused.data,
            workflow_status=self._workflow_status,
            files=list({id(file): file for file in self._files.values()}.values()) or None,
            **self._ids,
        )

    def _follow_run(self, item: Item) -> None:
        """How the run stands: it pauses, goes on, or has ended."""
        ends = ENDS.get(item.event) if isinstance(item.event, str) else None
        self._paused = item if ends == "pause" else None
        if ends == "pause":
            self._workflow_status = "paused"
        elif ends == "run":
            status = getattr(item.data, "status", None)
            if is_stop(getattr(item.data, "error", None)):
                status = "stopped"  # as which it ends, or as failed, by a race
            self._workflow_status = status if isinstance(status, str) else None
        else:
            self._workflow_status = None

    def _add_file(self, file: Any) -> None:
        """A file of the answer's, once, though message_end has those of message_file again."""
        if not isinstance(file, dict):
            self._files.setdefault(("", repr(file)), file)  # kept as it came
            return
        if file.get("belongs_to") == "user":
            return
        kept = {name: value for name, value in file.items() if name not in _OF_THE_EVENT}
        keys = [(name, repr(value)) for name in ("id", "url") if (value := kept.get(name))]
        known = next((self._files[key] for key in keys if key in self._files), None)
        if known is None:
            known = kept
        else:
            known.update(kept)
        for key in keys or [("", repr(kept))]:
            self._files.setdefault(key, known)

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
            answer=item.answer,
        )
