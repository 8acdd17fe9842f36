"""Wherever a signal handler raises, the stream is left: stopped, closed, its place free.

Python calls a handler between any two steps. So each trial consumes a stream and raises at another
step of ours, in the thread that consumes; see `interrupting`.
"""

from __future__ import annotations

import contextlib
import gc
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from dify_java_compat import (
    ChatMessagePipelineModel,
    ClientConfig,
    PipelineContext,
    PipelineProcess,
    RequestsDifyChat,
    collect,
    iterate,
)
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
from tests.support.server import Peer, ScriptedServer
from tests.support.watching import join_streams, request

from .interrupting import Interrupter, Interruption, Point

STEP = 29  # each so manyth of the points, another one in each way to consume
# what is dropped between two steps is closed by being collected
pytestmark = [
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]


@pytest.fixture(autouse=True)
def collected() -> Iterator[None]:
    """What was dropped is closed here, and not in a test that warns of it."""
    yield
    gc.collect()


def leave(chat: RequestsDifyChat) -> None:
    for _ in chat.sendChatMessageStream(request()):
        break


CONSUMERS: dict[str, Callable[[RequestsDifyChat], Any]] = {
    "for": lambda chat: list(chat.sendChatMessageStream(request())),
    "piped for": lambda chat: list(chat.sendChatMessageStream(request()).map(lambda item: item)),
    "iterate": lambda chat: list(iterate(chat.sendChatMessageStream(request()), prefetch=1)),
    "run": lambda chat: chat.sendChatMessageStream(request()).run(),
    "piped run": lambda chat: chat.sendChatMessageStream(request()).map(lambda item: item).run(),
    "collect": lambda chat: collect(chat.sendChatMessageStream(request())),
    "send": lambda chat: chat.send(request()),
    "a for that is left": leave,
}


class Trial:
    """One stream, and an exception at `target`; without one it notes the points there are.

    The server holds the end back until all else was seen, or the exception has come: then until
    the run is stopped, or the client is gone.
    """

    def __init__(self, stops: bool, target: Point | None = None) -> None:
        self.points: dict[Point, None] = {}
        self.is_raised = threading.Event()
        self._stops = stops
        self._target = target
        self._is_over = False
        self._may_end = threading.Event()
        self._is_posted = threading.Event()
        self._is_ended = False
        self._is_left = threading.Event()

    def run(self, consume: Callable[[RequestsDifyChat], Any]) -> BaseException | None:
        """What came out of `consume`, once the stream was seen to be left."""
        trial, raised = self, None
        seen: list[object] = []

        class Seeing(PipelineProcess[ChatMessagePipelineModel]):
            def process(self, context: PipelineContext[ChatMessagePipelineModel]) -> None:
                seen.append(context)
                if len(seen) == 2:
                    trial._may_end.set()

        config = ClientConfig(max_requests=1, stop_on_dispose=self._stops, blocking_via_stream=True)
        with (
            ScriptedServer(self._script) as server,
            RequestsDifyChat(server.url, config, api_key="app-test") as chat,
        ):
            chat.addProcess(Seeing())
            try:
                with Interrupter(self._visit):
                    consume(chat)
            except Interruption as error:
                raised = error
            if self.is_raised.is_set() and self._is_posted.is_set() and not self._is_ended:
                assert self._is_left.wait(TIMEOUT), f"the run goes on: {self._target}"
            self._is_over = True
            assert len(list(chat.sendChatMessageStream(request()))) == 2, "the place is taken"
            try:
                join_streams()
            except AssertionError as error:
                raise AssertionError(f"at {self._target}") from error
        return raised

    def _visit(self, point: Point) -> None:
        if self._target is None:
            self.points[point] = None
        elif point == self._target and not self.is_raised.is_set():
            self.is_raised.set()
            self._may_end.set()
            raise Interruption

    def _script(self, peer: Peer) -> None:
        while (received := peer.receive()) is not None:
            if received.target.endswith("/stop"):
                self._is_left.set()
                peer.send(response(b'{"result":"success"}'))
            elif self._is_over:
                peer.send(stream(message("x"), MESSAGE_END))
            else:
                with contextlib.suppress(OSError):
                    self._answer(peer)
                if not self._stops:
                    self._is_left.set()
        if not self._stops:
            self._is_left.set()

    def _answer(self, peer: Peer) -> None:
        self._is_posted.set()
        peer.send(STREAM_HEAD + chunk(message("a")))
        peer.send(chunk(message("b")))
        assert self._may_end.wait(TIMEOUT)
        if not self.is_raised.is_set():
            self._is_ended = True
        elif self._stops:
            # what one read of the socket brought may be lost; each event bears the task's id
            until = time.monotonic() + TIMEOUT
            while not self._is_left.wait(0.05):
                assert time.monotonic() < until, f"the run goes on: {self._target}"
                peer.send(chunk(message("c")))
        else:
            peer.wait_closed()
            return
        peer.send(chunk(MESSAGE_END) + LAST_CHUNK)


@pytest.mark.parametrize("stops", [True, False], ids=["stops", "closes"])
@pytest.mark.parametrize("consumer", CONSUMERS)
def test_wherever_a_signal_handler_raises_the_stream_is_left(consumer: str, stops: bool) -> None:
    consume = CONSUMERS[consumer]
    first = Trial(stops)
    if consumer == "a for that is left":
        first._may_end.set()
    assert first.run(consume) is None
    points = list(first.points)
    assert len(points) > 100
    offset = 2 * list(CONSUMERS).index(consumer) + stops
    for point in points[offset::STEP]:
        trial = Trial(stops, point)
        raised = trial.run(consume)
        # what closes a generator that nobody holds has no caller to raise to
        if trial.is_raised.is_set() and consumer != "a for that is left":
            assert isinstance(raised, Interruption), point
