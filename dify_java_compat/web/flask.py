"""Flask: a stream to the browser in one line, and Java's JSON."""

from __future__ import annotations

from typing import Any

import flask
from flask.json.provider import DefaultJSONProvider

from .._dto.dto import Dto
from ..errors import DifyException
from ._blocking import BlockingEvents
from ._client_socket import client_socket
from ._failures import failure_body, failure_headers, log_failure, status_of
from ._frames import HEADERS, Options

__all__ = ["JSONProvider", "error_response", "event_stream"]


def event_stream(
    stream: Any,
    *,
    named: bool | str = False,
    ndjson: bool = False,
    exclude_none: bool = False,
    heartbeat: float = 15.0,
    first_timeout: float | None = 30.0,
) -> flask.Response:
    """A stream as a response: `return event_stream(chat.sendChatMessageStream(request))`.

    `stream` is any Observable. Waits for the first item, `first_timeout` seconds at most (None: for
    as long as it takes): what the stream fails with before is raised where the app has a handler
    for it, else it is `error_response`. Then an event an item, in Java's JSON (`exclude_none`:
    without the null fields; a text as it is), `named` by the item's `event` or by a text of yours;
    with `ndjson` a line an item. A comment after each `heartbeat` seconds (0: none) of silence.
    What the stream fails with later is its last event, named `error`. Disposes of the stream when
    the browser goes away: at once, where the server shows its socket (Flask's own, gunicorn),
    else when something is written.

    IllegalArgumentException for an option that cannot work.
    """
    options = Options(named, ndjson, exclude_none, heartbeat, first_timeout).validated(stream)
    environ = flask.request.environ if flask.has_request_context() else {}
    if environ.get("REQUEST_METHOD") == "HEAD":  # nobody reads an answer that would be paid for
        return flask.Response(mimetype=options.media_type, headers=HEADERS)
    events = BlockingEvents(stream, options, client_socket(environ))
    try:
        events.wait_for_first()
    except DifyException as error:
        if _has_handler(error):
            raise
        return error_response(error)
    return flask.Response(events, mimetype=options.media_type, headers=HEADERS)


def error_response(error: DifyException) -> flask.Response:
    """An exception as JSON with its status: `app.register_error_handler(DifyException, ...)`.

    `status`, `code` and `message` as Dify has them, and the ids that are known.
    """
    log_failure(error)
    response = flask.jsonify(failure_body(error))
    response.status_code = status_of(error)
    response.headers.update(failure_headers(error))
    return response


def _has_handler(error: DifyException) -> bool:
    """Whether the app, or the blueprint of the request, handles such an exception itself."""
    if not flask.has_request_context():
        return True
    handlers = flask.current_app.error_handler_spec
    return any(
        cls in handlers[scope][None]
        for scope in (*flask.request.blueprints, None)
        for cls in type(error).__mro__
    )


class JSONProvider(DefaultJSONProvider):
    """Java's JSON wherever Flask writes JSON: `app.json = JSONProvider(app)`.

    A DTO has Java's names, wherever it is in what a view returns or `jsonify` takes; as in Java,
    Chinese is not escaped and names are not sorted. `exclude_none` leaves the null fields of DTOs
    out, as Jackson's NON_NULL does.
    """

    ensure_ascii = False
    sort_keys = False
    exclude_none = False

    def dumps(self, obj: Any, **options: Any) -> str:
        """JSON text; `options` are those of `json.dumps`."""
        return super().dumps(obj, **{"default": self._serialize, **options})

    def _serialize(self, value: Any) -> Any:
        if isinstance(value, Dto):
            return value.to_dict(exclude_none=self.exclude_none)
        return self.default(value)
