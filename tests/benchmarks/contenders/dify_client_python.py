"""dify-client-python: pydantic models over httpx and httpx-sse; no lists, no parameters."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dify_client import Client, models

from .protocol import KEY, USER, Contender, serve


class DifyClientPython(Contender):
    distributions = ("dify-client-python", "httpx", "httpx-sse", "pydantic")

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self._client = Client(api_key=KEY, api_base=f"{url}/v1")

    def items(self, query: str) -> Iterator[Any]:
        request = models.ChatRequest(
            query=query, inputs={}, user=USER, response_mode=models.ResponseMode.STREAMING
        )
        events: Iterator[Any] = self._client.chat_messages(request, timeout=60.0)
        return events

    def text(self, item: Any) -> str | None:
        text: str | None = getattr(item, "answer", None)
        if text is None:
            data = getattr(item, "data", None)
            text = data.get("title") if isinstance(data, dict) else getattr(data, "title", None)
        return text

    def upload(self, path: str) -> str:
        with Path(path).open("rb") as file:
            part = ("upload.bin", file, "application/octet-stream")
            request = models.UploadFileRequest(user=USER)
            identity: str = self._client.upload_files(part, request, timeout=60.0).id
        return identity


if __name__ == "__main__":
    serve(DifyClientPython)
