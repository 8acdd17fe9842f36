"""The bounds of what a server may have the client wait for, and keep."""

from __future__ import annotations

import contextlib
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

from dify_java_compat import (
    DecodeException,
    DifyException,
    FileUploadRequest,
    MessagesRequest,
    RequestsDifyChat,
    ServerErrorException,
    StreamDecodeException,
    TimeoutException,
    iterate,
)
from tests.http.test_bounds import MIB, bomb
from tests.http.test_total_time import DRIPPING, dripping
from tests.support.frames import STREAM_HEAD, chunk, event, response
from tests.support.server import Peer, ScriptedServer, always
from tests.support.watching import Watcher, request

from .table import Seen, case, row, rows
from .test_connections import client_of

BOMBS = {"gzip": bomb(256 * MIB), "gzip, gzip": bomb(256 * MIB, 2)}
BOUNDS = [
    case(
        "256 MiB of an answer in gzip", "gzip 压缩的 256 MiB 回答", kind="answer", encoding="gzip"
    ),
    case("in gzip of gzip", "两层 gzip", kind="answer", encoding="gzip, gzip"),
    case("a stream's, in gzip of gzip", "流，两层 gzip", kind="stream", encoding="gzip, gzip"),
    case(
        "an error page's, in gzip of gzip", "错误页，两层 gzip", kind="error", encoding="gzip, gzip"
    ),
]


@rows("connections", BOUNDS)
def test_what_unpacks_to_more_than_its_bound(seen: Seen, *, kind: str, encoding: str) -> None:
    status = "500 OH" if kind == "error" else "200 OK"
    content_type = "text/event-stream" if kind == "stream" else "application/json"
    header = f"Content-Encoding: {encoding}\r\n"
    raw = response(BOMBS[encoding], status, content_type, headers=header)
    expected = {"stream": StreamDecodeException, "error": ServerErrorException}
    config = {"max_body_bytes": 4 * MIB, "max_event_bytes": 4 * MIB}
    with ScriptedServer(always(raw)) as server, client_of(server.url, **config) as client:
        tracemalloc.start()
        try:
            if kind == "stream":
                list(iterate(client.sendChatMessageStream(request())))
            else:
                client.messages(MessagesRequest(user_id="u", conversation_id="c"))
        except DifyException as error:
            seen.ended_with(error)
        finally:
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
    seen.equal("ended", seen.ended, expected.get(kind, DecodeException).__name__)
    seen.check(peak < 24 * MIB, f"{peak / MIB:.0f} MiB in use")
    seen.figures |= {"sent": len(BOMBS[encoding]), "MiB in use": peak // MIB}


CHINESE = {
    "a status line": "状态行",
    "headers": "响应头",
    "interim responses": "1xx 响应",
    "headers of an interim response": "1xx 响应的头",
    "an extension of a chunk": "分块扩展",
    "a chunk": "分块",
    "a trailer": "尾部",
    "trailers": "多个尾部",
    "a body until the end": "直到关闭的响应体",
    "a body with a length": "有长度的响应体",
    "empty blocks of gzip": "gzip 的空块",
}


@rows(
    "connections",
    [
        case(
            f"call_timeout: {name}, drop by drop", f"call_timeout：{chinese}一点一点到达", drop=name
        )
        for name, chinese in CHINESE.items()
    ],
)
def test_the_time_of_the_whole_call_while_it_drips(seen: Seen, *, drop: str) -> None:
    with ScriptedServer(dripping(*DRIPPING[drop])) as server:
        out_of_time(seen, server.url, lambda client: client.send(request()))


def out_of_time(
    seen: Seen, url: str, call: Callable[[RequestsDifyChat], object], **config: Any
) -> None:
    """`call` ends by `call_timeout`, 0.3 s; `ms` is how much later."""
    begun = time.perf_counter()
    with client_of(url, **{"call_timeout": 0.3, **config}) as client:
        try:
            call(client)
        except DifyException as error:
            seen.ended_with(error)
            seen.check(isinstance(error, TimeoutException), repr(error)[:200])
        seen.ms = max(0.0, (time.perf_counter() - begun - 0.3) * 1000)
    seen.equal("ended", seen.ended, "TimeoutException (total)")
    seen.within("end", seen.ms, 150.0)


@row("connections", "call_timeout: an upload that is read slowly", "call_timeout：上传被慢慢读取")
def test_the_time_of_the_whole_call_of_an_upload(seen: Seen) -> None:
    def script(peer: Peer) -> None:
        while not peer.closing.wait(0.05) and peer.sock.recv(4096):
            pass

    file = ("a.bin", bytes(16 * MIB), "text/plain")
    with ScriptedServer(script) as server:
        out_of_time(
            seen,
            server.url,
            lambda client: client.fileUpload(FileUploadRequest(user_id="u", file=file)),
        )


@row(
    "connections", "call_timeout: a run that is cut and resumed", "call_timeout：运行不断中断又续传"
)
def test_the_time_of_the_whole_call_of_a_resumed_run(seen: Seen) -> None:
    begun = event("workflow_started", workflow_run_id="w-1", data={"id": "w-1"})

    def script(peer: Peer) -> None:
        peer.receive()
        peer.send(STREAM_HEAD + chunk(begun))
        peer.closing.wait(0.2)

    cut = {"resume_streams": True, "resume_attempts": 1000}
    with ScriptedServer(script) as server, client_of(server.url, call_timeout=0.5, **cut) as client:
        started = time.perf_counter()
        watcher = Watcher(client.sendChatMessageStream(request())).wait()
        seen.ms = (time.perf_counter() - started) * 1000
        seen.ended_with(watcher.error)
        seen.within("end", seen.ms, 650.0)
        seen.events = len(watcher.items)


@row("connections", "call_timeout: a retry later than its end", "call_timeout：重试晚于其结束")
def test_the_time_of_the_whole_call_and_a_retry(seen: Seen) -> None:
    """It is not waited for: the failure comes out at once."""
    code = b'{"code":"too_many_requests","message":"m","status":429}'
    raw = response(code, "429 TOO MANY", headers="Retry-After: 5\r\n")
    with ScriptedServer(always(raw)) as server:
        with client_of(server.url, call_timeout=1.0, max_retries=2) as client:
            with seen.timing(), contextlib.suppress(DifyException):
                client.send(request())
        seen.equal("requests", len(server.requests), 1)
    seen.within("end", seen.ms or 0.0, 150.0)
    seen.ended = "TooManyRequestsException"
