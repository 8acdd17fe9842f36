"""Stopping, aborting, leaving."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from dify_java_compat.emulator import DifyEmulator
from tests.support.client import event_of
from tests.support.watching import wait_for_threads

from .caller import Caller


@pytest.fixture
def slow() -> Iterator[DifyEmulator]:
    """Slow enough that whatever a test does, it does before the answer ends."""
    with DifyEmulator(version="1.12", token_pause=0.2) as running:
        yield running


@pytest.fixture
def silent() -> Iterator[DifyEmulator]:
    """So slow that it never comes to a token."""
    with DifyEmulator(version="1.12", token_pause=600.0) as running:
        yield running


def until_text(chunks: Iterator[bytes]) -> tuple[dict[str, Any], str]:
    """Read on to the first event with text; the event, and the text."""
    for chunk in chunks:
        found = event_of(chunk.decode().rstrip("\n"))
        if found.get("answer"):
            return found, found["answer"]
    raise AssertionError("no text came")


def rest(chunks: Iterator[bytes]) -> list[dict[str, Any]]:
    return [json.loads(chunk.removeprefix(b"data: ")) for chunk in chunks]


def connections_end() -> None:
    """Wait for the threads of all connections; they end when the server has let go."""
    wait_for_threads("dify-emulator-connection")


@pytest.mark.parametrize("key", ["app-chat", "app-agent"])
def test_a_stop_ends_a_chat_and_keeps_what_was_said(slow: DifyEmulator, key: str) -> None:
    caller = Caller(slow, key)
    reader, chunks = caller.open_stream()
    first, text = until_text(chunks)
    assert caller.stop(first["task_id"]).json() == {"result": "success"}
    events = rest(chunks)
    reader.close()
    text += "".join(one.get("answer", "") for one in events)
    assert [one["event"] for one in events if "answer" not in one] == ["message_end"]
    assert events[-1]["metadata"]["usage"]["total_price"] == "0E-7"
    (stored,) = caller.messages(first["conversation_id"])
    assert stored["answer"] == text.strip()
    assert stored["status"] == "normal"


def test_a_stopped_chatflow_says_so(slow: DifyEmulator) -> None:
    caller = Caller(slow, "app-chatflow")
    reader, chunks = caller.open_stream()
    first, _ = until_text(chunks)
    caller.stop(first["task_id"])
    *_, finished, end = rest(chunks)
    reader.close()
    assert end["event"] == "message_end"
    data = finished["data"]
    assert (data["status"], data["error"], data["outputs"]) == ("stopped", "Stopped by user.", {})


def test_a_stop_does_not_wait_for_the_next_token(silent: DifyEmulator) -> None:
    caller = Caller(silent, "app-agent")
    reader, chunks = caller.open_stream()
    task_id = json.loads(next(chunks).removeprefix(b"data: "))["task_id"]
    caller.stop(task_id)
    assert [one["event"] for one in rest(chunks)] == ["message_end"]
    reader.close()


def test_a_stop_is_a_success_whatever_it_names(slow: DifyEmulator) -> None:
    for key in ("app-chat", "app-agent", "app-chatflow"):
        assert Caller(slow, key).stop("banana").json() == {"result": "success"}
    assert Caller(slow, "app-workflow").stop("banana").json()["code"] == "not_chat_app"


def test_another_user_or_app_does_not_stop_a_chat() -> None:
    with DifyEmulator(version="1.12", token_pause=0.02) as emulator:
        caller = Caller(emulator)
        reader, chunks = caller.open_stream()
        first, text = until_text(chunks)
        caller.stop(first["task_id"], "bob")
        Caller(emulator, "app-chatflow").stop(first["task_id"])
        events = rest(chunks)
        reader.close()
        text += "".join(one.get("answer", "") for one in events)
        assert caller.messages(first["conversation_id"])[0]["answer"] == text
        assert text.endswith("stop it at any time.")


def test_another_user_makes_a_chatflow_fail_at_its_end() -> None:
    with DifyEmulator(version="1.12", token_pause=0.05) as emulator:
        caller = Caller(emulator, "app-chatflow")
        reader, chunks = caller.open_stream()
        first, text = until_text(chunks)
        caller.stop(first["task_id"], "bob")
        events = rest(chunks)
        reader.close()
    assert (text + "".join(one.get("answer", "") for one in events)).endswith("any time.")
    *_, finished, error = events
    assert finished["data"]["status"] == "failed"
    assert error["code"] == "invalid_param"
    assert error["message"] == "Run failed: Aborted: User requested stop"
    assert "task_id" not in error


@pytest.mark.parametrize("key", ["app-chat", "app-agent", "app-chatflow"])
def test_a_client_that_leaves_loses_the_answer(key: str) -> None:
    with DifyEmulator(version="1.12", token_pause=0.02) as emulator:
        caller = Caller(emulator, key)
        reader, chunks = caller.open_stream()
        first, _ = until_text(chunks)
        reader.close()
        connections_end()
        (stored,) = caller.messages(first["conversation_id"])
    assert stored["answer"] == ""
    assert stored["status"] == "normal"
    if key == "app-agent":
        # The model thought on to the end.
        assert stored["agent_thoughts"][0]["thought"].endswith("any time.")


@pytest.mark.parametrize("key", ["app-agent", "app-chatflow"])
def test_a_stop_after_leaving_keeps_nothing_either(silent: DifyEmulator, key: str) -> None:
    caller = Caller(silent, key)
    reader, chunks = caller.open_stream()
    first = json.loads(next(chunks).removeprefix(b"data: "))
    reader.close()
    caller.stop(first["task_id"])
    connections_end()
    (stored,) = caller.messages(first["conversation_id"])
    assert stored["answer"] == ""
    assert [one["thought"] for one in stored["agent_thoughts"]] == [""] * (key == "app-agent")


def test_a_message_reads_as_empty_while_it_is_answered(silent: DifyEmulator) -> None:
    caller = Caller(silent, "app-chatflow")
    reader, chunks = caller.open_stream()
    first = json.loads(next(chunks).removeprefix(b"data: "))
    (stored,) = caller.messages(first["conversation_id"])
    assert (stored["answer"], stored["status"]) == ("", "normal")
    reader.close()


def test_a_conversation_deleted_under_way_stays_deleted(slow: DifyEmulator) -> None:
    caller = Caller(slow)
    reader, chunks = caller.open_stream()
    first, _ = until_text(chunks)
    path = f"/conversations/{first['conversation_id']}"
    assert caller.delete(path, {"user": "ann"}).status == 204
    caller.stop(first["task_id"])
    assert rest(chunks)[-1]["event"] == "message_end"
    reader.close()
    assert caller.get("/conversations?user=ann").json()["data"] == []
