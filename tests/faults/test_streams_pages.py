"""What may come instead of a stream: pages, other bodies, redirects."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from dify_java_compat import DecodeException, HttpClientException
from tests.support.frames import MESSAGE_END, message, response, stream
from tests.support.server import Peer, ScriptedServer, always
from tests.support.watching import Watcher, join_streams

from . import playing
from .playing import KEY, Cue, client_of, expect, note, play
from .table import Seen, case, row, rows

pytestmark = pytest.mark.usefixtures("facade")

TWO = message("你") + message("好") + MESSAGE_END

# responses with status 200 that are no stream
OTHERS = [
    ("an HTML page", "内容却是 HTML 页面", b"<html><h1>Log in</h1></html>", "text/html", "Log in"),
    ("a page of no type", "内容却是没有类型的页面", b"Log in", "", "Log in"),
    ("a JSON object", "内容却是 JSON 对象", b'{"code":"x"}', "application/json", "code"),
    ("nothing", "响应体却为空", b"", "text/html", "text/html"),
]


@rows(
    "streams",
    [
        case(f"status 200, but {name}", f"状态码 200，{chinese}", body=body, kind=kind, says=says)
        for name, chinese, body, kind, says in OTHERS
    ],
)
def test_a_success_that_is_no_stream(seen: Seen, *, body: bytes, kind: str, says: str) -> None:
    def act(peer: Peer, cue: Cue) -> None:
        cue.happens()
        peer.send(response(body, content_type=kind))

    watcher = play(seen, act)
    expect(seen, 0, "DecodeException")
    seen.check(says in str(watcher.error), f"does not say {says}: {watcher.error}")
    if isinstance(watcher.error, DecodeException):
        seen.equal("body", watcher.error.response_body, body.decode())


# the status and how it reads in Chinese, and what it is for the caller
ENDLESS = (
    ("200 OK", "状态码 200", "DecodeException"),
    ("500 NO", "状态码 500", "ServerErrorException"),
)


@rows(
    "streams",
    [
        each
        for status, chinese, ended in ENDLESS
        for each in (
            case(
                f"status {status[:3]}, a page without end",
                f"{chinese}，页面没有尽头",
                status=status,
                piece=b" " * 65536,
                pause=0.0,
                ended=ended,
                most=1000.0,
            ),
            case(
                f"status {status[:3]}, a page that drips without end",
                f"{chinese}，页面一点一点地到达，没有尽头",
                slow=True,
                status=status,
                piece=b" ",
                pause=0.1,
                ended=ended,
                most=11_000.0,
            ),
        )
    ],
)
def test_a_page_that_never_ends(
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


@row("streams", "status 200, but half a page", "状态码 200，页面只到一半")
def test_half_a_page_is_shown(seen: Seen) -> None:
    def act(peer: Peer, cue: Cue) -> None:
        cue.happens()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 99\r\n\r\n<h1>Oh")

    watcher = play(seen, act)
    expect(seen, 0, "DecodeException")
    seen.check("<h1>Oh" in str(watcher.error), f"does not show the page: {watcher.error!s:.300}")


def redirect(status: int, location: str) -> bytes:
    return response(b"moved", f"{status} X", "text/html", f"Location: {location}\r\n")


@rows(
    "streams",
    [
        case(
            f"{status} on the same host: followed",
            f"{status} 重定向到同一台主机：跟随",
            status=status,
        )
        for status in (307, 308)
    ],
)
def test_a_redirect_on_the_same_host_is_followed(seen: Seen, *, status: int) -> None:
    def script(peer: Peer) -> None:
        while received := peer.receive():
            there = received.target == "/there"
            peer.send(stream(TWO) if there else redirect(status, "/there"))

    with ScriptedServer(script) as server, client_of(server) as client:
        since = time.perf_counter()
        watcher = Watcher(playing.facade.stream(client)).wait()
        join_streams()
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
    ("a host behind //", "写在 // 后的主机", lambda here, there: f"//127.0.0.1:{there.port}{PATH}"),
    (
        "a host behind @",
        "写在 @ 后的主机",
        lambda here, there: f"http://127.0.0.1:{here.port}@127.0.0.1:{there.port}{PATH}",
    ),
    (
        "a host behind backslashes",
        "写在反斜杠后的主机",
        lambda here, there: f"http:\\\\127.0.0.1:{there.port}{PATH}",
    ),
]


@rows(
    "streams",
    [
        case(
            f"{status} to {name}: refused",
            f"{status} 重定向到{chinese}：拒绝跟随",
            status=status,
            where=where,
        )
        for status in (307, 308)
        for name, chinese, where in ELSEWHERE
    ],
)
def test_a_redirect_elsewhere_is_refused(seen: Seen, *, status: int, where: Elsewhere) -> None:
    with ScriptedServer(always(stream(TWO))) as there:
        target = ""
        with ScriptedServer(lambda peer: always(redirect(status, target))(peer)) as here:
            target = where(here, there)
            with client_of(here) as client:
                since = time.perf_counter()
                watcher = Watcher(playing.facade.stream(client)).wait()
                join_streams()
                note(seen, watcher, since)
                expect(seen, 0, "HttpClientException")
                error = watcher.error
                if isinstance(error, HttpClientException):
                    seen.equal("status", error.status_code, status)
                    seen.check("base_url" in str(error), f"says only: {error}")
            seen.equal("requests", len(here.requests), 1)
        seen.figures["elsewhere"] = there.connections
        seen.equal("connections elsewhere", there.connections, 0)
