"""A stream that tells listeners of each subscription: its start, its items and its end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .._http.hooks import Call
from ..models.responses import ChatMessageSendCompletionResponse as Item
from .observable import EventStream


class _Listening:
    """Between a stream and its observer."""

    def __init__(self, call: Call, observer: Any) -> None:
        self._call, self._observer = call, observer

    def on_next(self, item: Item) -> None:
        self._call.on_item(item)
        self._observer.on_next(item)

    def on_error(self, error: Any) -> None:
        self._call.end(error)
        self._observer.on_error(error)

    def on_completed(self) -> None:
        if self._call.status is None:
            self._call.status = 200
        self._call.end()
        self._observer.on_completed()


class _Listened:
    """A subscription, as RxPY wants one."""

    def __init__(self, subscription: Any, call: Call) -> None:
        self._subscription, self._call = subscription, call

    def dispose(self) -> None:
        self._subscription.dispose()
        self._call.end(is_cancelled=True)


def listened(stream: EventStream[Item], new_call: Callable[[], Call]) -> EventStream[Item]:
    """`stream`, each subscription of which is a call. What is subscribed within it is its child."""

    def subscribe(observer: Any, scheduler: Any = None) -> Any:
        call = new_call()
        with call.active():
            between: Any = _Listening(call, observer)
            subscription = stream.subscribe(between, scheduler=scheduler)

        return _Listened(subscription, call)

    return EventStream(subscribe)
