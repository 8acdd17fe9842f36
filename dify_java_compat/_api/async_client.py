"""What every coroutine of a client is made of: a call on a thread, and its cancelling."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import functools
from collections.abc import Callable
from typing import Any, Generic, ParamSpec, TypeVar

from .._http.cancellation import Cancellation
from .base_client import BaseClient
from .workers import Workers

P = ParamSpec("P")
T = TypeVar("T")
Self = TypeVar("Self", bound="AsyncClient")


class AsyncClient:
    """Calls the methods of a client on its threads, for any number of asyncio's event loops."""

    _client: BaseClient
    _owns_client: bool

    @property
    def base_url(self) -> str:
        """Where the operations are, as the client has it."""
        return self._client.base_url

    async def aclose(self) -> None:
        """End the threads that are idle, and close the client's connections where it is our own."""
        if self._owns_client:
            self._client.close()
        else:
            self._client._workers.close()

    async def __aenter__(self: Self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.base_url!r})"

    async def _run(self, method: Callable[P, T], *args: P.args, **keywords: P.kwargs) -> T:
        """What `method` returns or raises, called on a thread. Cancelled, it cancels the request.

        RuntimeError without a running event loop of asyncio's.
        """
        return await _run(self._client._workers, functools.partial(method, *args, **keywords))


class _Job(Generic[T]):
    """One call, with the context of the task that waits for it.

    The outcome is a value, also where it is an exception: a future that nobody awaits any more
    would be reported for an exception, and takes no StopIteration.
    """

    def __init__(self, call: Callable[[], T]) -> None:
        self._call = call
        self._context = contextvars.copy_context()
        self._loop = asyncio.get_running_loop()
        self._cancellation = Cancellation()
        self._outcome: tuple[Any, BaseException | None] = None, None
        self.done: asyncio.Future[tuple[Any, BaseException | None]] = self._loop.create_future()

    def run(self) -> None:
        if self._cancellation.is_cancelled:
            return
        try:
            with self._cancellation:
                self._outcome = self._context.run(self._call), None
        except BaseException as error:
            self._outcome = None, error

    def report(self) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits
            self._loop.call_soon_threadsafe(self._finish)

    def cancel(self) -> None:
        """Not start it, or cancel its request."""
        self._cancellation.cancel()

    def _finish(self) -> None:
        if not self.done.done():
            self.done.set_result(self._outcome)


async def _run(workers: Workers, call: Callable[[], T]) -> T:
    job = _Job(call)
    workers.submit(job)
    try:
        value, error = await job.done
    except BaseException:  # the task was cancelled, or is thrown away with its loop
        job.cancel()
        raise
    if error is None:
        result: T = value
        return result
    try:
        raise error
    finally:
        del error  # its traceback has this frame
