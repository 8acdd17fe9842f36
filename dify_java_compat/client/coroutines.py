"""The coroutine facade over a client: what is more than a row; the rest is in `aio`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._stream.collecting import wait_for_async
from ..aio import AsyncDifyChatflow
from ..models import ChatMessagePipelineModel, ChatMessageSendRequest, ChatMessageSendResponse
from . import RequestsDifyChat

if TYPE_CHECKING:
    from ..pipeline import PipelineProcess

__all__ = ["AsyncDifyChat"]


class AsyncDifyChat(AsyncDifyChatflow):
    """`RequestsDifyChat` for asyncio: each method that waits is a coroutine.

    Made as that one, it has connections of its own, which `aclose()` or the end of an `async with`
    closes. Made by `chat.aio` it uses those of `chat`, and leaves them to it. It serves any number
    of event loops; trio has none, so that a coroutine raises RuntimeError there.
    """

    _made_of = RequestsDifyChat
    _client: RequestsDifyChat

    def addProcess(self, process: PipelineProcess[ChatMessagePipelineModel]) -> None:
        """Have `process` see every item of the streams that are made from now on."""
        self._client.addProcess(process)

    async def send(self, send_request: ChatMessageSendRequest) -> ChatMessageSendResponse:
        if self._client._config.blocking_via_stream:  # so that a cancelled task disposes of it
            return await wait_for_async(*self._client._question(send_request))
        return await super().send(send_request)
