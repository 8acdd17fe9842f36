"""Every recorded stream, served as it was, in pieces of every size, and in its own time.

A socket cannot be made to deliver the pieces it was given: TCP joins what lies ready. So the sizes
are tried twice. Over real sockets a dozen short streams meet all 64, and every stream meets eight
of them, dealt round so that together they are all 64. Without a socket, where a piece is a read for
certain, every stream meets all 64, through the client's own dechunking and SSE decoding.
"""

from __future__ import annotations

import http.client
import io
import socket
import threading
from collections.abc import Iterator
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dify_java_compat import (
    ChatMessageSendCompletionResponse,
    ClientConfig,
    CompletionData,
    DifyException,
    StreamErrorException,
    StreamInterruptedException,
    iterate,
)
from dify_java_compat._http.chunked_response import ChunkedResponse
from dify_java_compat._stream.sse import SSEDecoder
from dify_java_compat.models.events import EVENT_DATA
from tests.support.replay import pieces

from .asking import QUESTION, replayed
from .comparing import differences, mistyped, undeclared
from .library import COMPLETED, CUT, FAILED, STREAMS, Recording

Item = ChatMessageSendCompletionResponse

SIZES = range(1, 65)
SIZES_EACH = 8
SHORT = [
    "chat-fail-start-streaming",  # an error and nothing else
    "proxy-cut-midstream",
    "chat-client-disconnect",
    "agent-client-disconnect",
    "chatflow-client-disconnect",
    "chat-fail-ratelimit-streaming",
    "chatflow-fail-conn-streaming",
    "completion-stop",
    "workflow-fail-streaming",
    "chat-send-newlines",
    "http10-stream",  # no chunks: the end of the connection is the end
    "expect-100",
]

each_stream = pytest.mark.parametrize("recording", STREAMS, ids=repr)


def read(recording: Recording, **how: Any) -> tuple[list[Item], DifyException | None]:
    """The items and how the stream ended; None for on_completed."""
    items: list[Item] = []
    with replayed(recording, **how) as (chat, server):
        try:
            items.extend(iterate(chat.sendChatMessageStream(QUESTION)))
            error = None
        except DifyException as raised:
            error = raised
        assert len(server.requests) == 1
    return items, error


def check(recording: Recording, items: list[Item], error: DifyException | None) -> None:
    """Each item is its event, and the ending is what the bytes say."""
    assert [item.raw for item in items] == recording.events
    for item, event in zip(items, recording.events, strict=True):
        assert differences(item, event) == []
        if "data" in event:
            assert type(item.data) is EVENT_DATA.get(event["event"], CompletionData)
            assert item.data.raw == event["data"]
    check_ending(recording, error)


def check_ending(recording: Recording, error: DifyException | None) -> None:
    if recording.ending == COMPLETED:
        assert error is None
        return
    event = recording.error_event
    if recording.ending == FAILED and event is None:
        assert type(error) is StreamErrorException
        assert recording.failed_run is not None
        assert error.message == recording.failed_run["error"]
        assert (error.status, error.code) == (None, None)
    elif recording.ending == FAILED:
        assert event is not None
        assert type(error) is StreamErrorException
        assert (error.status, error.code, error.message) == (
            event["status"],
            event.get("code"),
            event["message"],
        )
        assert str(event.get("code")) in str(error)
    else:
        assert type(error) is StreamInterruptedException
    for name in ("task_id", "message_id", "conversation_id", "workflow_run_id"):
        assert getattr(error, name) == recording.last(name)


def test_the_recordings_hold_every_kind_of_ending() -> None:
    endings = [recording.ending for recording in STREAMS]
    assert endings.count(COMPLETED) >= 33
    assert endings.count(FAILED) >= 10
    assert endings.count(CUT) >= 9


@each_stream
def test_one_piece(recording: Recording) -> None:
    """Through `subscribe`: each item once, in order, then one ending and nothing after it."""
    told: list[Any] = []
    over = threading.Event()

    def end(error: Exception | None = None) -> None:
        told.append(error)
        over.set()

    with replayed(recording) as (chat, server):
        observable = chat.sendChatMessageStream(QUESTION)
        assert server.requests == []
        observable.subscribe(told.append, end, end)
        assert over.wait(30)
    *items, error = told
    check(recording, items, error)
    for item, event in zip(items, recording.events, strict=True):
        assert undeclared(item, event) == set()
        assert mistyped(item, event) == set()


@each_stream
def test_the_recorded_timing(recording: Recording) -> None:
    timeline = recording.timeline or [{"ms": 0, "bytes": len(recording.raw)}]
    check(recording, *read(recording, timeline=timeline))


def sizes_dealt() -> dict[str, list[int]]:
    by_length = sorted(STREAMS, key=lambda recording: (len(recording.raw), recording.name))
    return {
        recording.name: [1 + (index * SIZES_EACH + turn) % 64 for turn in range(SIZES_EACH)]
        for index, recording in enumerate(by_length)
    }


def test_the_sizes_dealt_are_all_sizes() -> None:
    assert {size for sizes in sizes_dealt().values() for size in sizes} == set(SIZES)


@each_stream
def test_pieces_of_some_sizes(recording: Recording) -> None:
    for size in sizes_dealt()[recording.name]:
        check(recording, *read(recording, piece=size))


@pytest.mark.parametrize(
    "recording", [recording for recording in STREAMS if recording.name in SHORT], ids=repr
)
def test_pieces_of_every_size(recording: Recording) -> None:
    for size in SIZES:
        items, error = read(recording, piece=size)
        assert [item.raw for item in items] == recording.events, size
        check_ending(recording, error)


@each_stream
def test_the_same_cut_short(recording: Recording) -> None:
    """What came before the cut is given, and the cut is told; Dify's own error goes before it."""
    head = recording.raw.index(b"\r\n\r\n", recording.raw.index(b" 200 ")) + 4
    body = len(recording.raw) - head
    for length in (head, head + 1, head + body // 3, head + body // 2, len(recording.raw) - 5):
        shorter = recording.cut(length)
        check(shorter, *read(shorter))


@each_stream
def test_java_s_way_to_end_a_failed_stream(recording: Recording) -> None:
    items, error = read(recording, config=ClientConfig(raise_stream_errors=False))
    assert [item.raw for item in items] == recording.events
    if recording.ending == CUT:
        check_ending(recording, error)
    else:
        assert error is None


class _Pieces(io.RawIOBase):
    """A socket's reading end where each read brings one of `blocks`."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks = blocks
        self._rest = b""  # of a block that is larger than the read

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        block = self._rest or next(self._blocks, b"")
        size = min(len(block), len(buffer))
        buffer[:size], self._rest = block[:size], block[size:]
        return size


class _Socket:
    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks = blocks

    def gettimeout(self) -> float | None:
        return None

    def settimeout(self, seconds: float | None) -> None:
        pass

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Pieces(self._blocks), 1024 * 1024)


def decoded(blocks: Iterator[bytes]) -> tuple[list[bytes], bool]:
    """The events' data that a whole answer in `blocks` holds, and whether its body is whole."""
    response = ChunkedResponse(cast(socket.socket, _Socket(blocks)))
    response.begin()
    decoder = SSEDecoder(1024 * 1024)
    events: list[bytes] = []
    try:
        while block := response.read1(65536):
            events += decoder.feed(block)
    except http.client.HTTPException:
        return events, False
    finally:
        response.close()
    assert decoder.flush() == []
    return events, True


def dealt(raw: bytes, size: int, at_most: int = 100_000) -> Iterator[bytes]:
    """`raw` in pieces of `size`.

    Of a stream beyond `at_most` bytes (one has events of 200 and 600 KB) the runs of one kind of
    character inside an event pass in larger pieces: nothing changes there from byte to byte.
    """
    if len(raw) <= at_most:
        yield from pieces(raw, size)
        return
    around = 400
    start = 0
    while start < len(raw):
        end = raw.find(b"\r\n", start + around)
        end = len(raw) if end < 0 else end
        yield from pieces(raw[start : start + around], size)
        middle = raw[start + around : max(start + around, end - around)]
        yield from pieces(middle, 4096 + size)
        yield from pieces(raw[start + around + len(middle) : end + around], size)
        start = end + around


def test_dealing_loses_nothing() -> None:
    big = max(STREAMS, key=lambda recording: len(recording.raw))
    assert len(big.raw) > 800_000
    assert b"".join(dealt(big.raw, 7)) == big.raw


@each_stream
def test_reads_of_every_size(recording: Recording) -> None:
    for size in SIZES:
        events, whole = decoded(iter(dealt(recording.raw, size)))
        assert events == recording.event_data, size
        assert whole == recording.is_whole, size


@each_stream
@settings(max_examples=12, deadline=None)
@given(data=st.data())
def test_any_cut_of_a_stream_gives_the_same_events(
    recording: Recording, data: st.DataObject
) -> None:
    raw = recording.raw
    cuts = sorted(data.draw(st.sets(st.integers(1, len(raw) - 1), max_size=40), label="cuts"))
    blocks = [raw[start:end] for start, end in zip([0, *cuts], [*cuts, len(raw)], strict=True)]
    events, whole = decoded(iter(blocks))
    assert events == recording.event_data
    assert whole == recording.is_whole
