"""Who sends a large file is told how far it is, holds none of it, and may call it off."""

from __future__ import annotations

import errno
import io
import os
import threading
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
import urllib3

from dify_java_compat import (
    AudioToTextRequest,
    ConnectionException,
    DifyFile,
    FileUploadRequest,
    IllegalArgumentException,
    RequestsDifyChat,
    TooManyRequestsException,
    Upload,
)
from dify_java_compat._http.multipart import FilePart, MultipartForm
from tests.support.frames import response
from tests.support.server import Peer, ScriptedServer, always

MIB = 1024 * 1024
STORED = response(b'{"id":"f-1","text":"said"}', "201 CREATED")
CONTENT = bytes(range(256)) * 1000


class Told:
    """A callback that keeps what it is told."""

    def __init__(self) -> None:
        self.calls: list[tuple[int, int]] = []

    def __call__(self, sent: int, total: int) -> None:
        self.calls.append((sent, total))

    def check(self, total: int) -> None:
        assert {each for _, each in self.calls} == {total}
        counts = [sent for sent, _ in self.calls]
        assert counts == sorted(set(counts))
        assert (counts[0], counts[-1]) == (0, total)


def discard(peer: Peer) -> None:
    peer.discard_request()
    peer.send(STORED)


def upload(client: RequestsDifyChat, file: Any) -> str | None:
    return client.fileUpload(FileUploadRequest(file=file, user_id="u")).id


def transcribe(client: RequestsDifyChat, file: Any) -> str | None:
    return client.audioToText(AudioToTextRequest(file=file, user_id="u")).text


class Pipe:
    """A stream that can only be read."""

    def __init__(self, read: Callable[[int], bytes]) -> None:
        self.read = read


FORMS: dict[str, Callable[[Path], Any]] = {
    "path": lambda path: path,
    "path as text": str,
    "bytes": lambda path: CONTENT,
    "DifyFile": lambda path: DifyFile("a.wav", "audio/wav", CONTENT),
    "DifyFile of a path": lambda path: DifyFile(content=path),
    "pair": lambda path: ("a.wav", path),
    "stream": lambda path: io.BytesIO(CONTENT),
    "pipe": lambda path: Pipe(io.BytesIO(CONTENT).read),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("call", [upload, transcribe])
def test_every_form_of_a_file_is_counted(
    form: str, call: Callable[[RequestsDifyChat, Any], str | None], tmp_path: Path
) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(CONTENT)
    told = Told()
    with (
        ScriptedServer(always(STORED)) as server,
        RequestsDifyChat(server.url, api_key="app-test") as client,
    ):
        assert call(client, Upload(FORMS[form](path), told))
        assert call(client, Upload(FORMS[form](path)))
        assert call(client, FORMS[form](path))
    told.check(len(CONTENT))
    assert len(told.calls) > 3
    types = [received.body.partition(b"Content-Type: ")[2][:20] for received in server.requests]
    assert [CONTENT in received.body for received in server.requests] == [True] * 3
    assert len(set(types)) == 1


def test_only_what_is_sent_counts(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(CONTENT)
    told, empty = Told(), Told()
    with (
        ScriptedServer(always(STORED)) as server,
        RequestsDifyChat(server.url, api_key="app-test") as client,
        path.open("rb") as file,
    ):
        file.seek(7)
        upload(client, Upload(file, told))
        upload(client, Upload(b"", empty))
    told.check(len(CONTENT))
    assert empty.calls == [(0, 0)]


def test_it_is_told_while_the_file_is_on_its_way(tmp_path: Path) -> None:
    total = 64 * MIB  # no socket holds that
    path = tmp_path / "large.bin"
    with path.open("wb") as file:
        file.truncate(total)
    told = Told()
    some_is_sent = threading.Event()
    before_any_was_read = []

    def progress(sent: int, of: int) -> None:
        told(sent, of)
        if sent:
            some_is_sent.set()

    def script(peer: Peer) -> None:
        assert some_is_sent.wait(30)
        before_any_was_read.append(told.calls[-1][0])
        discard(peer)

    with (
        ScriptedServer(script) as server,
        RequestsDifyChat(server.url, api_key="app-test") as client,
    ):
        upload(client, Upload(path, progress))
    assert 0 < before_any_was_read[0] < total
    told.check(total)


def from_disk(tmp_path: Path) -> Any:
    path = tmp_path / "large.bin"
    with path.open("wb") as file:
        file.truncate(100 * MIB)
    return path


def from_a_pipe(tmp_path: Path) -> Any:
    left = 100 * MIB

    def read(size: int) -> bytes:
        nonlocal left
        size = min(size, left)
        left -= size
        return bytes(size)

    return Pipe(read)


@pytest.mark.parametrize("source", [from_disk, from_a_pipe])
def test_of_100_mb_less_than_two_are_in_memory(source: Any, tmp_path: Path) -> None:
    last = (0, 0)

    def progress(sent: int, total: int) -> None:
        nonlocal last
        last = sent, total

    with (
        ScriptedServer(discard) as server,
        RequestsDifyChat(server.url, api_key="app-test") as client,
    ):
        file = source(tmp_path)
        tracemalloc.start()
        assert upload(client, Upload(file, progress)) == "f-1"
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert last == (100 * MIB, 100 * MIB)
    assert peak < 2 * MIB  # Python reads a pipe by blocks that grow with its versions


@pytest.mark.parametrize(
    "first",
    [
        response(b"", "307 X", headers="Location: /v1/files/upload?again\r\n"),
        response(b'{"code":"too_many_requests","message":"wait"}', "429 X"),
    ],
    ids=["redirect", "too many requests"],
)
def test_a_second_sending_is_counted_from_the_start(first: bytes) -> None:
    answers = [first, STORED]

    def script(peer: Peer) -> None:
        while peer.receive():
            peer.send(answers.pop(0))

    told = Told()
    with (
        ScriptedServer(script) as server,
        RequestsDifyChat(server.url, api_key="app-test") as client,
    ):
        upload(client, Upload(CONTENT, told))
    half = len(told.calls) // 2
    assert told.calls[:half] == told.calls[half:]
    told.calls = told.calls[half:]
    told.check(len(CONTENT))
    assert all(CONTENT in received.body for received in server.requests)


class Odd(Exception):
    pass


FAILURES: list[Callable[[], BaseException]] = [
    lambda: Odd("no"),
    lambda: OSError(errno.EIO, "no"),
    lambda: BrokenPipeError(errno.EPIPE, "no"),
    lambda: ConnectionResetError(errno.ECONNRESET, "no"),
    lambda: TimeoutError("no"),
    lambda: requests.ConnectTimeout("no"),
    lambda: urllib3.exceptions.ProtocolError("no"),
    lambda: urllib3.exceptions.NewConnectionError(None, "no"),  # type: ignore[arg-type]
    lambda: ConnectionException("no"),
    lambda: TooManyRequestsException("no", status_code=429, code="too_many_requests"),
    lambda: StopIteration(),
    lambda: KeyboardInterrupt(),
    lambda: SystemExit(3),
]


@pytest.mark.parametrize("make", FAILURES, ids=[type(make()).__name__ for make in FAILURES])
@pytest.mark.parametrize("after", [0, 1, len(CONTENT)])
def test_what_the_callback_raises_ends_the_call_and_is_the_callers_own(
    make: Callable[[], BaseException], after: int, tmp_path: Path
) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(CONTENT)
    error = make()
    cause, context = KeyError("cause"), KeyError("context")
    told = Told()

    def progress(sent: int, total: int) -> None:
        told(sent, total)
        if sent >= after:
            try:
                raise context
            except KeyError:
                raise error from cause

    with (
        ScriptedServer(Peer.wait_closed) as server,
        RequestsDifyChat(server.url, api_key="app-test") as client,
        pytest.raises(type(error)) as caught,
    ):
        upload(client, Upload(path, progress))
    assert caught.value is error
    assert (error.__cause__, error.__context__) == (cause, context)
    assert error.__traceback__ is not None
    assert told.calls.count((0, len(CONTENT))) == 1
    assert str(path) not in map(_target, os.listdir("/proc/self/fd"))


def _target(fd: str) -> str:
    try:
        return os.readlink(f"/proc/self/fd/{fd}")
    except OSError:
        return ""


def test_a_file_that_cannot_be_read_is_not_the_networks_failure() -> None:
    reads = []

    class Broken(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            reads.append(size)
            raise OSError(errno.EIO, "the disk is gone")

    with (
        ScriptedServer(Peer.wait_closed) as server,
        RequestsDifyChat(server.url, api_key="app-test") as client,
    ):
        file = Broken(CONTENT)
        with pytest.raises(OSError, match="the disk is gone"):
            upload(client, file)
        assert not file.closed
    assert len(reads) == 1


def test_a_client_goes_on_after_an_upload_that_was_called_off() -> None:
    def call_off(sent: int, total: int) -> None:
        raise Odd

    def script(peer: Peer) -> None:
        received = peer.receive()
        if received and CONTENT in received.body:
            peer.send(STORED)

    with (
        ScriptedServer(script) as server,
        RequestsDifyChat(server.url, api_key="app-test") as client,
    ):
        with pytest.raises(Odd):
            upload(client, Upload(CONTENT, call_off))
        assert upload(client, Upload(CONTENT)) == "f-1"


@pytest.mark.parametrize(
    "bad",
    [
        Upload(b"x", 7),  # type: ignore[arg-type]
        Upload(b"x", "callback"),  # type: ignore[arg-type]
        Upload(None, print),
        DifyFile("a.txt"),
        Upload("/no/such/file", print),
        Upload(Upload(b"x", print)),
        DifyFile("a.txt", None, Upload(io.BytesIO(b"x"), print)),
        ("a.txt", Upload(b"x", print)),
    ],
)
@pytest.mark.parametrize("call", [upload, transcribe])
def test_a_wrong_upload_is_refused_before_anything_is_sent(bad: Any, call: Any) -> None:
    with pytest.raises(IllegalArgumentException, match=r"file|progress"):
        call(RequestsDifyChat("http://127.0.0.1:9", api_key="app-test"), bad)


def test_a_file_that_grows_while_it_is_sent_sends_what_was_announced() -> None:
    part = FilePart("a.bin", "a/b", io.BytesIO(b"12345 and more"), 0, 5, False)
    form = MultipartForm({"user": "u"}, part)
    sent = b"".join(form)
    assert len(sent) == len(form)
    assert b"\r\n\r\n12345\r\n--" in sent
