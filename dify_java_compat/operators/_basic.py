"""The operators without a timer."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

from reactivex import Observable
from reactivex.abc import DisposableBase, ObserverBase, SchedulerBase
from reactivex.disposable import Disposable, SerialDisposable, SingleAssignmentDisposable
from reactivex.typing import Predicate

from .._stream.answer import AnswerBuilder
from ..errors import DifyException
from ..models.responses import ChatMessageSendCompletionResponse as Item
from ..models.responses import ChatMessageSendResponse
from ._common import check_callable, check_observable, fail

T = TypeVar("T")


def do_on_cancel(action: Callable[[], object]) -> Callable[[Observable[T]], Observable[T]]:
    """Call `action` when a subscription is disposed of before its end: Reactor's `doOnCancel`.

    It is called once a subscription, before the source is disposed of, and not where the stream
    has ended. An operator that has enough, as `ops.take`, disposes, too. What `action` raises
    comes out of `dispose()`, for nothing may be delivered any more.
    """
    check_callable("action", action)

    def do_on_cancel_(source: Observable[T]) -> Observable[T]:
        def subscribe(
            observer: ObserverBase[T], scheduler: SchedulerBase | None = None
        ) -> DisposableBase:
            over = threading.Lock()  # kept by the end or by the dispose, whichever is first

            def on_error(error: Exception) -> None:
                over.acquire(blocking=False)
                observer.on_error(error)

            def on_completed() -> None:
                over.acquire(blocking=False)
                observer.on_completed()

            def dispose() -> None:
                try:
                    if over.acquire(blocking=False):
                        action()
                finally:
                    upstream.dispose()

            upstream = source.subscribe(
                observer.on_next, on_error, on_completed, scheduler=scheduler
            )
            return Disposable(dispose)

        return Observable(subscribe)

    return do_on_cancel_


def switch_if_empty(alternative: Observable[T]) -> Callable[[Observable[T]], Observable[T]]:
    """Subscribe to `alternative` where the source completes without an item: `switchIfEmpty`."""
    check_observable("alternative", alternative)

    def switch_if_empty_(source: Observable[T]) -> Observable[T]:
        def subscribe(
            observer: ObserverBase[T], scheduler: SchedulerBase | None = None
        ) -> DisposableBase:
            upstream, is_empty = SerialDisposable(), True

            def on_next(item: T) -> None:
                nonlocal is_empty
                is_empty = False
                observer.on_next(item)

            def on_completed() -> None:
                if is_empty:
                    upstream.disposable = second = SingleAssignmentDisposable()
                    second.disposable = alternative.subscribe(observer, scheduler=scheduler)
                else:
                    observer.on_completed()

            # set at once, for the source may end while it is subscribed to
            upstream.disposable = first = SingleAssignmentDisposable()
            first.disposable = source.subscribe(
                on_next, observer.on_error, on_completed, scheduler=scheduler
            )
            return upstream

        return Observable(subscribe)

    return switch_if_empty_


def buffer_until(predicate: Predicate[T]) -> Callable[[Observable[T]], Observable[list[T]]]:
    """Lists of items, each closed by an item that matches and is its last: `bufferUntil`.

    On completion the rest comes as the last list, if there is any; on an error it is dropped.
    """
    check_callable("predicate", predicate)

    def buffer_until_(source: Observable[T]) -> Observable[list[T]]:
        def subscribe(
            observer: ObserverBase[list[T]], scheduler: SchedulerBase | None = None
        ) -> DisposableBase:
            upstream, buffer = SingleAssignmentDisposable(), list[T]()

            def on_next(item: T) -> None:
                nonlocal buffer
                if upstream.is_disposed:  # by an item that came before subscribe() returned
                    return
                buffer.append(item)
                try:
                    is_full = predicate(item)
                except Exception as error:
                    fail(upstream, observer, error)
                else:
                    if is_full:
                        full, buffer = buffer, []
                        observer.on_next(full)

            def on_completed() -> None:
                if buffer:
                    observer.on_next(buffer)
                observer.on_completed()

            upstream.disposable = source.subscribe(
                on_next, observer.on_error, on_completed, scheduler=scheduler
            )
            return upstream

        return Observable(subscribe)

    return buffer_until_


def collected() -> Callable[[Observable[Item]], Observable[ChatMessageSendResponse]]:
    """The one answer that a stream makes up, at its end: `collect` for a stream that is shared.

    An error comes out as it is, with the answer so far as its `partial`.
    """

    def collected_(source: Observable[Item]) -> Observable[ChatMessageSendResponse]:
        def subscribe(
            observer: ObserverBase[ChatMessageSendResponse],
            scheduler: SchedulerBase | None = None,
        ) -> DisposableBase:
            builder = AnswerBuilder()
            upstream = SingleAssignmentDisposable()

            def on_next(item: Item) -> None:
                try:
                    builder.add(item)
                except Exception as error:  # it is no item of a chat
                    fail(upstream, observer, error)

            def on_error(error: Exception) -> None:
                if isinstance(error, DifyException):
                    error.add_context(partial=builder.build())
                observer.on_error(error)

            def on_completed() -> None:
                observer.on_next(builder.build())
                observer.on_completed()

            upstream.disposable = source.subscribe(
                on_next, on_error, on_completed, scheduler=scheduler
            )
            return upstream

        return Observable(subscribe)

    return collected_
