"""What the caller adds to requests and learns of calls: interceptors and listeners."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from ..errors import ID_NAMES, HttpClientException, IllegalArgumentException
from .headers import divided_headers, validated_headers
from .log import logger

if TYPE_CHECKING:
    from .exchange import Exchange
    from .request import HttpRequest
    from .response import HttpResponse

__all__ = [
    "Call",
    "CallListener",
    "InterceptedRequest",
    "InterceptedResponse",
    "Interceptor",
    "InterceptorChain",
]


class Interceptor(Protocol):
    """Sees each call of a client on its way out and its response on the way in, as in OkHttp.

    `ClientConfig(interceptors=[...])`, the first one outermost; a function of the chain will do,
    too. It runs in the thread that sends: a stream's, never an event loop's.
    """

    def intercept(self, chain: InterceptorChain) -> InterceptedResponse:
        """`return chain.proceed(chain.request())`, and whatever is to be done before and after.

        What it raises comes out of the call, or goes to the stream's on_error.
        """
        ...


class InterceptedRequest(NamedTuple):
    """A request as an interceptor sees it: the facade's method, verb, path, and its own headers.

    The key is not among them, and no interceptor can set one.
    """

    operation: str
    method: str
    path: str
    headers: Mapping[str, str]

    def with_header(self, name: str, value: str) -> InterceptedRequest:
        """The same request with one header more, or with another value of it.

        IllegalArgumentException for what no header can be, and for those that are the client's.
        """
        new = validated_headers({name: value}, "header")
        kept = {n: v for n, v in self.headers.items() if n.lower() != name.lower()}
        return self._replace(headers=MappingProxyType({**kept, **new}))

    def newBuilder(self) -> InterceptedRequestBuilder:
        """OkHttp's way to the same: `request.newBuilder().header(name, value).build()`."""
        return InterceptedRequestBuilder(self)


class InterceptedRequestBuilder:
    """What `newBuilder()` gives; each setter returns it."""

    def __init__(self, request: InterceptedRequest) -> None:
        self._request = request

    def header(self, name: str, value: str) -> InterceptedRequestBuilder:
        """Set a header, in place of one of that name."""
        self._request = self._request.with_header(name, value)
        return self

    addHeader = header  # a name that is there twice is one that a proxy may drop

    def build(self) -> InterceptedRequest:
        """The request."""
        return self._request


class InterceptedResponse:
    """The head of a response: its status and headers. The body is the call's."""

    def __init__(self, request: InterceptedRequest, status: int, headers: Mapping[str, str]):
        self.request: InterceptedRequest = request
        self.status: int = status
        self.headers: Mapping[str, str] = headers

    def code(self) -> int:
        """The status, as OkHttp calls it."""
        return self.status

    def header(self, name: str, default: str | None = None) -> str | None:
        """A header's value, however its name is written."""
        wanted = name.lower()
        return next((v for n, v in self.headers.items() if n.lower() == wanted), default)


class InterceptorChain:
    """The rest of the way of one call."""

    def __init__(
        self,
        request: InterceptedRequest,
        rest: Sequence[Any],
        send: Callable[[InterceptedRequest], InterceptedResponse],
    ) -> None:
        self._request, self._rest, self._send = request, rest, send
        self.response: InterceptedResponse | None = None
        self._proceeded = False

    def request(self) -> InterceptedRequest:
        """The request as it is so far."""
        return self._request

    def proceed(self, request: InterceptedRequest | None = None) -> InterceptedResponse:
        """Send the request, this one or another with more headers; returns at the response's head.

        Any status is a response here; the call raises for it afterwards. Raises what keeps a
        response from coming. Retries and redirects are within. IllegalArgumentException when called
        a second time: to send again can cost money, and is `max_retries`' business.
        """
        if self._proceeded:
            raise IllegalArgumentException("proceed was called twice by one interceptor")
        self._proceeded = True
        request = self._request if request is None else request
        if self._rest:
            inner = InterceptorChain(request, self._rest[1:], self._send)
            self.response = inner.run(self._rest[0])
        else:
            self.response = self._send(request)
        return self.response

    def run(self, interceptor: Any) -> InterceptedResponse:
        """What the interceptor returns. IllegalArgumentException where it is not from `proceed`."""
        intercept = getattr(interceptor, "intercept", interceptor)
        returned = intercept(self)
        response = self.response
        if response is None or returned is not response:
            name = type(interceptor).__name__
            raise IllegalArgumentException(f"{name} must return what chain.proceed() returned")
        return response


def intercepted(
    exchange: Exchange,
    open_exchange: Callable[[], HttpResponse],
    interceptors: Sequence[Any] | None,
) -> HttpResponse:
    """What `open_exchange` gives, by way of the interceptors; raises as it does."""
    if not interceptors:
        return open_exchange()
    error: HttpClientException | None = None
    response: HttpResponse | None = None
    before = exchange.request

    def send(request: InterceptedRequest) -> InterceptedResponse:
        nonlocal error, response
        headers = validated_headers(request.headers, "a header of an interceptor")
        exchange.request = before._replace(headers={**ours, **headers})
        try:
            response = open_exchange()
            return InterceptedResponse(request, response.status, response.headers)
        except HttpClientException as refused:
            error = refused
            return InterceptedResponse(request, refused.status_code, exchange.response_headers)

    ours, others = divided_headers(before.headers)
    path = before.path.partition("?")[0]
    request = InterceptedRequest(before.operation, before.method, path, MappingProxyType(others))
    try:
        InterceptorChain(request, interceptors[1:], send).run(interceptors[0])
    except BaseException:
        if response is not None:
            response.close()
        raise
    if error is not None:
        raise error
    assert response is not None
    return response


class CallListener:
    """Learns of each call of a client, as OkHttp's EventListener does.

    `ClientConfig(listeners=[...])`; the methods that it does not write do nothing. They are called
    in the thread of the call, and must not wait. What one raises is logged, and no more.
    """

    def on_start(self, call: Call) -> None:
        """A call begins; of a stream, when it is subscribed to."""

    def on_first_event(self, call: Call) -> None:
        """The first item of a stream has come."""

    def on_end(self, call: Call) -> None:
        """A call has ended, well or not, or its stream was disposed of. Once for each call."""


class Call:
    """One call, or one subscription of a stream, for listeners.

    operation, method, path: the facade's method, verb, and path without its query.
    streams: whether it is a stream.
    status: of the response; None where none came.
    milliseconds: from the start to the end; None before.
    first_event_milliseconds: from the start to a stream's first item.
    events: how many items came.
    task_id, message_id, conversation_id, workflow_run_id: what is known of them by now.
    usage: the `Usage` of the answer, where it has one.
    error: what it ended with; None where it ended well.
    is_cancelled: whether a stream was disposed of before its end.
    prompt: the question of a chat; personal, as a rule.
    """

    def __init__(
        self, request: HttpRequest, listeners: Sequence[Any], prompt: str | None = None
    ) -> None:
        self.operation: str = request.operation
        self.method: str = request.method
        self.path: str = request.path.partition("?")[0]
        self.streams: bool = request.streams
        self.status: int | None = None
        self.milliseconds: float | None = None
        self.first_event_milliseconds: float | None = None
        self.events: int = 0
        self.task_id: str | None = None
        self.message_id: str | None = None
        self.conversation_id: str | None = None
        self.workflow_run_id: str | None = None
        self.usage: Any = None
        self.error: BaseException | None = None
        self.is_cancelled: bool = False
        self.prompt = prompt
        self._listeners = listeners
        self._started = time.perf_counter()
        self._lock = threading.Lock()
        self._keep_ids(request.ids.get)

    @contextlib.contextmanager
    def active(self) -> Iterator[Call]:
        """Begin; within it a listener's `activate(call)` holds: a span is the current one."""
        self._emit("on_start")
        with contextlib.ExitStack() as stack:
            for listener in self._listeners:
                if (activate := getattr(listener, "activate", None)) is not None:
                    stack.enter_context(activate(self))
            yield self

    def on_item(self, item: Any) -> None:
        """Keep what an item, or a whole answer, says of the run."""
        self._keep_ids(lambda name: getattr(item, name, None))
        usage = getattr(getattr(item, "metadata", None), "usage", None)
        self.usage = usage or self.usage
        if self.streams:
            self.events += 1
            if self.events == 1:
                self.status = 200
                self.first_event_milliseconds = self._elapsed()
                self._emit("on_first_event")
        for listener in self._listeners:
            if (on_item := getattr(listener, "on_item", None)) is not None:
                on_item(self, item)

    def end(self, error: BaseException | None = None, is_cancelled: bool = False) -> None:
        """Note the end; the first one counts."""
        with self._lock:
            if self.milliseconds is not None:
                return
            self.milliseconds = self._elapsed()
        self.error, self.is_cancelled = error, is_cancelled
        if isinstance(error, HttpClientException):
            self.status = error.status_code
        self._keep_ids(lambda name: getattr(error, name, None))
        self._emit("on_end")

    def _keep_ids(self, value: Callable[[str], Any]) -> None:
        for name in ID_NAMES:
            if found := value(name):
                setattr(self, name, found)

    def _elapsed(self) -> float:
        return (time.perf_counter() - self._started) * 1000.0

    def _emit(self, name: str) -> None:
        for listener in self._listeners:
            try:
                if (method := getattr(listener, name, None)) is not None:
                    method(self)
            except Exception:
                logger.exception("%s of a listener failed", name)
