"""httpx, httpx-sse and pydantic models: how the typed clients of the large vendors stream."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pydantic
from httpx_sse import aconnect_sse, connect_sse

from .protocol import KEY, USER, Contender, serve


class Node(pydantic.BaseModel):
    """The data of a node event or of a run's."""

    model_config = pydantic.ConfigDict(extra="allow")

    id: str | None = None
    node_id: str | None = None
    node_type: str | None = None
    title: str | None = None
    index: int | None = None
    predecessor_node_id: str | None = None
    inputs: dict[str, Any] | None = None
    process_data: dict[str, Any] | None = None
    outputs: dict[str, Any] | None = None
    status: str | None = None
    error: str | None = None
    elapsed_time: float | None = None
    created_at: int | None = None
    finished_at: int | None = None


class Event(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="allow")

    event: str
    conversation_id: str | None = None
    message_id: str | None = None
    task_id: str | None = None
    workflow_run_id: str | None = None
    id: str | None = None
    answer: str | None = None
    created_at: int | None = None
    metadata: dict[str, Any] | None = None
    data: Node | None = None


class HttpxSse(Contender):
    distributions = ("httpx", "httpx-sse", "pydantic")

    def __init__(self, url: str) -> None:
        super().__init__(url)
        headers = {"Authorization": f"Bearer {KEY}"}
        limits = httpx.Limits(max_connections=None)
        self._options: dict[str, Any] = {
            "base_url": url,
            "headers": headers,
            "limits": limits,
            "timeout": 60.0,
        }
        self._client = httpx.Client(**self._options)

    def items(self, query: str) -> Iterator[Any]:
        body = {"inputs": {}, "query": query, "user": USER, "response_mode": "streaming"}
        with connect_sse(self._client, "POST", "/v1/chat-messages", json=body) as source:
            for sse in source.iter_sse():
                if sse.event != "ping":
                    yield Event.model_validate_json(sse.data)

    def watch(self, query: str, streams: int, take: Callable[[Any], object]) -> None:
        """By the client for asyncio: so one reads many streams with httpx."""
        body = {"inputs": {}, "query": query, "user": USER, "response_mode": "streaming"}

        async def read(client: httpx.AsyncClient) -> None:
            async with aconnect_sse(client, "POST", "/v1/chat-messages", json=body) as source:
                async for sse in source.aiter_sse():
                    if sse.event != "ping":
                        take(Event.model_validate_json(sse.data))

        async def read_all() -> None:
            async with httpx.AsyncClient(**self._options) as client:
                await asyncio.gather(*(read(client) for _ in range(streams)))

        asyncio.run(read_all())

    def text(self, item: Any) -> str | None:
        text: str | None = item.answer
        return text if text is not None else item.data and item.data.title

    def parameters(self) -> str:
        opening: str = self._client.get("/v1/parameters").json()["opening_statement"]
        return opening

    def messages(self) -> int:
        query: dict[str, str | int] = {"conversation_id": "c", "user": USER, "limit": 100}
        return len(self._client.get("/v1/messages", params=query).json()["data"])

    def upload(self, path: str) -> str:
        with Path(path).open("rb") as file:
            part = {"file": ("upload.bin", file, "application/octet-stream")}
            answer = self._client.post("/v1/files/upload", data={"user": USER}, files=part)
        identity: str = answer.json()["id"]
        return identity


if __name__ == "__main__":
    serve(HttpxSse)
