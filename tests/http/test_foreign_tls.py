"""TLS that cannot be polled, read by a thread: TLS within TLS, and pyOpenSSL."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator

import pytest
from urllib3.contrib import pyopenssl

from dify_java_compat import ClientConfig, RequestsDifyChat, TimeoutException
from tests.support import TIMEOUT, processes, sockets
from tests.support.frames import MESSAGE_END, STREAM_HEAD, chunk, message, stream
from tests.support.proxy import forward
from tests.support.server import Peer, ScriptedServer
from tests.support.watching import Watcher, join_streams, request, wait_until

WHOLE = stream(message("a"), message("b"), MESSAGE_END)


class Dify:
    """Answers, or, where it is asked to, says one thing and then pings until it is left."""

    def __init__(self) -> None:
        self.left = threading.Event()

    def __call__(self, peer: Peer) -> None:
        while received := peer.receive():
            if b"for ever" not in received.body:
                peer.send(WHOLE)
                continue
            peer.send(STREAM_HEAD + chunk(message("a")))
            try:
                while not peer.closing.wait(0.02):
                    peer.send(chunk(b"event: ping\n\n"))
            finally:
                self.left.set()


@pytest.fixture(params=["an https proxy", "pyOpenSSL"])
def served(request: pytest.FixtureRequest) -> Iterator[tuple[Dify, str, ClientConfig]]:
    """A server, its address, and the settings of a client that reaches it."""
    context, ca = sockets.tls()
    dify = Dify()
    with ScriptedServer(dify, context) as server, ScriptedServer(forward, context) as proxy:
        config = ClientConfig(verify=ca, keep_alive_seconds=60.0, max_retries=0)
        if request.param == "pyOpenSSL":
            pyopenssl.inject_into_urllib3()
        else:
            config.proxies = {"https": proxy.url}
        try:
            yield dify, server.url, config
        finally:
            pyopenssl.extract_from_urllib3()


def readers() -> list[threading.Thread]:
    return [each for each in threading.enumerate() if each.name == "dify-reader"]


def test_calls_and_streams(served: tuple[Dify, str, ClientConfig]) -> None:
    _, url, config = served
    with RequestsDifyChat(url, config, api_key="app-k") as chat:
        for _ in range(2):
            assert chat.send(request()).answer == "ab"
            watcher = Watcher(chat.sendChatMessageStream(request())).wait()
            assert (watcher.text, watcher.error) == ("ab", None)
            assert len(list(chat.sendChatMessageStream(request()))) == 3
            join_streams()


def test_disposed_of(served: tuple[Dify, str, ClientConfig]) -> None:
    dify, url, config = served
    with RequestsDifyChat(url, config, api_key="app-k") as chat:
        watcher = Watcher(chat.sendChatMessageStream(request(content="for ever")))
        watcher.wait_for_items(1)
        assert readers()
        begun = time.perf_counter()
        watcher.subscription.dispose()
        assert time.perf_counter() - begun < 0.5
        assert dify.left.wait(TIMEOUT)
        wait_until(lambda: not readers())
        join_streams()
        assert watcher.error is None


def test_left_by_a_loop(served: tuple[Dify, str, ClientConfig]) -> None:
    dify, url, config = served
    with RequestsDifyChat(url, config, api_key="app-k") as chat:
        for _ in chat.sendChatMessageStream(request(content="for ever")):
            break
        assert dify.left.wait(TIMEOUT)


def test_out_of_time(served: tuple[Dify, str, ClientConfig]) -> None:
    dify, url, config = served
    config.call_timeout = 0.5
    with RequestsDifyChat(url, config, api_key="app-k") as chat:
        watcher = Watcher(chat.sendChatMessageStream(request(content="for ever"))).wait()
        assert isinstance(watcher.error, TimeoutException)
        assert watcher.error.phase == "total"
        with pytest.raises(TimeoutException) as caught:
            chat.send(request(content="for ever"))
        assert caught.value.phase == "total"
        assert dify.left.wait(TIMEOUT)
        join_streams()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="only where processes fork")
def test_a_child_leaves_the_parents_stream_alone(served: tuple[Dify, str, ClientConfig]) -> None:
    dify, url, config = served
    with RequestsDifyChat(url, config, api_key="app-k") as chat:
        watcher = Watcher(chat.sendChatMessageStream(request(content="for ever")))
        watcher.wait_for_items(1)
        child = processes.fork()
        if not child:
            os._exit(0)
        _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) == 0
        assert not dify.left.wait(0.1)
        watcher.subscription.dispose()
        assert dify.left.wait(TIMEOUT)
        join_streams()
