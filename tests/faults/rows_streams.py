"""Streams that go wrong, and those that only look as if."""

from __future__ import annotations

import socket
import time

from dify_java_compat import ClientConfig, RequestsDifyChat
from tests.watching import Watcher, request

from .table import Seen, row


@row("streams", "the connection is refused", "连接被拒绝")
def connection_refused(seen: Seen) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    with RequestsDifyChat(url, ClientConfig(max_retries=0), api_key="app-test") as client:
        started = time.perf_counter()
        watcher = Watcher(client.sendChatMessageStream(request())).wait()
        seen.ms = (time.perf_counter() - started) * 1000
    seen.events = len(watcher.items)
    seen.ended_with(watcher.error)
    seen.equal("ended", seen.ended, "ConnectionException")
