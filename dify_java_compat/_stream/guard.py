"""What stands between a stage of a pipeline and its subscriber: what raises ends in on_error."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any, Protocol


class Disposable(Protocol):
    def dispose(self) -> None: ...


class Guard:
    """The three functions of a subscriber, none of which raises into the stage above.

    RxPY lets an exception of on_next fly up through all stages into the source: nothing is disposed
    of and nobody is told. Here it ends this subscription: what is above is disposed of, and
    on_error gets it. So it does not pass a `retry` above, which would send the request again.

    A BaseException goes on up after that, to be raised in its own thread, unless the consumer
    `waits` for the stream and raises it itself. `downstream` is the guard of the stage that
    subscribes, where it is known: of two the one nearer to the consumer tells it.
    """

    def __init__(
        self,
        on_next: Callable[[Any], object] | None,
        on_error: Callable[[Any], object] | None,
        on_completed: Callable[[], object] | None,
        *,
        waits: bool,
        downstream: Guard | None,
    ) -> None:
        self._on_next = on_next or _ignore
        self._on_error = on_error or report
        self._on_completed = on_completed or _ignore
        self._waits = waits
        self._downstream = downstream
        self.is_shared = False  # a subject below it has subscribers of its own
        self._is_over = False
        self._has_failed = False
        self._got: BaseException | None = None  # what on_error was called with
        self._is_disposed = False
        self._subscription: Disposable | None = None

    def attach(self, subscription: Disposable) -> None:
        """Take the subscription to the stage above; items may have come from it already."""
        self._subscription = subscription
        if self._is_disposed:
            subscription.dispose()

    def dispose(self) -> None:
        self._is_over = self._is_disposed = True
        if self._subscription is not None:
            self._subscription.dispose()

    def on_next(self, value: Any) -> None:
        try:
            self._on_next(value)
        except BaseException as error:
            if not self._failed_downstream() and not self.fail(error):
                report_exception(error)
            if self._is_to_be_raised(error):
                raise

    def on_error(self, error: BaseException) -> None:
        if not self._is_over:
            self._is_over, self._subscription = True, None
            self._deliver_error(error)

    def on_completed(self) -> None:
        if self._is_over:
            return
        self._is_over, self._subscription = True, None
        try:
            self._on_completed()
        except BaseException as error:
            self._raised_at_the_end(error)

    def fail(self, error: BaseException) -> bool:
        """End the subscription with `error`; False where it was over."""
        if self._is_over:
            return False
        self._has_failed = True
        self._on_next = _ignore  # a source that emits within subscribe() cannot be stopped yet
        try:
            self.dispose()
        except Exception as other:  # of a `finally_action`
            report(other)
        self._deliver_error(error)
        return True

    def _deliver_error(self, error: BaseException) -> None:
        self._got = error
        try:
            self._on_error(error)
        except BaseException as raised:
            self._raised_at_the_end(raised)

    def _raised_at_the_end(self, error: BaseException) -> None:
        """What on_error or on_completed raised: an operator's ends the stage that it belongs to."""
        if self._waits:  # of a signal handler, for those of a consumer that waits raise nothing
            self._got = error
            self._on_error(error)
            return
        if self._downstream is None or not self._downstream.fail(error):
            report_exception(error)
        if self._is_to_be_raised(error):
            raise error

    def _failed_downstream(self) -> bool:
        guard = self._downstream
        while guard is not None and not guard._has_failed:
            guard = guard._downstream
        return guard is not None

    def _is_to_be_raised(self, error: BaseException) -> bool:
        guard = self
        while guard._downstream is not None:
            guard = guard._downstream
        will_raise = guard._waits and guard._got is error  # else it is over, or was left
        return not isinstance(error, Exception) and not will_raise


class _Subscribing(threading.local):
    """The guard whose `subscribe` this thread is in."""

    guard: Guard | None = None


subscribing = _Subscribing()


def report_exception(error: BaseException) -> None:
    """`report`, where it is no BaseException, which is raised."""
    if isinstance(error, Exception):
        report(error)


def report(error: BaseException) -> None:
    """An exception that nobody is left to get: to the running event loop, else to the thread's."""
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        thread = threading.current_thread()
        threading.excepthook(
            threading.ExceptHookArgs((type(error), error, error.__traceback__, thread))
        )
    else:
        loop.call_exception_handler(
            {"message": "an exception in a subscriber of a stream", "exception": error}
        )


def _ignore(*args: object) -> None:
    pass
