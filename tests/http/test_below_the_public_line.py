"""What we lean on below the public line of other packages: is it still there?

Each is tried by its name and its behaviour, without our code in the way, so that a new version of
them says itself what it moved, and what of ours breaks by it.
"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import http.client
import io
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest
import requests
import socks
import urllib3
from reactivex.scheduler.eventloop import AsyncIOScheduler
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict
from requests.utils import requote_uri, select_proxy
from urllib3 import exceptions
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.response import _get_decoder
from urllib3.util.connection import allowed_gai_family
from urllib3.util.ssltransport import SSLTransport
from urllib3.util.wait import wait_for_write

from tests.support import sockets
from tests.support.frames import response
from tests.support.server import Peer, ScriptedServer, always

OK = response(b"{}")
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


class Dependency(NamedTuple):
    breaks: str
    check: Callable[[], None]


DEPENDENCIES: dict[str, Dependency] = {}


def depends_on(name: str, breaks: str) -> Callable[[Callable[[], None]], Callable[[], None]]:
    def add(check: Callable[[], None]) -> Callable[[], None]:
        DEPENDENCIES[name] = Dependency(breaks, check)
        return check

    return add


def assert_unmoved(name: str) -> None:
    """Fail with what breaks if its check does."""
    try:
        DEPENDENCIES[name].check()
    except (Exception, pytest.fail.Exception) as error:
        problem = f"{type(error).__name__}: {error}"
        pytest.fail(
            f"{name} moved; this breaks: {DEPENDENCIES[name].breaks}\n{problem}", pytrace=False
        )


class Reached(Exception):
    """Raised by a hook, to see that it is called and that the exception comes out as it is."""


def pool_with(connection: type[HTTPConnection], port: int, **keywords: Any) -> HTTPConnectionPool:
    class Pool(HTTPConnectionPool):
        ConnectionCls = connection

    return Pool("127.0.0.1", port, **keywords)


def get(pool: HTTPConnectionPool, **how: Any) -> Any:
    return pool.urlopen("GET", "/", preload_content=False, retries=False, **how)


@contextlib.contextmanager
def served(data: bytes) -> Iterator[ScriptedServer]:
    """A server that answers one request with these bytes and closes."""

    def script(peer: Peer) -> None:
        peer.receive()
        peer.send(data)

    with ScriptedServer(script) as server:
        yield server


# -- connecting ----------------------------------------------------------------------------------


@depends_on("urllib3: HTTPConnection._new_conn", "a stream that connects cannot be disposed of")
def new_connections() -> None:
    for base in (HTTPConnection, HTTPSConnection):

        class Probe(base):  # type: ignore[misc, valid-type]
            def _new_conn(self) -> socket.socket:
                raise Reached

        with pytest.raises(Reached):
            Probe("localhost", 9).connect()


@depends_on("urllib3: HTTPConnection._dns_host, .port, .timeout", "no connection is made")
def dialing() -> None:
    connection: Any = HTTPConnection("dify.test.", 5001, timeout=7.0)
    assert (connection._dns_host, connection.port, connection.timeout) == ("dify.test.", 5001, 7.0)


@depends_on("urllib3: HTTPConnection.socket_options, .source_address", "Nagle's delay comes back")
def socket_options() -> None:
    connection = HTTPConnection("dify.test", source_address=("127.0.0.1", 0))
    assert (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1) in (connection.socket_options or ())
    assert connection.source_address == ("127.0.0.1", 0)


@depends_on("urllib3: util.connection.allowed_gai_family, util.wait.wait_for_write", "connecting")
def waiting() -> None:
    assert allowed_gai_family() in (socket.AF_UNSPEC, socket.AF_INET)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert wait_for_write(ours, 1.0) is True


@depends_on("urllib3: the exceptions of connecting", "a failure has another class, or none of ours")
def connect_exceptions() -> None:
    connection = HTTPConnection("dify.test")
    assert issubclass(exceptions.NameResolutionError, exceptions.NewConnectionError)
    assert exceptions.NameResolutionError("dify.test", connection, socket.gaierror())
    assert exceptions.NewConnectionError(connection, "no")
    assert exceptions.ConnectTimeoutError(connection, "no")
    assert exceptions.LocationParseError("dify.test")


@depends_on("urllib3: SSLTransport.socket", "a stream of TLS within TLS cannot be disposed of")
def tls_within_tls() -> None:
    context, ca = sockets.tls()
    ours, theirs = socket.socketpair()
    with ours, theirs:
        server = threading.Thread(target=lambda: context.wrap_socket(theirs, True).close())
        server.start()
        wrapped: Any = urllib3.util.ssl_.ssl_wrap_socket(
            ours, ca_certs=ca, server_hostname="localhost", tls_in_tls=True
        )
        server.join()
        assert type(wrapped) is SSLTransport
        assert wrapped.socket is ours


@depends_on(
    "ssl: socket.socket.shutdown on an SSLSocket", "a disposed TLS stream crashes its reader"
)
def shutdown_below_tls() -> None:
    _, ca = sockets.tls()
    with ScriptedServer(Peer.wait_closed, sockets.tls()[0]) as server:
        client = ssl.create_default_context(cafile=ca)
        with socket.create_connection(("127.0.0.1", server.port)) as plain:
            with client.wrap_socket(plain, server_hostname="localhost") as secure:
                socket.socket.shutdown(secure, socket.SHUT_RDWR)
                assert secure.version() is not None  # the TLS state is kept
                with contextlib.suppress(OSError):  # an end without TLS's own goodbye
                    assert secure.recv(1) == b""


# -- sending -------------------------------------------------------------------------------------


@depends_on("urllib3: HTTPConnection.is_closed", "a request counts as sent before it can be")
def is_closed() -> None:
    connection = HTTPConnection("dify.test")
    assert connection.is_closed
    assert connection.sock is None
    ours, theirs = socket.socketpair()
    with ours, theirs:
        connection.sock = ours
        assert not connection.is_closed


@depends_on(
    "urllib3: the pool sends in its caller's thread", "no exchange is known to its connection"
)
def senders_thread() -> None:
    threads = set()

    class Probe(HTTPConnection):
        def request(self, *args: Any, **keywords: Any) -> None:
            threads.add(threading.get_ident())
            super().request(*args, **keywords)

    with ScriptedServer(always(OK)) as server:
        get(pool_with(Probe, server.port)).read()
    assert threads == {threading.get_ident()}


@depends_on("urllib3: HTTPConnection.timeout, from request to getresponse", "write_timeout")
def timeouts() -> None:
    timeouts = []

    class Probe(HTTPConnection):
        def request(self, *args: Any, **keywords: Any) -> None:
            self.connect()
            self.timeout = 7.0
            super().request(*args, **keywords)
            timeouts.append(self.sock.gettimeout())

        def getresponse(self) -> Any:
            response = super().getresponse()
            timeouts.append(self.sock.gettimeout())
            return response

    with ScriptedServer(always(OK)) as server:
        get(pool_with(Probe, server.port), timeout=urllib3.Timeout(connect=5.0, read=3.0)).read()
    assert timeouts == [7.0, 3.0]


@depends_on("urllib3: HTTPConnection.request lets a TimeoutError of send out", "phase `write`")
def late_sending() -> None:
    class Probe(HTTPConnection):
        def send(self, data: Any) -> None:
            raise TimeoutError("late")

    with ScriptedServer(Peer.wait_closed) as server, pytest.raises(TimeoutError, match="late"):
        Probe("127.0.0.1", server.port).request("GET", "/")


# -- pools ---------------------------------------------------------------------------------------


@depends_on("urllib3: HTTPConnectionPool.ConnectionCls, **conn_kw", "no stream can be disposed of")
def connection_classes() -> None:
    for pool in (HTTPConnectionPool, HTTPSConnectionPool):
        made: list[dict[str, Any]] = []

        class Probe:
            def __init__(self, **keywords: Any) -> None:
                made.append(keywords)  # noqa: B023
                raise Reached

        class Pool(pool):  # type: ignore[misc, valid-type]
            ConnectionCls = Probe

        with pytest.raises(Reached):
            get(Pool("dify.test", keep_alive_seconds=7.0))
        assert made[0]["keep_alive_seconds"] == 7.0


@depends_on("urllib3: PoolManager.pool_classes_by_scheme, .pools", "no stream can be disposed of")
def pool_factories() -> None:
    made = []

    def factory(*args: Any, **keywords: Any) -> HTTPConnectionPool:
        made.append(args)
        return HTTPConnectionPool(*args, **keywords)

    proxy: Any = urllib3.ProxyManager("http://proxy.test:3128")
    managers: list[Any] = [urllib3.PoolManager(), proxy]
    for manager in managers:
        manager.pool_classes_by_scheme = {"http": factory}
        pool = manager.connection_from_url("http://dify.test:5001")
        assert [manager.pools.get(key) for key in manager.pools.keys()] == [pool]  # noqa: SIM118
        assert manager.connection_from_url("http://dify.test:5001") is pool
    assert made == [("dify.test", 5001), ("proxy.test", 3128)]


@depends_on(
    "urllib3: the pool asks is_connected before it uses a connection again", "keep_alive_seconds"
)
def reuse() -> None:
    class Probe(HTTPConnection):
        is_connected = False

    for connection, connections in ((HTTPConnection, 1), (Probe, 2)):
        with ScriptedServer(always(OK)) as server:
            pool = pool_with(connection, server.port)
            for _ in range(2):
                get(pool).read()
            pool.close()
            assert server.connections == connections


# -- requests ------------------------------------------------------------------------------------


def prepared(url: str, body: Any = None) -> requests.PreparedRequest:
    """With its parts set, as ours, and not by `prepare`."""
    request = requests.PreparedRequest()
    request.method, request.url, request.body = "POST", url, body
    request.headers = CaseInsensitiveDict({"A": "b", "Content-Length": str(len(body or b""))})
    return request


@depends_on("requests: HTTPAdapter.init_poolmanager, .proxy_manager_for, and their managers", "all")
def managers() -> None:
    made = []

    class Adapter(HTTPAdapter):
        def init_poolmanager(self, *args: Any, **keywords: Any) -> None:
            super().init_poolmanager(*args, **keywords)
            made.append(self.poolmanager)

        def proxy_manager_for(self, proxy: str, **keywords: Any) -> Any:
            made.append(super().proxy_manager_for(proxy, **keywords))
            raise Reached

    adapter = Adapter()
    with pytest.raises(Reached):
        adapter.send(prepared("http://dify.test"), proxies={"http": "http://proxy.test:1"})
    assert made == [adapter.poolmanager, adapter.proxy_manager["http://proxy.test:1"]]


@depends_on(
    "requests: HTTPAdapter.send takes a request whose parts are set", "all calls, or their speed"
)
def unprepared_requests() -> None:
    class Body(io.BytesIO):
        def __len__(self) -> int:
            return len(self.getvalue())

    body = Body(b"0123456789")
    with ScriptedServer(always(OK)) as server:
        HTTPAdapter().send(prepared(server.url + "/v1?a=b", body)).close()
    [received] = server.requests
    assert (received.method, received.target, received.body) == ("POST", "/v1?a=b", b"0123456789")
    assert received.headers["content-length"] == "10"
    assert received.headers["a"] == "b"
    assert "transfer-encoding" not in received.headers


@depends_on("requests: HTTPAdapter.build_response, returned as it is", "HttpResponse reads no body")
def built_responses() -> None:
    class Adapter(HTTPAdapter):
        def build_response(self, req: Any, resp: Any) -> Any:
            return req, resp

    with ScriptedServer(always(OK)) as server:
        request = prepared(server.url)
        result: Any = Adapter().send(request)
        assert result[0] is request
        assert result[1].read1(None, decode_content=False) == b"{}"


def failing(error: Exception) -> Exception:
    """What HTTPAdapter.send makes of what a connection raises."""

    class Probe(HTTPConnection):
        def connect(self) -> None:
            raise error

    adapter = HTTPAdapter()
    adapter.poolmanager.pool_classes_by_scheme = {
        "http": lambda host, port, **_: pool_with(Probe, port)
    }
    try:
        adapter.send(prepared("http://dify.test"))
    except Exception as raised:
        return raised
    raise AssertionError("nothing was raised")


@depends_on(
    "requests: the exceptions of HTTPAdapter.send", "what is retried, and as which class it ends"
)
def send_exceptions() -> None:
    connection = HTTPConnection("dify.test")
    refused = exceptions.NewConnectionError(connection, "no")
    error = failing(refused)
    assert isinstance(error, requests.ConnectionError)
    assert error.args[0].reason is refused
    late = exceptions.ConnectTimeoutError(connection, "no")
    assert isinstance(failing(late), requests.ConnectTimeout)
    late_read = exceptions.ReadTimeoutError(HTTPConnectionPool("dify.test"), "/", "no")
    assert isinstance(failing(late_read), requests.ReadTimeout)
    tls = exceptions.SSLError("no")
    assert isinstance(failing(tls), requests.exceptions.SSLError)
    closed = exceptions.ClosedPoolError(HTTPConnectionPool("dify.test"), "no")
    error = failing(closed)
    assert isinstance(error, requests.ConnectionError)
    assert error.args[0] is closed
    ours = Reached()
    assert failing(ours) is ours


@depends_on(
    "requests: prepare_url, merge_environment_settings, requote_uri", "addresses, proxies, TLS"
)
def settings() -> None:
    request = requests.PreparedRequest()
    request.prepare_url("http://münchen.test/a b", None)
    assert request.url == "http://xn--mnchen-3ya.test/a%20b"
    with requests.Session() as session:
        settings = session.merge_environment_settings("http://d.test", {}, True, None, None)
    assert set(settings) == {"proxies", "stream", "verify", "cert"}
    assert requote_uri("/a b") == "/a%20b"


# -- responses -----------------------------------------------------------------------------------


@depends_on(
    "http.client: HTTPConnection.response_class", "headers that are cut pass for whole ones"
)
def response_class() -> None:
    class Response(http.client.HTTPResponse):
        def begin(self) -> None:
            raise Reached

    class Probe(HTTPConnection):
        response_class = Response

    with ScriptedServer(always(OK)) as server, pytest.raises(Reached):
        get(pool_with(Probe, server.port))


@depends_on(
    "http.client: HTTPResponse._read_status and ._close_conn",
    "the answer of one call is read by the next",
)
def reading_and_closing() -> None:
    called: list[str] = []

    class Response(http.client.HTTPResponse):
        def _read_status(self) -> Any:
            called.append("status")
            return super()._read_status()  # type: ignore[misc]

        def _close_conn(self) -> None:
            assert self.fp.peek(1) == b"rest"
            called.append("close")
            super()._close_conn()  # type: ignore[misc]

    class Probe(HTTPConnection):
        response_class = Response

    with served(OK + b"rest") as server:
        assert get(pool_with(Probe, server.port)).read1(65536, decode_content=False) == b"{}"
    assert called == ["status", "close"]


@depends_on("PySocks: socksocket.connect", "connections through a SOCKS proxy")
def connecting_to_a_socks_proxy() -> None:
    class Plain(socket.socket):
        def connect(self, address: Any) -> None:
            raise Reached(address)

    class Probe(socks.socksocket, Plain):  # type: ignore[misc]
        pass

    with Probe() as probe:
        probe.set_proxy(socks.SOCKS5, "127.0.0.1", 1080)
        with pytest.raises(Reached) as caught:
            probe.connect(("dify.test", 80))
    assert caught.value.args == (("127.0.0.1", 1080),)


@depends_on(
    "http.client: begin reads the head by fp.readline", "headers that are cut pass for whole ones"
)
def reading_the_head() -> None:
    for head, last in ((CHUNKED, b"\r\n"), (CHUNKED[:-2], b"")):
        lines: list[bytes] = []

        class File(io.BytesIO):
            def readline(self, size: int | None = -1, /) -> bytes:
                lines.append(super().readline(size))  # noqa: B023
                return lines[-1]  # noqa: B023

        class Wire:
            def makefile(self, *_: object) -> File:
                return File(head)  # noqa: B023

        response: Any = http.client.HTTPResponse(Wire())  # type: ignore[arg-type]
        response.begin()
        assert lines[-1] == last
        assert b"".join(lines) == head
        assert response.chunked


@depends_on(
    "http.client: HTTPResponse.read1, .fp, close", "a body is not de-chunked, or never ends"
)
def reading_chunks() -> None:
    class Response(http.client.HTTPResponse):
        def read1(self, n: int = -1) -> bytes:
            data = self.fp.read1(n) if self.fp else b""
            self.close()
            assert self.fp is None
            return data

    class Probe(HTTPConnection):
        response_class = Response

    with served(CHUNKED + b"as it came") as server:
        raw = get(pool_with(Probe, server.port))
        assert raw.read1(65536, decode_content=False) == b"as it came"
        assert raw.read1(65536, decode_content=False) == b""


@depends_on(
    "urllib3: HTTPResponse.read1 and its exceptions", "a body that is cut, or stalls, ends well"
)
def body_exceptions() -> None:
    class Response(http.client.HTTPResponse):
        def read1(self, n: int = -1) -> bytes:
            raise error

    class Probe(HTTPConnection):
        response_class = Response

    for error, kind in (
        (http.client.HTTPException("cut"), exceptions.ProtocolError),
        (ConnectionResetError("cut"), exceptions.ProtocolError),
        (TimeoutError("late"), exceptions.ReadTimeoutError),
    ):
        with served(CHUNKED) as server, pytest.raises(kind) as caught:
            get(pool_with(Probe, server.port)).read1(65536, decode_content=False)
        assert isinstance(caught.value, exceptions.HTTPError)
        if kind is exceptions.ProtocolError:
            assert error in caught.value.args


@depends_on(
    "urllib3: the read that meets the end frees the connection, close drops it", "connections"
)
def freeing() -> None:
    def script(peer: Peer) -> None:
        while peer.receive():
            peer.send(response(b"x" * 100_000))

    for read_to_its_end, connections in ((True, 1), (False, 2)):
        with ScriptedServer(script) as server:
            pool = pool_with(HTTPConnection, server.port)
            for _ in range(2):
                raw = get(pool)
                while raw.read1(65536) and read_to_its_end:
                    pass
                raw.close()
            pool.close()
            assert server.connections == connections


@depends_on(
    "http.client: a response reads on after its connection gave up `sock`", "timeouts of HTTP/1.0"
)
def reading_on() -> None:
    seen = []

    class Probe(HTTPConnection):
        def getresponse(self) -> Any:
            before, response = self.sock, super().getresponse()
            seen.append((before.fileno() >= 0, self.sock))
            before.settimeout(7.0)
            return response

    with served(b"HTTP/1.0 200 OK\r\n\r\nbody") as server:
        assert get(pool_with(Probe, server.port)).read() == b"body"
    assert seen == [(True, None)]


# -- streams that are polled -----------------------------------------------------------------------


@depends_on(
    "urllib3: a response that getresponse makes of its own goes through urlopen and send",
    "each stream through a proxy waits for its headers in a thread",
)
def deferred_responses() -> None:
    class Deferred:
        status = 0
        version_string = "HTTP/?"
        length_remaining = None
        headers: dict[str, str] = {}
        retries: Any = None
        _pool: Any = None
        _connection: Any = None

        def get_redirect_location(self) -> None:
            return None

    class Probe(HTTPConnection):
        def getresponse(self) -> Any:
            return Deferred()

    class Adapter(HTTPAdapter):
        def build_response(self, req: Any, resp: Any) -> Any:
            return resp

    adapter = Adapter()
    adapter.poolmanager.pool_classes_by_scheme = {
        "http": lambda host, port, **_: pool_with(Probe, port)
    }
    with ScriptedServer(Peer.wait_closed) as server:
        result: Any = adapter.send(prepared(server.url))
        assert type(result) is Deferred
        assert type(result._connection) is Probe
        assert isinstance(result._pool, HTTPConnectionPool)
        result._connection.close()


@depends_on("urllib3: HTTPConnectionPool._get_conn, _validate_conn, _put_conn", "sending, or reuse")
def pools_by_hand() -> None:
    with ScriptedServer(always(OK)) as server:
        pool: Any = pool_with(HTTPConnection, server.port)
        connection = pool._get_conn()
        assert connection.is_closed
        pool._validate_conn(connection)
        connection.connect()
        connection.sock.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert connection.sock.recv(65536) == OK
        pool._put_conn(connection)
        assert pool._get_conn() is connection
        # http.client saw nothing of it, so that the connection serves the next one
        connection.request("GET", "/")
        assert connection.getresponse().data == b"{}"
        connection.close()
        pool.close()


@depends_on(
    "http.client: getresponse reads from a `sock` that was put in its place", "reuse by a proxy"
)
def empty_responses() -> None:
    class NoContent:
        def settimeout(self, seconds: object) -> None:
            pass

        def makefile(self, mode: str) -> io.BufferedReader:
            return io.BufferedReader(io.BytesIO(b"HTTP/1.1 204 No Content\r\n\r\n"))

        def close(self) -> None:
            pass

    with ScriptedServer(always(OK)) as server:
        connection: Any = HTTPConnection("127.0.0.1", server.port)
        connection.request("GET", "/")
        sock, connection.sock = connection.sock, NoContent()
        assert sock.recv(65536) == OK
        http.client.HTTPConnection.getresponse(connection).close()
        connection.sock, connection._response_options = sock, None
        connection.request("GET", "/")
        assert connection.getresponse().data == b"{}"
        connection.close()


@depends_on(
    "urllib3: _get_decoder, CONTENT_DECODERS, DECODER_ERROR_CLASSES, max_length", "packed streams"
)
def decoders() -> None:
    assert "gzip" in urllib3.HTTPResponse.CONTENT_DECODERS
    packed = gzip.compress(b"x" * 100_000)
    decoder: Any = _get_decoder("gzip")
    blocks = [decoder.decompress(packed, max_length=1000)]
    while decoder.has_unconsumed_tail:
        blocks.append(decoder.decompress(b"", max_length=1000))
    assert b"".join(blocks) + decoder.flush() == b"x" * 100_000
    assert max(map(len, blocks)) <= 1000
    with pytest.raises(urllib3.HTTPResponse.DECODER_ERROR_CLASSES):
        _get_decoder("gzip").decompress(b"no gzip", max_length=1000)


@depends_on("urllib3: HTTPHeaderDict.add, getlist", "the headers of a stream")
def header_dicts() -> None:
    headers = urllib3.HTTPHeaderDict()
    headers.add("Content-Length", "1")
    headers.add("content-length", "2")
    assert headers.getlist("CONTENT-LENGTH") == ["1", "2"]
    assert headers.get("Content-Length") == "1, 2"


@depends_on(
    "requests: get_connection_with_tls_context, cert_verify, utils.select_proxy",
    "the pool of a stream, or its certificates",
)
def pools_of_an_adapter() -> None:
    _, ca = sockets.tls()
    adapter: Any = HTTPAdapter()
    request = prepared("https://dify.test/v1")
    pool = adapter.get_connection_with_tls_context(request, ca, proxies=None, cert=None)
    assert isinstance(pool, HTTPSConnectionPool)
    adapter.cert_verify(pool, request.url, ca, None)
    assert pool.ca_certs == ca
    assert select_proxy("https://dify.test/v1", {"https": "http://p.test"}) == "http://p.test"
    assert not select_proxy("https://dify.test/v1", {})


@depends_on(
    "ssl: an SSLSocket that does not block raises SSLWantReadError; pending", "streams over TLS"
)
def polled_tls() -> None:
    context, ca = sockets.tls()

    def script(peer: Peer) -> None:
        peer.sock.recv(1)
        peer.send(b"x" * 1000)
        peer.wait_closed()

    with ScriptedServer(script, context) as server:
        client = ssl.create_default_context(cafile=ca)
        with socket.create_connection(("127.0.0.1", server.port)) as plain:
            with client.wrap_socket(plain, server_hostname="localhost") as secure:
                secure.setblocking(False)
                with pytest.raises(ssl.SSLWantReadError):
                    secure.recv(65536)
                secure.send(b"?")
                secure.settimeout(30)
                assert secure.recv(10) == b"x" * 10
                assert secure.pending() == 990  # which wakes no poll


@depends_on("asyncio: _get_running_loop, add_reader overridden where it works", "`async for`")
def event_loops() -> None:
    async def running() -> object:
        return asyncio._get_running_loop()

    assert asyncio._get_running_loop() is None
    assert asyncio.run(running()) is not None
    assert asyncio.SelectorEventLoop.add_reader is not asyncio.AbstractEventLoop.add_reader


@depends_on("reactivex: AsyncIOScheduler._loop", "timers of the operators on an event loop")
def loop_of_a_scheduler() -> None:
    loop = asyncio.new_event_loop()
    try:
        assert AsyncIOScheduler(loop)._loop is loop
    finally:
        loop.close()


# ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", DEPENDENCIES)
def test_what_we_lean_on_is_there(name: str) -> None:
    assert_unmoved(name)


def test_a_name_that_moved_is_reported_with_what_breaks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(HTTPConnection, "is_closed")
    with pytest.raises(pytest.fail.Exception, match=r"is_closed moved; this breaks: .+\nAttr"):
        assert_unmoved("urllib3: HTTPConnection.is_closed")
