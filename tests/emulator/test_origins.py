"""A web site that the developer has open drives no emulator, and hostile requests hold none."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from dify_java_compat.emulator import DifyEmulator
from dify_java_compat.emulator.model.upstream import Upstream
from tests.support.frames import response
from tests.support.server import Peer, ScriptedServer

from .caller import Caller

KEY = "sk-the/developers-own-key-0123456789"
SITE = "https://evil.example"

LOCAL = ("http://localhost:3000", "http://127.0.0.1:8080", "http://[::1]:1", "http://app.localhost")
FOREIGN = (SITE, "http://127.0.0.1.evil.example", "null", "http://localhost.evil.example", "x", "")
METHODS = (
    ("GET", "/v1/conversations?user=ann"),
    ("POST", "/v1/chat-messages"),
    ("DELETE", "/v1/conversations/c"),
    ("OPTIONS", "/v1/chat-messages"),
    ("POST", "/api/chat/x/stop"),
    ("GET", "/files/x/file-preview"),
)


def status_of(caller: Caller, method: str, path: str, *headers: str, host: str = "") -> int:
    host = host or f"127.0.0.1:{caller.emulator.port}"
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}", "Authorization: Bearer app-chat"]
    lines += ["Content-Length: 0", *headers, "", ""]
    return caller.raw("\r\n".join(lines).encode()).status


@pytest.mark.parametrize("origin", FOREIGN)
@pytest.mark.parametrize(("method", "path"), METHODS)
def test_another_site_is_refused_in_a_browser(
    chat: Caller, method: str, path: str, origin: str
) -> None:
    headers = (f"Origin: {origin}", "Sec-Fetch-Site: cross-site")
    assert status_of(chat, method, path, *headers) == 403
    assert status_of(chat, method, path, f"Origin: {origin}") == 403  # of an older browser
    assert chat.emulator.requests == []


def test_a_page_of_the_host_that_is_asked_is_none_of_another_site(chat: Caller) -> None:
    host = f"192.168.1.5:{chat.emulator.port}"
    assert status_of(chat, "GET", "/v1/info", f"Origin: http://{host}", host=host) == 200
    assert status_of(chat, "GET", "/v1/info", "Origin: http://192.168.1.6", host=host) == 403


@pytest.mark.parametrize("origin", LOCAL)
def test_a_page_of_this_machine_is_answered(chat: Caller, origin: str) -> None:
    for site in ("cross-site", "same-site", "same-origin"):
        headers = (f"Origin: {origin}", f"Sec-Fetch-Site: {site}")
        assert status_of(chat, "GET", "/v1/info", *headers) == 200
        assert status_of(chat, "OPTIONS", "/v1/info", *headers) == 200


def test_what_a_site_may_send_without_an_origin_is_refused(chat: Caller) -> None:
    assert status_of(chat, "GET", "/v1/info", "Sec-Fetch-Site: cross-site") == 403
    assert status_of(chat, "GET", "/files/x", "Sec-Fetch-Site: cross-site") == 404  # a picture
    assert status_of(chat, "GET", "/v1/info", "Sec-Fetch-Site: none") == 200
    assert status_of(chat, "GET", "/v1/info") == 200


@pytest.mark.parametrize(
    ("host", "status"),
    [
        *((name, 403) for name in ("evil.example", "evil.example:80", "127.0.0.1.evil.example")),
        *((name, 403) for name in ("evil.example.", "EVIL.example", "1.2.3.4.5")),
        *((name, 200) for name in ("localhost", "LOCALHOST:1", "[::1]:5001", "10.0.0.1", "dify")),
        *((name, 200) for name in ("host.docker.internal:5001", "my-mac.local", "a.localhost")),
    ],
)
def test_a_name_that_may_be_a_sites_is_refused(chat: Caller, host: str, status: int) -> None:
    """It may lead to 127.0.0.1, and then the browser lets the site read what is answered."""
    assert status_of(chat, "GET", "/v1/info", "Sec-Fetch-Site: same-origin", host=host) == status


def test_whoever_wants_it_may_allow_it() -> None:
    with DifyEmulator(token_pause=0, cors=True) as emulator:
        caller = Caller(emulator)
        headers = (f"Origin: {SITE}", "Sec-Fetch-Site: cross-site")
        assert status_of(caller, "GET", "/v1/info", *headers) == 200
        assert status_of(caller, "GET", "/v1/info", host="dify.example.com") == 200
        assert status_of(caller, "GET", "/_emulator/state", *headers) == 403  # never this one


@contextmanager
def model(body: bytes, status: str = "401 NO") -> Iterator[tuple[DifyEmulator, ScriptedServer]]:
    def script(peer: Peer) -> None:
        if peer.receive() is not None:
            peer.send(response(body, status))

    with ScriptedServer(script) as server:
        upstream = f"{server.url}/v1"
        with DifyEmulator(
            token_pause=0, upstream=upstream, model="m", upstream_key=KEY
        ) as emulator:
            yield emulator, server


def test_a_model_behind_it_is_asked_by_nobody_whom_no_browser_vouches_for() -> None:
    with model(b"{}") as (emulator, server):
        caller = Caller(emulator)
        for headers in ((f"Origin: {SITE}",), (f"Origin: {SITE}", "Sec-Fetch-Site: cross-site")):
            assert status_of(caller, "POST", "/v1/chat-messages", *headers) == 403
        assert server.requests == []


@pytest.mark.parametrize(
    "body",
    [
        f"Incorrect API key provided: {KEY}",
        json.dumps({"error": {"message": f"no such key: {KEY}"}}).replace("/", "\\/"),
        json.dumps({"detail": f"{'x' * 290} {KEY}"}),
        f"{'x' * (300 - len(KEY) // 2)}{KEY}",
        "[" * 100_000,
    ],
)
def test_the_models_key_is_never_told(body: str) -> None:
    with model(body.encode()) as (emulator, server):
        asked = {"inputs": {}, "query": "hi", "user": "ann", "response_mode": "blocking"}
        answer = Caller(emulator).post("/chat-messages", asked)
        assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"
    text = answer.body.decode().replace("\\/", "/")
    assert answer.status == 400
    assert "developers" not in text


def test_the_key_is_in_no_repr() -> None:
    assert "developers" not in repr(Upstream("http://x/v1", "m", KEY))


# -- memory and depth --------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["[" * 100_000 + "]" * 100_000, '{"a":' * 50_000])
@pytest.mark.parametrize("path", ["/chat-messages", "/apps/annotations", "/workflows/run"])
def test_json_that_nests_deep_is_a_bad_request(chat: Caller, text: str, path: str) -> None:
    answer = chat.raw(
        f"POST /v1{path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer app-chat\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(text)}\r\n\r\n{text}".encode()
    )
    assert answer.status == 400


@pytest.mark.parametrize(
    "length", ["10000000000000", "9" * 5000, "1_0", "+5", "-1", "0x5", "\u0663", " "]
)
def test_a_length_that_is_none_ends_the_connection(chat: Caller, length: str) -> None:
    connection = chat.connect()
    head = "POST /v1/chat-messages HTTP/1.1\r\nHost: x\r\nContent-Length: "
    connection.send(f"{head}{length}\r\n\r\n".encode())
    if length.strip():
        assert connection.at_end()
    connection.close()
    assert chat.get("/info").status == 200
    assert threading.active_count() < 50


def test_large_requests_are_not_kept_for_ever(chat: Caller) -> None:
    body = {
        "inputs": {},
        "query": "x",
        "user": "ann",
        "response_mode": "none",
        "n": "y" * 5_000_000,
    }
    for _ in range(10):
        chat.post("/chat-messages", body)
    kept = chat.emulator.requests
    assert 1 <= len(kept) < 10
    assert kept[-1].body["n"] == body["n"]
    for _ in range(3):
        chat.get("/info")
    assert [recorded.path for recorded in chat.emulator.requests[-3:]] == ["/v1/info"] * 3
