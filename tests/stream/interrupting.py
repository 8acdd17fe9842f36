"""An exception that comes between any two steps of a thread, as a signal handler's does."""

from __future__ import annotations

import dis
import functools
import gc
import sys
import threading
from collections.abc import Callable
from types import CodeType, FrameType, FunctionType
from typing import Any

import dify_java_compat

Point = tuple[CodeType, int]

_PLACES = tuple(f"{dify_java_compat.__path__[0]}/{part}" for part in ("_stream", "_http"))
# Python looks for signals when it calls, comes back from C, and jumps backwards
_LOOKS = ("CALL", "PRECALL", "RESUME", "JUMP_BACKWARD", "JUMP_ABSOLUTE", "SEND", "YIELD")
# and until 3.10 when a function begins, though never right before these
_LOOKS_AT_BEGINNING = sys.version_info < (3, 11)
_NEVER_BEFORE = ("CACHE", "PRECALL", "CALL", "SETUP_FINALLY", "SETUP_WITH", "YIELD_FROM")


class Interruption(BaseException):
    """What the handler raises, as KeyboardInterrupt is."""


class Interrupter:
    """Within it `visit`, which may raise, is called wherever this thread could call a handler.

    So far as the code is that of streams and their requests.
    """

    def __init__(self, visit: Callable[[Point], None]) -> None:
        self._visit = visit
        self._points: dict[CodeType, set[int]] = {}

    def __enter__(self) -> None:
        self._thread = threading.get_ident()
        if sys.version_info >= (3, 12):
            self._watch(sys.monitoring.events.INSTRUCTION, self._on_instruction)
        else:
            self._before = sys.gettrace()
            sys.settrace(self._on_call)

    def __exit__(self, *_: object) -> None:
        if sys.version_info >= (3, 12):
            self._watch(sys.monitoring.events.NO_EVENTS, None)
        else:
            sys.settrace(self._before)

    if sys.version_info >= (3, 12):

        def _watch(self, events: int, callback: Callable[[CodeType, int], Any] | None) -> None:
            monitoring = sys.monitoring
            if events:
                self._tool = next(each for each in range(6) if monitoring.get_tool(each) is None)
                monitoring.use_tool_id(self._tool, "interrupter")
            monitoring.register_callback(self._tool, monitoring.events.INSTRUCTION, callback)
            for code in _codes(len(sys.modules)):
                monitoring.set_local_events(self._tool, code, events)
            if not events:
                monitoring.free_tool_id(self._tool)

        def _on_instruction(self, code: CodeType, offset: int) -> Any:
            if offset not in self._points_of(code):
                return sys.monitoring.DISABLE
            if threading.get_ident() == self._thread:
                self._visit((code, offset))
            return None

    def _on_call(self, frame: FrameType, event: str, arg: Any) -> Any:
        if not frame.f_code.co_filename.startswith(_PLACES):
            return None
        frame.f_trace_opcodes = True
        frame.f_trace_lines = False
        return self._on_event

    def _on_event(self, frame: FrameType, event: str, arg: Any) -> Any:
        if event == "opcode" and frame.f_lasti in self._points_of(frame.f_code):
            self._visit((frame.f_code, frame.f_lasti))
        return self._on_event

    def _points_of(self, code: CodeType) -> set[int]:
        points = self._points.get(code)
        if points is None:
            points = self._points[code] = _points(code)
        return points


@functools.lru_cache(maxsize=1)
def _codes(modules: int) -> list[CodeType]:
    """Of every function that is watched, and of those within them; so many modules are loaded."""
    # `isinstance` would ask for the __class__ of whatever lies in memory
    functions = (each for each in gc.get_objects() if type(each) is FunctionType)
    found = [each.__code__ for each in functions if each.__code__.co_filename.startswith(_PLACES)]
    for code in found:  # which grows meanwhile
        found += [inner for inner in code.co_consts if isinstance(inner, CodeType)]
    return found


def _points(code: CodeType) -> set[int]:
    """The steps behind those at which Python looks for signals."""
    found, looks = set(), _LOOKS_AT_BEGINNING
    for instruction in dis.get_instructions(code):
        if looks and instruction.opname not in _NEVER_BEFORE:
            found.add(instruction.offset)
        looks = instruction.opname.startswith(_LOOKS)
    return found
