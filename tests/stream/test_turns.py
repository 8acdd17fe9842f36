"""An event loop has its turn between items, however long the work of each takes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest
from reactivex.scheduler.eventloop import AsyncIOScheduler

from dify_java_compat import RequestsDifyChat, TimeoutException, aiterate
from dify_java_compat._stream.observable import EventStream
from tests.support.frames import chunk, message, message_end, stream
from tests.support.server import ScriptedServer, always
from tests.support.watching import request

WORK_SECONDS = 0.015  # of an item, more than a stream may take of a turn


class Turns:
    """Counts the items that come without another task having its turn in between."""

    def __init__(self) -> None:
        self.items: list[Any] = []
        self.most_in_a_row = self.in_a_row = 0

    def work(self, item: Any) -> Any:
        self.items.append(item)
        self.in_a_row += 1
        self.most_in_a_row = max(self.in_a_row, self.most_in_a_row)
        end = time.monotonic() + WORK_SECONDS
        while time.monotonic() < end:
            pass
        return item

    async def take(self) -> None:
        while True:
            await asyncio.sleep(0)
            self.in_a_row = 0


async def in_a_pipeline(stream: EventStream[Any], turns: Turns) -> None:
    async for _ in aiterate(stream.map(turns.work)):
        pass


async def in_a_body(stream: EventStream[Any], turns: Turns) -> None:
    async for item in stream:
        turns.work(item)


async def awaited(stream: EventStream[Any], turns: Turns) -> None:
    await stream.do_action(turns.work)


async def in_a_subscriber(stream: EventStream[Any], turns: Turns) -> None:
    loop = asyncio.get_running_loop()
    over: asyncio.Future[None] = loop.create_future()
    stream.subscribe(
        turns.work,
        over.set_exception,
        lambda: over.set_result(None),
        scheduler=AsyncIOScheduler(loop),
    )
    await over


WAYS: list[Callable[[EventStream[Any], Turns], Any]] = [
    in_a_pipeline,
    in_a_body,
    awaited,
    in_a_subscriber,
]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("streams", [1, 4])
@pytest.mark.parametrize("is_one_chunk", [True, False])
def test_slow_work_gives_others_their_turn(way: Any, streams: int, is_one_chunk: bool) -> None:
    events = [message(str(number)) for number in range(12)]
    raw = (
        stream(b"".join(events), message_end()) if is_one_chunk else stream(*events, message_end())
    )
    turns = Turns()

    async def main() -> None:
        other = asyncio.create_task(turns.take())
        ways = (way(chat.sendChatMessageStream(request()), turns) for _ in range(streams))
        await asyncio.gather(*ways)
        other.cancel()

    with ScriptedServer(always(raw)) as server, RequestsDifyChat(server.url, api_key="k") as chat:
        asyncio.run(main())
    assert len(turns.items) == 13 * streams
    texts = [item.answer for item in turns.items if item.event == "message"]
    assert sorted(texts) == sorted(str(number) for number in range(12) for _ in range(streams))
    if streams == 1:
        assert texts == [str(number) for number in range(12)]
    # the bodies of several loops are tasks of their own, which follow one another
    assert turns.most_in_a_row <= (2 * streams if way is in_a_body else 4)


def test_items_that_were_read_come_although_the_whole_time_is_over() -> None:
    raw = stream(b"".join(message(str(number)) for number in range(100)), message_end())
    turns = Turns()
    with ScriptedServer(always(raw)) as server, RequestsDifyChat(server.url, api_key="k") as chat:
        short = chat.with_options(call_timeout=1)
        asyncio.run(in_a_pipeline(short.sendChatMessageStream(request()), turns))
    assert len(turns.items) == 101


def test_the_whole_time_ends_a_stream_whose_items_wait() -> None:
    begun = chunk(b"".join(message(str(number)) for number in range(100)))
    raw = stream().partition(b"\r\n\r\n")[0] + b"\r\n\r\n" + begun
    turns = Turns()
    with (
        ScriptedServer(lambda peer: (peer.receive(), peer.send(raw), peer.receive())[0]) as server,
        RequestsDifyChat(server.url, api_key="k") as chat,
    ):
        short = chat.with_options(call_timeout=1)
        with pytest.raises(TimeoutException) as caught:
            asyncio.run(in_a_pipeline(short.sendChatMessageStream(request()), turns))
    assert caught.value.phase == "total"
    assert 1 <= len(turns.items) < 100
