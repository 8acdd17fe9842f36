"""The emulator's own paths: the page for people, and the JSON behind it."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from dify_java_compat.emulator import DifyEmulator
from dify_java_compat.emulator.apps.catalog import apps_of
from dify_java_compat.emulator.version import V1_12
from tests.support.client import Response, request_bytes

from .caller import Caller


def own(chat: Caller, path: str, *headers: str, method: str = "GET") -> Response:
    return chat.raw(request_bytes(method, path, None, headers=headers))


def state_of(chat: Caller) -> dict[str, Any]:
    answer = own(chat, "/_emulator/state")
    assert answer.status == 200, answer
    found = answer.json()
    assert isinstance(found, dict)
    return found


def test_the_page_is_one_file_that_may_load_nothing_else(chat: Caller) -> None:
    answer = own(chat, "/")
    assert (answer.status, answer.header("Content-Type")) == (200, "text/html; charset=utf-8")
    policy = answer.header("Content-Security-Policy") or ""
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    text = answer.body.decode()
    assert "http://" not in text.replace("http://www.w3.org/2000/svg", "")
    assert "https://" not in text
    assert "innerHTML" not in text
    assert own(chat, "/", method="HEAD").status == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/"), ("DELETE", "/"), ("GET", "/banana"), ("GET", "/_emulator"), ("GET", "//x")],
)
def test_all_else_is_left_to_dify(chat: Caller, method: str, path: str) -> None:
    answer = own(chat, path, method=method)
    assert answer.status in (404, 308)
    assert answer.header("X-Version") == "1.12.1"


@pytest.mark.parametrize("path", ["/", "/_emulator/state", "/_emulator/banana"])
def test_no_other_site_is_let_in(chat: Caller, path: str) -> None:
    answer = own(chat, path, "Origin: https://example.org")
    assert not [name for name, _ in answer.headers if name.lower().startswith("access-control")]
    assert answer.header("Cross-Origin-Resource-Policy") == "same-origin"


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_what_another_site_asks_is_refused(chat: Caller, site: str) -> None:
    assert own(chat, "/_emulator/state", f"Sec-Fetch-Site: {site}").status == 403


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:5001", 200), ("localhost:5001", 200), ("[::1]:5001", 200), ("[::1]", 200),
        ("10.0.0.7", 200), ("dify-emulator:5001", 200), ("app.localhost", 200),
        ("example.org", 403), ("127.0.0.1.example.org:5001", 403), ("localhost.example.org", 403),
    ],
)  # fmt: skip
def test_a_name_that_was_made_to_lead_here_is_refused(chat: Caller, host: str, status: int) -> None:
    request = f"GET /_emulator/state HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()
    assert chat.raw(request).status == status


def test_all_apps_are_told_with_key_and_form(chat: Caller) -> None:
    told = {app["key"]: app for app in state_of(chat)["apps"]}
    assert list(told) == [app.key for app in apps_of(V1_12)]
    fields = [(field["variable"], field["required"]) for field in told["app-required"]["form"]]
    assert fields == [("name", True), ("tier", True), ("age", False)]
    marks = {key: app["marks"] for key, app in told.items() if app["marks"]}
    assert marks == {
        "app-moderated": ["moderated"],
        "app-limited": ["limited"],
        "app-disabled": ["off"],
        "app-unpublished": ["unpublished"],
        "app-chatflow-moderated": ["moderated"],
    }
    assert {field["kind"] for field in told["app-chatflow"]["form"]} == {
        "text-input", "select", "number",
    }  # fmt: skip


def test_conversations_of_all_apps_and_users_the_last_changed_first(
    chat: Caller, app: Callable[[str], Caller]
) -> None:
    first = chat.say("One").events[0]["conversation_id"]
    agent = app("app-agent")
    agent.user = "bob"
    second = agent.say("Two").events[0]["conversation_id"]
    chat.say("Three", conversation_id=first)
    told = [
        (one["id"], one["key"], one["user"], one["messages"])
        for one in state_of(chat)["conversations"]
    ]
    assert told == [(first, "app-chat", "ann", 2), (second, "app-agent", "bob", 1)]


def test_requests_are_told_without_keys(chat: Caller, emulator: DifyEmulator) -> None:
    chat.say("My key is app-s3cret")
    chat.get("/conversations?user=app-s3cret")
    chat.post("/audio-to-text", b"\xff app-s3cret", "Content-Type: application/octet-stream")
    own(chat, "/")
    state_of(chat)
    told = state_of(chat)["requests"]
    assert [(one["method"], one["path"]) for one in told] == [
        ("POST", "/v1/chat-messages"),
        ("GET", "/v1/conversations"),
        ("POST", "/v1/audio-to-text"),
    ]
    assert "app-" not in json.dumps(told)
    assert json.loads(told[0]["body"])["query"] == "My key is ***"
    assert told[1]["query"] == {"user": "***"}
    assert len(emulator.requests) == 3, "the page's own requests are not of interest"


def test_only_the_last_and_not_all_of_them(chat: Caller) -> None:
    chat.say("long " * 5000)
    [request] = state_of(chat)["requests"]
    assert request["body"].endswith("…")
    assert len(request["body"]) < 5000
    for _ in range(60):
        chat.get("/info")
    assert len(state_of(chat)["requests"]) == 50


def test_what_no_text_can_hold_is_told_all_the_same(chat: Caller) -> None:
    body = b'{"query": "\\ud800", "inputs": {}}'
    chat.post("/chat-messages", body, "Content-Type: application/json")
    [request] = state_of(chat)["requests"]
    assert "\ud800" in request["body"]
