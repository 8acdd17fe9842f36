"""A Starlette application."""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Mount, Route

from dify_java_compat import DifyException, IllegalArgumentException
from dify_java_compat.web.starlette import error_response, event_stream

from . import resuming
from .common import PAGE, options_of, stream_of


async def page(request: Request) -> Response:
    return HTMLResponse(PAGE)


async def chat(request: Request) -> Response:
    return event_stream(stream_of(request.query_params), **options_of(request.query_params))


def start(request: Request) -> Response:
    return JSONResponse(resuming.start(request.query_params))


async def follow(request: Request) -> Response:
    query = request.query_params
    stream = resuming.follow(query, request.headers.get("Last-Event-ID"))
    return event_stream(stream, **options_of(query))


def stop(request: Request) -> Response:
    return JSONResponse(*resuming.stop(request.query_params))


def answer(request: Request) -> Response:
    return JSONResponse(*resuming.answer(request.query_params))


def teapot(request: Request, error: Exception) -> Response:
    return JSONResponse({"handled": type(error).__name__}, 418)


handled = Starlette(routes=[Route("/chat", chat)], exception_handlers={DifyException: teapot})
app = Starlette(
    routes=[
        Route("/", page),
        Route("/chat", chat),
        Route("/start", start),
        Route("/follow", follow),
        Route("/stop", stop),
        Route("/answer", answer),
        Mount("/handled", handled),
    ],
    exception_handlers={IllegalArgumentException: error_response},
)
