"""Calls that are not streams: every response there can be, and connections that break."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import pickle
import random
import time
import typing
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from dify_java_compat import (
    ClientConfig,
    ConnectionException,
    DecodeException,
    DifyChatflow,
    DifyException,
    HttpClientException,
    NotChatAppException,
    RequestsDifyChat,
    ResponseEntity,
    TimeoutException,
)
from tests.recordings.refusals import class_of
from tests.support.facade import METHODS, arguments
from tests.support.frames import response
from tests.support.server import Peer, ScriptedServer
from tests.support.watching import request
from tools.rows import ROWS

from .table import Seen, case, row, rows

KEY = "app-the-key-of-the-calls-row"
STREAMS = {"sendChatMessageStream", "workflowEvents"}
GETS = {name for name, row in ROWS.items() if row.method == "GET"}
OK = response()


@contextlib.contextmanager
def client_of(server: ScriptedServer, **config: Any) -> Iterator[RequestsDifyChat]:
    with RequestsDifyChat(server.url, ClientConfig(**config), api_key=KEY) as client:
        yield client


def outcome(client: RequestsDifyChat, method: str) -> Any:
    """What a method gives, or what it raises."""
    values = arguments(method)
    if "api_key" in values:
        values["api_key"] = KEY
    for value in values.values():
        if dataclasses.is_dataclass(value) and hasattr(value, "api_key"):
            value.api_key = KEY
    try:
        result = getattr(client, method)(**values)
        return list(result) if method in STREAMS else result
    except Exception as error:
        return error


# -- every response ----------------------------------------------------------------------------

STATUSES = (
    *(300, 304, 307, 400, 401, 402, 403, 404, 405, 409, 412, 413, 415, 418, 429, 431),
    *(500, 501, 502, 503, 504, 599),
)
JSON, HTML = "application/json", "text/html; charset=utf-8"
BODIES = {
    "Dify's JSON": (JSON, b'{"code":"c","message":"m \xe4\xb8\xad","status":1}'),
    "HTML": (HTML, b"<!doctype html><title>Oh</title><h1>No</h1>" * 9),
    "nothing": (JSON, b""),
    "half JSON": (JSON, b'{"code":"c","mess'),
    "a list": (JSON, b'["c"]'),
    "null": (JSON, b"null"),
    "wrong types": (JSON, b'{"code":5,"message":["m"],"data":7,"id":{},"answer":[1],"text":3}'),
    "no UTF-8": (JSON, b'{"code":"\xff\xfe","message":"\x80"}'),
    "binary": ("application/octet-stream", bytes(range(256))),
    "very deep": (JSON, b"[" * 100_000),
    "no type": ("", b'{"code":"c"}'),
}


@row(
    "calls",
    "every method: each status with each kind of body",
    "每个方法：各状态码配各种响应体",
    seconds=600,
)
def test_each_status_with_each_body_raises_its_class(seen: Seen) -> None:
    current = [b""]

    def script(peer: Peer) -> None:
        while peer.receive():
            peer.send(current[0])

    cases = list(itertools.product(METHODS, STATUSES, BODIES))
    if seen.short:
        cases = random.Random(1).sample(cases, 600)
    with ScriptedServer(script) as server, client_of(server, max_retries=0) as client:
        for method, status, body in cases:
            kind, content = BODIES[body]
            current[0] = raw_response(status, kind, content)
            error = outcome(client, method)
            where = f"{method}, {status}, {body}"
            seen.check(type(error) is class_of(status, None), f"{where}: {error!r}")
            if not isinstance(error, HttpClientException):
                continue
            seen.equal(f"{where}: status", (error.status_code, error.operation), (status, method))
            if body == "Dify's JSON" and status != 304:
                seen.equal(f"{where}: code", (error.code, error.message), ("c", "m 中"))
            again = pickle.loads(pickle.dumps(error))
            seen.equal(f"{where}: pickled", (type(again), str(again)), (type(error), str(error)))
        current[0] = raw_response(400, JSON, b'{"code":"not_chat_app","message":"m","status":400}')
        for method in METHODS:
            seen.check(type(outcome(client, method)) is NotChatAppException, f"{method}: 400")
        seen.equal("requests", len(server.requests), len(cases) + len(METHODS))
    seen.figures["calls"] = len(cases) + len(METHODS)


def raw_response(status: int, kind: str, body: bytes) -> bytes:
    if status == 304:  # it never has one
        return b"HTTP/1.1 304 NOT MODIFIED\r\n\r\n"
    whole = response(body, f"{status} STATUS", kind)
    return whole if kind else whole.replace(b"Content-Type: \r\n", b"")


@row(
    "calls",
    "every method: a success with a body that is none",
    "每个方法：状态码表示成功，响应体却不对",
)
def test_a_success_with_a_body_that_is_none_is_no_result(seen: Seen) -> None:
    """A result of the promised class, or DecodeException; never a result made of nothing."""
    current = [b""]

    def script(peer: Peer) -> None:
        while peer.receive():
            peer.send(current[0])

    kinds: Counter[str] = Counter()
    with ScriptedServer(script) as server, client_of(server, max_retries=0) as client:
        for method, status, body in itertools.product(METHODS, (200, 201), BODIES):
            kind, content = BODIES[body]
            current[0] = raw_response(status, kind, content)
            result = outcome(client, method)
            kinds[type(result).__name__] += 1
            fits = type(result) in wanted(method, body)
            seen.check(fits, f"{method}, {status}, {body}: {result!r:.200}")
            if isinstance(result, DecodeException):
                text = content.decode("utf-8", "replace")
                seen.equal(f"{method}, {body}: body", result.response_body, text)
        seen.equal("requests", len(server.requests), sum(kinds.values()))
    seen.figures |= {"calls": sum(kinds.values()), "DecodeException": kinds["DecodeException"]}


def wanted(method: str, body: str) -> tuple[type, ...]:
    """The classes that may come of a success with that body."""
    if method == "filePreview":  # any file may be asked for
        return (ResponseEntity,)
    if method == "textToAudio":
        return (ResponseEntity,) if body == "binary" else (DecodeException,)
    promised = typing.get_type_hints(getattr(DifyChatflow, method))["return"]
    result = typing.get_origin(promised) or promised
    if body == "nothing" and result is type(None):
        return (result,)
    if body == "no UTF-8":  # what else stands in the object can be used
        return (DecodeException, result)
    return (DecodeException,)  # the objects have no field that is promised, or are errors


# -- sent once, or again -----------------------------------------------------------------------


def sendings(
    seen: Seen, end: Callable[[Peer], None], **config: Any
) -> Iterator[tuple[str, int, Exception]]:
    """For each method how often it was sent and what it raised, where `end` ends connections."""

    def script(peer: Peer) -> None:
        if peer.receive():
            end(peer)

    def outcome_of(method: str) -> tuple[str, int, Exception]:
        wanted = 3 if method in GETS else 1
        with ScriptedServer(script) as server, client_of(server, **config) as client:
            error = outcome(client, method)
            until = time.monotonic() + 30
            while len(server.requests) < wanted and time.monotonic() < until:
                time.sleep(0.002)
        seen.equal(f"{method}: sent", len(server.requests), wanted)
        return method, len(server.requests), error

    with ThreadPoolExecutor(len(METHODS)) as pool:
        yield from pool.map(outcome_of, METHODS)


@row("calls", "no answer comes: only what is a GET is asked again", "没有响应：只有 GET 会重发")
def test_only_a_get_is_sent_again_after_a_read_timeout(seen: Seen) -> None:
    config = {"read_timeout": 0.2, "sse_read_timeout": 0.2}
    for method, count, error in sendings(seen, Peer.wait_closed, **config):
        seen.check(isinstance(error, TimeoutException), f"{method}: {error!r}")
        phase = "idle" if method in STREAMS else "read"
        seen.equal(f"{method}: phase", getattr(error, "phase", None), phase)
        name = "GET" if method in GETS else "others"
        seen.figures[f"requests of each {name}"] = count
    seen.ended = "TimeoutException"


ENDS: dict[str, tuple[str, Callable[[Peer], None]]] = {
    "closes the connection": ("关闭连接", lambda peer: None),
    "resets the connection": ("重置连接", Peer.reset),
    "answers with garbage": ("返回乱码", lambda peer: peer.send(b"\x16\x03\x01 what\r\n\r\n")),
}


@rows(
    "calls",
    [
        case(
            f"the server {name}: only what is a GET is asked again",
            f"服务端{chinese}：只有 GET 会重发",
            end=end,
        )
        for name, (chinese, end) in ENDS.items()
    ],
)
def test_only_a_get_is_sent_again_after_a_broken_connection(
    seen: Seen, *, end: Callable[[Peer], None]
) -> None:
    for method, count, error in sendings(seen, end):
        seen.check(type(error) is ConnectionException, f"{method}: {error!r}")
        seen.figures[f"requests of each {'GET' if method in GETS else 'others'}"] = count
    seen.ended = "ConnectionException"


def busy(code: str, retry_after: str | None) -> bytes:
    body = f'{{"code":"{code}","message":"m","status":429}}'.encode()
    return response(body, "429 X", headers=f"Retry-After: {retry_after}\r\n" if retry_after else "")


@row(
    "calls",
    "429: too_many_requests is asked again, a spent quota is not",
    "429：并发超限会重发，额度用尽不重发",
)
def test_too_many_requests_is_sent_again_and_a_spent_quota_is_not(seen: Seen) -> None:
    """Every method; what is sent again is the same to the byte, files too."""
    current = [b""]

    def script(peer: Peer) -> None:
        while peer.receive():
            first = len(server.requests) == 1
            peer.send(current[0] if first else response(b"{}", "418 X"))

    again = 0
    for method, (code, wait) in itertools.product(
        METHODS,
        [("too_many_requests", "0"), ("rate_limit_error", "0"), ("too_many_requests", "99")],
    ):
        current[0] = busy(code, wait)
        with ScriptedServer(script) as server, client_of(server, max_retries=1) as client:
            error = outcome(client, method)
        retried = (code, wait) == ("too_many_requests", "0")
        seen.equal(f"{method}, {code}, {wait}: sent", len(server.requests), 1 + retried)
        seen.equal(
            f"{method}: the last status", getattr(error, "status_code", 0), 418 if retried else 429
        )
        if retried:
            again += 1
            first, second = server.requests
            seen.equal(f"{method}: sent again", second, first)
    seen.figures["sent again"] = again


@row("calls", "429 with Retry-After: 1: the pause is kept", "429，Retry-After 为 1：等够时间再重发")
def test_the_pause_of_retry_after_is_kept(seen: Seen) -> None:
    received_at: list[float] = []

    def script(peer: Peer) -> None:
        while peer.receive():
            received_at.append(time.monotonic())
            peer.send(busy("too_many_requests", "1") if len(received_at) == 1 else OK)

    with ScriptedServer(script) as server, client_of(server) as client:
        result = client.send(request())
    seen.equal("answer", result.answer, "yes")
    seen.equal("sent", len(received_at), 2)
    seen.ms = (received_at[-1] - received_at[0]) * 1000
    seen.check(seen.ms >= 1000, f"only {seen.ms:.0f} ms between the two")


# -- connections that die while idle -----------------------------------------------------------

BORDER = 2.0  # seconds after which gunicorn closes an idle connection


@row(
    "calls",
    "a server that closes idle connections after 2 s, calls around that moment",
    "服务端 2 秒后关闭空闲连接，调用恰好在那一刻前后发出",
)
def test_calls_at_the_moment_when_idle_connections_are_closed(seen: Seen) -> None:
    """None fails, none is sent twice, though nothing is sent again."""
    clients, calls = (30, 3) if seen.short else (50, 20)
    used: Counter[bytes] = Counter()

    def script(peer: Peer) -> None:
        peer.sock.settimeout(BORDER)
        while received := peer.receive():
            used[received.body] += 1
            peer.send(OK)

    def talk(number: int) -> list[Exception]:
        dice = random.Random(number)
        failures: list[Exception] = []
        with client_of(server, max_retries=0) as client:
            for turn in range(calls):
                try:
                    client.send(request(content=f"{number}-{turn}"))
                except DifyException as error:
                    failures.append(error)
                # evenly around, and often at the two moments themselves
                time.sleep(
                    dice.choice(
                        [dice.uniform(1.2, 2.6), dice.gauss(1.5, 0.02), dice.gauss(BORDER, 0.02)]
                    )
                )
        return failures

    with ScriptedServer(script) as server, ThreadPoolExecutor(clients) as pool:
        failures = [error for found in pool.map(talk, range(clients)) for error in found]
    seen.equal("failures", failures, [])
    seen.equal("calls that arrived", len(used), clients * calls)
    seen.equal("most often", max(used.values()), 1)
    seen.figures |= {"calls": len(used), "connections": server.connections}
    seen.check(server.connections < len(used), "no connection was used again")
    seen.check(server.connections > clients, "every connection was kept")
