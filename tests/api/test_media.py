"""Files out, audio in: every form a caller has them in, and none of it whole in memory."""

from __future__ import annotations

import email
import email.policy
import io
import os
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import flask
import pytest
import werkzeug
from django.conf import settings as django_settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse, StreamingHttpResponse
from starlette.datastructures import Headers, UploadFile
from werkzeug.datastructures import FileStorage
from werkzeug.formparser import FormDataParser

from dify_java_compat import (
    AudioToTextRequest,
    ClientConfig,
    DecodeException,
    DifyFile,
    FileUploadRequest,
    IllegalArgumentException,
    RequestsDifyChat,
    TextToAudioRequest,
    UnsupportedMediaTypeException,
)
from tests.support.frames import chunk, response
from tests.support.server import Peer, RecordedRequest, ScriptedServer, always

if not django_settings.configured:
    django_settings.configure()

SOUND = b"RIFF\x00\x00\x00\x00WAVEfmt " + bytes(range(256))


def part_of(received: RecordedRequest) -> tuple[str, str, bytes, dict[str, str]]:
    """File name, type and content of the form's file, and its other fields."""
    head = f"Content-Type: {received.headers['content-type']}\r\n\r\n".encode()
    form = email.message_from_bytes(head + received.body, policy=email.policy.HTTP)
    fields: dict[str, str] = {}
    file: tuple[str, str, bytes] | None = None
    for part in form.iter_parts():  # type: ignore[attr-defined]
        assert isinstance(part, EmailMessage)
        content = part.get_payload(decode=True)
        assert isinstance(content, bytes)
        name = part.get_param("name", header="content-disposition")
        if name == "file":
            file = (str(part.get_filename()), part.get_content_type(), content)
        else:
            fields[str(name)] = content.decode()
    assert file is not None
    return (*file, fields)


@pytest.fixture
def transcriber() -> Iterator[tuple[ScriptedServer, RequestsDifyChat]]:
    with (
        ScriptedServer(always(response(b'{"id":"f-1","text":"\\u4f60\\u597d"}'))) as server,
        RequestsDifyChat(server.url, api_key="app-test") as client,
    ):
        yield server, client


class Pipe:
    """A stream that can only be read."""

    def __init__(self, data: bytes) -> None:
        self.read = io.BytesIO(data).read


FORMS: dict[str, Callable[[Path], Any]] = {
    "DifyFile": lambda path: DifyFile("a.wav", "audio/x-wav", SOUND),
    "DifyFile of a path": lambda path: DifyFile(content=path, contentType="audio/wave"),
    "path": lambda path: path,
    "path as text": str,
    "bytes": lambda path: SOUND,
    "bytearray": lambda path: bytearray(SOUND),
    "pair": lambda path: ("a.wav", SOUND),
    "triple": lambda path: ("a.bin", SOUND, "audio/vnd.wave"),
    "BytesIO": lambda path: io.BytesIO(SOUND),
    "pipe": lambda path: DifyFile("a.wav", None, Pipe(SOUND)),
    "Werkzeug": lambda path: FileStorage(io.BytesIO(SOUND), "a.wav", content_type="audio/x-wav"),
    "Django": lambda path: SimpleUploadedFile("a.wav", SOUND, "audio/x-wav"),
    "Starlette": lambda path: UploadFile(
        io.BytesIO(SOUND), filename="a.wav", headers=Headers({"content-type": "audio/x-wav"})
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_a_file(
    form: str, tmp_path: Path, transcriber: tuple[ScriptedServer, RequestsDifyChat]
) -> None:
    server, client = transcriber
    path = tmp_path / "a.wav"
    path.write_bytes(SOUND)
    request = AudioToTextRequest(user_id="u-1", file=FORMS[form](path))
    assert client.audioToText(request).text == "你好"
    name, content_type, content, fields = part_of(server.requests[0])
    assert content == SOUND
    assert content_type == "audio/wav"
    assert fields == {"user": "u-1"}
    assert name.startswith("a")


@pytest.mark.parametrize("position", [0, 7, -1])
def test_an_open_file_goes_whole_wherever_it_stands_and_stays_open(
    position: int, tmp_path: Path, transcriber: tuple[ScriptedServer, RequestsDifyChat]
) -> None:
    """As a MultipartFile of Java's: a look at its first bytes loses nothing."""
    server, client = transcriber
    path = tmp_path / "sound.mp3"
    path.write_bytes(SOUND)
    with path.open("rb") as file:
        file.seek(*((position,) if position >= 0 else (0, io.SEEK_END)))
        client.audioToText(AudioToTextRequest(user_id="u", file=file))
        assert not file.closed
    name, content_type, content, _ = part_of(server.requests[0])
    assert (name, content_type, content) == ("sound.mp3", "audio/mp3", SOUND)


@pytest.mark.parametrize(
    ("name", "declared", "sent"),
    [
        ("a.mp3", None, "audio/mp3"),
        ("a.mp3", "audio/mpeg", "audio/mp3"),
        ("a", "audio/mpeg", "audio/mp3"),
        ("a.MP3", "application/octet-stream", "audio/mp3"),
        ("a.m4a", None, "audio/m4a"),
        ("a.bin", "audio/mp4", "audio/m4a"),
        ("a.mp4", None, "audio/m4a"),
        ("a.wav", "audio/x-wav", "audio/wav"),
        ("a.amr", None, "audio/amr"),
        ("a.mpga", None, "audio/mpga"),
        ("a.webm", "audio/webm", "audio/webm"),  # Dify refuses it, and says so
        ("a.mp3", "audio/webm", "audio/webm"),
        ("a.ogg", "audio/ogg", "audio/ogg"),
        # with parameters, which Dify drops before it looks
        ("a.mp4", "audio/mp4;codecs=mp4a.40.2", "audio/m4a"),
        ("a.mp3", "audio/mpeg; charset=binary", "audio/mp3"),
        ("a", 'Audio/X-WAV ; codecs="1"', "audio/wav"),
        ("a.webm", "audio/webm;codecs=opus", "audio/webm"),
        # the name of a codec, of which the file's name says what it is packed in
        ("a.m4a", "audio/aac", "audio/m4a"),
        ("a.m4a", "audio/mpeg4-generic", "audio/m4a"),
        ("a.aac", "audio/aac", "audio/aac"),
        ("a.txt", "text/plain", "text/plain"),
    ],
)
def test_audio_bears_a_type_that_dify_takes(
    name: str,
    declared: str | None,
    sent: str,
    transcriber: tuple[ScriptedServer, RequestsDifyChat],
) -> None:
    server, client = transcriber
    client.audioToText(AudioToTextRequest(file=DifyFile(name, declared, b"x"), user_id="u"))
    assert part_of(server.requests[0])[:2] == (name, sent)


@pytest.mark.parametrize(
    ("start", "sent"),
    [
        (b"ID3\x04", "audio/mp3"),
        (b"RIFF", "audio/wav"),
        (b"#!AMR\n", "audio/amr"),
        (b"\0\0\0\x20ftypM4A ", "audio/m4a"),
        (b"", "audio/mp3"),
    ],
)
def test_bare_bytes_are_known_by_their_start(
    start: bytes, sent: str, transcriber: tuple[ScriptedServer, RequestsDifyChat]
) -> None:
    server, client = transcriber
    client.audioToText(AudioToTextRequest(file=start + b"rest", user_id="u"))
    assert part_of(server.requests[0])[1] == sent


@pytest.mark.parametrize("name", ['a"b.txt', "a\r\nX-Evil: 1.txt", "报告 😀.pdf"])
def test_file_names_survive_and_inject_nothing(
    name: str, transcriber: tuple[ScriptedServer, RequestsDifyChat]
) -> None:
    server, client = transcriber
    client.fileUpload(FileUploadRequest(file=(name, b"text"), user_id="u"))
    received = server.requests[0]
    assert b"\r\nX-Evil" not in received.body
    boundary = received.headers["content-type"].partition("boundary=")[2]
    _, _, files = FormDataParser().parse(
        io.BytesIO(received.body),
        "multipart/form-data",
        len(received.body),
        {"boundary": boundary},
    )
    file = files["file"]
    file.close()
    assert file.filename is not None
    assert file.filename.replace("%22", '"').replace("%0D%0A", "\r\n") == name


def test_a_named_pipe_is_a_file_too(
    tmp_path: Path, transcriber: tuple[ScriptedServer, RequestsDifyChat]
) -> None:
    server, client = transcriber
    path = tmp_path / "a.wav"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=(SOUND,))
    writer.start()
    client.audioToText(AudioToTextRequest(file=path, user_id="u"))
    writer.join()
    assert part_of(server.requests[0])[:3] == ("a.wav", "audio/wav", SOUND)


@pytest.mark.parametrize("bad", [7, object(), io.StringIO("text"), "/no/such/file.wav", "", None])
def test_a_bad_file_is_named(bad: object) -> None:
    client = RequestsDifyChat("http://127.0.0.1:9", api_key="app-test")
    with pytest.raises(IllegalArgumentException, match="file"):
        client.audioToText(AudioToTextRequest(file=bad, user_id="u"))


def test_a_large_file_is_read_from_disk_as_it_is_sent(tmp_path: Path) -> None:
    path = tmp_path / "large.bin"
    with path.open("wb") as file:
        file.truncate(30 * 1024 * 1024)

    def script(peer: Peer) -> None:
        assert peer.discard_request() > 30 * 1024 * 1024
        peer.send(response(b'{"id":"f-1"}', "201 CREATED"))

    with (
        ScriptedServer(script) as server,
        RequestsDifyChat(server.url, api_key="app-test") as client,
    ):
        client.close()
        tracemalloc.start()
        uploaded = client.fileUpload(FileUploadRequest(file=path, user_id="u"))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert uploaded.id == "f-1"
    assert peak < 4 * 1024 * 1024


AUDIO = [b"\xff\xfb\x90" + bytes([number]) * 5000 for number in range(8)]
SPEECH = (
    b"HTTP/1.1 200 OK\r\nContent-Type: audio/mpeg\r\nTransfer-Encoding: chunked\r\n\r\n"
    + b"".join(map(chunk, AUDIO))
    + b"0\r\n\r\n"
)


def test_audio_as_an_entity() -> None:
    with (
        ScriptedServer(always(SPEECH)) as server,
        RequestsDifyChat(server.url, api_key="app-test") as client,
    ):
        entity = client.textToAudio(TextToAudioRequest(text="你好", user_id="u", voice="alloy"))
        assert (entity.status_code, entity.body) == (200, b"".join(AUDIO))
        assert entity.headers["content-type"] == "audio/mpeg"
        assert b'"voice":"alloy"' in server.requests[0].body


def _of_werkzeug(response: werkzeug.Response) -> tuple[bytes, Any]:
    return response.get_data(), response.headers


RESPONSES: dict[str, tuple[Callable[[], Any], Callable[[Any], tuple[bytes, Any]]]] = {
    "Werkzeug": (werkzeug.Response, _of_werkzeug),
    "Flask": (flask.Response, _of_werkzeug),
    "Django": (HttpResponse, lambda r: (r.content, r.headers)),
    "Django, streaming": (StreamingHttpResponse, lambda r: (r.getvalue(), r.headers)),
}


@pytest.mark.parametrize("framework", RESPONSES)
def test_audio_into_a_frameworks_response(framework: str) -> None:
    make, read = RESPONSES[framework]
    with (
        ScriptedServer(always(SPEECH)) as server,
        RequestsDifyChat(server.url, api_key="app-test") as client,
    ):
        response = make()
        assert client.textToAudio(TextToAudioRequest(text="x", user_id="u"), response) is None
        body, headers = read(response)
        response.close()
        assert body == b"".join(AUDIO)
        assert headers["Content-Type"] == "audio/mpeg"
        assert headers["Content-Disposition"] == "attachment; filename=audio.mp3"


def test_audio_is_written_as_it_comes() -> None:
    written = threading.Semaphore(0)

    def script(peer: Peer) -> None:
        peer.receive()
        peer.send(SPEECH.partition(b"\r\n\r\n")[0] + b"\r\n\r\n")
        for block in AUDIO:
            peer.send(chunk(block))
            for _ in range(len(block)):  # the next leaves when this one has been written
                written.acquire()
        peer.send(b"0\r\n\r\n")

    class Sink(io.BytesIO):
        def write(self, block: Any) -> int:
            size = super().write(block)
            written.release(size)
            return size

    with (
        ScriptedServer(script) as server,
        RequestsDifyChat(server.url, api_key="app-test") as client,
    ):
        sink = Sink()
        client.textToAudio(TextToAudioRequest(text="x", user_id="u"), sink)
        assert sink.getvalue() == b"".join(AUDIO)


def test_a_response_that_is_left_frees_the_connection() -> None:
    left = threading.Event()

    def script(peer: Peer) -> None:
        peer.receive()
        peer.send(SPEECH[:-5])
        peer.wait_closed()
        left.set()

    with (
        ScriptedServer(script) as server,
        RequestsDifyChat(server.url, api_key="app-test") as client,
    ):
        response = werkzeug.Response()
        client.textToAudio(TextToAudioRequest(text="x", user_id="u"), response)
        assert next(iter(response.response))
        response.close()
        assert left.wait(30)


@pytest.mark.parametrize("sink", [None, io.BytesIO()])
def test_what_is_not_audio_is_an_error(sink: io.BytesIO | None) -> None:
    with (
        ScriptedServer(always(response(b"null"))) as server,  # what Dify says of an unknown message
        RequestsDifyChat(server.url, api_key="app-test") as client,
    ):
        request = TextToAudioRequest(message_id="m", user_id="u")
        with pytest.raises(DecodeException, match="null"):
            client.textToAudio(request, sink) if sink else client.textToAudio(request)


def test_a_refused_upload_closes_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"x")
    refusal = always(response(b'{"code":"unsupported_file_type","message":"no"}', "415 X"))
    with (
        ScriptedServer(refusal) as server,
        RequestsDifyChat(server.url, ClientConfig(), api_key="app-test") as client,
        pytest.raises(UnsupportedMediaTypeException),
    ):
        client.fileUpload(FileUploadRequest(file=path, user_id="u"))
    assert not [fd for fd in os.listdir("/proc/self/fd") if _target(fd) == str(path)]


def _target(fd: str) -> str:
    try:
        return os.readlink(f"/proc/self/fd/{fd}")
    except OSError:
        return ""
