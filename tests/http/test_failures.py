"""What fails and how often it is tried: nothing is lost, nothing is sent twice."""

from __future__ import annotations

import contextlib
import pickle
import socket
import threading
import weakref
from collections.abc import Callable

import pytest

from dify_java_compat import (
    BadRequestException,
    ClientConfig,
    ConnectionException,
    DifyException,
    ForbiddenException,
    HttpClientException,
    NotChatAppException,
    NotFoundException,
    PayloadTooLargeException,
    RequestsDifyChat,
    ServerErrorException,
    TimeoutException,
    TooManyRequestsException,
    UnauthorizedException,
    UnsupportedMediaTypeException,
)
from dify_java_compat._api import operations
from tests.support import sockets
from tests.support.frames import response
from tests.support.server import Peer, ScriptedServer, always
from tests.support.watching import request

pytestmark = pytest.mark.usefixtures("each_way")

GET = RequestsDifyChat.parameters
OK = response()


def post(client: RequestsDifyChat) -> object:
    return client.send(request())


def error(status: str, code: str = "x", headers: str = "") -> bytes:
    body = f'{{"code":"{code}","message":"so it is","status":{status[:3]}}}'.encode()
    return response(body, status, headers=headers)


def client_of(server: ScriptedServer, **config: object) -> RequestsDifyChat:
    return RequestsDifyChat(server.url, ClientConfig(**config), api_key="app-secret-key")  # type: ignore[arg-type]


STATUSES = [
    ("400 BAD REQUEST", BadRequestException),
    ("401 UNAUTHORIZED", UnauthorizedException),
    ("403 FORBIDDEN", ForbiddenException),
    ("404 NOT FOUND", NotFoundException),
    ("405 METHOD NOT ALLOWED", HttpClientException),
    ("413 TOO LARGE", PayloadTooLargeException),
    ("415 UNSUPPORTED", UnsupportedMediaTypeException),
    ("429 TOO MANY", TooManyRequestsException),
    ("500 INTERNAL", ServerErrorException),
    ("502 BAD GATEWAY", ServerErrorException),
    ("504 GATEWAY TIMEOUT", ServerErrorException),
]


@pytest.mark.parametrize(("status", "kind"), STATUSES)
@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        (b'{"code":"c","message":"m","status":1}', "c", "m"),
        (b"<html><title>Oh</title><h1>No</h1></html>", None, None),
        (b"", None, None),
        (b'{"code":"c","mess', None, None),
        (b'["c"]', None, None),
    ],
    ids=["json", "html", "empty", "half", "list"],
)
def test_the_class_follows_the_status(
    status: str, kind: type[HttpClientException], body: bytes, code: str | None, message: str | None
) -> None:
    with ScriptedServer(always(response(body, status, "text/html"))) as server:
        with client_of(server, max_retries=0) as client, pytest.raises(kind) as caught:
            GET(client)
    problem = caught.value
    assert type(problem) is kind
    assert problem.status_code == problem.statusCode == int(status[:3])
    assert (problem.code, problem.message) == (code, message)
    assert problem.response_body == problem.responseBody == body.decode()
    assert (problem.operation, problem.method, problem.path) == (
        "parameters",
        "GET",
        "/v1/parameters",
    )
    copy = pickle.loads(pickle.dumps(problem))
    assert type(copy) is kind
    assert vars(copy).items() >= vars(problem).items()
    assert str(copy) == str(problem)


@pytest.mark.parametrize("base", ["", "/v2", "/v1/chat-messages"])
def test_a_page_that_is_not_there_says_what_was_taken_for_dify(base: str) -> None:
    page = response(b"<h1>Not Found</h1>", "404 NOT FOUND", "text/html")
    with ScriptedServer(always(page)) as server:
        with RequestsDifyChat(server.url + base, api_key="app-secret-key") as client:
            for call in (GET, post, lambda chat: list(chat.sendChatMessageStream(request()))):
                with pytest.raises(NotFoundException) as caught:
                    call(client)
                assert f"; base_url is {server.url}{base}" in str(caught.value)


def test_not_chat_app_has_its_class() -> None:
    with ScriptedServer(always(error("400 BAD", "not_chat_app"))) as server:
        with client_of(server) as client, pytest.raises(NotChatAppException):
            post(client)


def test_a_refused_connection_says_where_and_why() -> None:
    with sockets.refusing_port() as port:
        url = f"http://127.0.0.1:{port}"
        client = RequestsDifyChat(url, ClientConfig(max_retries=1), api_key="app-secret-key")
        with pytest.raises(ConnectionException) as caught:
            post(client)
    assert url in str(caught.value)
    assert "refused" in str(caught.value)
    copy = pickle.loads(pickle.dumps(caught.value))
    assert copy.__cause__ is not None
    assert b"secret" not in pickle.dumps(caught.value)


def tries(call: Callable[[RequestsDifyChat], object], *answers: bytes, **config: object) -> int:
    """How many requests came, where each connection is answered by the next of `answers`."""
    left = list(answers)

    def script(peer: Peer) -> None:
        while peer.receive():
            data = left.pop(0) if len(left) > 1 else left[0]
            if data == b"close":
                return
            if data == b"reset":
                peer.reset()
                return
            peer.send(data)

    with ScriptedServer(script) as server, client_of(server, **config) as client:
        with contextlib.suppress(DifyException):
            call(client)
        return len(server.requests)


@pytest.mark.parametrize("status", ["500 A", "502 B", "503 C", "504 D"])
def test_a_get_is_tried_again_after_a_server_error(status: str) -> None:
    assert tries(GET, error(status), OK) == 2
    assert tries(GET, error(status)) == 3
    assert tries(GET, error(status), max_retries=0) == 1


@pytest.mark.parametrize("failure", [b"close", b"reset", b"HTTP/1.1 garbage\r\n\r\n"])
def test_a_get_is_tried_again_after_a_broken_connection(failure: bytes) -> None:
    assert tries(GET, failure, OK) == 2


@pytest.mark.parametrize("failure", [b"close", b"reset", error("500 A"), error("503 B")])
def test_a_post_that_may_have_counted_is_sent_once(failure: bytes) -> None:
    assert tries(post, failure, OK) == 1


@pytest.mark.parametrize("call", [GET, post])
def test_too_many_requests_is_tried_again_and_a_spent_quota_is_not(
    call: Callable[[RequestsDifyChat], object],
) -> None:
    busy = error("429 X", "too_many_requests", "Retry-After: 0\r\n")
    assert tries(call, busy, OK) == 2
    assert tries(call, error("429 X", "rate_limit_error", "Retry-After: 0\r\n"), OK) == 1
    assert tries(call, error("429 X", "too_many_requests", "Retry-After: 3600\r\n"), OK) == 1


def test_a_post_that_never_got_a_connection_is_sent_when_there_is_one() -> None:
    with socket.socket() as placeholder:
        placeholder.bind(("127.0.0.1", 0))
        port = placeholder.getsockname()[1]
        result: list[object] = []
        config = ClientConfig(max_retries=30)
        client = RequestsDifyChat(f"http://127.0.0.1:{port}", config, api_key="app-secret-key")
        thread = threading.Thread(target=lambda: result.append(post(client)))
        thread.start()
        placeholder.listen()
        connection, _ = placeholder.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(OK)
            thread.join()
        client.close()
    assert len(result) == 1


def test_a_read_timeout_of_a_post_is_one_request() -> None:
    def script(peer: Peer) -> None:
        peer.receive()
        peer.wait_closed()

    with ScriptedServer(script) as server, client_of(server, read_timeout=0.1) as client:
        with pytest.raises(TimeoutException) as caught:
            post(client)
        assert caught.value.phase == "read"
        assert len(server.requests) == 1


def test_the_total_time_bounds_a_dripping_answer() -> None:
    def script(peer: Peer) -> None:
        peer.receive()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        while True:
            peer.send(b" ")
            left.wait(0.02)

    left = threading.Event()
    with ScriptedServer(script) as server, client_of(server, call_timeout=0.3) as client:
        with pytest.raises(TimeoutException) as caught:
            post(client)
        assert caught.value.phase == "total"


def test_a_connection_the_server_closed_while_idle_is_not_used_again() -> None:
    closed = threading.Semaphore(0)

    def script(peer: Peer) -> None:
        peer.receive()
        peer.send(OK)
        peer.sock.close()
        closed.release()

    with ScriptedServer(script) as server, client_of(server, max_retries=0) as client:
        for count in range(1, 30):
            post(client)
            closed.acquire()
            assert len(server.requests) == server.connections == count


def test_an_idle_connection_ages() -> None:
    with ScriptedServer(always(OK)) as server, client_of(server, keep_alive_seconds=0.0) as client:
        post(client)
        post(client)
        assert server.connections == 2
    with ScriptedServer(always(OK)) as server, client_of(server, keep_alive_seconds=60.0) as client:
        post(client)
        post(client)
        assert server.connections == 1


@pytest.mark.parametrize("length", range(1, 60))
def test_an_answer_cut_in_its_headers_is_a_broken_connection(length: int) -> None:
    whole = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-More: 1\r\n\r\n"

    def script(peer: Peer) -> None:
        peer.receive()
        peer.send(whole[:length])

    with ScriptedServer(script) as server, client_of(server) as client:
        with pytest.raises(ConnectionException):
            post(client)
        assert len(server.requests) == 1


def redirect(status: int, location: str) -> bytes:
    return response(b"", f"{status} X", headers=f"Location: {location}\r\n")


@pytest.mark.parametrize("status", [307, 308])
def test_a_redirect_on_the_same_server_is_followed_with_the_body(status: int) -> None:
    def script(peer: Peer) -> None:
        while received := peer.receive():
            there = received.target == "/there"
            peer.send(OK if there else redirect(status, "/there"))

    with ScriptedServer(script) as server, client_of(server) as client:
        assert client.send(request()).answer == "yes"
        first, second = server.requests
        assert (second.method, second.body) == (first.method, first.body)
        assert second.headers["authorization"] == "Bearer app-secret-key"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_elsewhere_is_refused_and_the_key_stays_here(status: int) -> None:
    with ScriptedServer(always(OK)) as elsewhere:
        script = always(redirect(status, elsewhere.url + "/v1/chat-messages"))
        with ScriptedServer(script) as server, client_of(server) as client:
            with pytest.raises(HttpClientException, match="base_url") as caught:
                post(client)
            assert caught.value.status_code == status
            assert elsewhere.url in str(caught.value)
        assert elsewhere.connections == 0


def test_a_circle_of_redirects_ends() -> None:
    with ScriptedServer(always(redirect(308, "/v1/chat-messages"))) as server:
        with client_of(server) as client, pytest.raises(HttpClientException):
            post(client)
        assert len(server.requests) == 4


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_to_nowhere_is_an_error(status: int) -> None:
    with (
        ScriptedServer(always(response(b"", f"{status} X"))) as server,
        client_of(server) as client,
    ):
        for call in (GET, post):
            with pytest.raises(HttpClientException) as caught:
                call(client)
            assert caught.value.status_code == status
        assert len(server.requests) == 2


def test_a_closed_client_keeps_no_connection_though_its_exception_lives() -> None:
    closed = threading.Event()

    def script(peer: Peer) -> None:
        peer.receive()
        peer.send(error("400 X"))
        peer.wait_closed()
        closed.set()

    with ScriptedServer(script) as server:
        with client_of(server) as client, pytest.raises(BadRequestException) as caught:
            post(client)
        assert closed.wait(30)
        assert caught.value.__traceback__ is not None


def test_an_idle_connection_keeps_nothing_of_its_last_request() -> None:
    with ScriptedServer(always(OK)) as server, client_of(server, keep_alive_seconds=60) as client:
        exchange = client._transport.exchange(
            client._request(operations.SEND, request(content="x" * 1000))
        )
        exchange.open().read()
        gone = weakref.ref(exchange)
        del exchange
        assert gone() is None
        assert server.connections == 1


def test_many_threads_share_a_client_without_cross_talk() -> None:
    def script(peer: Peer) -> None:
        while received := peer.receive():
            query = received.body.split(b'"query":"')[1].split(b'"')[0]
            peer.send(response(b'{"answer":"' + query + b'"}'))

    wrong: list[object] = []

    def ask(number: int) -> None:
        for turn in range(20):
            content = f"{number}-{turn}"
            if client.send(request(content=content)).answer != content:
                wrong.append(content)

    with ScriptedServer(script) as server, client_of(server) as client:
        threads = [threading.Thread(target=ask, args=(number,)) for number in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert wrong == []
        assert len(server.requests) == 320
