"""Speech, hearing, uploads, and what an app says of itself."""

import uuid
from collections.abc import Callable

import pytest

from dify_java_compat.emulator import DifyEmulator

from .caller import Caller


def wave(mime: str, size: int = 100) -> tuple[str, bytes]:
    head = f'Content-Disposition: form-data; name="file"; filename="a.wav"\r\nContent-Type: {mime}'
    return head, bytes(size)


def test_speech_is_mpeg_in_chunks(chat: Caller) -> None:
    answer = chat.post("/text-to-audio", {"text": "Hello", "user": "ann"})
    assert answer.header("Content-Type") == "audio/mpeg"
    assert answer.chunks is not None
    assert {len(chunk) for chunk in answer.chunks} == {5 * 417}
    assert answer.body.startswith(b"\xff\xfb")
    assert chat.post("/text-to-audio", {"text": "Hello"}).body == answer.body
    longer = chat.post("/text-to-audio", {"text": "Hello " * 50, "user": "ann"})
    assert len(longer.body) > len(answer.body)


def test_a_message_is_spoken(chat: Caller) -> None:
    message_id = chat.say().events[0]["message_id"]
    body = {"message_id": message_id, "user": "ann"}
    assert chat.post("/text-to-audio", body).header("Content-Type") == "audio/mpeg"
    for unknown in (str(uuid.uuid4()), "zz"):
        answer = chat.post("/text-to-audio", {"message_id": unknown, "user": "ann"})
        assert (answer.status, answer.body) == (200, b"null\n")


def test_a_workflow_neither_speaks_nor_hears(app: Callable[[str], Caller]) -> None:
    workflow = app("app-workflow")
    answer = workflow.post("/text-to-audio", {"text": "Hello"})
    assert answer.json()["message"] == "TTS is not enabled"
    answer = workflow.post_form("/audio-to-text", wave("audio/wav"))
    assert answer.json()["message"] == "Speech to text is not enabled"


@pytest.mark.parametrize("kind", ["mp3", "m4a", "wav", "amr", "mpga"])
def test_what_is_heard(chat: Caller, kind: str) -> None:
    answer = chat.post_form("/audio-to-text", wave(f"audio/{kind}"))
    assert "100 bytes" in answer.json()["text"]


def test_hearing_has_a_limit(chat: Caller) -> None:
    limit = 30 * 1024 * 1024
    assert chat.post_form("/audio-to-text", wave("audio/wav", limit)).status == 200
    assert chat.post_form("/audio-to-text", wave("audio/wav", limit + 1)).status == 413


def test_an_upload_is_described(chat: Caller) -> None:
    answer = chat.upload("猫.PNG")
    assert answer.status == 201
    described = answer.json()
    assert (described["name"], described["extension"], described["size"]) == ("猫.PNG", "png", 5)
    assert described["source_url"].startswith("http://127.0.0.1/files/")


@pytest.mark.parametrize(
    ("head", "status", "code"),
    [
        ('name="upload"; filename="a.png"\r\nContent-Type: image/png', 400, "no_file_uploaded"),
        ('name="file"; filename="a.png"', 415, "unsupported_file_type"),
        ('name="file"; filename="a:b.png"\r\nContent-Type: image/png', 400, "invalid_param"),
    ],
)
def test_uploads_that_are_refused(chat: Caller, head: str, status: int, code: str) -> None:
    answer = chat.post_form("/files/upload", (f"Content-Disposition: form-data; {head}", b"x"))
    assert (answer.status, answer.json()["code"]) == (status, code)


def test_an_upload_too_large(chat: Caller) -> None:
    head = (
        'Content-Disposition: form-data; name="file"; filename="a.png"\r\nContent-Type: image/png'
    )
    answer = chat.post_form("/files/upload", (head, bytes(10 * 1024 * 1024 + 1)))
    assert (answer.status, answer.json()["code"]) == (413, "file_too_large")


def test_each_app_says_its_mode(app: Callable[[str], Caller]) -> None:
    for mode, key in DifyEmulator.keys.items():
        assert app(key).get("/info").json()["mode"] == mode


@pytest.mark.parametrize("key", ["app-chat", "app-agent", "app-chatflow", "app-workflow"])
def test_each_app_has_its_parameters(app: Callable[[str], Caller], key: str) -> None:
    found = app(key).get("/parameters").json()
    assert found["user_input_form"]
    assert found["system_parameters"]["file_size_limit"] == 15
