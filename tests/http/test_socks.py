"""Through a SOCKS proxy, by PySocks: as through no proxy, also on a bad day."""

from __future__ import annotations

import threading
import time

import pytest

from dify_java_compat import (
    ClientConfig,
    ConnectionException,
    MessagesRequest,
    RequestsDifyChat,
    TimeoutException,
)
from tests.support import TIMEOUT, sockets
from tests.support.frames import MESSAGE_END, STREAM_HEAD, chunk, message, response, stream
from tests.support.proxy import SocksProxy
from tests.support.server import Peer, ScriptedServer, always
from tests.support.watching import Watcher, join_streams, request

WHOLE = stream(message("through"), MESSAGE_END)


def through(proxy: ScriptedServer, scheme: str = "socks5", user: str = "") -> dict[str, str]:
    address = f"{scheme}://{user}127.0.0.1:{proxy.port}"
    return {"http": address, "https": address}


@pytest.mark.parametrize("secure", [False, True])
@pytest.mark.parametrize("scheme", ["socks4", "socks4a", "socks5", "socks5h"])
def test_calls_and_streams(scheme: str, secure: bool) -> None:
    context, ca = sockets.tls()
    socks = SocksProxy()
    with (
        ScriptedServer(always(WHOLE), context if secure else None) as server,
        ScriptedServer(socks) as proxy,
        RequestsDifyChat(
            server.url.replace("127.0.0.1", "localhost"),
            ClientConfig(proxies=through(proxy, scheme), verify=ca, keep_alive_seconds=60.0),
            api_key="app-k",
        ) as chat,
    ):
        assert chat.send(request()).answer == "through"
        watcher = Watcher(chat.sendChatMessageStream(request())).wait()
        assert (watcher.text, watcher.error) == ("through", None)
        assert [item.event for item in chat.sendChatMessageStream(request())][-1] == "message_end"
        join_streams()
        host = "localhost" if scheme in ("socks4a", "socks5h") else socks.targets[0][0]
        assert socks.targets == [(host, server.port)]  # one connection for all of them
        assert (host == "localhost") == (scheme in ("socks4a", "socks5h"))


def test_a_name_and_a_password() -> None:
    socks = SocksProxy("hunter2")
    with ScriptedServer(always(WHOLE)) as server, ScriptedServer(socks) as proxy:
        for password in ("hunter2", "wrong"):
            config = ClientConfig(proxies=through(proxy, user=f"me:{password}@"), max_retries=0)
            with RequestsDifyChat(server.url, config, api_key="app-k") as chat:
                if password == "hunter2":
                    assert chat.send(request()).answer == "through"
                    continue
                with pytest.raises(
                    ConnectionException, match=r"SOCKS proxy 127\.0\.0\.1"
                ) as caught:
                    chat.send(request())
                assert "wrong" not in str(caught.value)
    assert socks.users == [("me", "hunter2"), ("me", "wrong")]


def test_many_streams_take_no_thread_each() -> None:
    ready = threading.Semaphore(0)

    def script(peer: Peer) -> None:
        peer.receive()
        peer.send(STREAM_HEAD + chunk(message("a")))
        ready.release()
        peer.wait_closed()

    with ScriptedServer(script) as server, ScriptedServer(SocksProxy()) as proxy:
        config = ClientConfig(proxies=through(proxy))
        with RequestsDifyChat(server.url, config, api_key="app-k") as chat:
            watchers = [Watcher(chat.sendChatMessageStream(request())) for _ in range(30)]
            for watcher in watchers:
                watcher.wait_for_items(1)
            assert not [each for each in threading.enumerate() if each.name == "dify-reader"]
            for watcher in watchers:
                watcher.subscription.dispose()
            join_streams()


@pytest.mark.parametrize("secure", [False, True])
def test_disposed_of_while_it_is_open(secure: bool) -> None:
    closed = threading.Event()

    def script(peer: Peer) -> None:
        peer.receive()
        peer.send(STREAM_HEAD + chunk(message("a")))
        peer.wait_closed()
        closed.set()

    context, ca = sockets.tls()
    with (
        ScriptedServer(script, context if secure else None) as server,
        ScriptedServer(SocksProxy()) as proxy,
        RequestsDifyChat(
            server.url, ClientConfig(proxies=through(proxy), verify=ca), api_key="app-k"
        ) as chat,
    ):
        watcher = Watcher(chat.sendChatMessageStream(request()))
        watcher.wait_for_items(1)
        watcher.subscription.dispose()
        assert closed.wait(TIMEOUT)
        join_streams()
        assert watcher.error is None


@pytest.mark.parametrize("silent_at", ["greeting", "target"])
def test_disposed_of_while_the_proxy_is_silent(silent_at: str) -> None:
    socks = SocksProxy(silent_at=silent_at)
    with (
        ScriptedServer(always(WHOLE)) as server,
        ScriptedServer(socks) as proxy,
        RequestsDifyChat(server.url, ClientConfig(proxies=through(proxy)), api_key="app-k") as chat,
    ):
        watcher = Watcher(chat.sendChatMessageStream(request()))
        while not proxy.connections:
            time.sleep(0.001)
        watcher.subscription.dispose()
        assert socks.left.wait(TIMEOUT)
        join_streams()


@pytest.mark.parametrize("scheme", ["socks4", "socks5"])
@pytest.mark.parametrize(
    ("config", "phase"),
    [({"connect_timeout": 0.1, "max_retries": 0}, "connect"), ({"call_timeout": 0.3}, "total")],
)
def test_a_proxy_that_is_silent(scheme: str, config: dict[str, float], phase: str) -> None:
    socks = SocksProxy(silent_at="greeting")
    with ScriptedServer(always(response())) as server, ScriptedServer(socks) as proxy:
        settings = ClientConfig(proxies=through(proxy, scheme), **config)  # type: ignore[arg-type]
        with RequestsDifyChat(server.url, settings, api_key="app-k") as chat:
            with pytest.raises(TimeoutException) as caught:
                chat.messages(MessagesRequest(user_id="u", conversation_id="c"))
            assert caught.value.phase == phase
            watcher = Watcher(chat.sendChatMessageStream(request())).wait()
            assert isinstance(watcher.error, TimeoutException)
            assert watcher.error.phase == phase
            join_streams()


def test_a_call_is_cut_off_at_its_total_time() -> None:
    """The server pings, so that no other time is over."""

    def script(peer: Peer) -> None:
        peer.receive()
        peer.send(STREAM_HEAD)
        while not peer.closing.wait(0.05):
            peer.send(chunk(b"event: ping\n\n"))

    with ScriptedServer(script) as server, ScriptedServer(SocksProxy()) as proxy:
        config = ClientConfig(proxies=through(proxy), call_timeout=0.3)
        with RequestsDifyChat(server.url, config, api_key="app-k") as chat:
            with pytest.raises(TimeoutException) as caught:
                chat.send(request())
            assert caught.value.phase == "total"
            with pytest.raises(TimeoutException) as caught:
                list(chat.sendChatMessageStream(request()))
            assert caught.value.phase == "total"


def test_a_proxy_that_refuses_connections_is_named() -> None:
    with sockets.refusing_port() as port, ScriptedServer(always(response())) as server:
        proxies = {"http": f"socks5://127.0.0.1:{port}"}
        config = ClientConfig(proxies=proxies, max_retries=0)
        with (
            RequestsDifyChat(server.url, config, api_key="app-k") as chat,
            pytest.raises(ConnectionException, match=f"SOCKS proxy 127.0.0.1:{port}"),
        ):
            chat.send(request())
    assert not server.requests
