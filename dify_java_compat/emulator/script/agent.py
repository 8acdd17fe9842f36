"""The agent: its thoughts, its text, and the one tool it has."""

import json
import re
from collections.abc import Iterable, Iterator
from datetime import datetime, timezone
from typing import Any, ClassVar

from ..store.database import new_id
from ..store.state import State
from .base import Event, Piece, Script, Turn
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
    """One thought, filled in step by step under the same id."""

    def __init__(self, position: int) -> None:
        self.id = new_id()
        self.position = position
        self.text = ""
        self.used: dict[str, Any] = {"tool": "", "tool_labels": {}, "tool_input": ""}
        self.observation = ""

    def use(self, text: str) -> None:
        """Have the tool called with its arguments."""
        arguments = {_TOOL: {"timezone": "UTC", "format": _FORMAT}}
        self.text = text
        self.used = {
            "tool": _TOOL,
            "tool_labels": _LABELS,
            "tool_input": json.dumps(arguments),
        }

    def observe(self) -> None:
        """Have the tool answer."""
        now = datetime.now(timezone.utc).strftime(_FORMAT)
        self.observation = json.dumps({_TOOL: now})

    def told(self) -> Event:
        """As its event shows it."""
        return {
            "id": self.id,
            "position": self.position,
            "thought": self.text,
            "observation": self.observation,
            **self.used,
            "message_files": [],
        }

    def shown(self, turn: Turn) -> Event:
        """As the history shows it."""
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
    """A thought around the text, and one more before it where the tool is used."""

    delta_name = "agent_message"
    delta_tail: ClassVar[Event] = {}

    def __init__(self, turn: Turn) -> None:
        super().__init__(turn)
        self._thoughts = [_Thought(1)]
        self._said = ""
        self._uses_tool = bool(times(turn.query, "tool") or _TIME_QUESTION.search(turn.query))

    def _told(self) -> Event:
        """The thought it has now."""
        return self.event("agent_thought", **self._thoughts[-1].told())

    def _keep(self, state: State) -> None:
        shown = [thought.shown(self.turn) for thought in self._thoughts]
        state.set_thoughts(self.turn.message_id, shown)

    def begin(self, state: State) -> None:
        self._keep(state)

    def opening(self) -> list[Event]:
        return [self._told()]

    @property
    def pieces(self) -> Iterable[Piece]:
        if self._uses_tool:
            yield from _INTENT
            yield from [self.empty_delta()] * 2
            yield from self._use_tool()
        for token in self.turn.speaker:
            self._said += token or ""
            yield token

    def _use_tool(self) -> Iterator[Event]:
        self._thoughts[-1].use("".join(_INTENT))
        yield self._told()
        self._thoughts[-1].observe()
        yield self._told()
        self._thoughts.append(_Thought(2))
        yield self._told()

    def final(self, text: str) -> str:
        """What it said before it used the tool is a line of its own."""
        return f"{''.join(_INTENT)}\n{self._said}" if self._uses_tool else text

    def closing(self, answer: str) -> list[Event]:
        self._thoughts[-1].text = self._said
        return [self._told(), self.message_end(self.turn.usage(self.turn.elapsed))]

    def store(self, state: State, answer: str, *, stopped: bool) -> None:
        super().store(state, answer, stopped=stopped)
        if not stopped:
            self._keep(state)

    def abandoned(self, state: State) -> None:
        # The model thinks to the end although nobody listens.
        if self._uses_tool and len(self._thoughts) == 1:
            list(self._use_tool())
        self._thoughts[-1].text = self.turn.answer
        self._keep(state)
