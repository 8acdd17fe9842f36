"""What one connection carries, and who else might be met on it; other ways than plain sockets."""

from __future__ import annotations

import contextlib
import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from reactivex import operators as ops

from dify_java_compat import (
    ClientConfig,
    ConnectionException,
    DifyException,
    RequestsDifyChat,
)
from tests.http.test_green import Dify
from tests.support import sockets
from tests.support.frames import (
    LAST_CHUNK,
    MESSAGE_END,
    STREAM_HEAD,
    chunk,
    message,
    response,
    stream,
)
from tests.support.processes import python
from tests.support.proxy import SocksProxy, forward
from tests.support.server import Peer, ScriptedServer, always
from tests.support.watching import Watcher, request

from .table import Seen, case, row, rows

KEY = "app-the-key-of-the-connections-rows"
USERS = ("ann", "bob", "eve")


def client_of(url: str, **config: Any) -> RequestsDifyChat:
    settings = {"max_retries": 0, "keep_alive_seconds": 60.0, "call_timeout": 60.0, **config}
    return RequestsDifyChat(url, ClientConfig(**settings), api_key=KEY)


# -- one user's answer, and another ------------------------------------------------------------


def named(user: str) -> bytes:
    return json.dumps({"answer": f"for {user}"}).encode()


def sized(user: str) -> bytes:
    return response(named(user))


def chunked(user: str) -> bytes:
    head = STREAM_HEAD.replace(b"text/event-stream; charset=utf-8", b"application/json")
    return head + chunk(named(user)) + LAST_CHUNK


def streamed(user: str) -> bytes:
    return stream(message(f"for {user}"), MESSAGE_END)


def nothing(_: str) -> bytes:
    return b"HTTP/1.1 204 NO CONTENT\r\nContent-Length: 4\r\n\r\n"


def interim(count: int) -> Callable[[str], bytes]:
    early = b"HTTP/1.1 103 EARLY HINTS\r\nLink: </a.css>\r\n\r\n"
    return lambda user: early * count + sized(user)


SECRET = response(json.dumps({"answer": "for another"}).encode())
ANSWERS = [
    case("an answer too many, behind a length", "长度之后多出一个回答", make=sized, late=SECRET),
    case("behind the last chunk", "最后一个分块之后多出一个回答", make=chunked, late=SECRET),
    case("behind a stream", "流之后多出一个回答", make=streamed, late=SECRET),
    case("behind a 204 with a body", "带响应体的 204 之后多出一个回答", make=nothing, late=SECRET),
    case(
        "bytes behind a length that is too short",
        "长度偏小，后面还有字节",
        make=sized,
        late=b"more",
    ),
    case("half a status line behind an answer", "回答之后半条状态行", make=sized, late=b"HTTP/1."),
    case("a 100 behind an answer", "回答之后一个 100", make=sized, late=b"HTTP/1.1 100 OK\r\n\r\n"),
    case("a 103 before each answer", "每个回答之前一个 103", make=interim(1), late=b""),
    case("64 of them", "64 个", make=interim(64), late=b""),
    case("1,000 of them", "1,000 个", make=interim(1000), late=b""),
]


@rows("connections", ANSWERS)
def test_nobody_reads_anothers_answer(
    seen: Seen, *, make: Callable[[str], bytes], late: bytes
) -> None:
    """Three users, one after the other, on connections that are used again where they may be."""

    def script(peer: Peer) -> None:
        while received := peer.receive():
            peer.send(make(received.json["user"]) + late)

    calls = wrong = 0
    with ScriptedServer(script) as server, client_of(server.url) as client:
        for user in USERS * 3:
            for streams in (False, True):
                if streams == (make is not streamed):
                    continue
                calls += 1
                try:
                    asked = request(user_id=user)
                    if streams:
                        text = "".join(i.answer or "" for i in client.sendChatMessageStream(asked))
                    else:
                        text = str(client.send(asked).answer)
                except DifyException as error:
                    text = f"for {user}"
                    seen.ended = type(error).__name__
                wrong += text != f"for {user}"
    seen.ended = seen.ended or "completed"
    seen.equal("another's answers", wrong, 0)
    seen.figures |= {"calls": calls, "wrong": wrong}


@row("connections", "a connection that was switched, by a 101", "被 101 切换了协议的连接")
def test_an_answer_that_switches_the_protocol(seen: Seen) -> None:
    raw = b"HTTP/1.1 101 SWITCHING\r\nUpgrade: x\r\n\r\n" + SECRET
    with ScriptedServer(always(raw)) as server, client_of(server.url) as client:
        for _ in range(3):
            try:
                client.send(request())
            except DifyException as error:
                seen.ended_with(error)
        seen.equal("ended", seen.ended, ConnectionException.__name__)
        seen.equal("connections", server.connections, 3)


@row(
    "connections",
    "streams left at their last event, beside calls",
    "流在最后一个事件处取消订阅，同时有其他调用",
)
def test_a_late_dispose_meets_no_other_call(seen: Seen) -> None:
    """The connection is in its pool by then, or another call's."""
    user = re.compile(rb'"user":\s*"([^"]+)"')

    def script(peer: Peer) -> None:
        while received := peer.receive():
            found = user.search(received.body)
            assert found is not None
            streams = b"streaming" in received.body
            peer.send((streamed if streams else sized)(found[1].decode()))

    wrong: list[object] = []
    counts = [0, 0]
    until = time.monotonic() + (1.0 if seen.short else 15.0)

    def streams(name: str) -> None:
        while time.monotonic() < until:
            items = client.sendChatMessageStream(request(user_id=name)).pipe(ops.take(2))
            watcher = Watcher(items).wait()
            counts[0] += 1
            if watcher.error is not None or watcher.text != f"for {name}":
                wrong.append(watcher.error or watcher.text)

    def posts(name: str) -> None:
        while time.monotonic() < until:
            try:
                answer: object = client.send(request(user_id=name)).answer
            except DifyException as error:
                answer = error
            counts[1] += 1
            if answer != f"for {name}":
                wrong.append(answer)

    with ScriptedServer(script) as server, client_of(server.url, max_idle_connections=2) as client:
        jobs = [(streams, "s1"), (streams, "s2"), (posts, "p1"), (posts, "p2")]
        threads = [threading.Thread(target=job, args=(name,)) for job, name in jobs]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    seen.check(not wrong, f"{len(wrong)} wrong, {wrong[:1]!r:.200}")
    seen.check(min(counts) > 20, f"too few: {counts}")
    seen.figures |= {"streams": counts[0], "posts": counts[1], "wrong": len(wrong)}


# -- other ways than a plain socket ------------------------------------------------------------


@contextlib.contextmanager
def by_socks() -> Iterator[tuple[ScriptedServer, dict[str, Any]]]:
    with ScriptedServer(Dify()) as server, ScriptedServer(SocksProxy()) as proxy:
        yield server, {"proxies": {"http": f"socks5://127.0.0.1:{proxy.port}"}}


@contextlib.contextmanager
def by_tls_in_tls() -> Iterator[tuple[ScriptedServer, dict[str, Any]]]:
    context, ca = sockets.tls()
    with ScriptedServer(Dify(), context) as server, ScriptedServer(forward, context) as proxy:
        yield server, {"proxies": {"https": proxy.url}, "verify": ca}


WAYS = [
    case("a SOCKS proxy", "经 SOCKS 代理", way=by_socks),
    case(
        "TLS within TLS, through an https proxy", "经 https 代理，TLS 之内的 TLS", way=by_tls_in_tls
    ),
]


@rows("connections", WAYS)
def test_another_way_than_a_plain_socket(seen: Seen, *, way: Callable[[], Any]) -> None:
    """Whole streams, one that is disposed of, and one that is out of time."""
    with way() as (server, settings):
        with client_of(server.url, **settings) as client:
            watcher = Watcher(client.sendChatMessageStream(request())).wait()
            seen.events = len(watcher.items)
            seen.equal("text", watcher.text, "aaaaa")
            watcher = Watcher(client.sendChatMessageStream(request(content="for ever")))
            watcher.wait_for_items(1)
            with seen.timing():
                watcher.subscription.dispose()
            seen.within("dispose", seen.ms or 0.0, 50.0)
        with client_of(server.url, call_timeout=0.3, **settings) as client:
            watcher = Watcher(client.sendChatMessageStream(request(content="for ever"))).wait()
            seen.ended_with(watcher.error)
            seen.equal("phase", getattr(watcher.error, "phase", None), "total")


@rows(
    "connections",
    [
        case("gevent, patched before the import", "gevent，导入前打补丁", kind="gevent"),
        case("eventlet, patched before the import", "eventlet，导入前打补丁", kind="eventlet"),
    ],
)
def test_green_threads(seen: Seen, *, kind: str) -> None:
    dify = Dify()
    _, ca = sockets.tls()
    with ScriptedServer(dify) as server:
        with python("-m", "tests.http.green_child", kind, server.url, ca) as child:
            output, errors = child.communicate(timeout=100)
    seen.equal("exit", child.returncode, 0)
    seen.check(child.returncode == 0, errors[-500:])
    found = json.loads(output or "{}")
    seen.equal("disposed of", found.get("dispose"), True)
    seen.equal("left", dify.left, 3)
    seen.equal("in use", found.get("in use"), 0)
    seen.ended = f"TimeoutException ({found.get('total')})"
    seen.figures["streams"] = found.get("many")


# -- what a gateway changes on the way ---------------------------------------------------------

HELLO = message("你好") + MESSAGE_END
EVENTS = "text/event-stream"
CHANGED = [
    case("a chunk's size that ends with LF", "分块大小以 LF 结尾", framing=b"%x\n%b\r\n0\r\n\r\n"),
    case("the end behind the last size", "最后的大小之后就断开", framing=b"%x\r\n%b\r\n0\r\n"),
    case("a stream in GBK, by its type", "类型声明为 GBK 的流", framing="gbk"),
    case("in UTF-16", "UTF-16 的流", framing="utf-16"),
]


@rows("connections", CHANGED)
def test_a_stream_that_was_changed(seen: Seen, *, framing: bytes | str) -> None:
    """It is what it was, by a loop and by a pipeline."""
    if isinstance(framing, str):
        body = HELLO.decode().encode(framing)
        raw = response(body, content_type=f"{EVENTS}; charset={framing}")
    else:
        raw = STREAM_HEAD + framing % (len(HELLO), HELLO)

    def script(peer: Peer) -> None:
        if peer.receive() is not None:
            peer.send(raw)

    with ScriptedServer(script) as server:
        with client_of(server.url, max_idle_connections=0) as client:
            watcher = Watcher(client.sendChatMessageStream(request())).wait()
            items = list(client.sendChatMessageStream(request()))
    seen.ended_with(watcher.error)
    seen.events = len(items)
    seen.equal("text", (watcher.text, "".join(i.answer or "" for i in items)), ("你好", "你好"))
