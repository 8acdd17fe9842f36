"""The tools of these tests, themselves tested: what they miss, every test here would miss."""

from __future__ import annotations

import shutil
import socket
import threading
from pathlib import Path

import pytest

from dify_java_compat import MessageFeedbackResponse
from tests.support.replay import replay
from tests.support.server import ScriptedServer

from .comparing import differences
from .library import CUT, DATA, FAILED, STREAMS, dechunked, folders, recordings

ANSWER = b"HTTP/1.1 200 OK\r\n\r\n0123456789"


def test_the_copy_is_whole() -> None:
    listed = (DATA / "INDEX.json").read_text("utf-8")
    copied = [recording for recording in recordings() if (DATA / recording.name).exists()]
    assert len(copied) == 311
    assert all(f'"name": "{recording.name}"' in listed for recording in copied)


def test_newer_recordings_are_taken_in(tmp_path: Path) -> None:
    for name in ("suggested", "brand-new"):
        shutil.copytree(DATA / "suggested", tmp_path / name)
    names = [folder.name for folder in folders(DATA, tmp_path)]
    assert names.count("suggested") == 1
    assert names[-1] == "brand-new"


def test_a_cut_is_seen() -> None:
    for recording in STREAMS:
        if "transfer-encoding" in recording.headers and recording.is_whole:
            shorter = recording.cut(len(recording.raw) - 5)
            assert shorter.events == recording.events
            assert shorter.ending == (FAILED if recording.error_event else CUT)


def test_dechunked() -> None:
    assert dechunked(b"3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n") == (b"abc0123456789", True)
    assert dechunked(b"3\r\nabc\r\nA\r\n0123") == (b"abc0123", False)


def test_timelines_are_of_their_bytes() -> None:
    for recording in STREAMS:
        if recording.timeline is not None:
            assert sum(read["bytes"] for read in recording.timeline) == len(recording.raw)
    with pytest.raises(ValueError, match="not of these bytes"):
        replay(ANSWER, timeline=[{"ms": 0, "bytes": 3}])


@pytest.mark.parametrize(
    "differing", [{"result": "no"}, {"result": True}, {}, {"result": ["success"]}, []]
)
def test_differences_are_seen(differing: object) -> None:
    response = MessageFeedbackResponse(result="success")
    assert differences(response, {"result": "success"}) == []
    assert differences(response, differing) != []


@pytest.mark.parametrize("piece", [None, 1, 7])
@pytest.mark.parametrize(
    "timeline", [None, [{"ms": 5.0, "bytes": 20}, {"ms": 40.0, "bytes": len(ANSWER) - 20}]]
)
def test_the_server_sends_the_bytes_to_every_connection(
    piece: int | None, timeline: list[dict[str, float]] | None
) -> None:
    before = threading.active_count()
    with ScriptedServer(replay(ANSWER, piece=piece, timeline=timeline)) as server:
        host, port = server.url.removeprefix("http://").split(":")
        for _ in range(3):
            with socket.create_connection((host, int(port))) as client:
                client.sendall(b"POST /x?y=1 HTTP/1.1\r\nContent-Length: 3\r\n\r\nab")
                client.sendall(b"c")
                with client.makefile("rb") as answer:
                    assert answer.read() == ANSWER
        silent = socket.create_connection((host, int(port)))
    assert silent.recv(1) == b""
    silent.close()
    assert threading.active_count() == before
    assert [(r.method, r.target, r.body) for r in server.requests] == [
        ("POST", "/x?y=1", b"abc")
    ] * 3
    assert server.requests[0].headers == {"content-length": "3"}
