"""A Flask application; run as a module, it is served by Flask's own server."""

import sys
from typing import Any

import flask

from dify_java_compat import IllegalArgumentException, PipelineException
from dify_java_compat.web.flask import error_response, event_stream

from . import resuming
from .common import PAGE, options_of, stream_of

app = flask.Flask("relay")
handled = flask.Blueprint("handled", "handled", url_prefix="/handled")
app.register_error_handler(IllegalArgumentException, error_response)


@app.get("/")
def page() -> str:
    return PAGE


@app.get("/chat")
@handled.get("/chat", endpoint="chat")
def chat() -> flask.Response:
    return event_stream(stream_of(flask.request.args), **options_of(flask.request.args))


@app.get("/start")
def start() -> Any:
    return resuming.start(flask.request.args)


@app.get("/follow")
def follow() -> flask.Response:
    args = flask.request.args
    stream = resuming.follow(args, flask.request.headers.get("Last-Event-ID"))
    return event_stream(stream, **options_of(args))


@app.get("/stop")
def stop() -> Any:
    return resuming.stop(flask.request.args)


@app.get("/answer")
def answer() -> Any:
    return resuming.answer(flask.request.args)


@handled.errorhandler(Exception)
@app.errorhandler(PipelineException)
def teapot(error: Exception) -> Any:
    return {"handled": type(error).__name__}, 418


app.register_blueprint(handled)

if __name__ == "__main__":
    app.run(port=int(sys.argv[1]), threaded=True)
