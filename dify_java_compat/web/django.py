"""Django: a stream to the browser in one line, under WSGI and ASGI, and Java's JSON."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from asgiref.local import Local
from asgiref.sync import SyncToAsync, iscoroutinefunction, markcoroutinefunction
from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.core.signals import request_finished, request_started
from django.http import HttpResponse, JsonResponse, StreamingHttpResponse
from django.utils.module_loading import import_string

from .._dto.dto import Dto
from ..errors import DifyException
from ._awaiting import AsyncEvents
from ._blocking import BlockingEvents
from ._client_socket import client_socket
from ._failures import failure_body, failure_headers, log_failure, status_of
from ._frames import HEADERS, Options

__all__ = ["DifyErrorMiddleware", "DifyJSONEncoder", "error_response", "event_stream"]


def event_stream(
    stream: Any,
    *,
    named: bool | str = False,
    ndjson: bool = False,
    exclude_none: bool = False,
    heartbeat: float = 15.0,
    first_timeout: float | None = 30.0,
) -> Any:
    """A stream as a response: `return event_stream(chat.sendChatMessageStream(request))`.

    `stream` is any Observable; the view may be a coroutine or a plain function, under WSGI or ASGI.
    Waits for the first item, `first_timeout` seconds at most (None: for as long as it takes): what
    the stream fails with before is raised where a middleware has a `process_exception`, else it
    is `error_response`. Then an event an item, in Java's JSON (`exclude_none`: without the null
    fields; a text as it is), `named` by the item's `event` or by a text of yours; with `ndjson` a
    line an item. A comment after each `heartbeat` seconds (0: none) of silence. What the stream
    fails with later is its last event, named `error`. Disposes of the stream when the browser goes
    away: at once under ASGI and where the WSGI server shows its socket (Django's own, gunicorn),
    else when something is written.

    IllegalArgumentException for an option that cannot work.
    """
    options = Options(named, ndjson, exclude_none, heartbeat, first_timeout).validated(stream)
    environ = getattr(_request, "environ", None)
    if environ is None and _is_under_asgi():
        return _AsgiEventStream(stream, options)
    if environ and environ.get("REQUEST_METHOD") == "HEAD":  # nobody reads what would be paid for
        return HttpResponse(content_type=options.media_type, headers=HEADERS)
    events = BlockingEvents(stream, options, client_socket(environ))
    try:
        events.wait_for_first()
    except DifyException as error:
        if _has_handler():
            raise
        return error_response(error)
    return StreamingHttpResponse(events, content_type=options.media_type, headers=HEADERS)


class _AsgiEventStream(StreamingHttpResponse):  # type: ignore[misc]  # Django has no types
    """Waits for its first item in `render`, which Django awaits where exceptions are handled."""

    def __init__(self, stream: Any, options: Options) -> None:
        self._events = AsyncEvents(stream, options)
        content_type = options.media_type
        super().__init__(self._events, content_type=content_type, headers=HEADERS)

    async def render(self) -> Any:
        try:
            await self._events.begin()
        except DifyException as error:
            if _has_handler():
                raise
            return error_response(error)
        return self


def error_response(error: Exception) -> HttpResponse:
    """An exception as JSON with its status: what `DifyErrorMiddleware` responds with.

    `status`, `code` and `message` as Dify has them, and the ids that are known.
    """
    log_failure(error)
    return JsonResponse(
        failure_body(error),
        status=status_of(error),
        headers=failure_headers(error),
        json_dumps_params={"ensure_ascii": False},
    )


class DifyErrorMiddleware:
    """Has each DifyException of a view be an `error_response`: a line in MIDDLEWARE."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[Any], Any]) -> None:
        self._get_response = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: Any) -> Any | Awaitable[Any]:
        return self._get_response(request)

    def process_exception(self, request: Any, error: Exception) -> HttpResponse | None:
        """The response for an exception of ours; None leaves another to Django."""
        return error_response(error) if isinstance(error, DifyException) else None


class DifyJSONEncoder(DjangoJSONEncoder):  # type: ignore[misc]  # Django has no types
    """Java's names for DTOs: `JsonResponse(values, encoder=DifyJSONEncoder)`.

    With `safe=False` the response may be a DTO or a list. A subclass whose `exclude_none` is True
    leaves the null fields of DTOs out, as Jackson's NON_NULL does.
    """

    exclude_none = False

    def default(self, o: Any) -> Any:
        """A DTO under Java's names; else what Django makes of it."""
        if isinstance(o, Dto):
            return o.to_dict(exclude_none=self.exclude_none)
        return super().default(o)


_request = Local()


def _keep_environ(environ: Mapping[str, Any] | None = None, **_: Any) -> None:
    """WSGI's own names for a request, which a view is not shown all of."""
    _request.environ = environ


request_started.connect(_keep_environ, dispatch_uid="dify_java_compat.web.django")
request_finished.connect(_keep_environ, dispatch_uid="dify_java_compat.web.django")


def _is_under_asgi() -> bool:
    """Whether the view runs on an event loop, or in a thread that one has lent it."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return getattr(SyncToAsync.threadlocal, "main_event_loop", None) is not None
    return True


def _has_handler() -> bool:
    """Whether a middleware handles exceptions itself; which ones, it alone knows."""
    return any(hasattr(import_string(path), "process_exception") for path in settings.MIDDLEWARE)
