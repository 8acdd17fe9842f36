"""The script of an agent: its thoughts, its text, and its one tool."""

import json
import re
from collections.abc import Iterable, Iterator
from datetime import datetime, timezone
from typing import Any, ClassVar

from ..store.database import new_id
from ..store.state import State
from .base import EventDict, JsonObject, Piece, Script, Turn
from .markers import times

_TIME_QUESTION = re.compile("what time is it|几点|什么时候了", re.IGNORECASE)
_TOOL = "current_time"
_LABELS = {
    _TOOL: {
        "zh_Hans": "获取当前时间",
        "en_US": "Current Time",
        "pt_BR": "Current Time",
        "ja_JP": "Current Time",
    }
}
_FORMAT = "%Y-%m-%d %H:%M:%S"
_INTENT = ("I will look up the time. ", "让我看看。")


class _Thought:
    """One thought, sent several times under the same id, each time with more in it."""

    def __init__(self, position: int) -> None:
        self.id = new_id()
        self.position = position
        self.text = ""
        self.used: dict[str, Any] = {"tool": "", "tool_labels": {}, "tool_input": ""}
        self.observation = ""

    def use(self, text: str) -> None:
        """Note the text, and that the tool is called with its arguments."""
        arguments = {_TOOL: {"timezone": "UTC", "format": _FORMAT}}
        self.text = text
        self.used = {
            "tool": _TOOL,
            "tool_labels": _LABELS,
            "tool_input": json.dumps(arguments),
        }

    def observe(self) -> None:
        """Note what the tool returns."""
        now = datetime.now(timezone.utc).strftime(_FORMAT)
        self.observation = json.dumps({_TOOL: now})

    def event_data(self) -> JsonObject:
        """The thought as its event has it."""
        return {
            "id": self.id,
            "position": self.position,
            "thought": self.text,
            "observation": self.observation,
            **self.used,
            "message_files": [],
        }

    def history_data(self, turn: Turn) -> JsonObject:
        """The thought as the history of the conversation has it."""
        return {
            "id": self.id,
            "chain_id": None,
            "message_id": turn.message_id,
            "position": self.position,
            "thought": self.text,
            **self.used,
            "created_at": turn.created_at,
            "observation": self.observation,
            "files": [],
        }


class AgentScript(Script):
    """One thought with the text, and another one before it where the tool is used."""

    delta_name = "agent_message"
    delta_tail: ClassVar[JsonObject] = {}

    def __init__(self, turn: Turn) -> None:
        super().__init__(turn)
        self._thoughts = [_Thought(1)]
        self._model_text = ""
        self._uses_tool = bool(times(turn.query, "tool") or _TIME_QUESTION.search(turn.query))

    def _thought_event(self) -> EventDict:
        return self.event("agent_thought", **self._thoughts[-1].event_data())

    def _store_thoughts(self, state: State) -> None:
        thoughts = [thought.history_data(self.turn) for thought in self._thoughts]
        state.set_thoughts(self.turn.message_id, thoughts)

    def begin(self, state: State) -> None:
        self._store_thoughts(state)

    def opening(self) -> list[EventDict]:
        return [self._thought_event()]

    @property
    def pieces(self) -> Iterable[Piece]:
        if self._uses_tool:
            yield from _INTENT
            yield from [self.empty_delta()] * 2
            yield from self._use_tool()
        for token in self.turn.speaker:
            self._model_text += token or ""
            yield token

    def _use_tool(self) -> Iterator[EventDict]:
        self._thoughts[-1].use("".join(_INTENT))
        yield self._thought_event()
        self._thoughts[-1].observe()
        yield self._thought_event()
        self._thoughts.append(_Thought(2))
        yield self._thought_event()

    def final(self, text: str) -> str:
        """The text from before the tool is a line of its own."""
        return f"{''.join(_INTENT)}\n{self._model_text}" if self._uses_tool else text

    def closing(self, text: str) -> list[EventDict]:
        self._thoughts[-1].text = self._model_text
        return [self._thought_event(), self.message_end(self.turn.usage(self.turn.elapsed))]

    def store(self, state: State, text: str, *, stopped: bool) -> None:
        super().store(state, text, stopped=stopped)
        if not stopped:
            self._store_thoughts(state)

    def abandoned(self, state: State) -> None:
        # The model goes on to its end although nobody reads.
        if self._uses_tool and len(self._thoughts) == 1:
            list(self._use_tool())
        self._thoughts[-1].text = self.turn.text
        self._store_thoughts(state)
