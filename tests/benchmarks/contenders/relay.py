"""A relay of streams to browsers, through Starlette and uvicorn, in a process of its own.

`python -m tests.benchmarks.contenders.relay URL FACE`: a POST to `/v1/chat-messages` asks the
server at URL the same and passes on what comes. It prints its port, and obeys orders as the
contenders do: `forget` makes the next event the first, `cost` says what was spent from then on.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import socket
import sys
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .protocol import KEY, USER, raise_descriptor_limit

Relay = Callable[[str], Awaitable[Response]]


def by_facade(url: str) -> Relay:
    """As the page on relaying shows it."""
    from dify_java_compat import ChatMessageSendRequest, ClientConfig, RequestsDifyChat
    from dify_java_compat.web.starlette import event_stream

    chat = RequestsDifyChat(url, ClientConfig(connect_timeout=60.0), api_key=KEY)

    async def relay(query: str) -> Response:
        request = ChatMessageSendRequest(content=query, user_id=USER)
        return event_stream(chat.sendChatMessageStream(request))

    return relay


def by_hand(url: str) -> Relay:
    """aiohttp and json: each event is read, as a service does that looks at it, and written."""
    import aiohttp

    sessions: list[aiohttp.ClientSession] = []

    async def events(query: str) -> AsyncIterator[str]:
        if not sessions:  # one for all, made in the event loop
            connector, timeout = aiohttp.TCPConnector(limit=0), aiohttp.ClientTimeout(total=None)
            sessions.append(aiohttp.ClientSession(connector=connector, timeout=timeout))
        body = {"inputs": {}, "query": query, "user": USER, "response_mode": "streaming"}
        async with sessions[0].post(f"{url}/v1/chat-messages", json=body) as response:
            response.raise_for_status()
            async for line in response.content:
                if line.startswith(b"data: "):
                    event = json.loads(line[6:])
                    yield f"data: {json.dumps(event, ensure_ascii=False)}\n\n"

    async def relay(query: str) -> Response:
        return StreamingResponse(events(query), media_type="text/event-stream")

    return relay


FACES: dict[str, tuple[Callable[[str], Relay], tuple[str, ...]]] = {
    "relay_facade": (by_facade, ("starlette", "uvicorn")),
    "relay_aiohttp": (by_hand, ("starlette", "uvicorn", "aiohttp")),
}


class Cost:
    """CPU of the process from the first event that was passed on."""

    def __init__(self) -> None:
        self.started: tuple[float, float] | None = None

    def note(self) -> None:
        if self.started is None:
            self.started = time.process_time(), time.monotonic()

    def obey(self, order: str) -> dict[str, Any]:
        if order == "forget":
            self.started = None
            return {}
        if self.started is None:
            return {"failed": "nothing was relayed"}
        cpu, clock = self.started
        return {"cpu": time.process_time() - cpu, "first": clock}


def application(relay: Relay, note: Callable[[], None]) -> ASGIApp:
    async def chat(http: Request) -> Response:
        return await relay((await http.json())["query"])

    routed = Starlette(routes=[Route("/v1/chat-messages", chat, methods=["POST"])])

    async def noting(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_noted(message: Message) -> None:
            if message.get("body"):
                note()
            await send(message)

        await routed(scope, receive, send_noted)

    return noting


def main() -> None:
    raise_descriptor_limit()
    new, distributions = FACES[sys.argv[2]]
    cost = Cost()
    config = uvicorn.Config(application(new(sys.argv[1]), cost.note), log_level="error")
    listener = socket.create_server(("127.0.0.1", 0), backlog=4096)

    def obey() -> None:
        for line in sys.stdin:
            print(json.dumps(cost.obey(json.loads(line)["do"])), flush=True)
        os._exit(0)  # whatever is still being sent

    versions = {name: importlib.metadata.version(name) for name in distributions}
    print(json.dumps({"versions": versions, "port": listener.getsockname()[1]}), flush=True)
    threading.Thread(target=obey, daemon=True).start()
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
