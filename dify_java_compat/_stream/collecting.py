"""A stream to the one answer it makes up."""

from __future__ import annotations

import functools
from contextlib import aclosing
from typing import Any

from ..models.responses import ChatMessageSendCompletionResponse as Item
from ..models.responses import ChatMessageSendResponse
from .aiterate import aiterate
from .answer import AnswerBuilder, Builder, R, built
from .iterate import PREFETCH, Observable, iterate, whole

__all__ = ["collect"]


def collect(observable: Observable[Item]) -> ChatMessageSendResponse:
    """Wait for a whole stream and give the one answer it makes up.

    Raises what the stream ends with; `partial` of that exception is the answer as far as it came.
    IllegalArgumentException for anything but the stream of a chat, that of a workflow app, too.
    """
    return wait_for(observable, AnswerBuilder())


def wait_for(observable: Observable[Any], builder: Builder[R]) -> R:
    """Wait for a whole stream and give what `builder` makes of it; raises what it ends with."""
    return whole(iterate(observable, 8 * PREFETCH), functools.partial(built, builder))


async def wait_for_async(observable: Observable[Any], builder: Builder[R]) -> R:
    """`wait_for` for a coroutine; where its task is cancelled, the stream is disposed of."""
    async with aclosing(aiterate(observable, 8 * PREFETCH)) as items:
        with builder:
            async for item in items:
                builder.add(item)
    return builder.build()
