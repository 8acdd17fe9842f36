"""The parts of a relay, and what a server cannot be made to show."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import socket
import threading
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import django
import django.urls
import flask
import pytest
import reactivex
from django.conf import settings
from django.test import AsyncClient, Client, override_settings
from reactivex import operators as ops
from reactivex.disposable import Disposable
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

import dify_java_compat.web.django
import dify_java_compat.web.flask
import dify_java_compat.web.starlette
from dify_java_compat import (
    ChatMessageSendCompletionResponse,
    ConnectionException,
    DecodeException,
    DifyException,
    IllegalArgumentException,
    PipelineException,
    RequestsDifyChat,
    StreamErrorException,
    StreamInterruptedException,
    TextToAudioRequest,
    TimeoutException,
    TooManyRequestsException,
    UnauthorizedException,
)
from dify_java_compat.emulator import DifyEmulator
from dify_java_compat.web._blocking import BlockingEvents
from dify_java_compat.web._client_socket import ClientSocket, client_socket
from dify_java_compat.web._failures import failure_body, failure_headers, status_of
from dify_java_compat.web._frames import Options, failure_frame, frame
from tests.support.hostile import NO_NUMBERS

Item = ChatMessageSendCompletionResponse

if not settings.configured:
    settings.configure()
django.setup()


class Source:
    """An Observable that a test emits by hand, and whether it was disposed of."""

    def __init__(self) -> None:
        self.disposed = threading.Event()
        self.observer: Any = None
        self.subscribed = threading.Event()
        self.stream: Any = reactivex.create(self._subscribe)

    def _subscribe(self, observer: Any, scheduler: Any = None) -> Any:
        self.observer = observer
        self.subscribed.set()
        return Disposable(self.disposed.set)


# -- frames --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "options", "expected"),
    [
        ("两行\n\r\nx", Options(), "data: 两行\ndata: \ndata: x\n\n"),
        ("two\nlines", Options(ndjson=True), '"two\\nlines"\n'),
        (
            {"item": Item(answer="a")},
            Options(exclude_none=True),
            'data: {"item":{"answer":"a"}}\n\n',
        ),
        ([1, None, "文"], Options(named="list"), 'event: list\ndata: [1,null,"文"]\n\n'),
        (Item(event="m\nn"), Options(True, False, True), 'data: {"event":"m\\nn"}\n\n'),
        (Item(answer="\ud83d"), Options(exclude_none=True), 'data: {"answer":"\\ud83d"}\n\n'),
        ("\ud83d", Options(), "data: ?\n\n"),
    ],
)
def test_a_frame(value: Any, options: Options, expected: str) -> None:
    assert frame(value, options).decode() == expected


@pytest.mark.parametrize(
    "options",
    [
        Options(named="a\nb"),
        Options(named=""),
        Options(heartbeat=-1),
        Options(heartbeat=float("nan")),
        Options(first_timeout=0),
        Options(named=5),  # type: ignore[arg-type]
        Options(named=b"x"),  # type: ignore[arg-type]
        *(Options(heartbeat=value) for value in NO_NUMBERS.values()),
        *(Options(first_timeout=value) for value in NO_NUMBERS.values()),
    ],
    ids=lambda options: "",
)
def test_an_option_that_cannot_work(options: Options) -> None:
    with pytest.raises(IllegalArgumentException, match=r"named|heartbeat|first_timeout"):
        options.validated(reactivex.empty())


def test_what_is_no_stream(app: flask.Flask) -> None:
    for module in (dify_java_compat.web.flask, dify_java_compat.web.starlette):
        with pytest.raises(IllegalArgumentException, match="must be an Observable, not list"):
            module.event_stream([])


@pytest.mark.parametrize(
    ("error", "status", "code", "message"),
    [
        (UnauthorizedException("x", status_code=401, code="unauthorized", message="No"), 401,
         "unauthorized", "No"),
        (TooManyRequestsException("slow down", status_code=429), 429, "dify_error", "slow down"),
        (IllegalArgumentException("user_id must be given"), 400, "invalid_param",
         "user_id must be given"),
        (ConnectionException("no answer from http://inside:1"), 502, "bad_gateway",
         "Dify cannot be reached"),
        (TimeoutException("x", phase="read"), 504, "gateway_timeout",
         "Dify did not respond in time"),
        (StreamErrorException("x", status=400, code="quota", message="none"), 400, "quota", "none"),
        (StreamErrorException("the run failed"), 502, "bad_gateway", "the run failed"),
        (StreamInterruptedException("cut"), 502, "bad_gateway", "cut"),
        (DecodeException("not JSON"), 502, "bad_gateway", "not JSON"),
        (PipelineException("my hook"), 500, "internal_server_error", "Failed"),
        (DifyException(), 502, "bad_gateway", "DifyException"),
        (KeyError("inside"), 500, "internal_server_error", "Internal Server Error"),
    ],
)  # fmt: skip
def test_what_a_browser_is_told(error: Exception, status: int, code: str, message: str) -> None:
    assert status_of(error) == status
    assert failure_body(error) == {"status": status, "code": code, "message": message}
    data = failure_frame(error, Options())
    assert json.loads(data.decode().removeprefix("event: error\ndata: "))["event"] == "error"


def test_ids_and_the_time_to_retry() -> None:
    error = TooManyRequestsException("x", status_code=429, retry_after=2.4, task_id="t-1")
    assert failure_body(error)["taskId"] == "t-1"
    assert failure_headers(error) == {"Retry-After": "2"}


# -- WSGI ----------------------------------------------------------------------------------------


@pytest.fixture
def app() -> Iterator[flask.Flask]:
    app = flask.Flask("details")
    app.testing = True
    with app.test_request_context("/"):
        yield app


def test_a_source_that_emits_at_once(app: flask.Flask) -> None:
    response = dify_java_compat.web.flask.event_stream(reactivex.from_iterable(range(1000)))
    assert response.get_data().count(b"data: ") == 1000


def test_an_empty_stream(app: flask.Flask) -> None:
    assert dify_java_compat.web.flask.event_stream(reactivex.empty()).get_data() == b""


@pytest.mark.parametrize("leave", ["close", "drop"])
def test_a_response_that_nobody_reads(app: flask.Flask, leave: str) -> None:
    source = Source()
    events: Any = BlockingEvents(source.stream, Options(), None)
    if leave == "close":
        events.close()
        events.close()
        assert list(events) == []
    held = weakref.ref(events)
    del events
    gc.collect()
    assert held() is None
    assert source.disposed.is_set()


def test_a_slow_browser_keeps_the_stream_waiting() -> None:
    source = Source()
    events = BlockingEvents(source.stream, Options(), None)
    emitted: list[int] = []

    def emit() -> None:
        for number in range(1000):
            source.observer.on_next(str(number))
            emitted.append(number)
        source.observer.on_completed()

    thread = threading.Thread(target=emit)
    thread.start()
    first = next(events)
    assert len(emitted) < 200
    body = first + b"".join(events)
    thread.join()
    assert body == b"".join(b"data: %d\n\n" % number for number in range(1000))


def test_a_closed_response_frees_the_thread_that_emits() -> None:
    source = Source()
    events = BlockingEvents(source.stream, Options(), None)
    thread = threading.Thread(target=lambda: [source.observer.on_next("x") for _ in range(1000)])
    thread.start()
    next(events)
    events.close()
    thread.join(30)
    assert not thread.is_alive()


def test_an_item_that_is_no_json(app: flask.Flask, caplog: pytest.LogCaptureFixture) -> None:
    response = dify_java_compat.web.flask.event_stream(reactivex.of(1, object()))
    with caplog.at_level(logging.ERROR, "dify_java_compat"):
        body = response.get_data().decode()
    assert json.loads(body.rpartition("data: ")[2])["status"] == 500
    assert "an item of type object is no JSON" in caplog.text


def test_what_is_no_exception_of_difys_is_the_frameworks(app: flask.Flask) -> None:
    with pytest.raises(ZeroDivisionError):
        dify_java_compat.web.flask.event_stream(reactivex.of(0).pipe(ops.map(lambda n: 1 / n)))


def test_a_socket_that_the_other_side_closes() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        seen = ClientSocket(ours.fileno())
        assert not seen.is_closed()
        theirs.send(b"GET")  # what lies there is nobody's business
        assert not seen.is_closed()
        assert ours.recv(3) == b"GET"
        theirs.close()
        assert seen.is_closed()
        seen.close()
        assert not seen.is_closed()
        ours.getpeername()  # the server's own socket is as it was


@pytest.mark.parametrize(
    "environ", [None, {}, {"wsgi.input": object()}, {"werkzeug.socket": object()}]
)
def test_a_server_that_shows_no_socket(environ: Any) -> None:
    assert client_socket(environ) is None


# -- Django --------------------------------------------------------------------------------------


class OwnMiddleware:
    def __init__(self, get_response: Callable[[Any], Any]) -> None:
        self.get_response = get_response

    def __call__(self, request: Any) -> Any:
        return self.get_response(request)

    def process_exception(self, request: Any, error: Exception) -> Any:
        return django.http.HttpResponse(type(error).__name__, status=418)


FAILURE: list[Exception] = [UnauthorizedException("x", status_code=401, code="unauthorized")]
event_stream = dify_java_compat.web.django.event_stream


def failing(request: Any) -> Any:
    return event_stream(reactivex.throw(FAILURE[-1]))


async def failing_in_a_coroutine(request: Any) -> Any:
    return event_stream(reactivex.throw(FAILURE[-1]))


def items(request: Any) -> Any:
    return event_stream(reactivex.of("a", "b"))


async def items_in_a_coroutine(request: Any) -> Any:
    return event_stream(reactivex.of("a", "b"))


urlpatterns = [
    django.urls.path("sync", failing),
    django.urls.path("async", failing_in_a_coroutine),
    django.urls.path("items", items),
    django.urls.path("async-items", items_in_a_coroutine),
]
PROJECT: Any = {"ROOT_URLCONF": __name__, "ALLOWED_HOSTS": ["*"]}


def statuses(path: str) -> set[int]:
    """By WSGI and by ASGI."""
    with override_settings(**PROJECT):
        by_wsgi = Client(raise_request_exception=False).get(path).status_code
        client = AsyncClient(raise_request_exception=False)
        return {by_wsgi, asyncio.run(client.get(path)).status_code}


@pytest.mark.parametrize("path", ["/sync", "/async"])
def test_djangos_own_middlewares_go_first(path: str) -> None:
    with override_settings(MIDDLEWARE=[]):
        assert statuses(path) == {401}
    with override_settings(MIDDLEWARE=[f"{__name__}.OwnMiddleware"]):
        assert statuses(path) == {418}
    with override_settings(MIDDLEWARE=["dify_java_compat.web.django.DifyErrorMiddleware"]):
        assert statuses(path) == {401}


def test_djangos_middleware_leaves_other_exceptions_alone() -> None:
    with override_settings(MIDDLEWARE=["dify_java_compat.web.django.DifyErrorMiddleware"]):
        FAILURE.append(ZeroDivisionError())
        try:
            assert statuses("/sync") == {500}
        finally:
            FAILURE.pop()


@pytest.mark.parametrize("path", ["/items", "/async-items"])
def test_any_view_of_django(path: str) -> None:
    with override_settings(**PROJECT, MIDDLEWARE=[]):
        assert Client().get(path).getvalue() == b"data: a\n\ndata: b\n\n"

        async def read() -> bytes:
            response = await AsyncClient().get(path)
            assert response.is_async
            return b"".join([part async for part in response.streaming_content])

        assert asyncio.run(read()) == b"data: a\n\ndata: b\n\n"


def test_a_view_that_is_called_by_hand() -> None:
    async def read(stream: Any) -> bytes:
        response = event_stream(stream)
        return b"".join([part async for part in response.streaming_content])

    assert asyncio.run(read(reactivex.of("a"))) == b"data: a\n\n"
    refused = asyncio.run(read(reactivex.throw(ConnectionException("x"))))
    assert refused.startswith(b"event: error\ndata: ")


def test_the_environ_of_a_request_is_not_kept() -> None:
    with override_settings(**PROJECT, MIDDLEWARE=[]):
        Client().get("/items").close()
        assert dify_java_compat.web.django._request.environ is None


# -- Starlette -----------------------------------------------------------------------------------


def asgi_get(app: Any, path: str = "/") -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body, without a server."""
    sent: list[Any] = []

    async def main() -> None:
        requests: list[Any] = [{"type": "http.request", "body": b"", "more_body": False}]

        async def receive() -> Any:
            return requests.pop() if requests else await asyncio.Event().wait()

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {"type": "http", "method": "GET", "path": path, "headers": [], "query_string": b""}
        await app(scope, receive, send)

    asyncio.run(main())
    headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], headers, b"".join(part.get("body", b"") for part in sent[1:])


def test_headers_and_a_task_in_the_background() -> None:
    done: list[str] = []

    async def view(request: Any) -> Any:
        response = dify_java_compat.web.starlette.event_stream(reactivex.of("a"))
        response.headers["X-Trace"] = "1"
        response.background = BackgroundTask(done.append, "done")
        return response

    def plain(request: Any) -> Any:
        return dify_java_compat.web.starlette.event_stream(reactivex.empty())

    app = Starlette(routes=[Route("/", view), Route("/plain", plain)])
    assert asgi_get(app, "/plain")[2] == b""
    _, headers, body = asgi_get(app)
    assert (body, headers["x-trace"], done) == (b"data: a\n\n", "1", ["done"])


def test_a_bug_before_the_first_item_is_starlettes() -> None:
    async def view(request: Any) -> Any:
        failing = reactivex.of(0).pipe(ops.map(lambda n: 1 / n))
        return dify_java_compat.web.starlette.event_stream(failing)

    with pytest.raises(ZeroDivisionError):
        asgi_get(Starlette(routes=[Route("/", view)]))


def test_a_server_that_ends_disposes_of_the_stream() -> None:
    source = Source()

    async def view(request: Any) -> Any:
        return dify_java_compat.web.starlette.event_stream(source.stream)

    async def main() -> None:
        app = Starlette(routes=[Route("/", view)])
        waits = asyncio.Event()
        scope = {"type": "http", "method": "GET", "path": "/", "headers": [], "query_string": b""}

        async def receive() -> Any:
            await waits.wait()

        async def send(message: Any) -> None:
            raise AssertionError(message)

        task = asyncio.ensure_future(app(scope, receive, send))
        while source.observer is None:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert source.disposed.is_set()


@pytest.mark.parametrize("streams", [False, True])
def test_speech_in_a_response_of_starlettes(dify_emulator: DifyEmulator, streams: bool) -> None:
    with RequestsDifyChat(dify_emulator.base_url, api_key="app-chat") as chat:

        def view(request: Any) -> Any:
            response = StreamingResponse([b""]) if streams else Response()
            chat.textToAudio(TextToAudioRequest(user_id="u", text="Hello"), response)
            return response

        _, headers, body = asgi_get(Starlette(routes=[Route("/", view)]))
        expected = chat.textToAudio(TextToAudioRequest(user_id="u", text="Hello")).body
    assert headers["content-type"] == "audio/mpeg"
    assert headers["content-disposition"] == "attachment; filename=audio.mp3"
    assert body == expected
