"""Recorded exchanges, answered again byte by byte."""

from pathlib import Path

import pytest

from dify_java_compat.emulator import DifyEmulator, faults
from dify_java_compat.emulator.faults.replay import names
from tests.support.client import request_bytes

from .caller import Caller
from .recordings import Case, cases

CASES = [case for case in cases("1.12") if case.name in names("1.12")]


def replayed(case: Case, emulator: DifyEmulator) -> bytes:
    """All that comes for the recorded request, to the end of the connection."""
    reader = Caller(emulator).connect()
    head, body = case.request()
    head = [line for line in head if not line.startswith(("Connection:", "Content-Length:"))]
    more = ["Connection: close", f"Content-Length: {len(body)}", "", ""]
    try:
        reader.send("\r\n".join([*head, *more]).encode() + body)
        return b"".join(iter(lambda: reader.sock.recv(65536), b""))
    finally:
        reader.close()


def test_every_recording_is_sent_again_as_it_was() -> None:
    with DifyEmulator(version="1.12", token_pause=0.0, cors=True) as emulator:
        for case in CASES:
            rule = emulator.replay(case.name)
            sent = (case.folder / "response.raw").read_bytes()
            continued = b"HTTP/1.1 100 Continue\r\n\r\n"
            # The server below answers an Expect by itself.
            assert replayed(case, emulator).replace(continued, b"") == sent.replace(
                continued, b""
            ), case.name
            assert rule.used == 1
    assert len(CASES) > 290


def test_the_names_are_listed(emulator: DifyEmulator) -> None:
    assert len(emulator.recordings) == 311
    assert "chat-fail-streaming" in emulator.recordings


def test_a_recording_is_for_its_own_operation(emulator: DifyEmulator, chat: Caller) -> None:
    rules = [emulator.replay(name) for name in ("chat-fail-streaming", "suggested", "rename-name")]
    assert chat.get("/parameters").status == 200
    assert chat.get("/conversations?user=ann").status == 200
    assert [rule.used for rule in rules] == [0, 0, 0]


def test_the_ids_of_a_path_do_not_count(emulator: DifyEmulator, chat: Caller) -> None:
    told = chat.say().events[0]
    rule = emulator.replay("chat-stop.stop", times=2)
    first, second = chat.stop(told["task_id"]), chat.stop(told["message_id"])
    assert first.headers == second.headers
    assert rule.used == 2


def test_it_happens_as_often_as_it_is_told(emulator: DifyEmulator, chat: Caller) -> None:
    emulator.replay("chat-fail-streaming", when="boom", times=2)
    errors = [chat.say(query).events[-1]["event"] for query in ("Hi", "boom", "boom", "boom")]
    assert errors == ["message_end", "error", "error", "message_end"]


def test_a_whole_answer_keeps_the_connection_and_half_of_one_does_not(
    emulator: DifyEmulator, chat: Caller
) -> None:
    request = request_bytes("POST", "/v1/chat-messages", "app-chat", chat.message())
    reader = chat.connect()
    emulator.replay("chat-fail-streaming")
    reader.send(request)
    assert reader.response().names == ["message", "error"]
    emulator.replay("proxy-cut-midstream")
    reader.send(request)
    assert not reader.response().complete
    assert reader.at_end()
    reader.close()


def test_it_goes_in_turn_with_faults(emulator: DifyEmulator, chat: Caller) -> None:
    emulator.fault(faults.Status(503))
    emulator.replay("chat-fail-streaming")
    assert chat.say().status == 503
    assert chat.say().names == ["message", "error"]
    assert chat.say().names == ["message", "message_end"]


@pytest.mark.parametrize(
    ("name", "near"), [("chat-fail-streamin", "chat-fail-streaming"), ("Suggested", "suggested")]
)
def test_a_misspelt_name_is_told(emulator: DifyEmulator, name: str, near: str) -> None:
    with pytest.raises(ValueError, match=f"{name}.*did you mean '{near}'"):
        emulator.replay(name)


def test_recordings_of_ones_own(emulator: DifyEmulator, chat: Caller, tmp_path: Path) -> None:
    own = tmp_path / "teapot"
    own.mkdir()
    (own / "request.http").write_bytes(b"GET /v1/info?x=1 HTTP/1.1\r\nHost: x\r\n\r\n")
    answer = b"HTTP/1.1 418 I'M A TEAPOT\r\nContent-Length: 4\r\n\r\nteas and the rest"
    (own / "response.raw").write_bytes(answer)
    emulator.replay("teapot", folder=tmp_path)
    reader = chat.connect()
    reader.send(request_bytes("GET", "/v1/info", "app-chat"))
    assert b"".join(iter(lambda: reader.sock.recv(99), b"")) == answer
    reader.close()
    with pytest.raises(ValueError, match="did you mean 'teapot'"):
        emulator.replay("kettle", folder=str(tmp_path))
    with pytest.raises(ValueError, match="none at all"):
        emulator.replay("teapot", folder=own)


@pytest.mark.parametrize(
    ("version", "count", "full"), [("1.12", 311, b"1.12.1"), ("1.14", 380, b"1.14.2")]
)
def test_the_recordings_of_its_own_version_come_first(
    version: str, count: int, full: bytes
) -> None:
    with DifyEmulator(version=version, token_pause=0.0) as emulator:
        assert len(emulator.recordings) == count
        emulator.replay("chatflow-fail-streaming")
        answer = Caller(emulator, "app-chatflow").say()
        assert answer.header("X-Version") == full.decode()
        assert (answer.names[-1] == "error") == (version == "1.12")
        assert emulator.replay("suggested").used == 0
