"""Java's chat events: processes that see each item before the subscriber, and may change it.

::

    class Redact(PipelineProcess[ChatMessagePipelineModel]):
        def process(self, context):
            context.model.answer = redacted(context.model.answer)

    chat.addProcess(Redact())
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from .errors import IllegalArgumentException, PipelineException
from .models.responses import ChatMessagePipelineModel, ChatMessageSendCompletionResponse

__all__ = ["PipelineContext", "PipelineProcess"]

M = TypeVar("M", bound=ChatMessageSendCompletionResponse)
P = TypeVar("P", bound="PipelineProcess[Any]")


@dataclass
class PipelineContext(Generic[M]):
    """The argument of a process.

    `model` may be changed or replaced; with `needBreak` set, no further process gets the item.
    """

    model: M
    code: str = "CHAT"
    need_break: bool = False

    @property
    def needBreak(self) -> bool:
        return self.need_break

    @needBreak.setter
    def needBreak(self, value: bool) -> None:
        self.need_break = value


class PipelineProcess(ABC, Generic[M]):
    """One step. An item goes through those that support it, in rising `order`."""

    def support(self, context: PipelineContext[M]) -> bool:
        return True

    def order(self) -> int:
        return 0

    @abstractmethod
    def process(self, context: PipelineContext[M]) -> None: ...


def checked_process(process: P) -> P:
    """`process`. IllegalArgumentException where it is none."""
    if not callable(getattr(process, "process", None)):
        kind = type(process).__name__
        raise IllegalArgumentException(f"process must be a PipelineProcess, not {kind}")
    return process


def run_processes(
    processes: Iterable[PipelineProcess[ChatMessagePipelineModel]],
    item: ChatMessageSendCompletionResponse,
) -> ChatMessageSendCompletionResponse:
    """The item as the processes leave it. PipelineException, naming the process that raised."""
    model = ChatMessagePipelineModel._of(dict(vars(item)))
    context = PipelineContext(model)
    supporting = [process for process in processes if _call(process, "support", context)]
    for process in sorted(supporting, key=lambda process: _call(process, "order")):
        _call(process, "process", context)
        if context.need_break:
            break
    return context.model


def _call(process: object, method: str, *arguments: object) -> bool | int:
    try:
        result: bool | int = getattr(process, method)(*arguments)
    except Exception as error:
        name = type(process).__name__
        text = f"{name}.{method} failed: {type(error).__name__}: {error}"
        raise PipelineException(text, process=name) from error
    return result
