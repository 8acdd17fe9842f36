"""Streams that break, stall or never begin: what is known, and how soon."""

from __future__ import annotations

import functools
import socket
import threading
from collections.abc import Callable

import pytest

from dify_java_compat import ClientConfig, StreamInterruptedException
from tests.support import sockets
from tests.support.frames import (
    CLOSING_STREAM_HEAD,
    LAST_CHUNK,
    MESSAGE_END,
    PING,
    STREAM_HEAD,
    chunk,
    message,
    stream,
)
from tests.support.server import Peer
from tests.support.watching import Watcher

from . import playing
from .playing import KEY, SOON, Cue, expect, play
from .table import Seen, case, row, rows

pytestmark = pytest.mark.usefixtures("facade")

SMALL = 0.2  # seconds of a timeout that is waited for

FIRST = chunk(message("a"))
CHINESE = chunk(message("好"))
LENGTH_HEAD = STREAM_HEAD.replace(b"Transfer-Encoding: chunked", b"Content-Length: 1000")
NONE, CUT = "ConnectionException", "StreamInterruptedException"

# where it breaks, in both languages; what was sent by then; the items and the exception of it
POINTS = [
    ("before the headers", "收到响应头之前", b"", 0, NONE),
    ("in the headers", "响应头收到一半时", STREAM_HEAD[:40], 0, NONE),
    ("after the headers", "收到响应头之后", STREAM_HEAD, 0, CUT),
    ("between two events", "两个事件之间", STREAM_HEAD + FIRST, 1, CUT),
    ("inside an event", "事件收到一半时", STREAM_HEAD + FIRST + FIRST[:50], 1, CUT),
    (
        "inside a multi-byte character",
        "多字节字符收到一半时",
        STREAM_HEAD + FIRST + CHINESE[: CHINESE.index("好".encode()) + 1],
        1,
        CUT,
    ),
    ("inside a chunk's header", "分块头收到一半时", STREAM_HEAD + FIRST + FIRST[:1], 1, CUT),
    ("between a chunk's CR and LF", "分块的 CR 与 LF 之间", STREAM_HEAD + FIRST + b"9\r", 1, CUT),
    (
        "before the final chunk",
        "最后一个分块之前",
        STREAM_HEAD + FIRST + chunk(MESSAGE_END),
        2,
        CUT,
    ),
    ("in a body of a known length", "定长响应体收到一半时", LENGTH_HEAD + message("a"), 1, CUT),
    (
        "in a body without a length",
        "不定长响应体收到一半时",
        CLOSING_STREAM_HEAD + message("a"),
        1,
        CUT,
    ),
]


def broken(sent: bytes, items: int, how: Callable[[Peer], None], peer: Peer, cue: Cue) -> None:
    peer.send(sent)
    for _ in range(items):
        cue.wait_for_item()
    cue.happens()
    how(peer)


@rows(
    "streams",
    [
        case(
            f"{how_name} {where}" + ", TLS" * secure,
            f"{chinese}，{how_chinese}" + "，TLS" * secure,
            sent=sent,
            items=items,
            ended=ended,
            how=how,
            secure=secure,
        )
        for how_name, how_chinese, how in (
            ("reset", "连接被重置", Peer.reset),
            ("end", "连接被关闭", lambda peer: None),
        )
        for secure in (False, True)
        for where, chinese, sent, items, ended in POINTS
    ],
)
def test_a_broken_connection_is_known_at_once(
    seen: Seen, *, sent: bytes, items: int, ended: str, how: Callable[[Peer], None], secure: bool
) -> None:
    watcher = play(seen, functools.partial(broken, sent, items, how), secure=secure)
    expect(seen, items, ended)
    if items:
        seen.equal("task id", getattr(watcher.error, "task_id", None), "t-1")


@row("streams", "the connection is refused", "连接被拒绝")
def test_a_refused_connection_says_so(seen: Seen) -> None:
    with (
        sockets.refusing_port() as port,
        playing.facade.client(
            f"http://127.0.0.1:{port}", ClientConfig(max_retries=0), api_key=KEY
        ) as client,
    ):
        with seen.timing():
            watcher = Watcher(playing.facade.stream(client)).wait()
        seen.events = len(watcher.items)
        seen.ended_with(watcher.error)
        expect(seen, 0, NONE)
        seen.check("refused" in str(watcher.error), f"says only: {watcher.error}")


@row("streams", "cut at every byte", "在每个字节处切断")
def test_a_cut_is_known_at_every_byte(seen: Seen) -> None:
    whole = STREAM_HEAD + CHINESE + chunk(MESSAGE_END) + LAST_CHUNK
    step = 11 if seen.short else 1
    cuts = 0
    for length in range(len(STREAM_HEAD), len(whole), step):

        def act(peer: Peer, cue: Cue, length: int = length) -> None:
            peer.send(whole[:length])
            cue.happens()

        watcher = play(seen, act)
        cuts += 1
        events = [item.event for item in watcher.items]
        seen.equal(f"items after {length}", events, ["message", "message_end"][: len(events)])
        seen.check(isinstance(watcher.error, StreamInterruptedException), f"cut at {length}")
    seen.figures["cuts"] = cuts
    seen.events = seen.ms = None


@row("streams", "a clean end without a terminal event", "正常结束，但没有终止事件")
def test_an_end_without_a_terminal_event_is_an_interruption(seen: Seen) -> None:
    def act(peer: Peer, cue: Cue) -> None:
        peer.send(STREAM_HEAD + FIRST)
        cue.wait_for_item()
        cue.happens()
        peer.send(LAST_CHUNK)

    play(seen, act)
    expect(seen, 1, CUT)


@row("streams", "a chunk's header that is no number", "分块头不是数字")
def test_a_garbled_chunk_is_an_interruption(seen: Seen) -> None:
    def act(peer: Peer, cue: Cue) -> None:
        peer.send(STREAM_HEAD + FIRST)
        cue.wait_for_item()
        cue.happens()
        peer.send(b"data: nothing like a chunk\r\n")
        peer.wait_closed()

    play(seen, act)
    expect(seen, 1, CUT)


@row("streams", "something else than HTTP answers", "对方返回的不是 HTTP")
def test_something_else_than_http_is_a_connection_error(seen: Seen) -> None:
    def act(peer: Peer, cue: Cue) -> None:
        cue.happens()
        peer.send(b"SSH-2.0-OpenSSH_9.6\r\n")
        peer.wait_closed()

    play(seen, act)
    expect(seen, 0, NONE)


def silent(sent: bytes, items: int, peer: Peer, cue: Cue) -> None:
    peer.send(sent)
    for _ in range(items):
        cue.wait_for_item()
    cue.happens()
    peer.wait_closed()


@rows(
    "streams",
    [
        case(
            f"silence {where}, {phase} timeout" + ", TLS" * secure,
            f"{chinese}长时间无数据：{chinese_setting}" + "，TLS" * secure,
            sent=sent,
            items=items,
            setting=setting,
            phase=phase,
            secure=secure,
        )
        for setting, phase, chinese_setting in (
            ("sse_read_timeout", "idle", "空闲超时"),
            ("call_timeout", "total", "总超时"),
        )
        for where, chinese, sent, items, _ in [*POINTS[:5], POINTS[-1]]
        for secure in (False, True)
    ],
)
def test_silence_ends_in_a_timeout(
    seen: Seen, *, sent: bytes, items: int, setting: str, phase: str, secure: bool
) -> None:
    config: dict[str, object] = {setting: SMALL}
    watcher = play(seen, functools.partial(silent, sent, items), config, secure=secure)
    expect(seen, items, f"TimeoutException ({phase})", SMALL * 1000 + SOON)
    # the total time began before; the idle time with the last read
    early = phase == "idle" and (seen.ms or 0.0) < SMALL * 1000 - 50
    seen.check(not early, f"after {seen.ms} ms already")
    seen.check(setting in str(watcher.error), f"names no setting: {watcher.error}")
    if items:
        seen.equal("task id", getattr(watcher.error, "task_id", None), "t-1")


@row("streams", "silence while TCP connects", "TCP 建连时无响应")
def test_silence_while_tcp_connects_ends(seen: Seen) -> None:
    with sockets.full_listener() as port:
        config = ClientConfig(connect_timeout=SMALL, max_retries=0)
        url = f"http://127.0.0.1:{port}"
        with playing.facade.client(url, config, api_key=KEY) as client, seen.timing():
            watcher = Watcher(playing.facade.stream(client)).wait()
        seen.events = len(watcher.items)
        seen.ended_with(watcher.error)
        expect(seen, 0, "TimeoutException (connect)", SMALL * 1000 + SOON)


@row("streams", "silence in the TLS handshake", "TLS 握手时无响应")
def test_silence_in_the_tls_handshake_ends(seen: Seen) -> None:
    """The server never answers the hello."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"https://localhost:{listener.getsockname()[1]}"
        config = ClientConfig(connect_timeout=SMALL, max_retries=0, verify=sockets.tls()[1])
        with playing.facade.client(url, config, api_key=KEY) as client, seen.timing():
            watcher = Watcher(playing.facade.stream(client)).wait()
        seen.events = len(watcher.items)
        seen.ended_with(watcher.error)
        expect(seen, 0, "TimeoutException (connect)", SMALL * 1000 + SOON)


@row("streams", "silence but for pings: no timeout", "只有 ping：不超时")
def test_pings_are_no_silence(seen: Seen) -> None:
    """For twice as long as silence may last."""
    pause = threading.Event()

    def act(peer: Peer, cue: Cue) -> None:
        peer.send(STREAM_HEAD)
        for _ in range(20):
            peer.send(chunk(PING))
            pause.wait(0.1)
        cue.happens()
        peer.send(FIRST + chunk(MESSAGE_END) + LAST_CHUNK)

    play(seen, act, {"sse_read_timeout": 1.0})
    expect(seen, 2, "completed")
    seen.figures["pings"] = 20


@row("streams", "tokens without end: total timeout", "token 源源不断：总超时")
def test_the_total_time_bounds_a_stream_without_end(seen: Seen) -> None:
    pause = threading.Event()

    def act(peer: Peer, cue: Cue) -> None:
        cue.happens()
        peer.send(STREAM_HEAD)
        while True:
            peer.send(FIRST)
            pause.wait(0.005)

    watcher = play(seen, act, {"call_timeout": SMALL})
    seen.equal("end", seen.ended, "TimeoutException (total)")
    seen.within("known", seen.ms or 0.0, SMALL * 1000 + SOON)
    seen.check(watcher.items, "nothing was delivered")


@row("streams", "one byte at a time", "每次只到一个字节")
def test_one_byte_at_a_time_changes_nothing(seen: Seen) -> None:
    whole = stream(message("你"), PING, message("好"), MESSAGE_END)

    def act(peer: Peer, cue: Cue) -> None:
        for position in range(len(whole) - 1):
            peer.send(whole[position : position + 1])
        cue.happens()
        peer.send(whole[-1:])

    watcher = play(seen, act)
    expect(seen, 3, "completed")
    seen.equal("text", watcher.text, "你好")


@row("streams", "one byte a chunk", "每个分块只有一个字节")
def test_one_byte_a_chunk_changes_nothing(seen: Seen) -> None:
    body = message("你") + PING + message("好") + MESSAGE_END

    def act(peer: Peer, cue: Cue) -> None:
        cue.happens()
        peer.send(stream(*(body[position : position + 1] for position in range(len(body)))))

    watcher = play(seen, act)
    expect(seen, 3, "completed")
    seen.equal("text", watcher.text, "你好")


@row(
    "streams",
    "HTTP/1.0, ended by closing: each event at once",
    "HTTP/1.0，以关闭连接表示结束：事件到达即推送",
)
def test_a_stream_over_http_1_0(seen: Seen) -> None:
    def act(peer: Peer, cue: Cue) -> None:
        peer.send(CLOSING_STREAM_HEAD)
        for text in "你好":
            peer.send(message(text))
            cue.wait_for_item()
        cue.happens()
        peer.send(MESSAGE_END)

    watcher = play(seen, act)
    expect(seen, 3, "completed")
    seen.equal("text", watcher.text, "你好")
