"""The service in FastAPI; its middleware is one of ASGI's, around the whole response."""

from typing import Any

from fastapi import FastAPI, Request

from dify_java_compat.web.starlette import event_stream

from . import service

api = FastAPI()


@api.get("/chat")
async def chat(request: Request) -> Any:
    return event_stream(service.stream_of(request.query_params))


@api.get("/plain/chat")
def plain_chat(request: Request) -> Any:
    return event_stream(service.stream_of(request.query_params))


@api.get("/seen")
def seen() -> Any:
    return service.seen_so_far()


async def app(scope: Any, receive: Any, send: Any) -> None:
    headers = dict(scope.get("headers", ()))
    with service.request_of(headers.get(b"x-tenant", b"").decode()):
        await api(scope, receive, send)
