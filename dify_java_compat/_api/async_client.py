"""What every coroutine of a client is made of: a call on a thread, and its cancelling."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, Generic, ParamSpec, TypeVar

from .._http.cancellation import Cancellation
from ..config import ClientConfig
from .workers import Workers

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from .._http.adapter import Session
    from .options import Options

P = ParamSpec("P")
T = TypeVar("T")
Self = TypeVar("Self", bound="AsyncClient")


class AsyncClient:
    """Calls the methods of a client on its threads, for any number of asyncio's event loops.

    It is made over a client, or makes one of the class `_made_of`, which it closes.
    """

    _made_of: ClassVar[type[Any]]
    _client: Any

    def __init__(
        self,
        base_url: str | None = None,
        client_config: ClientConfig | None = None,
        *,
        api_key: str | None = None,
        session: Session | None = None,
    ) -> None:
        client = self._made_of(base_url, client_config, api_key=api_key, session=session)
        self._attach(client, owns_client=True)

    @classmethod
    def _over(cls: type[Self], client: Any) -> Self:
        made = object.__new__(cls)
        made._attach(client, owns_client=False)
        return made

    def _attach(self, client: Any, owns_client: bool) -> None:
        self._client = self._facade = client  # by its class, and by that of its facade
        self._owns_client = owns_client

    def with_options(self: Self, **settings: Unpack[Options]) -> Self:
        """As that of the client; `aclose` of the copy closes no connection."""
        return self._over(self._client.with_options(**settings))

    @property
    def base_url(self) -> str:
        """Where the operations are, as the client has it."""
        base_url: str = self._client.base_url
        return base_url

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
