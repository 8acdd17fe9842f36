"""Drives the web applications that the pages show, with their frameworks' own test tools."""

from __future__ import annotations

import asyncio
import io
import json
import runpy
from collections.abc import Callable
from typing import Any

from asgiref.testing import ApplicationCommunicator
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import RequestFactory

from dify_java_compat import DifyChat, MessagesRequest

from .running import wait_for_streams

SOUND = b"ID3" + bytes(64)
HEARD = f"Hello from the emulator, 你好。I heard {len(SOUND)} bytes of audio."

if not settings.configured:
    settings.configure()


def answers(body: bytes) -> list[dict[str, Any]]:
    """The events of a `text/event-stream`, each a JSON object in Java's names."""
    frames = body.decode().split("\n\n")
    assert frames.pop() == ""
    return [json.loads(frame.removeprefix("data: ")) for frame in frames]


def assert_is_answer(body: bytes) -> None:
    events = answers(body)
    assert "".join(event["answer"] or "" for event in events).startswith('You said: "Hello".')
    assert events[-1]["event"] == "message_end"
    assert events[-1]["metadata"]["usage"]["totalTokens"] > 0
    assert {event["conversationId"] for event in events} == {events[0]["conversationId"]}


def stored_answer(chat: DifyChat, event: dict[str, Any]) -> str | None:
    """What the history has; nothing where the client left."""
    asked = MessagesRequest(user_id="user-1", conversation_id=event["conversationId"])
    return (chat.messages(asked).data or [])[0].answer


def drive_streams(page: dict[str, Any]) -> None:
    flask = page["flask_app"].test_client()
    with flask.get("/chat?q=Hello", buffered=False) as whole:
        assert whole.mimetype == "text/event-stream"
        assert_is_answer(whole.data)
    with flask.get("/chat?q=", buffered=False) as failed:
        assert failed.status_code == 400
    with flask.get("/chat?q=", buffered=False) as failed:
        assert failed.json["code"] == "invalid_param"
    left = flask.get("/chat?q=Hello", buffered=False)
    first = next(iter(left.response))
    left.close()
    wait_for_streams()
    assert stored_answer(page["chat"], answers(first)[0]) == "", "the stream was read to its end"
    assert_is_answer(asyncio.run(_get(page["starlette_app"], "/chat", b"q=Hello")))
    asked = RequestFactory().get("/chat", {"q": "Hello"})
    response = page["django_chat"](asked)
    assert response.headers["Content-Type"] == "text/event-stream"
    assert response.headers["X-Accel-Buffering"] == "no"
    assert_is_answer(b"".join(response.streaming_content))
    assert_is_answer(asyncio.run(_streamed(page["async_django_chat"](asked))))


async def _streamed(view: Any) -> bytes:
    response = await view
    assert response.is_async
    return b"".join([part async for part in response.streaming_content])


async def _get(app: Any, path: str, query: bytes) -> bytes:
    scope = {
        "type": "http",
        "method": "GET",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": query,
        "headers": [],
        "http_version": "1.1",
        "scheme": "http",
        "server": ("testserver", 80),
        "client": ("testclient", 50000),
        "asgi": {"version": "3.0", "spec_version": "2.3"},
    }
    communicator = ApplicationCommunicator(app, scope)
    await communicator.send_input({"type": "http.request", "body": b"", "more_body": False})
    started = await communicator.receive_output(10)
    assert started["status"] == 200
    assert (b"content-type", b"text/event-stream; charset=utf-8") in started["headers"]
    body, more = b"", True
    while more:
        part = await communicator.receive_output(10)
        body, more = body + part["body"], part.get("more_body", False)
    await communicator.wait(10)
    return body


def drive_files_and_audio(page: dict[str, Any]) -> None:
    flask = page["app"].test_client()
    sent = {"file": (io.BytesIO(SOUND), "voice.mp3", "audio/mpeg")}
    assert flask.post("/listen", data=sent).json == {"text": HEARD}
    with flask.get("/speak?text=Hello") as spoken:
        assert_is_sound(spoken.data, dict(spoken.headers))

    factory = RequestFactory()
    upload = SimpleUploadedFile("voice.wav", SOUND, "audio/x-wav")
    response = page["listen"](factory.post("/listen", {"file": upload}))
    assert json.loads(response.content) == {"text": HEARD}
    response = page["speak"](factory.get("/speak", {"text": "Hello"}))
    assert_is_sound(b"".join(response.streaming_content), dict(response.headers))
    response.close()


def assert_is_sound(body: bytes, headers: dict[str, str]) -> None:
    assert body.startswith(b"\xff\xfb")
    assert headers["Content-Type"] == "audio/mpeg"
    assert headers["Content-Disposition"] == "attachment; filename=audio.mp3"


def drive_migration(page: dict[str, Any]) -> None:
    """Close what a service would keep for as long as it lives."""
    for chat in (page["dify_chat"](), *page["chats"].values()):
        chat.close()


def drive_quickstart(page: dict[str, Any]) -> None:
    page.update(runpy.run_path("app.py"))
    browser = page["app"].test_client()
    assert "<title>Dify</title>" in browser.get("/").text
    with browser.get("/chat?q=你好", buffered=False) as response:
        items = [json.loads(line) for line in response.data.splitlines()]
    told = "".join(item["answer"] for item in items if item["event"] == "message")
    assert told.startswith("你说的是：“你好”。")


def drive_quickstart_java(page: dict[str, Any]) -> None:
    page.update(runpy.run_path("app.py"))
    with page["app"].test_client().get("/chat?q=Hello", buffered=False) as response:
        assert_is_answer(response.data)
    page["dify_chat"].close()


def drive_resumable(page: dict[str, Any]) -> None:
    flask = page["flask_app"].test_client()
    stream_id = flask.post("/ask", data={"q": "Hello"}).json["id"]
    with flask.get(f"/follow/{stream_id}", buffered=False) as whole:
        frames = whole.data.decode().split("\n\n")
    assert frames[0].startswith('id: 1\ndata: {"event":"message"')
    assert frames[-2].endswith('event: end\ndata: {"event":"end","reason":"completed"}')
    behind = {"Last-Event-ID": str(len(frames) - 3)}
    with flask.get(f"/follow/{stream_id}", headers=behind, buffered=False) as rest:
        assert rest.data.decode().split("\n\n") == frames[-3:]
    assert flask.post(f"/stop/{stream_id}").json == {}
    assert flask.get(f"/follow/{'x' * 22}").status_code == 404
    body = asyncio.run(_get(page["starlette_app"], f"/follow/{stream_id}", b""))
    assert body.decode().split("\n\n") == frames
    response = page["django_follow"](RequestFactory().get("/"), stream_id)
    assert b"".join(response.streaming_content) == body
    asked = page["django_ask"](RequestFactory().post("/", {"q": "Hello"}))
    assert len(json.loads(asked.content)["id"]) == 22
    page["streams"].close()
    page["shared"].close()


DRIVERS: dict[str, Callable[[dict[str, Any]], None]] = {
    "quickstart.md": drive_quickstart,
    "quickstart-java.md": drive_quickstart_java,
    "streams.md": drive_streams,
    "resumable.md": drive_resumable,
    "files-and-audio.md": drive_files_and_audio,
    "migration.md": drive_migration,
}
