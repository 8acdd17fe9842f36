"""Starlette and FastAPI: a stream to the browser in one line."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from ..errors import DifyException
from ._awaiting import AsyncEvents
from ._failures import failure_body, failure_headers, log_failure, status_of
from ._frames import HEADERS, Options

__all__ = ["EventStreamResponse", "error_response", "event_stream"]


def event_stream(
    stream: Any,
    *,
    named: bool | str = False,
    ndjson: bool = False,
    exclude_none: bool = False,
    heartbeat: float = 15.0,
    first_timeout: float | None = 30.0,
) -> EventStreamResponse:
    """A stream as a response: `return event_stream(chat.sendChatMessageStream(request))`.

    `stream` is any Observable; the endpoint may be a coroutine or a plain function. The response
    waits for the first item, `first_timeout` seconds at most (None: for as long as it takes): what
    the stream fails with before is raised where the app has a handler for it, else it is
    `error_response`. Then an event an item, in Java's JSON (`exclude_none`: without the null
    fields; a text as it is), `named` by the item's `event` or by a text of yours; with `ndjson` a
    line an item. A comment after each `heartbeat` seconds (0: none) of silence. What the stream
    fails with later is its last event, named `error`. Disposes of the stream when the browser goes
    away.

    IllegalArgumentException for an option that cannot work.
    """
    options = Options(named, ndjson, exclude_none, heartbeat, first_timeout).validated(stream)
    return EventStreamResponse(AsyncEvents(stream, options), media_type=options.media_type)


class EventStreamResponse(StreamingResponse):
    """What `event_stream` gives; its status and headers may still be changed."""

    def __init__(self, events: AsyncEvents, media_type: str) -> None:
        super().__init__(events, headers=HEADERS, media_type=media_type)
        self._events = events

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Send the response, as ASGI has it."""
        events = self._events
        if scope.get("method") == "HEAD":  # nobody reads an answer that would be paid for
            await self._send_head(send)
            await send({"type": "http.response.body", "body": b"", "more_body": False})
            return
        watch = asyncio.get_running_loop().create_task(_close_when_gone(receive, events))
        try:
            try:
                await events.begin()
            except DifyException as error:
                if _has_handler(scope, error):
                    raise
                await _response(error)(scope, receive, send)
                return
            if not watch.done():
                with contextlib.suppress(OSError):  # the browser is gone
                    await self._send(send)
        finally:
            watch.cancel()
            await events.aclose()
        if self.background is not None:
            await self.background()

    async def _send_head(self, send: Any) -> None:
        start = {"type": "http.response.start", "status": self.status_code}
        await send({**start, "headers": self.raw_headers})

    async def _send(self, send: Any) -> None:
        await self._send_head(send)
        await self._events.send_all(send)
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def error_response(request: Request, error: Exception) -> Response:
    """An exception as JSON with its status: `app.add_exception_handler(DifyException, ...)`.

    `status`, `code` and `message` as Dify has them, and the ids that are known.
    """
    return _response(error)


def _response(error: Exception) -> Response:
    log_failure(error)
    return JSONResponse(failure_body(error), status_of(error), failure_headers(error))


async def _close_when_gone(receive: Any, events: AsyncEvents) -> None:
    with contextlib.suppress(OSError):
        while (await receive())["type"] != "http.disconnect":
            pass
    await events.aclose()


def _has_handler(scope: Mapping[str, Any], error: Exception) -> bool:
    """Whether the app, or one that it is mounted in, handles such an exception itself."""
    found = dict(getattr(scope.get("app"), "exception_handlers", {}))
    found |= scope.get("starlette.exception_handlers", ({},))[0]
    return any(cls in found for cls in type(error).__mro__)
