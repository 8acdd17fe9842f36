"""What was read for one call is never seen by another: connections that go back to their pool."""

from __future__ import annotations

import contextlib
import queue
import re
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from dify_java_compat import ClientConfig, RequestsDifyChat, iterate
from dify_java_compat._http import connection
from dify_java_compat._http.exchange import Exchange
from dify_java_compat._http.request import ApiKey, HttpRequest
from dify_java_compat._http.transport import Transport
from tests.support import sockets
from tests.support.frames import MESSAGE_END, message, stream
from tests.support.server import Peer, ScriptedServer, always
from tests.support.watching import join_streams, request

pytestmark = pytest.mark.usefixtures("each_way")

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
KEPT = ClientConfig(keep_alive_seconds=60.0, max_retries=0, call_timeout=30.0)
POST = HttpRequest("send", "POST", "/v1/x", ApiKey("app-k"), body=b"{}")


def sized(body: bytes) -> bytes:
    return OK + b"Content-Length: %d\r\n\r\n%b" % (len(body), body)


def chunked(body: bytes) -> bytes:
    return OK + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)


@contextlib.contextmanager
def transport(server: ScriptedServer, ca: str | None = None) -> Iterator[Transport]:
    client = Transport(server.url, ClientConfig(**{**KEPT.__dict__, "verify": ca}))
    yield client
    client.close()


def read_whole(client: Transport) -> Exchange:
    """A call whose response was read to its end, and is not closed yet."""
    exchange = client.exchange(POST)
    assert b"".join(exchange.open().blocks()) == b"{}"
    return exchange


def only_connection(client: Transport) -> connection.InterruptibleConnection:
    [found] = [each for each in client_connections(client) if each.sock is not None]
    return found


def client_connections(client: Transport) -> list[connection.InterruptibleConnection]:
    port = int(client.base_url.rpartition(":")[2])
    return [each for each in list(connection._connections) if each.port == port]


@pytest.mark.parametrize("respond", [sized, chunked])
def test_a_late_cancel_leaves_a_connection_in_the_pool_alone(respond: object) -> None:
    assert callable(respond)
    with ScriptedServer(always(respond(b"{}"))) as server, transport(server) as client:
        first = read_whole(client)
        first.cancel()
        assert client.exchange(POST).open().read() == b"{}"
        assert server.connections == 1


def test_a_late_cancel_leaves_a_connection_alone_that_another_is_about_to_use() -> None:
    """It was taken from the pool and looked at, but does not know its exchange yet."""
    with ScriptedServer(always(sized(b"{}"))) as server, transport(server) as client:
        first = read_whole(client)
        used = only_connection(client)
        take = connection.InterruptibleConnection.request

        def request_late(self: connection.InterruptibleConnection, *args: Any, **kw: Any) -> None:
            first.cancel()
            take(self, *args, **kw)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(connection.InterruptibleConnection, "request", request_late)
            second = client.exchange(POST).open()
        assert second.read() == b"{}"
        assert only_connection(client) is used
        assert server.connections == 1


def test_a_stream_left_at_its_last_item_leaves_the_connection_alone() -> None:
    answer = stream(message("a"), MESSAGE_END)
    with (
        ScriptedServer(always(answer)) as server,
        RequestsDifyChat(server.url, KEPT, api_key="app-k") as chat,
    ):
        for _ in range(20):
            for item in iterate(chat.sendChatMessageStream(request())):
                if item.event == "message_end":
                    break
        join_streams()
        assert list(iterate(chat.sendChatMessageStream(request())))


def test_a_slow_reader_does_not_set_the_time_of_anothers_socket() -> None:
    with ScriptedServer(always(sized(b"{}"))) as server, transport(server) as client:
        exchange = client.exchange(POST)
        response = exchange.open()
        assert response.read_block(None) == b"{}"
        sock = only_connection(client).sock
        assert sock is not None
        sock.settimeout(17.0)
        assert response.read_block(0.2) == b""
        assert sock.gettimeout() == 17.0


REST = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecret"


@pytest.mark.parametrize("secure", [False, True])
@pytest.mark.parametrize("respond", [sized, chunked])
def test_what_lies_behind_a_response_is_not_anothers(respond: object, secure: bool) -> None:
    assert callable(respond)
    context, ca = sockets.tls()
    with (
        ScriptedServer(always(respond(b"{}") + REST), context if secure else None) as server,
        transport(server, ca) as client,
    ):
        for calls in (1, 2):
            assert client.exchange(POST).open().read() == b"{}"
            assert server.connections == calls


@pytest.mark.parametrize("secure", [False, True])
@pytest.mark.parametrize("framing", ["chunks", "length"])
def test_what_lies_behind_a_stream_is_not_anothers(framing: str, secure: bool) -> None:
    whole = stream(message("a"), MESSAGE_END)
    if framing == "length":
        body = b"".join(re.findall(rb"data: .*\n\n", whole))
        whole = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
        whole += b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
    context, ca = sockets.tls()
    config = ClientConfig(keep_alive_seconds=60.0, verify=ca)
    with (
        ScriptedServer(always(whole + REST), context if secure else None) as server,
        RequestsDifyChat(server.url, config, api_key="app-k") as chat,
    ):
        for calls in (1, 2):
            over = threading.Event()
            chat.sendChatMessageStream(request()).subscribe(
                on_error=lambda _, over=over: over.set(), on_completed=over.set
            )
            assert over.wait(10)
            join_streams()
            assert len(list(chat.sendChatMessageStream(request()))) == 2
            assert server.connections == 2 * calls


INTERIM = [
    b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n",
    b"HTTP/1.1 102 Processing\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\n",
    b"HTTP/1.1 199 X\r\nA: b\r\n\r\n" * 60,
]


@pytest.mark.parametrize("interim", INTERIM)
def test_an_interim_response_is_passed_over(interim: bytes) -> None:
    def script(peer: Peer) -> None:
        while received := peer.receive():
            peer.send(interim)
            peer.send(sized(b'{"answer": "for %b"}' % received.json["user"].encode()))

    with (
        ScriptedServer(script) as server,
        RequestsDifyChat(server.url, KEPT, api_key="app-k") as chat,
    ):
        for user in ("alice", "bob", "carol"):
            assert chat.send(request(user_id=user)).answer == f"for {user}"
        assert server.connections == 1


@pytest.mark.parametrize(
    "interim",
    [
        b"HTTP/1.1 101 Switching\r\n\r\n",
        b"HTTP/1.1 102 P\r\n\r\n" * 65,
        b"HTTP/1.1 102 P\r\n" + b"a: b\r\n" * 102,
    ],
)
def test_interim_responses_have_a_bound_and_their_connection_is_not_used_again(
    interim: bytes,
) -> None:
    def script(peer: Peer) -> None:
        peer.receive()
        peer.send(interim + sized(b"{}"))
        peer.wait_closed()

    with ScriptedServer(script) as server, transport(server) as client:
        for calls in (1, 2):
            with pytest.raises(Exception, match=r"101|102|headers"):
                client.exchange(POST).open()
            assert server.connections == calls


@pytest.mark.parametrize("by", ["a call", "a stream", "a loop"])
def test_a_pool_that_is_full_may_be_closed_while_it_says_so(
    by: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """urllib3 then asks what is no pool any more how large it is."""

    def put(self: queue.LifoQueue[Any], *_: object, **__: object) -> None:
        for pool in pools:
            pool.pool = None
        raise queue.Full

    pools: list[Any] = []
    make = connection.Pool.__init__

    def remembered(self: Any, *args: Any, **kw: Any) -> None:
        make(self, *args, **kw)
        pools.append(self)
        monkeypatch.setattr(queue.LifoQueue, "put", put)  # once its empty places are in

    monkeypatch.setattr(connection.Pool, "__init__", remembered)
    answer = stream(message("a"), MESSAGE_END)
    with (
        ScriptedServer(always(answer)) as server,
        RequestsDifyChat(server.url, KEPT, api_key="app-k") as chat,
    ):
        if by == "a call":
            assert chat.send(request()).answer == "a"
        elif by == "a loop":
            assert len(list(chat.sendChatMessageStream(request()))) == 2
        else:
            assert len(chat.sendChatMessageStream(request()).to_list().run()) == 2
        join_streams()
    assert pools
