"""asyncio's own reader and orjson: what an event loop costs where nothing is added to it.

A chunk is taken for a frame, which holds for Dify's server and for those of these benchmarks.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Callable
from typing import Any
from urllib.parse import urlsplit

import orjson

from .protocol import USER, AsyncContender, serve, text_of


class AsyncioReader(AsyncContender):
    distributions = ("orjson",)

    @contextlib.asynccontextmanager
    async def session(self) -> AsyncIterator[dict[str, Any]]:
        """Where to connect."""
        parts = urlsplit(self.url)
        context = ssl.create_default_context() if parts.scheme == "https" else None
        yield {"host": parts.hostname, "port": parts.port, "ssl": context, "limit": 1 << 20}

    async def read(
        self, session: dict[str, Any], query: str, take: Callable[[Any], object]
    ) -> None:
        body = orjson.dumps({"query": query, "user": USER, "inputs": {}})
        head = b"POST /v1/chat-messages HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"
        reader, writer = await asyncio.open_connection(**session)
        writer.write(head % len(body) + body)
        await reader.readuntil(b"\r\n\r\n")
        while size := int(await reader.readline(), 16):
            frame = await reader.readexactly(size + 2)
            if frame.startswith(b"data: "):
                take(orjson.loads(frame[6:-4]))
        writer.close()

    def text(self, item: Any) -> str | None:
        return text_of(item)


if __name__ == "__main__":
    serve(AsyncioReader)
