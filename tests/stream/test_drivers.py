"""What drives streams, where the system has no more to give, and where a driver is left or ends."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import selectors
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from reactivex import operators as ops
from reactivex.scheduler.eventloop import AsyncIOScheduler

from dify_java_compat import ClientConfig, RequestsDifyChat, TimeoutException, aiterate, iterate
from dify_java_compat._http import polled, threads
from dify_java_compat._http.openers import Openers
from dify_java_compat._stream.drain import Drain
from tests.support import TIMEOUT, processes
from tests.support.frames import (
    LAST_CHUNK,
    MESSAGE_END,
    PING,
    STREAM_HEAD,
    chunk,
    chunks,
    message,
    response,
    stream,
)
from tests.support.server import Peer, Script, ScriptedServer, always
from tests.support.watching import Watcher, join_streams, request, wait_until

WHOLE = stream(message("one"), MESSAGE_END)


@contextlib.contextmanager
def chatting(script: Script, **config: Any) -> Iterator[tuple[RequestsDifyChat, ScriptedServer]]:
    with ScriptedServer(script) as server:
        with RequestsDifyChat(server.url, ClientConfig(**config), api_key="app-test") as chat:
            yield chat, server
        join_streams()


class Run:
    """Streams until the client leaves or stops the run; `rest` is then sent, or nothing."""

    def __init__(self, pace: float = 0.01) -> None:
        self.left, self.stopped = threading.Event(), threading.Event()
        self.stops: list[str] = []
        self._pace = pace

    def __call__(self, peer: Peer) -> None:
        while received := peer.receive():
            if received.target.endswith("/stop"):
                self.stops.append(received.target.split("/")[-2])
                peer.send(response(b'{"result":"success"}'))
                self.stopped.set()
                continue
            peer.send(STREAM_HEAD)
            try:
                while not self.stopped.wait(self._pace):
                    peer.send(chunk(message("x")))
                peer.send(LAST_CHUNK)
            except OSError:
                self.left.set()
                raise


def test_a_stop_that_is_answered_without_end_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dify_java_compat.client.streaming._STOP_SECONDS", 0.2)
    left = threading.Event()

    def script(peer: Peer) -> None:
        received = peer.receive()
        peer.send(STREAM_HEAD + chunk(message("x")))
        is_stop = received is not None and received.target.endswith("/stop")
        try:
            while not left.wait(0.01):
                peer.send(chunk(message("x")))
        except OSError:
            if is_stop:
                left.set()

    with chatting(script, stop_on_dispose=True, stop_drain_seconds=0.1) as (chat, _):
        watcher = Watcher(chat.sendChatMessageStream(request()))
        wait_until(lambda: watcher.items)
        watcher.subscription.dispose()
        assert left.wait(TIMEOUT)


# -- the system has no more ------------------------------------------------------------------------


def refuse(patch: pytest.MonkeyPatch) -> None:
    def start(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    patch.setattr(threading.Thread, "start", start)


def test_what_cannot_be_begun_for_want_of_a_thread_is_not_begun_later() -> None:
    with chatting(always(WHOLE)) as (chat, server):
        with pytest.MonkeyPatch.context() as patch:
            refuse(patch)
            refused = Watcher(chat.sendChatMessageStream(request(content="refused")))
        assert isinstance(refused.wait().error, RuntimeError)
        assert Watcher(chat.sendChatMessageStream(request(content="later"))).wait().completed
        assert [each.json["query"] for each in server.requests] == ["later"]


def test_a_reader_that_cannot_be_started_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the socket cannot be polled a thread reads: without one the stream ends."""

    def start(*_: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(polled, "start_thread", start)
    monkeypatch.setattr(
        "dify_java_compat._http.connection._POLLABLE", ()
    )  # as that of a proxy within TLS
    monkeypatch.setattr("dify_java_compat._http.adapter.Adapter.direct_pool", lambda *_: None)
    with chatting(always(WHOLE)) as (chat, _):
        assert isinstance(Watcher(chat.sendChatMessageStream(request())).wait().error, RuntimeError)


@pytest.mark.parametrize("what", ["DefaultSelector", "socketpair", "register"])
@pytest.mark.parametrize("read", ["subscribed", "piped"])
def test_a_stream_is_read_where_there_are_no_descriptors_for_its_selector(
    monkeypatch: pytest.MonkeyPatch, what: str, read: str
) -> None:
    kind = selectors.DefaultSelector
    register = kind.register
    refused = threading.Event()

    def full(*arguments: Any) -> Any:
        if what == "register" and arguments[-1] is None:  # what wakes it
            return register(*arguments)
        refused.set()
        raise OSError(errno.EMFILE, "Too many open files")

    def script(peer: Peer) -> None:
        while peer.receive():
            assert refused.wait(TIMEOUT)
            peer.send(WHOLE)

    with chatting(script) as (chat, _):
        with monkeypatch.context() as patch:
            holders = {"DefaultSelector": selectors, "socketpair": socket, "register": kind}
            patch.setattr(holders[what], what, full)
            stream = chat.sendChatMessageStream(request()).pipe(ops.map(lambda item: item))
            if read == "piped":
                assert len(list(iterate(stream))) == 2
            else:
                assert Watcher(stream).wait().completed
        assert Watcher(chat.sendChatMessageStream(request())).wait().completed


def test_no_thread_is_started_while_the_interpreter_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """Older interpreters would wait for it for ever."""
    monkeypatch.setattr(sys, "is_finalizing", lambda: True)
    with pytest.raises(RuntimeError, match="ends"):
        threads.start_thread(lambda: None, "late")


def test_a_job_that_hangs_keeps_no_other_from_an_opener() -> None:
    """Though both came before the one idle opener had woken up."""
    pool, may_end, ran = Openers(), threading.Event(), threading.Event()
    pool.submit(ran.set)
    assert ran.wait(TIMEOUT)
    wait_until(lambda: pool._idle)
    other = threading.Event()
    with pool._changed:
        pool.submit(may_end.wait)
        pool.submit(other.set)
    assert other.wait(TIMEOUT)
    may_end.set()
    pool.close()


# -- times -----------------------------------------------------------------------------------------


def subscribed(stream: Any) -> BaseException | None:
    return Watcher(stream).wait().error


def through_a_pipe(stream: Any) -> BaseException | None:
    with pytest.raises(TimeoutException) as raised:
        list(iterate(stream.pipe(ops.map(lambda item: item))))
    return raised.value


def in_an_event_loop(stream: Any) -> BaseException | None:
    async def read() -> None:
        async for _ in stream:
            pass

    with pytest.raises(TimeoutException) as raised:
        asyncio.run(read())
    return raised.value


WAYS = pytest.mark.parametrize("read", [subscribed, through_a_pipe, in_an_event_loop])


@WAYS
def test_the_first_event_brings_the_time_of_the_next(read: Callable[[Any], Any]) -> None:
    """Pings alone may last long; behind an event silence is shorter."""

    def script(peer: Peer) -> None:
        peer.receive()
        peer.send(STREAM_HEAD + chunk(PING))
        time.sleep(0.1)
        peer.send(chunk(message("x")))
        peer.wait_closed()

    with chatting(script, sse_read_timeout=0.3, first_event_timeout=2 * TIMEOUT) as (chat, _):
        begun = time.monotonic()
        error = read(chat.sendChatMessageStream(request()))
        assert getattr(error, "phase", None) == "idle"
        assert time.monotonic() - begun < TIMEOUT


@WAYS
def test_a_stream_that_always_has_more_stops_no_clock(read: Callable[[Any], Any]) -> None:
    block = chunks(*[message("x" * 50)] * 300)

    def script(peer: Peer) -> None:
        peer.receive()
        peer.send(STREAM_HEAD)
        with contextlib.suppress(OSError):
            while not peer.closing.is_set():
                peer.send(block)

    with chatting(script, call_timeout=0.5) as (chat, _):
        error = read(chat.sendChatMessageStream(request()))
        assert getattr(error, "phase", None) == "total"


def test_a_timer_of_an_operator_fires_beside_a_stream_that_always_has_more() -> None:
    def script(peer: Peer) -> None:
        peer.receive()
        peer.send(STREAM_HEAD)
        with contextlib.suppress(OSError):
            while not peer.closing.is_set():
                peer.send(chunks(*[message("x")] * 100))

    with chatting(script) as (chat, _):
        for items in chat.sendChatMessageStream(request()).pipe(ops.buffer_with_time(0.05)):
            assert items
            break


# -- a caller's loop in several threads ------------------------------------------------------------


def test_a_generator_may_go_from_thread_to_thread() -> None:
    """As in a pool that asks for each item of a response in any of its threads."""
    body = STREAM_HEAD + chunks(*[message("x")] * 2000, MESSAGE_END) + LAST_CHUNK
    with chatting(always(body)) as (chat, _):
        items = iterate(chat.sendChatMessageStream(request()).pipe(ops.map(lambda item: item)))
        pools = [ThreadPoolExecutor(1) for _ in range(3)]
        count = 0
        while pools[count % 3].submit(next, items, None).result(TIMEOUT) is not None:
            count += 1
        assert count == 2001
        for pool in pools:
            pool.shutdown()


# -- an event loop that is closed ------------------------------------------------------------------


@pytest.mark.parametrize("stops", [False, True])
@pytest.mark.parametrize("when", ["before", "after", "never"])
@pytest.mark.parametrize("how", ["iterated", "subscribed"])
def test_a_closed_event_loop_leaves_nothing_behind(how: str, when: str, stops: bool) -> None:
    """Left just before, what is to be done is still in the loop as it is closed."""
    run = Run()
    with chatting(run, max_requests=1, stop_on_dispose=stops) as (chat, _):
        loop = asyncio.new_event_loop()
        stream = chat.sendChatMessageStream(request())
        if how == "iterated":
            items = aiterate(stream)
            loop.run_until_complete(items.__anext__())
            leave = items._reading.close  # type: ignore[union-attr] # as its collection does
        else:
            seen = asyncio.Event()
            leave = stream.subscribe(lambda _: seen.set(), scheduler=AsyncIOScheduler(loop)).dispose
            loop.run_until_complete(seen.wait())
        if when == "before":
            leave()
        loop.close()
        if when == "after":
            leave()
        assert (run.stopped if stops else run.left).wait(TIMEOUT)
        join_streams()
    assert run.stops == ["t-1"] * stops


def test_what_is_shared_survives_the_event_loop_of_the_first_subscriber() -> None:
    go_on = threading.Event()

    def script(peer: Peer) -> None:
        peer.receive()
        peer.send(STREAM_HEAD + chunk(message("one")))
        assert go_on.wait(TIMEOUT)
        peer.send(chunks(message("two"), MESSAGE_END) + LAST_CHUNK)

    with chatting(script) as (chat, _):
        shared = chat.sendChatMessageStream(request()).share()
        loop = asyncio.new_event_loop()
        seen = asyncio.Event()
        shared.subscribe(lambda _: seen.set(), scheduler=AsyncIOScheduler(loop))
        second = Watcher(shared)
        loop.run_until_complete(seen.wait())
        loop.close()
        go_on.set()
        assert second.wait().completed
        assert second.text == "onetwo"


# -- a process that is forked, or ends -------------------------------------------------------------


@pytest.mark.skipif(not hasattr(os, "fork"), reason="POSIX")
@pytest.mark.parametrize("how", ["piped", "plain", "subscribed"])
def test_a_child_that_leaves_a_stream_leaves_it_to_its_parent(how: str) -> None:
    run = Run()
    with chatting(run, stop_on_dispose=True) as (chat, _):
        stream = chat.sendChatMessageStream(request())
        if how == "subscribed":
            watcher = Watcher(stream)
            watcher.wait_for_items(1)
            leave: Callable[[], None] = watcher.subscription.dispose
        else:
            items = iterate(stream.pipe(ops.map(lambda item: item)) if how == "piped" else stream)
            next(items)
            leave = items.close
        child = processes.fork()
        if not child:  # pragma: no cover
            status = 1
            with contextlib.suppress(BaseException):
                leave()
                time.sleep(0.2)
                status = 0
            os._exit(status)
        assert os.waitpid(child, 0)[1] == 0
        assert not run.stops
        assert not run.left.is_set()
        if how == "subscribed":
            watcher.wait_for_items(len(watcher.items) + 3)
        else:
            assert [next(items).answer for _ in range(3)] == ["x"] * 3
        leave()
        assert run.stopped.wait(TIMEOUT)


def test_two_threads_that_look_at_once_stop_the_run_once(monkeypatch: pytest.MonkeyPatch) -> None:
    stops: list[str] = []
    done = threading.Semaphore(0)
    submit, look = Openers.submit, Drain.look

    def script(peer: Peer) -> None:
        while received := peer.receive():
            if received.target.endswith("/stop"):
                stops.append(received.target)
                assert done.acquire(timeout=TIMEOUT)  # the other's job
                peer.send(response(b'{"result":"success"}'))
            else:
                peer.send(STREAM_HEAD + chunk(message("x")))

    def noting(self: Openers, job: Callable[[], object]) -> None:
        def run() -> None:
            job()
            done.release()

        submit(self, run)

    def look_twice(self: Drain) -> None:
        look(self)
        if self._is_requested:
            self._is_requested = False  # when the other looked, too
            look(self)

    with chatting(script, stop_on_dispose=True, stop_drain_seconds=0.1) as (chat, _):
        watcher = Watcher(chat.sendChatMessageStream(request()))
        watcher.wait_for_items(1)
        monkeypatch.setattr(Openers, "submit", noting)
        monkeypatch.setattr(Drain, "look", look_twice)
        watcher.subscription.dispose()
        join_streams()
    assert len(stops) == 1


SCRIPT = """
import asyncio, sys, threading
from dify_java_compat import *
chat = RequestsDifyChat(sys.argv[1], ClientConfig(stop_on_dispose=True), api_key="app-test")
how = sys.argv[2]
ask = lambda: chat.sendChatMessageStream(ChatMessageSendRequest(user_id="u", content="hi"))
if how in ("loops", "raises"):
    kept = [iter(ask()) for _ in range(5)]
    for each in kept: next(each)
    if how == "raises": raise ValueError("the script's own")
elif how == "cycle":
    class A: pass
    for _ in range(5):
        a = A(); a.a = a; a.items = iter(ask()); next(a.items)
    del a
elif how == "async":
    kept = [aiterate(ask()) for _ in range(5)]
    loop = asyncio.new_event_loop()
    for each in kept: loop.run_until_complete(anext(each))
elif how == "disposed":
    for _ in range(5):
        seen = threading.Event()
        subscription = ask().subscribe(lambda item: seen.set())
        seen.wait()
        subscription.dispose()
elif how == "blocked":
    seen = threading.Semaphore(0)
    block = lambda item: (seen.release(), threading.Event().wait())
    kept = [ask().subscribe(block) for _ in range(5)]
    for _ in kept: seen.acquire()
    for each in kept: each.dispose()
"""


@pytest.mark.parametrize("how", ["loops", "raises", "cycle", "async", "disposed", "blocked"])
@pytest.mark.parametrize("is_answered", [True, False], ids=["answered", "a stop is not answered"])
def test_a_process_that_ends_stops_what_it_leaves(how: str, is_answered: bool) -> None:
    stops: list[str] = []

    def script(peer: Peer) -> None:
        while received := peer.receive():
            if received.target.endswith("/stop"):
                stops.append(received.target)
                if not is_answered:
                    peer.wait_closed()
                    return
                peer.send(response(b'{"result":"success"}'))
                continue
            peer.send(STREAM_HEAD + chunk(message("x")))

    with ScriptedServer(script) as server:
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT, server.url, how],
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )
    assert len(stops) == 5
    assert done.returncode == (how == "raises")
    said = [line for line in done.stderr.splitlines() if "could not be stopped" not in line]
    assert said[-1:] == ["ValueError: the script's own"] * (how == "raises"), said
