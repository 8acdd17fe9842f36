"""Connections that are interrupted, and those that a child process inherits."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator

import pytest
from urllib3.util.ssltransport import SSLTransport

from dify_java_compat import ClientConfig, RequestsDifyChat, TimeoutException
from dify_java_compat._http import connection
from tests.support import TIMEOUT, processes, sockets
from tests.support.frames import STREAM_HEAD, chunk, message
from tests.support.proxy import forward
from tests.support.server import Peer, ScriptedServer
from tests.support.watching import Watcher, request

pytestmark = pytest.mark.usefixtures("each_way")


class TlsWithinTls:
    """A stream that stays open, from an https server through an https proxy."""

    def __init__(self) -> None:
        self.closed = threading.Event()
        self.watcher: Watcher

    def script(self, peer: Peer) -> None:
        peer.receive()
        peer.send(STREAM_HEAD + chunk(message("a")))
        peer.wait_closed()
        self.closed.set()


@pytest.fixture
def tls_within_tls() -> Iterator[TlsWithinTls]:
    context, ca = sockets.tls()
    state = TlsWithinTls()
    with (
        ScriptedServer(state.script, context) as server,
        ScriptedServer(forward, context) as proxy,
    ):
        config = ClientConfig(proxies={"https": proxy.url}, verify=ca, max_retries=0)
        with RequestsDifyChat(server.url, config, api_key="app-secret-key") as client:
            state.watcher = Watcher(client.sendChatMessageStream(request()))
            state.watcher.wait_for_items(1)
            yield state
            state.watcher.subscription.dispose()


def test_a_stream_of_tls_within_tls_can_be_disposed(tls_within_tls: TlsWithinTls) -> None:
    tls_within_tls.watcher.subscription.dispose()
    assert tls_within_tls.closed.wait(TIMEOUT)
    assert tls_within_tls.watcher.error is None


@pytest.mark.skipif(not hasattr(os, "fork"), reason="only where processes fork")
def test_a_child_closes_its_end_of_tls_within_tls_and_the_parents_stays(
    tls_within_tls: TlsWithinTls,
) -> None:
    layered = [each.sock for each in connection._connections]
    [sock] = [connection._lowest(each) for each in layered if isinstance(each, SSLTransport)]
    assert sock is not None
    child = processes.fork()
    if not child:
        os._exit(0 if sock.fileno() < 0 else 1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert sock.fileno() >= 0
    assert not tls_within_tls.closed.is_set()


@pytest.mark.parametrize("drip", [b"x", b"X: y\r\n"], ids=["a line", "lines"])
def test_headers_that_drip_end_by_the_time_of_the_whole_call(drip: bytes) -> None:
    """Each byte comes well within the read timeout, and the line never ends."""

    def script(peer: Peer) -> None:
        peer.receive()
        peer.send(b"HTTP/1.1 200 OK\r\nX: ")
        while not peer.closing.wait(0.01):
            peer.send(drip)

    config = ClientConfig(call_timeout=0.2, max_retries=0)
    with (
        ScriptedServer(script) as server,
        RequestsDifyChat(server.url, config, api_key="k") as chat,
    ):
        with pytest.raises(TimeoutException) as caught:
            chat.parameters()
    assert caught.value.phase == "total"
