"""Recoup's chat: the call that stops an answer."""

from __future__ import annotations

from typing import Protocol

from ._api.base_client import BaseClient
from ._api.java_keywords import java_keywords
from ._api.operation import Operation, one
from .models.recoup import StopChatResponse

__all__ = ["RecoupChat", "RequestsRecoupChat"]

_STOP_CHAT = Operation(
    "stopChat", "POST", "/api/chat/{chat_id}/stop", one(StopChatResponse), prefix=""
)


class RecoupChat(Protocol):
    """The operation of Recoup that a chat service needs."""

    def stopChat(
        self,
        chat_id: str | None = None,
        api_key: str | None = None,
        *,
        chatId: str | None = None,
        apiKey: str | None = None,
    ) -> StopChatResponse:
        """Stop Chat: end the answer that is being generated, so that the chat takes a new message.

        Recoup's POST /api/chat/{chatId}/stop. Safe to repeat: `stopped` is False where nothing was
        running. Raises BadRequestException where `chat_id` is no UUID, UnauthorizedException for an
        unknown key, ForbiddenException where the chat is not of the key's account,
        NotFoundException where there is none, and ServerErrorException with status 502 where Recoup
        could not cancel the answer, 504 where it did not end in time: it may still be running. Each
        has Recoup's own text as `message`.
        """
        ...


class RequestsRecoupChat(BaseClient, RecoupChat):
    """`RecoupChat` over HTTP. One client serves any number of threads and keys.

    `base_url` is https://api.recoupable.dev unless given, `api_key` the default for calls without
    one, `session` as of RequestsDifyChat. A context manager; `close()` closes the idle
    connections. The call is sent again only where it did not reach the server.
    """

    _KEY_IN = "x-api-key", ""

    def _home(self) -> str:
        return "https://api.recoupable.dev"

    @property
    def base_url(self) -> str:
        """The address of the service."""
        return self._transport.base_url

    @java_keywords
    def stopChat(
        self,
        chat_id: str | None = None,
        api_key: str | None = None,
        *,
        chatId: str | None = None,
        apiKey: str | None = None,
    ) -> StopChatResponse:
        return self._call(_STOP_CHAT, chat_id=chat_id, api_key=api_key)
