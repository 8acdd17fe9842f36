"""Every way of leaving a stream, and what the server keeps of its answer."""

from __future__ import annotations

import asyncio
import functools
import threading
import time
from collections.abc import Callable

from dify_java_compat import ChatMessageSendCompletionResponse as Item
from dify_java_compat import RequestsDifyChat, aiterate, iterate

from .live import LONG, Live

# leaves a stream at its third piece of text, and gives the id of its conversation
Way = Callable[[RequestsDifyChat, Live], str | None]
PIECES = 3


def _is_text(item: Item) -> bool:
    return bool(item.answer) and item.event != "message_replace"


def take(chat: RequestsDifyChat, live: Live) -> str | None:
    stream = chat.sendChatMessageStream(live.question(LONG))
    return stream.filter(_is_text).take(PIECES).run().conversation_id


def loop(chat: RequestsDifyChat, live: Live) -> str | None:
    pieces = 0
    for item in iterate(chat.sendChatMessageStream(live.question(LONG))):
        pieces += _is_text(item)
        if pieces == PIECES:
            return item.conversation_id
    raise AssertionError("the answer was too short to be left")


def dispose(chat: RequestsDifyChat, live: Live) -> str | None:
    """From another thread; nothing may be delivered afterwards."""
    seen: list[Item] = []
    enough, failures = threading.Event(), list[Exception]()

    def on_next(item: Item) -> None:
        seen.append(item)
        if sum(map(_is_text, seen)) >= PIECES:
            enough.set()

    def on_error(error: Exception) -> None:
        failures.append(error)
        enough.set()

    subscription = chat.sendChatMessageStream(live.question(LONG)).subscribe(on_next, on_error)
    assert enough.wait(live.wait), "three pieces of text did not come"
    subscription.dispose()
    count = len(seen)
    time.sleep(live.settle / 4)
    assert not failures, failures
    assert len(seen) == count, "items were delivered after dispose()"
    return seen[-1].conversation_id


def cancel(chat: RequestsDifyChat, live: Live) -> str | None:
    """A task that reads is cancelled."""

    async def read(ids: list[str | None]) -> None:
        pieces = 0
        async for item in aiterate(chat.sendChatMessageStream(live.question(LONG))):
            pieces += _is_text(item)
            if pieces == PIECES:
                ids.append(item.conversation_id)
                await asyncio.Event().wait()

    async def main() -> str | None:
        ids: list[str | None] = []
        task = asyncio.create_task(read(ids))
        end = time.monotonic() + live.wait
        while not ids and not task.done() and time.monotonic() < end:
            await asyncio.sleep(0.02)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert ids, "three pieces of text did not come"
        return ids[0]

    return asyncio.run(main())


def stop(chat: RequestsDifyChat, live: Live) -> str | None:
    """Stopped by hand, and read to the end."""
    pieces = 0
    for item in chat.sendChatMessageStream(live.question(LONG)):
        pieces += _is_text(item)
        if pieces == PIECES:
            chat.stopMessagesStream(None, item.task_id, live.user)
    return item.conversation_id


WAYS: dict[str, tuple[Way, bool]] = {
    "take": (take, False),
    "leave a loop": (loop, False),
    "dispose": (dispose, False),
    "cancel a task": (cancel, False),
    "dispose with stop_on_dispose": (dispose, True),
    "stop, and read on": (stop, False),
}


def leave(live: Live, *, role: str, way: Way, stops: bool) -> str:
    with live.chat(role, stop_on_dispose=stops) as chat:
        conversation_id = way(chat, live)
        kept = live.stored(chat, conversation_id)
    assert kept is not None, "the message is not stored at all"
    return f"stored: {len(kept.answer or '')} characters, status {kept.status}"


LEAVING = {
    f"{name} ({role})": functools.partial(leave, role=role, way=way, stops=stops)
    for role in ("chat", "agent", "chatflow")
    for name, (way, stops) in WAYS.items()
}
