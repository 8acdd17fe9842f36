"""What a stream may hold: lines of every kind, big and many events, encodings."""

from __future__ import annotations

import contextlib
import resource
import threading
import zlib
from pathlib import Path

import pytest

from dify_java_compat import StreamDecodeException
from tests.support import TIMEOUT
from tests.support.frames import (
    LAST_CHUNK,
    MESSAGE_END,
    STREAM_HEAD,
    chunk,
    message,
    stream,
)
from tests.support.server import Peer, ScriptedServer
from tests.support.watching import join_streams

from . import playing
from .playing import Cue, client_of, expect, play
from .table import Seen, case, row, rows

pytestmark = pytest.mark.usefixtures("facade")

MIB = 1024 * 1024

TWO = message("你") + message("好") + MESSAGE_END
SPLIT = b'data: {"event":"message",\ndata: "answer":\ndata:"\xe4\xbd\xa0"}\n\n'
# bytes of a whole stream, and the text of it
LINES = [
    ("CRLF line ends", "CRLF 换行", TWO.replace(b"\n", b"\r\n"), "你好"),
    ("CR line ends", "CR 换行", TWO.replace(b"\n", b"\r"), "你好"),
    (
        "mixed line ends",
        "换行混用",
        message("你").replace(b"\n", b"\r") + message("好").replace(b"\n", b"\r\n") + MESSAGE_END,
        "你好",
    ),
    ("a byte order mark", "带 BOM", b"\xef\xbb\xbf" + TWO, "你好"),
    ("comments", "带注释行", b": hello\n\n" + TWO.replace(b"data:", b":comment\ndata:"), "你好"),
    ("no space after the colon", "冒号后无空格", TWO.replace(b"data: ", b"data:"), "你好"),
    ("an event over several data lines", "一个事件拆成多行 data", SPLIT + MESSAGE_END, "你"),
    (
        "id, retry and event lines",
        "带 id、retry、event 行",
        TWO.replace(b"data:", b"id: 7\nretry: 3000\nevent: message\ndata:"),
        "你好",
    ),
    ("lines of no known field", "带未知字段的行", TWO.replace(b"data:", b"dat: x\ndata:"), "你好"),
    ("NUL bytes in a comment", "注释中的 NUL 字节", b":\0\0\n\n" + TWO, "你好"),
    ("an escaped NUL", "转义后的 NUL", message("a\0b") + MESSAGE_END, "a\0b"),
    ("raw U+0085", "未转义的 U+0085", message("a\x85b") + MESSAGE_END, "a\x85b"),
    ("raw U+2028", "未转义的 U+2028", message("a\u2028b") + MESSAGE_END, "a\u2028b"),
    (
        "a lone surrogate, escaped",
        "转义后的孤立代理项",
        message("a#").replace(b"#", b"\\ud83d") + MESSAGE_END,
        "a\ud83d",
    ),
    (
        "a lone surrogate, in bytes",
        "字节形式的孤立代理项",
        message("a#b").replace(b"#", b"\xed\xa0\x80") + MESSAGE_END,
        "a\ufffd\ufffd\ufffdb",
    ),
    (
        "bytes that are not UTF-8",
        "非 UTF-8 字节",
        message("a#b").replace(b"#", b"\xff") + MESSAGE_END,
        "a\ufffdb",
    ),
    ("an event after the last empty line", "最后一个空行之后的事件", TWO[:-2], "你好"),
]  # fmt: skip


@rows("streams", [case(name, chinese, body=body, text=text) for name, chinese, body, text in LINES])
def test_lines_of_every_kind(seen: Seen, *, body: bytes, text: str) -> None:
    """The same in one piece and a byte a read."""

    def dripping(peer: Peer, cue: Cue) -> None:
        peer.send(STREAM_HEAD)
        for position in range(len(body)):
            peer.send(chunk(body[position : position + 1]))
        cue.happens()
        peer.send(LAST_CHUNK)

    def at_once(peer: Peer, cue: Cue) -> None:
        peer.send(STREAM_HEAD + chunk(body))
        cue.happens()
        peer.send(LAST_CHUNK)

    for act in (dripping, at_once):
        watcher = play(seen, act)
        seen.equal("end", seen.ended, "completed")
        seen.equal("text", watcher.text, text)
        for item in watcher.items:
            item.to_json().encode("utf-8", "surrogatepass")  # what a front end is sent


# what is not a JSON object
GARBAGE = [
    ("half JSON", "半个 JSON", b'{"event":"message","answer":'),
    ("a JSON array", "JSON 数组", b'["message"]'),
    ("a number", "数字", b"7"),
    ("[DONE]", "[DONE]", b"[DONE]"),
    ("a raw NUL within a string", "字符串中的原始 NUL", b'{"event":"message","answer":"\0"}'),
    ("nothing but bytes", "全是乱码字节", b"\xff\xfe\x00\x80"),
    ("JSON nested 100,000 deep", "嵌套 10 万层的 JSON", b'{"a":' * 100_000 + b"1" + b"}" * 100_000),
]


@rows(
    "streams",
    [
        case(f"an event that is no object: {name}", f"不是对象的事件：{chinese}", data=data)
        for name, chinese, data in GARBAGE
    ],
)
def test_an_event_that_is_no_object(seen: Seen, *, data: bytes) -> None:
    frames = message("a"), b"data: " + data + b"\n\n", message("b"), MESSAGE_END

    def act(peer: Peer, cue: Cue) -> None:
        cue.happens()
        peer.send(stream(*frames))

    watcher = play(seen, act, {"skip_malformed_events": True})
    seen.equal("text, where it is skipped", watcher.text, "ab")
    watcher = play(seen, act)
    expect(seen, 1, "StreamDecodeException")
    if isinstance(watcher.error, StreamDecodeException):
        seen.equal("its bytes", watcher.error.data, data)
        seen.equal("task id", watcher.error.task_id, "t-1")


def sends_big(peer: Peer, size: int) -> int:
    """One event of `size` bytes in one chunk; how much of it went out."""
    frame_start, frame_end = message("#").split(b"#")
    size -= len(frame_start) + len(frame_end)
    peer.send(STREAM_HEAD + b"%X\r\n" % (size + len(frame_start) + len(frame_end)) + frame_start)
    sent = 0
    with contextlib.suppress(OSError):
        while sent < size:
            piece = min(MIB, size - sent)
            peer.send(b"x" * piece)
            sent += piece
        peer.send(frame_end + b"\r\n" + chunk(MESSAGE_END) + LAST_CHUNK)
    return sent


@rows(
    "streams",
    [
        case("an event of 600 KB", "600 KB 的事件", size=600_000, limit=32 * MIB),
        case("an event of 10 MB", "10 MB 的事件", size=10_000_000, limit=32 * MIB),
        case(
            "an event of 100 MB, max_event_bytes at 128 MiB",
            "100 MB 的事件，max_event_bytes 为 128 MiB",
            slow=True,
            size=100_000_000,
            limit=128 * MIB,
        ),
    ],
)
def test_a_big_event_is_whole(seen: Seen, *, size: int, limit: int) -> None:
    def act(peer: Peer, cue: Cue) -> None:
        cue.happens()
        sends_big(peer, size)

    watcher = play(seen, act, {"max_event_bytes": limit})
    expect(seen, 2, "completed", None)
    seen.check(len(watcher.text) > size - 1000, "the answer is not whole")


@row("streams", "an event of 100 MB, over max_event_bytes", "100 MB 的事件，超过 max_event_bytes")
def test_an_event_over_the_limit_is_known_at_the_limit(seen: Seen) -> None:
    """Known at the limit, not at the end of the event."""
    limit = 2 * MIB if seen.short else 32 * MIB
    sent = 0

    def act(peer: Peer, cue: Cue) -> None:
        nonlocal sent
        cue.happens()
        sent = sends_big(peer, 100_000_000)

    watcher = play(seen, act, {"max_event_bytes": limit})
    expect(seen, 0, "StreamDecodeException", None)
    for fact in ("max_event_bytes", str(limit)):
        seen.check(fact in str(watcher.error), f"does not say {fact}: {watcher.error}")
    seen.figures["taken_mib"] = sent // MIB
    seen.check(sent <= limit + 16 * MIB, f"{sent} bytes were taken")  # what the kernel buffers


@row("streams", "a small gzip body that unpacks to 100 MB", "解压后达 100 MB 的小 gzip 响应体")
def test_a_small_body_that_unpacks_to_too_much_is_refused(seen: Seen) -> None:
    packer = zlib.compressobj(wbits=31)
    packed = packer.compress(b"data: ") + b"".join(
        packer.compress(b"x" * MIB) for _ in range(100)
    ) + packer.flush()  # fmt: skip

    def act(peer: Peer, cue: Cue) -> None:
        cue.happens()
        with contextlib.suppress(OSError):
            peer.send(encoded_head("gzip") + chunk(packed) + LAST_CHUNK)
        peer.wait_closed()

    play(seen, act)
    expect(seen, 0, "StreamDecodeException", None)
    seen.figures["sent_kib"] = len(packed) // 1024


@row("streams", "200,000 events: memory flat", "20 万个事件：内存不增长")
def test_memory_stays_flat_over_many_events(seen: Seen) -> None:
    count = 20_000 if seen.short else 200_000
    block = b"".join(chunk(message("token " * 4)) for _ in range(100))
    half: list[int] = []

    def script(peer: Peer) -> None:
        if peer.receive():
            peer.send(STREAM_HEAD)
            for _ in range(count // 100):
                peer.send(block)
            peer.send(chunk(MESSAGE_END) + LAST_CHUNK)

    def count_one(item: object) -> None:
        counted[0] += 1
        if counted[0] == count // 2:
            half.append(memory())

    def end(error: Exception | None = None) -> None:
        seen.ended_with(error)
        over.set()

    counted, over = [0], threading.Event()
    with ScriptedServer(script) as server, client_of(server) as client, seen.timing():
        playing.facade.stream(client).subscribe(count_one, end, end)
        seen.check(over.wait(TIMEOUT), "does not end")
        join_streams()
    seen.events = counted[0]
    expect(seen, count + 1, "completed", None)
    grown = (memory() - half[0]) / MIB
    seen.figures["grown_mib"] = f"{grown:.1f}"
    seen.check(grown < 4, f"{grown:.1f} MiB more than half-way")


def memory() -> int:
    """Bytes in use; where the system does not say, the most that ever were."""
    with contextlib.suppress(OSError):
        pages = Path("/proc/self/statm").read_text().split()[1]
        return int(pages) * resource.getpagesize()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def encoded_head(encoding: str) -> bytes:
    return STREAM_HEAD[:-2] + f"Content-Encoding: {encoding}\r\n\r\n".encode()


ENCODINGS = [("gzip", "gzip", 31), ("deflate", "deflate", 15), ("deflate", "raw deflate", -15)]


@rows(
    "streams",
    [
        case(
            f"{name}: each event at once" + ", a byte a chunk" * dripping,
            f"{name}：事件到达即推送" + "，每个分块只有一个字节" * dripping,
            encoding=encoding,
            bits=bits,
            dripping=dripping,
        )
        for encoding, name, bits in ENCODINGS
        for dripping in (False, True)
    ],
)
def test_compressed_events_come_soon(
    seen: Seen, *, encoding: str, bits: int, dripping: bool
) -> None:
    """Each event is there as soon as it was sent, and a byte a chunk changes nothing."""
    packer = zlib.compressobj(wbits=bits)

    def pack(data: bytes) -> bytes:
        data = packer.compress(data) + packer.flush(zlib.Z_SYNC_FLUSH)
        if dripping:
            return b"".join(chunk(data[at : at + 1]) for at in range(len(data)))
        return chunk(data)

    def act(peer: Peer, cue: Cue) -> None:
        peer.send(encoded_head(encoding))
        for text in "你好":
            peer.send(pack(message(text)))
            cue.wait_for_item()
        cue.happens()
        peer.send(pack(MESSAGE_END) + chunk(packer.flush()) + LAST_CHUNK)

    watcher = play(seen, act)
    expect(seen, 3, "completed")
    seen.equal("text", watcher.text, "你好")


@rows(
    "streams",
    [
        case("gzip that ends midway", "gzip 数据中途结束", cut=True),
        case("gzip that is none", "声称是 gzip，其实不是", cut=False),
    ],
)
def test_broken_compression_is_an_interruption(seen: Seen, *, cut: bool) -> None:
    packer = zlib.compressobj(wbits=31)
    first = packer.compress(message("a")) + packer.flush(zlib.Z_SYNC_FLUSH)

    def act(peer: Peer, cue: Cue) -> None:
        peer.send(encoded_head("gzip") + chunk(first))
        cue.wait_for_item()
        cue.happens()
        peer.send(LAST_CHUNK if cut else chunk(b"not gzip at all") + LAST_CHUNK)

    play(seen, act)
    expect(seen, 1, "StreamInterruptedException")
