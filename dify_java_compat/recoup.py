"""Recoup's chat: the call that stops an answer."""

from __future__ import annotations

from typing import Protocol

from ._api.base_client import BaseClient
from ._api.java_keywords import java_keywords
from ._api.operation import Operation, one
from ._http.request import ApiKey
from .config import ClientConfig
from .models.recoup import StopChatResponse

_HOME = "https://api.recoupable.dev"
_STOP_CHAT = Operation(
    "stopChat", "POST", "/api/chat/{chat_id}/stop", one(StopChatResponse), prefix=""
)


class RecoupChat(Protocol):
    """What a chat service asks of Recoup."""

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
        running. `chat_id` is a UUID, else BadRequestException; the chat must belong to the key's
        account (ForbiddenException; UnauthorizedException for a key that is none) and exist
        (NotFoundException). ServerErrorException with status 502 where Recoup could not cancel the
        answer, 504 where it did not end in time: it may still be running. Each has Recoup's own
        words as `message`.
        """
        ...


class RequestsRecoupChat(BaseClient, RecoupChat):
    """`RecoupChat` over HTTP. One client serves any number of threads and keys.

    `api_key` serves the calls that have none of their own. A context manager; `close()` closes the
    connections that lie idle. The call is never sent twice, but where it did not reach the server.
    """

    def __init__(
        self,
        base_url: str | None = _HOME,
        client_config: ClientConfig | None = None,
        *,
        api_key: str | None = None,
    ) -> None:
        super().__init__(base_url or _HOME, client_config, api_key=api_key)

    @property
    def base_url(self) -> str:
        """Where the service is."""
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

    def _api_key(self, api_key: str) -> ApiKey:
        return ApiKey(api_key, header="x-api-key", scheme="")
