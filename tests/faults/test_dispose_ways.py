"""The ways to leave a stream: operators, loops, tasks, the end of the program."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from datetime import timedelta

import reactivex
from reactivex import operators as ops

from dify_java_compat import ChatMessageSendCompletionResponse, aiterate, iterate
from dify_java_compat._stream.observable import Observable
from tests.support import TIMEOUT, sockets
from tests.support.frames import STREAM_HEAD, chunk, message
from tests.support.processes import python
from tests.support.server import Peer
from tests.support.watching import Watcher, join_streams, request

from .playing import client_of, server_of
from .table import Seen, rows
from .test_dispose import AT_ONCE, FIRST, Silence, plain_and_tls

Items = Observable[ChatMessageSendCompletionResponse]
Way = Callable[[Items], str]


def by_operator(operator: Callable[[Items], Items]) -> Way:
    def way(items: Items) -> str:
        watcher = Watcher(items.pipe(operator)).wait()
        return f"{watcher.text} {type(watcher.error).__name__}"

    return way


def by_loop(items: Items) -> str:
    for item in iterate(items):
        return f"{item.answer} NoneType"
    return ""


def by_async_loop(items: Items) -> str:
    async def go() -> str:
        async with contextlib.aclosing(aiterate(items)) as loop:
            async for item in loop:
                return f"{item.answer} NoneType"
        return ""

    return asyncio.run(go())


def by_cancelling(items: Items) -> str:
    async def consume(seen: list[str]) -> None:
        async for item in aiterate(items):
            seen.append(item.answer or "")

    async def go() -> str:
        seen: list[str] = []
        task = asyncio.ensure_future(consume(seen))
        while len(seen) < 5:
            await asyncio.sleep(0)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        return f"{''.join(seen)} NoneType"

    return asyncio.run(go())


LATER = reactivex.timer(timedelta(milliseconds=100))

WAYS: list[tuple[str, str, Way, str]] = [
    ("by take(2)", "take(2) 取够之后", by_operator(ops.take(2)), "01 NoneType"),
    ("by take_until", "take_until 触发", by_operator(ops.take_until(LATER)), "01234 NoneType"),
    (
        "by take_while",
        "take_while 不再满足",
        by_operator(ops.take_while(lambda item: item.answer != "2")),
        "01 NoneType",
    ),
    ("by timeout", "timeout 超时", by_operator(ops.timeout(0.1)), "01234 Exception"),
    ("by leaving a loop", "退出循环", by_loop, "0 NoneType"),
    ("by leaving an async loop", "退出异步循环", by_async_loop, "0 NoneType"),
    ("by cancelling a task", "取消 asyncio 任务", by_cancelling, "01234 NoneType"),
]


@rows(
    "dispose",
    [
        each
        for name, chinese, way, wanted in WAYS
        for each in plain_and_tls(name, chinese, way=way, wanted=wanted)
    ],
)
def test_each_way_disposes(seen: Seen, *, way: Way, wanted: str, secure: bool) -> None:
    silence = Silence(STREAM_HEAD + b"".join(chunk(message(str(n))) for n in range(5)))
    with server_of(silence, secure=secure) as server, client_of(server, secure=secure) as client:
        got = way(client.sendChatMessageStream(request()))
        with seen.timing():
            gone = silence.ended.wait(TIMEOUT)
        seen.check(gone, "the connection stays")
        seen.within("the connection is gone", seen.ms or 0.0, AT_ONCE)
        join_streams()
    seen.equal("text and end", got, wanted)
    seen.events, seen.ended = len(got.split()[0]), "left"


CHILD = """
import sys, threading
from dify_java_compat import ChatMessageSendRequest, ClientConfig, RequestsDifyChat
url, verify, streams = sys.argv[1], sys.argv[2] or None, int(sys.argv[3])
chat = RequestsDifyChat(url, ClientConfig(verify=verify), api_key="app-faults")
request = ChatMessageSendRequest(user_id="u-1", content="hello")
delivered = threading.Semaphore(0)
for _ in range(streams):
    chat.sendChatMessageStream(request).subscribe(lambda item: delivered.release())
for _ in range(streams):
    delivered.acquire()
print("the end", flush=True)
"""


@rows("dispose", plain_and_tls("on interpreter exit", "解释器退出时"))
def test_a_program_ends_with_streams_open(seen: Seen, *, secure: bool) -> None:
    """A program ends with streams open that go on and on."""
    streams = 20
    pause = threading.Event()

    def script(peer: Peer) -> None:
        if peer.receive():
            peer.send(STREAM_HEAD)
            while True:
                peer.send(FIRST)
                pause.wait(0.005)

    verify = sockets.tls()[1] if secure else ""
    with server_of(script, secure=secure) as server:
        with python("-c", CHILD, server.url, verify, str(streams)) as child:
            assert child.stdout is not None
            assert child.stderr is not None
            seen.equal("stdout", child.stdout.readline(), "the end\n")
            with seen.timing():
                child.wait(TIMEOUT)
            seen.equal("stderr", child.stderr.read(), "")
        seen.equal("exit code", child.returncode, 0)
    seen.within("exit", seen.ms or 0.0, 1000.0)
    seen.ended = "exit 0"
    seen.figures["streams"] = streams
