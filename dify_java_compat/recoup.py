"""Recoup's chat: the call that stops an answer."""

from __future__ import annotations

from typing import Protocol

from ._api.base_client import BaseClient, java_keywords
from ._api.operation import Operation
from ._http.request import ApiKey
from .config import ClientConfig
from .models.recoup import StopChatResponse

_HOME = "https://api.recoupable.dev"
_STOP_CHAT = Operation("stopChat", "POST", "/api/chat/{chat_id}/stop", prefix="")


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
        super().__init__(base_url or _HOME, client_config)
        self._key = _key(api_key) if api_key is not None else None

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
        return self._result(
            self._with_values(_STOP_CHAT, api_key, chat_id=chat_id), StopChatResponse
        )

    def _key_for(self, endpoint: Operation, api_key: str | None) -> ApiKey:
        return _key(api_key) if api_key else super()._key_for(endpoint, None)


def _key(api_key: str) -> ApiKey:
    return ApiKey(api_key, header="x-api-key", scheme="")
