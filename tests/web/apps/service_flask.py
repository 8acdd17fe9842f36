"""The service in Flask."""

import contextlib
import sys
from typing import Any

import flask

from dify_java_compat.web.flask import event_stream

from . import service

app = flask.Flask("service")


@app.before_request
def begin() -> None:
    flask.g.stack = contextlib.ExitStack()
    flask.g.stack.enter_context(service.request_of(flask.request.headers.get("X-Tenant")))


@app.teardown_request
def end(_: Any = None) -> None:
    flask.g.stack.close()


@app.get("/chat")
def chat() -> flask.Response:
    return event_stream(service.stream_of(flask.request.args))


@app.get("/seen")
def seen() -> Any:
    return service.seen_so_far()


if __name__ == "__main__":
    app.run(port=int(sys.argv[1]), threaded=True)
