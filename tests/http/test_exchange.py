"""One request and its response: cancelled, sent again, out of time, or cut."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from dify_java_compat import (
    ClientConfig,
    ConnectionException,
    HttpClientException,
    RequestsDifyChat,
    ServerErrorException,
    StreamInterruptedException,
    TooManyRequestsException,
    Upload,
    iterate,
)
from dify_java_compat._http import connection
from dify_java_compat._http.exchange import Exchange
from dify_java_compat._http.multipart import FilePart, MultipartForm
from dify_java_compat._http.request import ApiKey, HttpRequest
from dify_java_compat._http.transport import Transport
from dify_java_compat.models import FileUploadRequest
from tests.support import TIMEOUT
from tests.support.frames import STREAM_HEAD, chunk, message, response
from tests.support.server import Peer, ScriptedServer, always
from tests.support.watching import request

OK = response()
FAILED = response(b"{}", "500 X")
BUSY = b'{"code":"too_many_requests","message":"wait"}'


def exchange(server: ScriptedServer, method: str = "GET", **config: object) -> Exchange:
    transport = Transport(server.url, ClientConfig(**config))  # type: ignore[arg-type]
    return transport.exchange(HttpRequest("parameters", method, "/v1", ApiKey("app-secret-key")))


def client_of(server: ScriptedServer, **config: object) -> RequestsDifyChat:
    return RequestsDifyChat(server.url, ClientConfig(**config), api_key="app-secret-key")  # type: ignore[arg-type]


def opened(exchange: Exchange) -> tuple[threading.Thread, list[BaseException]]:
    """`open` in a thread of its own, and what it raises there."""
    errors: list[BaseException] = []

    def run() -> None:
        try:
            exchange.open().close()
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    return thread, errors


def test_what_was_sent_is_not_cancelled_but_not_sent_again_either() -> None:
    arrived, may_fail = threading.Event(), threading.Event()

    def script(peer: Peer) -> None:
        while peer.receive():
            arrived.set()
            may_fail.wait(TIMEOUT)
            peer.send(FAILED)

    with ScriptedServer(script) as server:
        sent = exchange(server)
        thread, errors = opened(sent)
        assert arrived.wait(TIMEOUT)
        assert not sent.cancel_unless_sent()
        may_fail.set()
        thread.join()
        assert len(server.requests) == 1
    assert isinstance(errors[0], ServerErrorException)


@pytest.mark.parametrize("cancel", [Exchange.cancel, Exchange.cancel_unless_sent])
def test_a_retry_that_waits_for_its_time_can_be_cancelled(
    cancel: Callable[[Exchange], object],
) -> None:
    busy = response(BUSY, "429 X", headers="Retry-After: 25\r\n")
    with ScriptedServer(always(busy)) as server:
        waiting = exchange(server, "POST")
        thread, errors = opened(waiting)
        while waiting._delay is None:
            time.sleep(0.001)
        assert cancel(waiting) in (None, True)
        thread.join(TIMEOUT / 2)
        assert not thread.is_alive()
        assert len(server.requests) == 1
    assert isinstance(errors[0], TooManyRequestsException)


@pytest.mark.parametrize("cancel", [Exchange.cancel, Exchange.cancel_unless_sent])
def test_what_was_cancelled_before_it_was_opened_connects_nowhere(
    cancel: Callable[[Exchange], object],
) -> None:
    with ScriptedServer(always(OK)) as server:
        unsent = exchange(server)
        assert cancel(unsent) in (None, True)
        with pytest.raises(ConnectionException, match="cancelled before it was sent"):
            unsent.open()
        assert server.requests == []


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_no_retry_is_waited_for_that_the_call_has_no_time_for(method: str) -> None:
    busy = response(BUSY, "429 X", headers="Retry-After: 25\r\n")
    with ScriptedServer(always(busy)) as server:
        with pytest.raises(TooManyRequestsException):
            exchange(server, method, call_timeout=20).open()
        assert len(server.requests) == 1


@pytest.mark.parametrize("location", ["http://[", "//[::1", "https://[dify.test]/"])
def test_a_redirect_to_what_is_no_address_is_the_responses_error(location: str) -> None:
    moved = response(b"", "307 X", headers=f"Location: {location}\r\n")
    with ScriptedServer(always(moved)) as server, pytest.raises(HttpClientException) as caught:
        exchange(server).open()
    assert caught.value.status_code == 307
    assert location in str(caught.value)


@pytest.mark.parametrize("value", ["²", "1e999", "-1", "Wed, 99 Foo 0000", "9" * 400])
def test_a_retry_after_that_makes_no_sense_is_no_second_failure(value: str) -> None:
    busy = response(BUSY, "429 X", headers=f"Retry-After: {value}\r\n").replace(
        "²".encode(), "²".encode("latin-1")
    )
    with ScriptedServer(always(busy)) as server, pytest.raises(TooManyRequestsException):
        exchange(server, max_retries=0).open()


def test_a_page_of_nothing_but_brackets_is_read_at_once() -> None:
    page = response(b"<" * 1_000_000, "502 X", "text/html")
    with ScriptedServer(always(page)) as server, pytest.raises(ServerErrorException):
        exchange(server, max_retries=0).open()


CUT = {
    "length": b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{",
    "chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n{",
}


@pytest.mark.parametrize("data", CUT.values(), ids=list(CUT))
def test_a_response_that_was_cut_says_so_in_one_sentence(data: bytes) -> None:
    def script(peer: Peer) -> None:
        peer.receive()
        peer.send(data)

    with ScriptedServer(script) as server, pytest.raises(ConnectionException) as caught:
        exchange(server).open().read()
    [text] = caught.value.args
    assert text.startswith("the response was cut: ")
    assert text.count("was cut") == 1


def test_a_stream_that_was_cut_says_so_in_one_sentence() -> None:
    def script(peer: Peer) -> None:
        peer.receive()
        peer.send(STREAM_HEAD + chunk(message("a")))

    with ScriptedServer(script) as server, client_of(server) as client:
        with pytest.raises(StreamInterruptedException) as caught:
            list(iterate(client.sendChatMessageStream(request())))
    [text] = caught.value.args
    assert text == "the stream was cut: the connection was closed in the middle of the body"


def test_a_progress_callback_may_make_a_call_of_its_own() -> None:
    def script(peer: Peer) -> None:
        while peer.receive():
            peer.send(response(b'{"id":"f-1","answer":"yes"}'))

    answers = []
    with ScriptedServer(script) as server, client_of(server) as client:

        def progress(sent: int, total: int) -> None:
            before = connection._current.exchange
            answers.append(client.send(request()).answer)
            assert connection._current.exchange is before is not None

        file = Upload(b"x" * 100, progress)
        assert client.fileUpload(FileUploadRequest(file=file, user_id="u")).id == "f-1"
    assert answers == ["yes", "yes"]
    assert connection._current.exchange is None


class BrokenFile:
    """A file that fails in whatever is done with it."""

    def seek(self, *_: object) -> int:
        return 0

    def read(self, size: int) -> bytes:
        raise OSError("the disk is gone")

    def close(self) -> None:
        raise OSError("and stays away")


def test_a_form_that_failed_closes_quietly_and_raises_when_asked() -> None:
    form = MultipartForm({}, FilePart("a", "text/plain", BrokenFile(), 0, 1, True))
    form.raise_failure()  # there is none yet
    assert form.read(4096)
    with pytest.raises(Exception, match=r"^$"):
        form.read(4096)
    form.close()
    with pytest.raises(OSError, match="the disk is gone") as caught:
        form.raise_failure()
    assert caught.value.__context__ is None


def test_what_waits_for_another_attempt_counts_as_unsent() -> None:
    busy = response(BUSY, "503 X", headers="Retry-After: 20\r\n")
    with ScriptedServer(always(busy)) as server:
        waiting = exchange(server, call_timeout=60.0)
        thread, errors = opened(waiting)
        moment = threading.Event()
        while waiting._delay is None:  # set once the first attempt is over
            assert thread.is_alive()
            moment.wait(0.001)
        assert waiting.cancel_unless_sent()
        thread.join(TIMEOUT)
        assert not thread.is_alive()
        assert len(server.requests) == 1
    assert isinstance(errors[0], ServerErrorException)


def test_a_call_that_is_over_interrupts_no_other_on_its_connection() -> None:
    arrived, may_answer = threading.Event(), threading.Event()

    def script(peer: Peer) -> None:
        peer.receive()
        peer.send(OK)
        peer.receive()
        arrived.set()
        may_answer.wait(TIMEOUT)
        peer.send(OK)
        peer.wait_closed()

    with ScriptedServer(script) as server:
        first = exchange(server, max_retries=0)
        first.open().read()
        second = first.transport.exchange(first.request)
        thread, errors = opened(second)
        assert arrived.wait(TIMEOUT)
        first.cancel()
        may_answer.set()
        thread.join(TIMEOUT)
        assert server.connections == 1
    assert errors == []


def test_what_was_cancelled_while_it_dialed_begins_no_handshake(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    dial = connection.dial

    def cancelled_meanwhile(*args: Any, **keywords: Any) -> Any:
        sock = dial(*args, **keywords)
        dialing.cancel()
        return sock

    monkeypatch.setattr(connection, "dial", cancelled_meanwhile)
    with socket.create_server(("127.0.0.1", 0)) as silent:  # it takes connections, and says nothing
        url = f"https://127.0.0.1:{silent.getsockname()[1]}"
        transport = Transport(url, ClientConfig(connect_timeout=2.0, max_retries=0))
        dialing = transport.exchange(HttpRequest("info", "GET", "/v1", ApiKey("app-secret-key")))
        with pytest.raises(ConnectionException, match="cancelled"):
            dialing.open()
