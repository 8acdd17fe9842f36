"""What a stream may hold: lines of every kind, big and many events, encodings, other answers."""

from __future__ import annotations

import contextlib
import functools
import resource
import threading
import time
import zlib
from collections.abc import Callable
from pathlib import Path

from dify_java_compat import DecodeException, HttpClientException, StreamDecodeException
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
from tests.support.server import Peer, ScriptedServer, always
from tests.support.watching import Watcher, join_stream_threads, request

from .playing import KEY, Cue, client_of, expect, note, play
from .table import Seen, row

MIB = 1024 * 1024

TWO = message("你") + message("好") + MESSAGE_END
SPLIT = b'data: {"event":"message",\ndata: "answer":\ndata:"\xe4\xbd\xa0"}\n\n'
# bytes of a whole stream, and the text of it
LINES = [
    ("CRLF line ends", "CRLF 换行", TWO.replace(b"\n", b"\r\n"), "你好"),
    ("CR line ends", "CR 换行", TWO.replace(b"\n", b"\r"), "你好"),
    (
        "mixed line ends",
        "混合换行",
        message("你").replace(b"\n", b"\r") + message("好").replace(b"\n", b"\r\n") + MESSAGE_END,
        "你好",
    ),
    ("a byte order mark", "BOM", b"\xef\xbb\xbf" + TWO, "你好"),
    ("comments", "注释", b": hello\n\n" + TWO.replace(b"data:", b":comment\ndata:"), "你好"),
    ("no space after the colon", "冒号后无空格", TWO.replace(b"data: ", b"data:"), "你好"),
    ("an event over several data lines", "一个事件分多行 data", SPLIT + MESSAGE_END, "你"),
    (
        "id, retry and event lines",
        "id、retry 与 event 行",
        TWO.replace(b"data:", b"id: 7\nretry: 3000\nevent: message\ndata:"),
        "你好",
    ),
    ("lines of no known field", "未知字段的行", TWO.replace(b"data:", b"dat: x\ndata:"), "你好"),
    ("NUL bytes in a comment", "注释中的 NUL 字节", b":\0\0\n\n" + TWO, "你好"),
    ("an escaped NUL", "转义的 NUL", message("a\0b") + MESSAGE_END, "a\0b"),
    ("raw U+0085", "未转义的 U+0085", message("a\x85b") + MESSAGE_END, "a\x85b"),
    ("raw U+2028", "未转义的 U+2028", message("a\u2028b") + MESSAGE_END, "a\u2028b"),
    (
        "a lone surrogate, escaped",
        "转义的孤立代理项",
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


def holds_lines(seen: Seen, *, body: bytes, text: str) -> None:
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


for name, chinese, body, text in LINES:
    row("streams", name, chinese)(functools.partial(holds_lines, body=body, text=text))


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


def is_garbage(seen: Seen, *, data: bytes) -> None:
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


for name, chinese, data in GARBAGE:
    row("streams", f"an event that is no object: {name}", f"不是对象的事件：{chinese}")(
        functools.partial(is_garbage, data=data)
    )


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


def big(seen: Seen, *, size: int, limit: int = 32 * MIB) -> None:
    def act(peer: Peer, cue: Cue) -> None:
        cue.happens()
        sends_big(peer, size)

    watcher = play(seen, act, {"max_event_bytes": limit})
    expect(seen, 2, "completed", None)
    first = watcher.items[0] if watcher.items else None
    seen.check(first and len(first.answer or "") > size - 1000, "the answer is not whole")


row("streams", "an event of 600 KB", "600 KB 的事件")(functools.partial(big, size=600_000))
row("streams", "an event of 10 MB", "10 MB 的事件")(functools.partial(big, size=10_000_000))
row(
    "streams",
    "an event of 100 MB, max_event_bytes at 128 MiB",
    "100 MB 的事件，max_event_bytes 为 128 MiB",
    takes_long=True,
)(functools.partial(big, size=100_000_000, limit=128 * MIB))


@row("streams", "an event of 100 MB, over max_event_bytes", "100 MB 的事件，超过 max_event_bytes")
def too_big(seen: Seen) -> None:
    """Known at the limit, not at the end of the event."""
    limit = 2 * MIB if seen.short else 32 * MIB
    sent = 0

    def act(peer: Peer, cue: Cue) -> None:
        nonlocal sent
        cue.happens()
        sent = sends_big(peer, 100_000_000)

    watcher = play(seen, act, {"max_event_bytes": limit})
    expect(seen, 0, "StreamDecodeException", None)
    for said in ("max_event_bytes", str(limit)):
        seen.check(said in str(watcher.error), f"does not say {said}: {watcher.error}")
    seen.figures["taken_mib"] = sent // MIB
    seen.check(sent <= limit + 16 * MIB, f"{sent} bytes were taken")  # what the kernel buffers


@row("streams", "a small gzip body that unpacks to 100 MB", "解压后达 100 MB 的小 gzip 正文")
def unpacks_too_big(seen: Seen) -> None:
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


@row("streams", "200,000 events: memory flat", "20 万个事件：内存平稳")
def many_events(seen: Seen) -> None:
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
        client.sendChatMessageStream(request()).subscribe(count_one, end, end)
        seen.check(over.wait(TIMEOUT), "does not end")
        join_stream_threads()
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


def packed(seen: Seen, *, encoding: str, bits: int, dripping: bool) -> None:
    """Each event is there as soon as it was sent, and a byte a chunk changes nothing."""
    packer = zlib.compressobj(wbits=bits)

    def pack(data: bytes) -> bytes:
        data = packer.compress(data) + packer.flush(zlib.Z_SYNC_FLUSH)
        if dripping:
            return b"".join(chunk(data[place : place + 1]) for place in range(len(data)))
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


for encoding, name, bits in ENCODINGS:
    for dripping in (False, True):
        row(
            "streams",
            f"{name}: each event at once" + ", a byte a chunk" * dripping,
            f"{name}：事件即到即交付" + "，一个分块一个字节" * dripping,
        )(functools.partial(packed, encoding=encoding, bits=bits, dripping=dripping))


def badly_packed(seen: Seen, *, cut: bool) -> None:
    packer = zlib.compressobj(wbits=31)
    first = packer.compress(message("a")) + packer.flush(zlib.Z_SYNC_FLUSH)

    def act(peer: Peer, cue: Cue) -> None:
        peer.send(encoded_head("gzip") + chunk(first))
        cue.wait_for_item()
        cue.happens()
        peer.send(LAST_CHUNK if cut else chunk(b"not gzip at all") + LAST_CHUNK)

    play(seen, act)
    expect(seen, 1, "StreamInterruptedException")


row("streams", "gzip that ends midway", "gzip 中途结束")(functools.partial(badly_packed, cut=True))
row("streams", "gzip that is none", "不是 gzip 的 gzip")(functools.partial(badly_packed, cut=False))

# answers with status 200 that are no stream
OTHERS = [
    ("an HTML page", "HTML 页面", b"<html><h1>Log in</h1></html>", "text/html", "Log in"),
    ("a page of no type", "无类型的页面", b"Log in", "", "Log in"),
    ("a JSON object", "JSON 对象", b'{"code":"x"}', "application/json", "code"),
    ("nothing", "空正文", b"", "text/html", "text/html"),
]


def is_no_stream(seen: Seen, *, body: bytes, kind: str, says: str) -> None:
    def act(peer: Peer, cue: Cue) -> None:
        cue.happens()
        peer.send(response(body, content_type=kind))

    watcher = play(seen, act)
    expect(seen, 0, "DecodeException")
    seen.check(says in str(watcher.error), f"does not say {says}: {watcher.error}")
    if isinstance(watcher.error, DecodeException):
        seen.equal("body", watcher.error.response_body, body.decode())


for name, chinese, body, kind, says in OTHERS:
    row("streams", f"status 200, but {name}", f"状态 200，却是{chinese}")(
        functools.partial(is_no_stream, body=body, kind=kind, says=says)
    )


def never_ends(
    seen: Seen, *, status: str, piece: bytes, pause: float, ended: str, most: float
) -> None:
    """What it is is known before its body is."""

    def act(peer: Peer, cue: Cue) -> None:
        wait = threading.Event()
        peer.send(f"HTTP/1.1 {status}\r\nContent-Type: text/html\r\n\r\n<h1>Oh</h1>".encode())
        cue.happens()
        while True:
            peer.send(piece)
            wait.wait(pause)

    watcher = play(seen, act)
    expect(seen, 0, ended, most)
    seen.check("Oh" in str(watcher.error), f"does not show the page: {watcher.error!s:.300}")


for line, its_chinese, ended in (
    ("200 OK", "状态 200 却是", "DecodeException"),
    ("500 NO", "状态 500，", "ServerErrorException"),
):
    code = line[:3]
    row("streams", f"status {code}, a page without end", f"{its_chinese}无尽的页面")(
        functools.partial(
            never_ends, status=line, piece=b" " * 65536, pause=0.0, ended=ended, most=1000.0
        )
    )
    row(
        "streams",
        f"status {code}, a page that drips without end",
        f"{its_chinese}无尽地滴出的页面",
        takes_long=True,
    )(functools.partial(never_ends, status=line, piece=b" ", pause=0.1, ended=ended, most=11_000.0))


def cut_page(seen: Seen) -> None:
    def act(peer: Peer, cue: Cue) -> None:
        cue.happens()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 99\r\n\r\n<h1>Oh")

    watcher = play(seen, act)
    expect(seen, 0, "DecodeException")
    seen.check("<h1>Oh" in str(watcher.error), f"does not show the page: {watcher.error!s:.300}")


row("streams", "status 200, but half a page", "状态 200，却是半个页面")(cut_page)


def redirect(status: int, location: str) -> bytes:
    return response(b"moved", f"{status} X", "text/html", f"Location: {location}\r\n")


def followed(seen: Seen, *, status: int) -> None:
    def script(peer: Peer) -> None:
        while received := peer.receive():
            there = received.target == "/there"
            peer.send(stream(TWO) if there else redirect(status, "/there"))

    with ScriptedServer(script) as server, client_of(server) as client:
        since = time.perf_counter()
        watcher = Watcher(client.sendChatMessageStream(request())).wait()
        join_stream_threads()
        note(seen, watcher, since)
        expect(seen, 3, "completed")
        first, second = server.requests
        seen.equal("method", second.method, "POST")
        seen.equal("body", second.body, first.body)
        seen.equal("key", second.headers.get("authorization"), f"Bearer {KEY}")
        seen.figures["requests"] = len(server.requests)


Elsewhere = Callable[[ScriptedServer, ScriptedServer], str]
PATH = "/v1/chat-messages"
ELSEWHERE: list[tuple[str, str, Elsewhere]] = [
    ("another port", "另一个端口", lambda here, there: there.url + PATH),
    ("another host", "另一台主机", lambda here, there: f"http://localhost:{there.port}{PATH}"),
    ("another scheme", "另一种协议", lambda here, there: f"https://127.0.0.1:{here.port}{PATH}"),
    ("a host behind //", "// 后的主机", lambda here, there: f"//127.0.0.1:{there.port}{PATH}"),
    (
        "a host behind @",
        "@ 后的主机",
        lambda here, there: f"http://127.0.0.1:{here.port}@127.0.0.1:{there.port}{PATH}",
    ),
    (
        "a host behind backslashes",
        "反斜杠后的主机",
        lambda here, there: f"http:\\\\127.0.0.1:{there.port}{PATH}",
    ),
]


def refused(seen: Seen, *, status: int, where: Elsewhere) -> None:
    with ScriptedServer(always(stream(TWO))) as there:
        target = ""
        with ScriptedServer(lambda peer: always(redirect(status, target))(peer)) as here:
            target = where(here, there)
            with client_of(here) as client:
                since = time.perf_counter()
                watcher = Watcher(client.sendChatMessageStream(request())).wait()
                join_stream_threads()
                note(seen, watcher, since)
                expect(seen, 0, "HttpClientException")
                error = watcher.error
                if isinstance(error, HttpClientException):
                    seen.equal("status", error.status_code, status)
                    seen.check("base_url" in str(error), f"says only: {error}")
            seen.equal("requests", len(here.requests), 1)
        seen.figures["elsewhere"] = there.connections
        seen.equal("connections elsewhere", there.connections, 0)


for status in (307, 308):
    row("streams", f"{status} on the same host: followed", f"同一主机上的 {status}：跟随")(
        functools.partial(followed, status=status)
    )
    for name, chinese, where in ELSEWHERE:
        row("streams", f"{status} to {name}: refused", f"{status} 指向{chinese}：拒绝")(
            functools.partial(refused, status=status, where=where)
        )
