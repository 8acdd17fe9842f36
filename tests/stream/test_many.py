"""Many streams at once: what they hold while they wait, and what is left of them."""

from __future__ import annotations

import os
import random
import resource
import threading
from collections.abc import Iterator

import pytest

from dify_java_compat import ClientConfig, RequestsDifyChat
from tests.benchmarks.contenders.protocol import raise_descriptor_limit
from tests.benchmarks.processes import PacedServer
from tests.support.watching import (
    connections_in_use,
    join_streams,
    request,
    wait_until,
)

QUIET = "paced 1 1 100000 60 0"  # the head at once, and no event before that many have come
NO_HEAD = "paced 1 1 100000 60 1"


@pytest.fixture
def chat() -> Iterator[RequestsDifyChat]:
    raise_descriptor_limit()
    server = PacedServer()
    config = ClientConfig(connect_timeout=60.0)
    with server.process, RequestsDifyChat(server.url, config, api_key="app-key") as chat:
        yield chat


def threads_of_ours() -> list[threading.Thread]:
    return [each for each in threading.enumerate() if each.name.startswith("dify-")]


@pytest.mark.parametrize("count", [300, pytest.param(2_000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("query", [QUIET, NO_HEAD], ids=["quiet", "no head"])
def test_streams_that_wait_hold_no_threads(chat: RequestsDifyChat, query: str, count: int) -> None:
    opened = [chat.sendChatMessageStream(request(content=query)).subscribe() for _ in range(count)]
    wait_until(lambda: len(connections_in_use()) == count)
    wait_until(lambda: len(threads_of_ours()) <= 16)
    for each in opened:
        each.dispose()
    join_streams()


def open_and_leave(chat: RequestsDifyChat, count: int) -> None:
    """Streams that are left at any moment: unsent, without a head, between events, at the end."""
    dice, opened = random.Random(count), []
    for _ in range(count):
        stream = chat.sendChatMessageStream(
            request(content=dice.choice([QUIET, NO_HEAD, "short 10", "short 300"]))
        )
        opened.append(stream.subscribe())
        if len(opened) == 100:
            opened.pop(dice.randrange(100)).dispose()
    for each in opened:
        each.dispose()
    join_streams()


def descriptors() -> int:
    return len(os.listdir("/dev/fd"))


@pytest.mark.parametrize("count", [1_000, pytest.param(10_000, marks=pytest.mark.slow)])
def test_streams_that_are_left_leave_nothing_behind(chat: RequestsDifyChat, count: int) -> None:
    open_and_leave(chat, 1_000)
    chat.close()
    wait_until(lambda: not threads_of_ours())
    before, peak = descriptors(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    open_and_leave(chat, count)
    chat.close()
    wait_until(lambda: not threads_of_ours())
    assert descriptors() <= before
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss <= 1.05 * peak
