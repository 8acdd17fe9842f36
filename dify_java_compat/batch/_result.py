"""What becomes of one question."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar

from ..models import ChatMessageSendResponse

Usage = ChatMessageSendResponse.Usage

Q = TypeVar("Q")
R = TypeVar("R")


@dataclass(frozen=True)
class Answered(Generic[Q, R]):
    """One question of a batch with its answer, or with the exception that it ended in.

    index: of the request among all requests, from 0.
    request: as it was handed in.
    response: the whole answer, as `send` or `runWorkflow` gives it; None where there is an `error`.
    error: what the stream ended with; its `partial` is the answer as far as it came.
    seconds: from sending to the end, of the last try.
    tries: how often it was sent; 0 where it could not be, as without a `content`.
    repeated: of a cluster: a worker died that had this question, and may have asked it already.
    """

    index: int
    request: Q
    response: R | None
    error: Exception | None
    seconds: float
    tries: int
    repeated: bool = False

    @property
    def answer(self) -> str | None:
        """The text; None where there is an `error`, and of a workflow."""
        text: str | None = getattr(self.response, "answer", None)
        return text

    @property
    def usage(self) -> Usage | None:
        """The tokens and the price, of a failed one too where Dify named them; else None.

        A workflow names no more than `total_tokens`.
        """
        response: Any = self.response or getattr(self.error, "partial", None)
        usage: Usage | None = getattr(getattr(response, "metadata", None), "usage", None)
        tokens = getattr(getattr(response, "data", None), "total_tokens", None)
        return Usage(total_tokens=tokens) if usage is None and isinstance(tokens, int) else usage


AnyResult: TypeAlias = Answered[Any, Any]
