"""aiohttp and orjson: what one writes by hand for many streams in one event loop."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import orjson

from .protocol import KEY, USER, AsyncContender, serve, text_of


class Aiohttp(AsyncContender):
    distributions = ("aiohttp", "orjson")

    @contextlib.asynccontextmanager
    async def session(self) -> AsyncIterator[aiohttp.ClientSession]:
        connector = aiohttp.TCPConnector(limit=0)
        timeout = aiohttp.ClientTimeout(total=None)
        headers = {"Authorization": f"Bearer {KEY}"}
        async with aiohttp.ClientSession(
            connector=connector, timeout=timeout, headers=headers
        ) as session:
            yield session

    async def read(
        self, session: aiohttp.ClientSession, query: str, take: Callable[[Any], object]
    ) -> None:
        body = {"inputs": {}, "query": query, "user": USER, "response_mode": "streaming"}
        async with session.post(f"{self.url}/v1/chat-messages", json=body) as response:
            response.raise_for_status()
            async for line in response.content:
                if line.startswith(b"data: "):
                    take(orjson.loads(line[6:]))

    def text(self, item: Any) -> str | None:
        return text_of(item)


if __name__ == "__main__":
    serve(Aiohttp)
