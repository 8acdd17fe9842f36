"""dify-client, the official client: `requests` answers, read as its README reads them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dify_client import ChatClient

from .protocol import KEY, USER, Contender, serve, text_of


class DifyClient(Contender):
    distributions = ("dify-client", "requests", "urllib3")

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self._client = ChatClient(KEY)
        self._client.base_url = f"{url}/v1"

    def items(self, query: str) -> Iterator[Any]:
        answer = self._client.create_chat_message(
            inputs={}, query=query, user=USER, response_mode="streaming"
        )
        answer.raise_for_status()
        for line in answer.iter_lines(decode_unicode=True):
            line = line.split("data:", 1)[-1]
            if line.strip():
                yield json.loads(line.strip())

    def text(self, item: Any) -> str | None:
        return text_of(item)

    def parameters(self) -> str:
        answer = self._client.get_application_parameters(user=USER)
        answer.raise_for_status()
        opening: str = answer.json()["opening_statement"]
        return opening

    def messages(self) -> int:
        answer = self._client.get_conversation_messages(USER, conversation_id="c", limit=100)
        answer.raise_for_status()
        return len(answer.json()["data"])

    def upload(self, path: str) -> str:
        with Path(path).open("rb") as file:
            part = {"file": ("upload.bin", file, "application/octet-stream")}
            answer = self._client.file_upload(USER, part)
        identity: str = answer.json()["id"]
        return identity


if __name__ == "__main__":
    serve(DifyClient)
