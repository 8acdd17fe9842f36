"""Servers that are not quite Dify, and callers and machines that are not quite as expected."""

from __future__ import annotations

import json
import traceback
from typing import Any

from dify_java_compat import (
    ClientConfig,
    ConnectionException,
    DecodeException,
    DifyException,
    FileUploadRequest,
    HttpClientException,
    IllegalArgumentException,
    RequestsDifyChat,
)
from tests.support.frames import MESSAGE_END, message, response
from tests.support.server import ScriptedServer, always
from tests.support.watching import request

from .table import Seen, row
from .test_calls import METHODS
from .test_secrets import SECRET, client_of, outcome

BINARY = {"filePreview", "textToAudio"}
ENVELOPES: tuple[dict[str, Any], ...] = (
    {"code": 401, "msg": "expired", "data": None},
    {"code": 500, "message": "expired", "data": []},
    {"success": False, "error": "expired"},
    {"errcode": 40001, "errmsg": "expired"},
    {"error": {"message": "expired", "type": "auth"}},
    {"type": "about:blank", "title": "expired", "status": 401, "instance": "/"},
    {"detail": "expired"},
    {"id": "req-1", "code": 401, "message": "expired"},
    {},
)


def ended_each(seen: Seen, kind: type[Exception], results: list[tuple[str, Any]]) -> None:
    """All results are exceptions of that class."""
    for what, result in results:
        seen.check(isinstance(result, kind), f"{what}: {result!r:.120}")
    seen.ended = kind.__name__
    seen.figures["calls"] = len(results)


@row("calls", "an error of a gateway with status 200", "网关以状态码 200 返回错误")
def test_an_error_with_status_200(seen: Seen) -> None:
    results = []
    for envelope in ENVELOPES:
        raw = response(json.dumps(envelope).encode())
        with ScriptedServer(always(raw)) as server, client_of(server, max_retries=0) as client:
            for method in sorted(set(METHODS) - BINARY):
                if envelope or method == "send":  # {} is what Dify says of a form that was taken
                    results.append((f"{method}, {envelope}", outcome(client, method)))
    ended_each(seen, DecodeException, results)
    for what, result in results:
        seen.check("expired" in str(result) or "{}" in what, f"{what}: without its reason")


HEADERS = ("\xb2", "9" * 5000, f"Thu, 01 Jan {'9' * 20} 00:00:00 GMT", "inf", ",", "-1")


@row("calls", "a Retry-After that is no time", "Retry-After 不是时间")
def test_a_hostile_retry_after(seen: Seen) -> None:
    results = []
    for value in HEADERS:
        raw = response(b"{}", "503 NO", headers="X: y\r\n")
        raw = raw.replace(b"X: y", b"Retry-After: " + value.encode("latin-1"))
        with ScriptedServer(always(raw)) as server, client_of(server, max_retries=0) as client:
            result = outcome(client, "info")
            results.append((value[:20], result))
            seen.check(getattr(result, "retry_after", 0) is None, f"{value[:20]}: a time")
    ended_each(seen, HttpClientException, results)


@row(
    "calls",
    "JSON nested 100,000 deep, integers of 5,000 digits",
    "JSON 嵌套 10 万层、整数有 5,000 位",
)
def test_json_that_python_cannot_read(seen: Seen) -> None:
    bodies = (b"[" * 100_000, b'{"answer":' * 100_000, b'{"answer":' + b"9" * 5000 + b"}")
    calls = 0
    for body in bodies:
        for status in ("200 OK", "500 OH"):
            raw = response(body, status)
            with ScriptedServer(always(raw)) as server, client_of(server, max_retries=0) as client:
                with seen.timing():
                    result = outcome(client, "send")
                calls += 1
                is_ours = isinstance(result, DifyException) or hasattr(result, "answer")
                seen.check(is_ours, f"{body[:20]!r}: {result!r:.80}")
    seen.figures["calls"] = calls


@row(
    "calls",
    "a stream instead of an answer, under any content type",
    "返回的是流而不是完整响应，Content-Type 任意",
)
def test_a_stream_instead_of_an_answer(seen: Seen) -> None:
    types = ("text/event-stream", "text/plain", "application/octet-stream", "", "x/y; charset=z")
    for content_type in types:
        raw = response(message("Hi") + MESSAGE_END, content_type=content_type)
        with ScriptedServer(always(raw)) as server, client_of(server) as client:
            seen.equal(content_type, client.send(request()).answer, "Hi")
    seen.figures["types"] = len(types)


@row("calls", "a proxy that is down, or is none", "代理不可用，或根本不是代理")
def test_a_proxy_that_cannot_work(seen: Seen) -> None:
    down = ClientConfig(proxies={"http": "http://user:PW-secret@127.0.0.1:9"}, max_retries=0)
    result = outcome(RequestsDifyChat("http://dify.invalid", down, api_key=SECRET), "info")
    seen.ended_with(result)
    seen.check(isinstance(result, ConnectionException), f"{result!r:.80}")
    seen.check("proxy http://127.0.0.1:9" in str(result), "the proxy is not named")
    texts = [str(result)]
    bad: tuple[Any, ...] = ("socks9://user:PW-secret@x", "http://user:PW-secret@", 5, b"http://x")
    for proxy in bad:
        try:
            RequestsDifyChat("http://x", ClientConfig(proxies={"http": proxy}), api_key=SECRET)
            seen.check(False, f"{proxy!r:.10} was taken")
        except IllegalArgumentException as error:
            texts.append(str(error))
    seen.check("PW-secret" not in "".join(texts), "the password is shown")
    seen.figures["proxies"] = len(texts)


@row("secrets", "the key escaped for JSON, a URL or HTML", "返回的密钥经过 JSON、URL 或 HTML 转义")
def test_a_key_in_another_spelling(seen: Seen) -> None:
    key = "app-Tr0ub4dor/8and+3Correct=="
    spellings = (
        *(key, key.replace("/", "\\/"), key.replace("+", "\\u002B"), key.replace("/", "\\\\/")),
        *(key.replace("+", "%2b"), key.replace("/", "%252F"), key.replace("/", "&#x2F;")),
        "".join(f"\\u{ord(c):04x}" for c in key),
    )
    texts = 0
    for spelling in spellings:
        for raw in (
            response(f'{{"code":"c","message":"no {spelling}"}}'.encode(), "401 NO"),
            response(f"<p>{spelling}</p>".encode(), "502 NO", "text/html"),
            response(f"no JSON {spelling}".encode()),
            f"{spelling}\r\n\r\n".encode(),
        ):
            with ScriptedServer(always(raw)) as server:
                config = ClientConfig(max_retries=0)
                with RequestsDifyChat(server.url, config, api_key=key) as client:
                    result = outcome(client, "info")
            trace = traceback.TracebackException.from_exception(result)
            shown = f"{result} {vars(result)} {''.join(trace.format())}"
            texts += 1
            seen.check("Tr0ub4dor" not in shown.replace(repr(key), ""), f"{spelling}: {shown:.200}")
    seen.figures["texts"] = texts


@row("secrets", "a file's content type with line breaks", "文件的 Content-Type 含换行")
def test_a_content_type_that_would_begin_a_header(seen: Seen) -> None:
    results = []
    with ScriptedServer(always(response())) as server, client_of(server) as client:
        for kind in ("text/plain\r\nX: 1", "text/plain\r\n\r\nnot the file", "a/b\n", "a/\xe9"):
            file = ("a.txt", b"x", kind)
            upload = FileUploadRequest(user_id="u", file=file)
            results.append((kind, outcome(client, "fileUpload", request=upload)))
        seen.equal("requests", len(server.requests), 0)
    ended_each(seen, IllegalArgumentException, results)
