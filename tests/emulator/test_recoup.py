"""Recoup's one operation: another server's path, key and errors."""

import pytest

from dify_java_compat.emulator import DifyEmulator
from tests.support.client import Response, request_bytes

from .caller import Caller


def stop(caller: Caller, chat_id: str, key: str | None = DifyEmulator.recoup_key) -> Response:
    headers = () if key is None else (f"x-api-key: {key}",)
    return caller.raw(request_bytes("POST", f"/api/chat/{chat_id}/stop", None, None, headers))


def test_an_answer_is_stopped_once(chat: Caller) -> None:
    running = DifyEmulator.recoup_chats["running"]
    first, second = stop(chat, running), stop(chat, running.upper())
    assert first.header("Content-Type") == "application/json"
    assert first.header("X-Version") is None
    assert (first.json(), second.json()) == (
        {"success": True, "stopped": True},
        {"success": True, "stopped": False},
    )
    idle = stop(chat, DifyEmulator.recoup_chats["idle"])
    assert idle.json() == {"success": True, "stopped": False}


@pytest.mark.parametrize(("chat", "status"), [("foreign", 403), ("stuck", 502), ("slow", 504)])
def test_what_is_refused(emulator: DifyEmulator, chat: str, status: int) -> None:
    answer = stop(Caller(emulator), emulator.recoup_chats[chat])
    assert answer.status == status
    assert answer.json()["status"] == "error"
    assert answer.json()["error"]


@pytest.mark.parametrize(
    ("chat_id", "key", "status"),
    [
        ("405574fa-e5b3-40d0-a42b-b177bfc29b30", DifyEmulator.recoup_key, 404),
        ("banana", DifyEmulator.recoup_key, 400),
        ("banana", None, 401),
        (DifyEmulator.recoup_chats["running"], "app-chat", 401),
    ],
)
def test_unknown_chats_and_keys(chat: Caller, chat_id: str, key: str | None, status: int) -> None:
    answer = stop(chat, chat_id, key)
    assert (answer.status, answer.json()["status"]) == (status, "error")


def test_it_is_at_the_root(emulator: DifyEmulator, chat: Caller) -> None:
    assert emulator.base_url == f"{emulator.recoup_url}/v1"
    idle = emulator.recoup_chats["idle"]
    assert chat.post(f"/api/chat/{idle}/stop", {}).status == 404
    assert chat.raw(request_bytes("GET", f"/api/chat/{idle}/stop", None)).status == 405
