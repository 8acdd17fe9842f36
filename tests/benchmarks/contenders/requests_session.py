"""`requests` by hand: a session, `iter_lines` and `json`, as the official client's README loops."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import requests

from .protocol import KEY, USER, Contender, serve, text_of


class RequestsSession(Contender):
    distributions = ("requests", "urllib3")

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self._session = requests.Session()
        self._session.headers["Authorization"] = f"Bearer {KEY}"

    def items(self, query: str) -> Iterator[Any]:
        body = {"inputs": {}, "query": query, "user": USER, "response_mode": "streaming"}
        with self._session.post(f"{self.url}/v1/chat-messages", json=body, stream=True) as answer:
            answer.raise_for_status()
            for line in answer.iter_lines(decode_unicode=True):
                line = line.split("data:", 1)[-1]
                if line.strip():
                    yield json.loads(line.strip())

    def text(self, item: Any) -> str | None:
        return text_of(item)

    def parameters(self) -> str:
        opening: str = self._session.get(f"{self.url}/v1/parameters").json()["opening_statement"]
        return opening

    def messages(self) -> int:
        query: dict[str, str | int] = {"conversation_id": "c", "user": USER, "limit": 100}
        return len(self._session.get(f"{self.url}/v1/messages", params=query).json()["data"])

    def upload(self, path: str) -> str:
        with Path(path).open("rb") as file:
            part = {"file": ("upload.bin", file, "application/octet-stream")}
            form = {"user": USER}
            answer = self._session.post(f"{self.url}/v1/files/upload", data=form, files=part)
        identity: str = answer.json()["id"]
        return identity

    def prepare(self) -> dict[str, Any]:
        body = self._session.get(f"{self.url}/v1/messages").content
        return {"json.loads of the page": lambda: json.loads(body)}


if __name__ == "__main__":
    serve(RequestsSession)
