"""A Django project in one file: its settings, views and addresses, for WSGI and ASGI."""

from typing import Any

from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse, JsonResponse
from django.urls import path

from dify_java_compat.web.django import event_stream

from . import resuming
from .common import PAGE, options_of, stream_of

ALLOWED_HOSTS = ["*"]
DEBUG = False
INSTALLED_APPS: list[str] = []
MIDDLEWARE: list[str] = []
ROOT_URLCONF = __name__
SECRET_KEY = "of a test"
USE_TZ = True


def page(request: Any) -> Any:
    return HttpResponse(PAGE)


def chat(request: Any) -> Any:
    return event_stream(stream_of(request.GET.dict()), **options_of(request.GET.dict()))


async def async_chat(request: Any) -> Any:
    return event_stream(stream_of(request.GET.dict()), **options_of(request.GET.dict()))


def start(request: Any) -> Any:
    return JsonResponse(resuming.start(request.GET.dict()))


def follow(request: Any) -> Any:
    query = request.GET.dict()
    stream = resuming.follow(query, request.headers.get("Last-Event-ID"))
    return event_stream(stream, **options_of(query))


def stop(request: Any) -> Any:
    body, status = resuming.stop(request.GET.dict())
    return JsonResponse(body, status=status)


def answer(request: Any) -> Any:
    body, status = resuming.answer(request.GET.dict())
    return JsonResponse(body, status=status)


urlpatterns = [
    path("", page),
    path("chat", chat),
    path("async", async_chat),
    path("start", start),
    path("follow", follow),
    path("stop", stop),
    path("answer", answer),
]


def __getattr__(name: str) -> Any:
    """Not before a server asks: Django reads this module as its settings first."""
    if name in ("wsgi", "asgi"):
        return get_wsgi_application() if name == "wsgi" else get_asgi_application()
    raise AttributeError(name)
