"""The operators on streams of real sockets: what they send, and when they leave it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import aclosing
from typing import Any

import pytest
from reactivex import operators as ops

from dify_java_compat import (
    ChatMessageSendCompletionResponse,
    RequestsDifyChat,
    ServerErrorException,
    StreamInterruptedException,
    aiterate,
    iterate,
)
from dify_java_compat import operators as dify_ops
from dify_java_compat.emulator import DifyEmulator, faults
from tests.support import TIMEOUT
from tests.support.frames import LAST_CHUNK, MESSAGE_END, STREAM_HEAD, chunk, message
from tests.support.server import Peer, ScriptedServer
from tests.support.watching import Watcher, join_streams, request, wait_until

from .rx_support import events_of, timer_threads


@pytest.fixture(autouse=True)
def nothing_remains() -> Iterator[None]:
    yield
    join_streams()
    wait_until(lambda: not timer_threads())


def posts(dify: DifyEmulator) -> int:
    return sum(each.method == "POST" for each in dify.requests)


def by_dispose(stream: Any) -> None:
    watcher = Watcher(stream)
    watcher.wait_for_items(1)
    watcher.subscription.dispose()


def by_take(stream: Any) -> None:
    stream.pipe(ops.take(1)).run()


def by_loop(stream: Any) -> None:
    for _ in iterate(stream):
        break


def by_async_loop(stream: Any) -> None:
    async def consume() -> None:
        async with aclosing(aiterate(stream)) as items:
            async for _ in items:
                break

    asyncio.run(consume())


@pytest.mark.parametrize("leave", [by_dispose, by_take, by_loop, by_async_loop])
def test_a_stream_that_is_disposed_of_calls_the_action_once(
    leave: Any, dify_emulator: DifyEmulator, dify_chat: RequestsDifyChat
) -> None:
    dify_emulator.fault(faults.Stall(after_events=2))
    called: list[str] = []
    stream = dify_chat.sendChatMessageStream(request())
    leave(stream.pipe(dify_ops.do_on_cancel(lambda: called.append("cancelled"))))
    join_streams()  # with `run()` it is called a moment later, in the stream's thread
    assert called == ["cancelled"]
    assert posts(dify_emulator) == 1


@pytest.mark.parametrize("fault", [None, faults.Cut(after_events=2)])
def test_a_stream_that_ends_does_not_call_it(
    fault: Any, dify_emulator: DifyEmulator, dify_chat: RequestsDifyChat
) -> None:
    if fault is not None:
        dify_emulator.fault(fault)
    called: list[str] = []
    stream = dify_chat.sendChatMessageStream(request())
    Watcher(stream.pipe(dify_ops.do_on_cancel(lambda: called.append("cancelled")))).wait()
    join_streams()
    assert called == []


def test_a_stream_without_items_of_interest_switches(
    dify_emulator: DifyEmulator, dify_chat: RequestsDifyChat
) -> None:
    stream = dify_chat.sendChatMessageStream(request())
    nothing = stream.pipe(ops.filter(lambda item: item.event == "no such event"))
    last = nothing.pipe(dify_ops.switch_if_empty(stream)).run()
    assert last.event == "message_end"
    assert posts(dify_emulator) == 2


def test_the_events_of_a_chatflow_node_by_node(dify_emulator: DifyEmulator) -> None:
    with RequestsDifyChat(dify_emulator.base_url, api_key="app-chatflow") as chat:
        stream = chat.sendChatMessageStream(request())
        buffers = dify_ops.buffer_until(lambda item: item.event == "node_finished")
        lists = stream.pipe(buffers, ops.to_list()).run()
    assert [items[-1].event for items in lists[:-1]] == ["node_finished"] * 3
    assert lists[-1][-1].event == "workflow_finished"


@pytest.mark.parametrize(
    ("failures", "sent", "ends_well"), [(0, 1, True), (2, 3, True), (3, 3, False)]
)
def test_as_many_requests_are_sent_as_there_are_attempts(
    failures: int,
    sent: int,
    ends_well: bool,
    dify_emulator: DifyEmulator,
    dify_chat: RequestsDifyChat,
) -> None:
    if failures:
        dify_emulator.fault(faults.Status(503), times=failures)
    policy = dify_ops.backoff(2, 0.001, only=ServerErrorException)
    stream = dify_chat.sendChatMessageStream(request())
    watcher = Watcher(stream.pipe(dify_ops.retry_when(policy))).wait()
    assert posts(dify_emulator) == sent
    assert watcher.completed == ends_well
    assert ends_well or type(watcher.error) is ServerErrorException


def test_an_error_that_is_not_worth_it_sends_nothing_again(
    dify_emulator: DifyEmulator, dify_chat: RequestsDifyChat
) -> None:
    dify_emulator.fault(faults.Cut(after_events=2), times=None)
    policy = dify_ops.backoff(5, 0.001, only=ServerErrorException)
    stream = dify_chat.sendChatMessageStream(request())
    watcher = Watcher(stream.pipe(dify_ops.retry_when(policy))).wait()
    assert type(watcher.error) is StreamInterruptedException
    assert posts(dify_emulator) == 1


def test_a_pause_on_an_event_loop_sends_again(
    dify_emulator: DifyEmulator, dify_chat: RequestsDifyChat
) -> None:
    dify_emulator.fault(faults.Status(503), times=2)
    retry = dify_ops.retry_when(dify_ops.backoff(2, 0.001))
    stream = dify_chat.sendChatMessageStream(request()).pipe(retry, ops.last())
    last, end = asyncio.run(events_of(stream), debug=True)
    assert (last.event, end) == ("message_end", "completed")
    assert posts(dify_emulator) == 3


def test_one_request_gives_the_items_and_the_answer(
    dify_emulator: DifyEmulator, dify_chat: RequestsDifyChat
) -> None:
    both = dify_chat.sendChatMessageStream(request()).pipe(ops.publish()).auto_connect(2)
    watcher = Watcher(both)
    whole = both.pipe(dify_ops.collected()).run()
    assert whole.answer == watcher.wait().text != ""
    assert whole.metadata is not None
    assert posts(dify_emulator) == 1


def test_a_cut_stream_has_the_answer_so_far(
    dify_emulator: DifyEmulator, dify_chat: RequestsDifyChat
) -> None:
    dify_emulator.fault(faults.Cut(after_events=2))
    dify_emulator.reply(answer=["one ", "two ", "three"])
    with pytest.raises(StreamInterruptedException) as caught:
        dify_chat.sendChatMessageStream(request()).pipe(dify_ops.collected()).run()
    assert caught.value.partial.answer == "one two "


BEAT = ChatMessageSendCompletionResponse(event="heartbeat")


@pytest.mark.parametrize("asynchronous", [False, True], ids=["loop", "async loop"])
def test_a_silent_server_is_bridged_by_heartbeats(asynchronous: bool) -> None:
    beaten = threading.Event()

    def script(peer: Peer) -> None:
        peer.receive()
        peer.send(STREAM_HEAD + chunk(message("one ")))
        assert beaten.wait(TIMEOUT)
        peer.send(chunk(message("two")) + chunk(MESSAGE_END) + LAST_CHUNK)

    def make() -> ChatMessageSendCompletionResponse:
        if server.requests:
            beaten.set()
        return BEAT

    async def consume() -> None:
        async for item in aiterate(stream):
            items.append(item)

    items: list[ChatMessageSendCompletionResponse] = []
    with ScriptedServer(script) as server, RequestsDifyChat(server.url, api_key="k") as chat:
        stream = chat.sendChatMessageStream(request()).pipe(dify_ops.heartbeat(0.05, make))
        if asynchronous:
            asyncio.run(consume())
        else:
            items += iterate(stream)
        assert len(server.requests) == 1
    assert "".join(item.answer or "" for item in items) == "one two"
    assert [item.event for item in items if item is not BEAT][-1] == "message_end"
    assert BEAT in items


def test_heartbeats_end_with_the_loop_that_wants_them(
    dify_emulator: DifyEmulator, dify_chat: RequestsDifyChat
) -> None:
    dify_emulator.fault(faults.Stall(after_events=1))
    stream = dify_chat.sendChatMessageStream(request())
    seen = []
    for item in iterate(stream.pipe(dify_ops.heartbeat(0.01))):
        seen.append(item)
        if any(seen) and seen[-3:] == [None] * 3:  # however many came before the first item
            break
    assert [item.event for item in seen if item is not None] == ["message"]
