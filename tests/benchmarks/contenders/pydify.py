"""pydify: dicts over requests and sseclient-py."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydify import ChatbotClient

from .protocol import KEY, USER, Contender, serve, text_of


class Pydify(Contender):
    distributions = ("pydify", "requests", "urllib3", "sseclient-py")

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self._client = ChatbotClient(api_key=KEY, base_url=f"{url}/v1")

    def items(self, query: str) -> Iterator[Any]:
        events: Iterator[Any] = self._client.send_message(
            query=query, user=USER, response_mode="streaming"
        )
        return events

    def text(self, item: Any) -> str | None:
        return text_of(item)

    def parameters(self) -> str:
        opening: str = self._client.get_parameters()["opening_statement"]
        return opening

    def messages(self) -> int:
        return len(self._client.get_messages(conversation_id="c", user=USER, limit=100)["data"])

    def upload(self, path: str) -> str:
        identity: str = self._client.upload_file(path, USER)["id"]
        return identity


if __name__ == "__main__":
    serve(Pydify)
