"""Leaving a stream with stop_on_dispose: one stop, and the partial answer is kept."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
import time
from collections.abc import Callable
from datetime import timedelta

import reactivex
from reactivex import operators as ops

from dify_java_compat import (
    ChatMessagePipelineModel,
    ChatMessageSendCompletionResponse,
    ChatMessageSendRequest,
    ClientConfig,
    MessageConversationsRequest,
    MessagesRequest,
    PipelineContext,
    PipelineProcess,
    RequestsDifyChat,
    aiterate,
    iterate,
)
from dify_java_compat._stream.observable import Observable
from dify_java_compat.emulator import DifyEmulator
from tests.support import TIMEOUT
from tests.support.frames import (
    LAST_CHUNK,
    MESSAGE_END,
    STREAM_HEAD,
    chunk,
    message,
    response,
    stream,
)
from tests.support.server import Peer
from tests.support.watching import Watcher, join_streams, request

from .playing import client_of, server_of
from .table import Seen, case, row, rows
from .test_dispose import AT_ONCE, dispose, nothing_follows, plain_and_tls

Items = Observable[ChatMessageSendCompletionResponse]
Way = Callable[[Seen, Items], str]


def has_text(item: ChatMessageSendCompletionResponse) -> bool:
    return bool(item.answer)


WITH_TEXT = ops.filter(has_text)
QUESTION = "a question of some length, so that its answer takes a while: " + "word " * 40


def by_dispose(seen: Seen, items: Items) -> str:
    watcher = Watcher(items.pipe(WITH_TEXT))
    watcher.wait_for_items(3)
    count = dispose(seen, watcher)
    dispose(seen, watcher)
    nothing_follows(seen, watcher, count)
    return watcher.text


def from_on_next(seen: Seen, items: Items) -> str:
    ready = threading.Event()

    def on_item(watcher: Watcher) -> None:
        assert ready.wait(TIMEOUT)
        if len(watcher.items) == 3:
            dispose(seen, watcher)

    watcher = Watcher(items.pipe(WITH_TEXT), on_item)
    ready.set()
    watcher.wait_for_items(3)
    nothing_follows(seen, watcher, 3)
    return watcher.text


def by_take(seen: Seen, items: Items) -> str:
    return Watcher(items.pipe(WITH_TEXT, ops.take(3))).wait().text


def by_take_until(seen: Seen, items: Items) -> str:
    later = reactivex.timer(timedelta(milliseconds=300))
    return Watcher(items.pipe(ops.take_until(later))).wait().text


def by_timeout(seen: Seen, items: Items) -> str:
    """Of the whole: a list that does not come in time."""
    with contextlib.suppress(Exception):  # RxPY raises no other
        whole = items.pipe(ops.to_list())
        whole.pipe(ops.timeout(0.3)).run()
    return ""


def by_loop(seen: Seen, items: Items) -> str:
    text = ""
    for item in iterate(items):
        text += item.answer or ""
        if len(text) > 3:
            break
    return text


def by_async_loop(seen: Seen, items: Items) -> str:
    async def go() -> str:
        async with contextlib.aclosing(aiterate(items)) as loop:
            async for item in loop:
                if item.answer:
                    return item.answer
        return ""

    return asyncio.run(go())


def by_failing(seen: Seen, items: Items) -> str:
    """The consumer's own exception, which is not the stream's."""
    hook, threading.excepthook = threading.excepthook, lambda args: None

    def fail(item: ChatMessageSendCompletionResponse) -> None:
        if item.answer:
            raise KeyError("the consumer's bug")

    try:
        items.subscribe(fail)
        join_streams()
    finally:
        threading.excepthook = hook
    return ""


WAYS: list[tuple[str, str, Way]] = [
    ("by dispose, twice", "dispose 两次", by_dispose),
    ("from on_next itself", "在 on_next 中取消", from_on_next),
    ("by take(3)", "take(3) 取够之后", by_take),
    ("by take_until", "take_until 触发", by_take_until),
    ("by timeout", "timeout 超时", by_timeout),
    ("by leaving a loop", "退出循环", by_loop),
    ("by leaving an async loop", "退出异步循环", by_async_loop),
    ("by a consumer that fails", "消费者抛出异常", by_failing),
]


APPS = (
    ("chat", "a chat", "聊天助手"),
    ("agent-chat", "an agent", "Agent"),
    ("advanced-chat", "a chatflow", "Chatflow"),
)


@rows(
    "dispose",
    [
        case(
            f"{app} stopped {name}",
            f"{chinese_app}，带 stop_on_dispose：{chinese}",
            way=way,
            mode=mode,
        )
        for mode, app, chinese_app in APPS
        for name, chinese, way in WAYS
    ],
)
def test_a_stopped_answer_is_kept(seen: Seen, *, way: Way, mode: str) -> None:
    """On the emulator, whose history, as Dify's, lacks an answer that was cut and not stopped."""
    with DifyEmulator(token_pause=0.02) as dify:
        config = ClientConfig(stop_on_dispose=True)
        with RequestsDifyChat(dify.base_url, config, api_key=dify.keys[mode]) as client:
            items = client.sendChatMessageStream(
                ChatMessageSendRequest(user_id="u-1", content=QUESTION)
            )
            text = way(seen, items)
            join_streams()
            of_user = MessageConversationsRequest(user_id="u-1")
            [conversation] = client.conversations(of_user).data or []
            history = client.messages(
                MessagesRequest(user_id="u-1", conversation_id=conversation.id)
            )
            kept = (history.data or [])[0].answer or ""
            posts = [each.path for each in dify.requests if each.method == "POST"]
    stops = [path for path in posts if path.endswith("/stop")]
    seen.ended = "left"
    seen.figures.update(stops=len(stops), kept=len(kept))
    seen.equal("stops", len(stops), 1)
    seen.equal("questions", len(posts), 2)
    seen.check(kept, "nothing was kept")
    seen.check(kept.startswith(text), f"kept {kept!r:.60}, which does not begin with {text!r}")
    whole = len(QUESTION)
    seen.check(len(kept) < whole, "the answer was not stopped")


class Stoppable:
    """Streams tokens until a stop is posted, then ends as Dify does."""

    def __init__(self) -> None:
        self.stops: list[tuple[str, object]] = []
        self.finished = threading.Event()
        self._stopped = threading.Event()

    def __call__(self, peer: Peer) -> None:
        while received := peer.receive():
            if received.target.endswith("/stop"):
                self.stops.append((received.target, json.loads(received.body)))
                self._stopped.set()
                peer.send(response(b'{"result":"success"}'))
                continue
            peer.send(STREAM_HEAD + chunk(message("token")))
            while not self._stopped.wait(0.01):
                peer.send(chunk(message("token")))
            peer.send(chunk(MESSAGE_END) + LAST_CHUNK)
            self.finished.set()  # all was taken: the client stayed to the end


@rows("dispose", plain_and_tls("a stop asked for", "带 stop_on_dispose"))
def test_a_stop_is_posted_once(seen: Seen, *, secure: bool) -> None:
    """With the stream's own task and user; the rest is read to its end, unseen."""
    script = Stoppable()
    config = {"stop_on_dispose": True}
    with (
        server_of(script, secure=secure) as server,
        client_of(server, config, secure=secure) as client,
    ):
        watcher = Watcher(client.sendChatMessageStream(request()))
        watcher.wait_for_items(2)
        items = dispose(seen, watcher)
        dispose(seen, watcher)
        nothing_follows(seen, watcher, items)
        seen.check(script.finished.wait(TIMEOUT), "the stream was not read to its end")
    seen.figures["stops"] = len(script.stops)
    seen.equal("stops", script.stops, [("/v1/chat-messages/t-1/stop", {"user": "u-1"})])


class FailsAtTheThird(PipelineProcess[ChatMessagePipelineModel]):
    def __init__(self) -> None:
        self._seen = 0

    def process(self, context: PipelineContext[ChatMessagePipelineModel]) -> None:
        self._seen += 1
        if self._seen == 3:
            raise KeyError("a bug")


@row("dispose", "a process that fails, a stop asked for", "处理器抛出异常，带 stop_on_dispose")
def test_a_process_that_fails_stops_the_run(seen: Seen) -> None:
    script = Stoppable()
    with server_of(script) as server, client_of(server, {"stop_on_dispose": True}) as client:
        client.addProcess(FailsAtTheThird())
        watcher = Watcher(client.sendChatMessageStream(request())).wait()
        join_streams()
        seen.check(script.finished.wait(TIMEOUT), "the stream was not read to its end")
        seen.events = len(watcher.items)
        seen.ended_with(watcher.error)
    seen.equal("events", seen.events, 2)
    seen.equal("end", seen.ended, "PipelineException")
    seen.figures["stops"] = len(script.stops)
    seen.equal("stops", len(script.stops), 1)


@rows(
    "dispose",
    plain_and_tls("a stop asked for while waiting for headers", "等待响应头时，带 stop_on_dispose"),
)
def test_a_stop_is_posted_once_the_task_is_known(seen: Seen, *, secure: bool) -> None:
    """Disposed of while it waits for the headers, which come later than the rest may take."""
    disposed, received = threading.Event(), threading.Event()
    stops: list[str] = []

    def script(peer: Peer) -> None:
        while request := peer.receive():
            if request.target.endswith("/stop"):
                stops.append(request.target)
                peer.send(response(b'{"result":"success"}'))
                continue
            received.set()
            assert disposed.wait(TIMEOUT)
            peer.closing.wait(3 * drain)
            peer.send(stream(message("late"), MESSAGE_END)[: -len(LAST_CHUNK)])
            peer.wait_closed()

    drain = 0.1
    config = {"stop_on_dispose": True, "stop_drain_seconds": drain}
    with (
        server_of(script, secure=secure) as server,
        client_of(server, config, secure=secure) as client,
    ):
        watcher = Watcher(client.sendChatMessageStream(request()))
        assert received.wait(TIMEOUT)
        items = dispose(seen, watcher)
        disposed.set()
        nothing_follows(seen, watcher, items)
    seen.figures["stops"] = len(stops)
    seen.equal("stops", stops, ["/v1/chat-messages/t-1/stop"])


@rows(
    "dispose",
    [
        case("a stop that does not end the stream", "停止之后流仍不结束", status="200 OK"),
        case("a stop that is refused", "停止请求被拒绝", status="500 INTERNAL"),
    ],
)
def test_a_stop_that_does_not_end_the_stream(seen: Seen, *, status: str) -> None:
    """The server takes or refuses the stop and goes on: the stream is cut after a while."""
    closed = threading.Event()
    stops = [0]

    def script(peer: Peer) -> None:
        while received := peer.receive():
            if received.target.endswith("/stop"):
                stops[0] += 1
                peer.send(response(b'{"result":"success"}', status))
                continue
            peer.send(STREAM_HEAD + chunk(message("x")))
            peer.wait_closed()
            closed.set()

    config = {"stop_on_dispose": True, "stop_drain_seconds": 0.3}
    with server_of(script) as server, client_of(server, config) as client:
        watcher = Watcher(client.sendChatMessageStream(request()))
        watcher.wait_for_items(1)
        items = dispose(seen, watcher)
        since = time.perf_counter()
        seen.check(closed.wait(TIMEOUT), "the connection stays")
        stayed = (time.perf_counter() - since) * 1000
        nothing_follows(seen, watcher, items)
    seen.within("left", stayed, 300 + 5 * AT_ONCE)
    seen.figures.update(stops=stops[0], stayed_ms=f"{stayed:.0f}")
    seen.equal("stops", stops[0], 1)


@rows(
    "dispose",
    [
        case(
            "no stop after completion",
            "正常完成后不再发送停止请求",
            frames=stream(message("x"), MESSAGE_END),
            ended="completed",
        ),
        case(
            "no stop after an exception",
            "异常结束后不再发送停止请求",
            frames=STREAM_HEAD + chunk(message("x")),
            ended="StreamInterruptedException",
        ),
    ],
)
def test_no_stop_after_the_end(seen: Seen, *, frames: bytes, ended: str) -> None:
    """What has ended needs no stop."""

    def script(peer: Peer) -> None:
        if peer.receive():
            peer.send(frames)

    with server_of(script) as server, client_of(server, {"stop_on_dispose": True}) as client:
        watcher = Watcher(client.sendChatMessageStream(request())).wait()
        dispose(seen, watcher)
        join_streams()
        seen.events = len(watcher.items)
        seen.ended_with(watcher.error)
        seen.equal("end", seen.ended, ended)
        seen.figures["stops"] = len(server.requests) - 1
        seen.equal("requests", len(server.requests), 1)


@row(
    "dispose",
    "left during the pause before a retry, a stop asked for",
    "重试前的等待中，带 stop_on_dispose",
)
def test_disposed_of_in_the_pause_before_a_retry(seen: Seen) -> None:
    """A refused request is not at work: nothing to stop, and it is not sent again."""
    refused = threading.Event()

    def script(peer: Peer) -> None:
        while peer.receive():
            body = b'{"code":"too_many_requests","message":"later"}'
            peer.send(response(body, "429 X", headers="Retry-After: 20\r\n"))
            refused.set()

    with server_of(script) as server, client_of(server, {"stop_on_dispose": True}) as client:
        watcher = Watcher(client.sendChatMessageStream(request()))
        assert refused.wait(TIMEOUT)
        items = dispose(seen, watcher)
        nothing_follows(seen, watcher, items)
        seen.figures["requests"] = len(server.requests)
        seen.equal("requests", len(server.requests), 1)
