"""A task that is cancelled cancels its request, whatever that does at the moment."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from collections.abc import Coroutine
from typing import Any

import pytest

from dify_java_compat import AsyncDifyChat, ClientConfig, RequestsDifyChat
from dify_java_compat._http import connect, retry
from dify_java_compat._http.cancellation import Cancellation, add_to_current
from tests.support import TIMEOUT, sockets
from tests.support.facades import CHAT, Facade, both_facades
from tests.support.frames import (
    MESSAGE_END,
    STREAM_HEAD,
    chunk,
    message,
    response,
)
from tests.support.server import Peer, Script, ScriptedServer
from tests.support.watching import join_streams, request, wait_until

OK = response()
AT_ONCE = 0.5  # seconds; ten times what is promised


async def cancelled(task: asyncio.Task[Any]) -> None:
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def event_is_set(event: threading.Event, seconds: float = TIMEOUT) -> None:
    assert await asyncio.to_thread(event.wait, seconds)


class Silent:
    """A server that gives no response to its first request, and knows when that is cancelled."""

    def __init__(self, begin: bytes = b"") -> None:
        self.received = threading.Event()
        self.closed = threading.Event()
        self._begin = begin
        self._is_first = True

    def __call__(self, peer: Peer) -> None:
        while peer.receive():
            if not self._is_first:
                peer.send(OK)
                continue
            self._is_first = False
            peer.send(self._begin)
            self.received.set()
            peer.wait_closed()
            self.closed.set()


def one_worker(server: ScriptedServer, facade: Facade = CHAT, **settings: Any) -> Any:
    return facade.client(server.url, ClientConfig(async_workers=1, **settings), api_key="app-k")


@pytest.mark.parametrize(
    "begin",
    [
        b"",
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{",
        STREAM_HEAD + chunk(message("a")),
        b"HTTP/1.1 500 X\r\nContent-Length: 99\r\n\r\n{",
    ],
    ids=["silent", "half a head", "half a body", "a stream in its place", "half an error"],
)
@both_facades
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_the_socket_is_shut_and_the_thread_is_free(
    facade: Facade, begin: bytes, scheme: str
) -> None:
    silent = Silent(begin)

    async def ask(client: Any) -> None:
        task = asyncio.create_task(facade.send(client.aio))
        await event_is_set(silent.received)
        at = time.monotonic()
        await cancelled(task)
        await facade.send(client.aio)  # on the one thread there is
        await event_is_set(silent.closed)
        assert time.monotonic() - at < AT_ONCE

    context, authority = sockets.tls() if scheme == "https" else (None, None)
    with ScriptedServer(silent, context) as server:
        with one_worker(server, facade, verify=authority) as client:
            asyncio.run(ask(client))
        assert len(server.requests) == 2


def test_a_timeout_of_wait_for_cancels_too() -> None:
    silent = Silent()

    async def ask(chat: AsyncDifyChat) -> None:
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(chat.send(request()), 0.2)
        await event_is_set(silent.closed, AT_ONCE)
        assert (await chat.send(request())).answer == "yes"

    with ScriptedServer(silent) as server, one_worker(server) as chat:
        asyncio.run(ask(chat.aio))


def test_the_end_of_the_loop_cancels_too() -> None:
    silent = Silent()

    async def leave(chat: AsyncDifyChat) -> asyncio.Task[Any]:
        task = asyncio.create_task(chat.send(request()))
        await event_is_set(silent.received)
        return task  # `asyncio.run` cancels what is left

    with ScriptedServer(silent) as server, one_worker(server) as chat:
        assert asyncio.run(leave(chat.aio)).cancelled()
        assert silent.closed.wait(AT_ONCE)


def test_a_call_that_waits_for_a_thread_never_starts() -> None:
    silent = Silent()

    async def ask(chat: AsyncDifyChat) -> None:
        first = asyncio.create_task(chat.send(request()))
        await event_is_set(silent.received)
        waiting = [asyncio.create_task(chat.send(request(content="late"))) for _ in range(20)]
        await asyncio.sleep(0)  # they are in the queue
        at = time.monotonic()
        for task in waiting:
            await cancelled(task)
        assert time.monotonic() - at < AT_ONCE
        await cancelled(first)
        assert (await chat.send(request(content="last"))).answer == "yes"

    with ScriptedServer(silent) as server, one_worker(server) as chat:
        asyncio.run(ask(chat.aio))
        assert [received.json["query"] for received in server.requests] == ["你好", "last"]


def test_a_call_that_connects_is_cancelled_unsent(monkeypatch: pytest.MonkeyPatch) -> None:
    connecting = threading.Event()

    def wait_for_write(sock: Any, timeout: float) -> bool:
        connecting.set()
        return original(sock, timeout)

    original = connect.wait_for_write
    monkeypatch.setattr(connect, "wait_for_write", wait_for_write)

    async def ask(chat: AsyncDifyChat) -> None:
        task = asyncio.create_task(chat.send(request()))
        await event_is_set(connecting)
        at = time.monotonic()
        await cancelled(task)
        await chat.aclose()
        while thread := next(iter(dify_threads()), None):
            await asyncio.to_thread(thread.join, TIMEOUT)
        assert time.monotonic() - at < AT_ONCE

    with sockets.full_listener() as port:
        with RequestsDifyChat(f"http://127.0.0.1:{port}", api_key="app-k") as chat:
            asyncio.run(ask(chat.aio))


def dify_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "dify-async"]


def test_a_call_that_waits_to_be_sent_again_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    refused, delayed = threading.Event(), threading.Event()

    def delay_before(*args: Any) -> float | None:
        delayed.set()
        return original(*args)

    original = retry.delay_before
    monkeypatch.setattr(retry, "delay_before", delay_before)

    def script(peer: Peer) -> None:
        while peer.receive():
            if refused.is_set():
                peer.send(OK)
            else:
                again = "Retry-After: 20\r\n"
                peer.send(response(b"{}", "503 X", headers=again))
                refused.set()

    async def ask(chat: AsyncDifyChat) -> None:
        task = asyncio.create_task(chat.info())
        await event_is_set(delayed)
        at = time.monotonic()
        await cancelled(task)
        await chat.send(request())
        assert time.monotonic() - at < AT_ONCE

    with ScriptedServer(script) as server, one_worker(server) as chat:
        asyncio.run(ask(chat.aio))
        assert [received.method for received in server.requests] == ["GET", "POST"]


@both_facades
def test_a_call_by_stream_is_disposed_of_and_its_run_is_stopped(facade: Facade) -> None:
    begun, stopped = threading.Event(), threading.Event()

    def script(peer: Peer) -> None:
        while received := peer.receive():
            if received.target.endswith("/stop"):
                assert received.target == facade.stop_path
                stopped.set()
                peer.send(response(b'{"result":"success"}'))
            else:
                peer.send(STREAM_HEAD + chunk(message("a")))
                begun.set()
                stopped.wait(TIMEOUT)
                peer.send(chunk(MESSAGE_END) + b"0\r\n\r\n")

    async def ask(client: Any) -> None:
        task = asyncio.create_task(facade.send(client))
        await event_is_set(begun)
        at = time.monotonic()
        await cancelled(task)
        assert time.monotonic() - at < AT_ONCE
        await event_is_set(stopped)

    with ScriptedServer(script) as server:
        with one_worker(server, facade, blocking_via_stream=True, stop_on_dispose=True) as chat:
            asyncio.run(ask(chat.aio))
        join_streams()


@both_facades
def test_the_place_of_a_stream_is_free(facade: Facade) -> None:
    silent = Silent(STREAM_HEAD + chunk(message("a")))

    async def ask(chat: Any) -> None:
        streaming = chat.with_options(blocking_via_stream=True)
        task = asyncio.create_task(facade.send(streaming.aio))
        await event_is_set(silent.received)
        await cancelled(task)
        await event_is_set(silent.closed, AT_ONCE)
        granted = asyncio.Event()
        loop = asyncio.get_running_loop()
        slot = chat._transport.streams.acquire(lambda: loop.call_soon_threadsafe(granted.set))
        assert slot is not None
        if not slot.is_granted:
            await asyncio.wait_for(granted.wait(), AT_ONCE)
        slot.release()

    with ScriptedServer(silent) as server, one_worker(server, facade, max_requests=1) as chat:
        asyncio.run(ask(chat))
        join_streams()


@pytest.mark.parametrize("collected", [False, True], ids=["responds", "is thrown away"])
def test_a_loop_that_is_closed_meanwhile_leaves_nothing(collected: bool) -> None:
    received, may_respond = threading.Event(), threading.Event()

    def script(peer: Peer) -> None:
        while peer.receive():
            received.set()
            may_respond.wait(TIMEOUT)
            peer.send(OK)

    def closed_loop(call: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        loop = asyncio.new_event_loop()
        task = loop.create_task(call)
        loop.run_until_complete(event_is_set(received))
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()
        task._log_destroy_pending = False  # type: ignore[attr-defined]  # asyncio's own warning
        return task

    failures: list[Any] = []
    with ScriptedServer(script) as server, one_worker(server) as chat:
        task = closed_loop(chat.aio.send(request()))
        [thread] = dify_threads()
        hook, threading.excepthook = threading.excepthook, failures.append
        try:
            if collected:
                del task
                gc.collect()
            may_respond.set()
            assert asyncio.run(chat.aio.send(request())).answer == "yes"
            chat.close()
            thread.join(TIMEOUT)
        finally:
            threading.excepthook = hook
    assert not failures
    assert not dify_threads()


def test_many_cancelled_at_random_leave_nothing_behind() -> None:
    def script(peer: Peer) -> None:
        while received := peer.receive():
            if b"late" in received.body:  # of which a part may have come
                peer.closing.wait(0.01)
            peer.send(OK)

    async def ask(chat: AsyncDifyChat) -> None:
        ends = {"done": 0, "cancelled": 0}

        async def one(number: int) -> None:
            call = chat.send(request(content="late" if number % 2 else "soon"))
            try:
                result = await asyncio.wait_for(call, 0.001 * (number % 30))
                assert result.answer == "yes"
                ends["done"] += 1
            except (asyncio.TimeoutError, TimeoutError):
                ends["cancelled"] += 1

        await asyncio.gather(*map(one, range(300)))
        assert ends["cancelled"] > 0
        assert sum(ends.values()) == 300
        assert (await chat.send(request(content="soon"))).answer == "yes"

    config = ClientConfig(async_workers=8, max_retries=0)
    with ScriptedServer(script) as server:
        with RequestsDifyChat(server.url, config, api_key="app-k") as chat:
            asyncio.run(ask(chat.aio))
            workers = chat._workers
            assert len(dify_threads()) <= 8
        wait_until(lambda: not dify_threads())
        assert not workers._jobs
        assert not workers._busy


# -- the exchanges of a call -------------------------------------------------------------------


class FakeExchange:
    def __init__(self) -> None:
        self.cancels = 0

    def cancel(self) -> None:
        self.cancels += 1


def test_an_exchange_of_another_thread_or_of_no_call_is_left_alone() -> None:
    inside, outside, elsewhere = FakeExchange(), FakeExchange(), FakeExchange()
    cancellation = Cancellation()
    with cancellation:
        add_to_current(inside)
        thread = threading.Thread(target=add_to_current, args=(elsewhere,))
        thread.start()
        thread.join()
    add_to_current(outside)
    cancellation.cancel()
    cancellation.cancel()
    assert (inside.cancels, outside.cancels, elsewhere.cancels) == (1, 0, 0)


def test_an_exchange_that_comes_after_the_cancelling_is_cancelled_too() -> None:
    cancellation, late = Cancellation(), FakeExchange()
    cancellation.cancel()
    with cancellation:
        add_to_current(late)
    assert late.cancels == 1


def test_a_call_within_a_call_is_part_of_the_inner_one() -> None:
    outer, inner = Cancellation(), Cancellation()
    first, second, third = FakeExchange(), FakeExchange(), FakeExchange()
    with outer:
        add_to_current(first)
        with inner:
            add_to_current(second)
        add_to_current(third)
    outer.cancel()
    assert (first.cancels, second.cancels, third.cancels) == (1, 0, 1)


def test_a_request_that_was_never_sent_is_not_sent() -> None:
    script: Script = lambda peer: peer.wait_closed()  # noqa: E731
    with ScriptedServer(script) as server, one_worker(server, max_retries=5) as chat:
        cancellation = Cancellation()
        cancellation.cancel()
        with cancellation, pytest.raises(Exception, match="cancelled before it was sent"):
            chat.send(request())
        assert not server.requests
