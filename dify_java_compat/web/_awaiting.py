"""A stream as the body of an ASGI response, which a task of the event loop waits for."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from .._stream.aiterate import aiterate
from ._failures import log_failure
from ._frames import HEARTBEAT, Options, failure_frame, frame

_END: Any = object()
_PART = {"type": "http.response.body", "more_body": True}


class AsyncEvents:
    """The frames of a stream, which begins with `begin` or the first of them.

    Two ways to have them: `send_all`, for who has ASGI's `send`, and `async for`. `aclose`
    disposes of the stream, and ends either of them.
    """

    def __init__(self, stream: Any, options: Options) -> None:
        self._items = aiterate(stream)
        self._options = options
        self._next: asyncio.Task[Any] | None = None
        self._has_begun = False

    async def begin(self) -> None:
        """Wait for the first item, an end, or `aclose`; raises what came in its place.

        After `first_timeout` it returns without.
        """
        self._has_begun = True
        if await self._within(self._options.first_timeout):
            assert self._next is not None
            error = self._next.exception()
            if error is not None:
                await self.aclose()
                raise error

    async def send_all(self, send: Callable[[Any], Awaitable[Any]]) -> None:
        """Send the frames that there are, and heartbeats, until the end, by ASGI's `send`."""
        sender = _Sender(send)
        seconds = self._options.beat_seconds
        beats = None if seconds is None else sender.start_heartbeats(seconds)
        try:
            while (data := await self._frame()) is not None:
                await sender.send(data)
        finally:
            await self.aclose()
            if beats is not None:
                beats.cancel()
                with contextlib.suppress(asyncio.CancelledError, OSError):
                    await beats

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """The frames and heartbeats; disposes of the stream when it is left."""
        try:
            if not self._has_begun:
                with contextlib.suppress(Exception):  # it is an event then
                    await self.begin()
            while True:
                if not await self._within(self._options.beat_seconds):
                    yield HEARTBEAT
                    continue
                if (data := await self._frame()) is None:
                    return
                yield data
        finally:
            await self.aclose()

    async def aclose(self) -> None:
        """Dispose of the stream; again, too."""
        await self._items.aclose()

    async def _frame(self) -> bytes | None:
        """The next frame, None at the end: without a task, which would cost more than the rest."""
        try:
            if self._next is not None:
                pending, self._next = self._next, None
                item = await pending
            else:
                item = await self._items.__anext__()
            return None if item is _END else frame(item, self._options)
        except StopAsyncIteration:
            return None
        except Exception as error:
            await self.aclose()
            return self._failure(error)

    def _failure(self, error: BaseException) -> bytes:
        if not isinstance(error, Exception):
            raise error
        log_failure(error)
        return failure_frame(error, self._options)

    async def _within(self, seconds: float | None) -> bool:
        """Whether the next item, or the end, came within that time."""
        if self._next is None:
            self._next = asyncio.get_running_loop().create_task(self._take())
        try:
            done, _ = await asyncio.wait({self._next}, timeout=seconds)
        except asyncio.CancelledError:
            await self.aclose()
            await asyncio.wait({self._next})
            self._next.exception()  # nobody asks for it any more
            raise
        return bool(done)

    async def _take(self) -> Any:
        try:
            return await self._items.__anext__()
        except StopAsyncIteration:
            return _END


class _Sender:
    """One sends at a time: the frames, and the heartbeats between them."""

    def __init__(self, send: Callable[[Any], Awaitable[Any]]) -> None:
        self._send = send
        self._loop = asyncio.get_running_loop()
        self._last_sent = self._loop.time()
        self._is_sending = False
        self._heartbeat: asyncio.Future[None] | None = None  # while one is being sent

    async def send(self, data: bytes) -> None:
        if self._heartbeat is not None:
            await self._heartbeat
        self._is_sending = True
        await self._send({"type": "http.response.body", "body": data, "more_body": True})
        self._is_sending = False
        self._last_sent = self._loop.time()

    def start_heartbeats(self, seconds: float) -> asyncio.Task[None]:
        """A task that sends a heartbeat whenever nothing was sent for so long."""
        return self._loop.create_task(self._beat(seconds))

    async def _beat(self, seconds: float) -> None:
        while True:
            remaining = self._last_sent + seconds - self._loop.time()
            if self._is_sending or remaining > 0:  # a slow browser needs none
                await asyncio.sleep(seconds if self._is_sending else remaining)
                continue
            self._heartbeat = self._loop.create_future()
            try:
                await self._send({**_PART, "body": HEARTBEAT})
            finally:
                self._heartbeat.set_result(None)
                self._heartbeat = None
            self._last_sent = self._loop.time()
