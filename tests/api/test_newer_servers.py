"""What Dify's own description has since gained, from a server of 1.14 and from bytes."""

from __future__ import annotations

import asyncio
import io
import json
import threading
from collections.abc import Callable

import pytest

from dify_java_compat import (
    BadRequestException,
    ChatMessageSendRequest,
    ClientConfig,
    ForbiddenException,
    HumanInputSubmitRequest,
    NotFoundException,
    RequestsDifyChat,
    StreamErrorException,
    TextToAudioRequest,
    collect,
)
from dify_java_compat.emulator import DifyEmulator
from tests.support import TIMEOUT
from tests.support.frames import STREAM_HEAD, chunk, dify_error, event, response, stream
from tests.support.server import Peer, ScriptedServer
from tests.support.watching import request


def replying(raw: bytes) -> ScriptedServer:
    def serve(peer: Peer) -> None:
        while peer.receive() is not None:
            peer.send(raw)

    return ScriptedServer(serve)


def test_the_server_says_which_it_is() -> None:
    for version, path in (("1.14", ""), ("1.14", "/v1"), ("1.14", "/v1/")):
        with DifyEmulator(version=version) as dify:
            url = dify.base_url.removesuffix("/v1") + path
            with RequestsDifyChat(url, api_key="app-chat") as chat:
                info = chat.serverInfo()
            assert (info.api_version, info.server_version) == ("v1", "1.14.2")
            assert info.welcome
            assert dify.requests[-1].path == "/v1/"
    with DifyEmulator(version="1.12") as dify:
        with (
            RequestsDifyChat(dify.base_url, api_key="app-chat") as chat,
            pytest.raises(NotFoundException),
        ):
            chat.serverInfo()


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        ("403 FORBIDDEN", "workflow_version_execution_not_allowed", ForbiddenException),
        ("403 FORBIDDEN", "app_suggested_questions_after_answer_disabled", ForbiddenException),
        ("400 BAD REQUEST", "agent_not_published", BadRequestException),
    ],
)
def test_newer_codes(status: str, code: str, kind: type[Exception]) -> None:
    with (
        replying(dify_error(status, code, "no")) as server,
        RequestsDifyChat(server.url, api_key="app-chat") as chat,
        pytest.raises(kind) as caught,
    ):
        chat.messagesSuggested("m-1", user_id="u-1")
    assert getattr(caught.value, "code", None) == code


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("audio/mpeg", "mp3"), ("audio/aac", "aac"), ("audio/flac", "flac"), ("audio/ogg", "ogg"),
        ("audio/wav", "wav"), ("audio/webm", "webm"), ("audio/x-new", "mp3"),
    ],
)  # fmt: skip
def test_speech_of_other_types(kind: str, name: str) -> None:
    class Target(io.BytesIO):
        headers: dict[str, str]

    with (
        replying(response(b"\0sound", content_type=kind)) as server,
        RequestsDifyChat(server.url, api_key="app-chat") as chat,
    ):
        spoken = chat.textToAudio(TextToAudioRequest(text="x"))
        target = Target()
        target.headers = {}
        chat.textToAudio(TextToAudioRequest(text="x"), target)
    assert (spoken.body, spoken.headers["content-type"]) == (b"\0sound", kind)
    assert target.getvalue() == b"\0sound"
    assert target.headers == {
        "Content-Type": kind,
        "Content-Disposition": f"attachment; filename=audio.{name}",
    }


def test_an_agents_thought_may_have_its_answer() -> None:
    raw = stream(
        event("agent_thought", id="t-1", position=1, thought="hm", answer="so"),
        event("message_end", metadata={}),
    )
    with replying(raw) as server, RequestsDifyChat(server.url, api_key="app-agent") as chat:
        answer = collect(chat.sendChatMessageStream(request()))
    assert [thought.answer for thought in answer.agent_thoughts or []] == ["so"]


def test_a_reason_to_pause_says_where_a_person_is_asked() -> None:
    reason = {"TYPE": "human_input_required", "form_token": "t", "message": "please"}
    reason |= {"approval_channels": [{"type": "email"}]}
    required = {"form_token": "t", "message": "please", "approval_channels": [{"type": "email"}]}
    required |= {"inputs": [{"type": "file", "output_variable_name": "doc"}]}
    raw = stream(
        event("human_input_required", workflow_run_id="w", data=required),
        event("workflow_paused", workflow_run_id="w", data={"reasons": [reason]}),
    )
    with replying(raw) as server, RequestsDifyChat(server.url, api_key="app-human") as chat:
        items = list(chat.sendChatMessageStream(request()))
        answer = collect(chat.sendChatMessageStream(request()))
    assert items[0].data.message == "please"
    assert items[0].data.approval_channels == [{"type": "email"}]
    assert answer.data.reasons == [reason]
    assert json.loads(answer.to_json())["data"]["reasons"][0]["message"] == "please"


FILES = {"allowed_file_types": ["image", "document"], "allowed_file_extensions": []}
FILES |= {"allowed_file_upload_methods": ["local_file", "remote_url"]}
FORM_INPUTS = [
    {"type": "paragraph", "output_variable_name": "feedback",
     "default": {"type": "constant", "selector": [], "value": ""}},
    {"type": "select", "output_variable_name": "priority",
     "option_source": {"type": "constant", "selector": [], "value": ["low", "high"]}},
    {"type": "file", "output_variable_name": "attachment", **FILES},
    {"type": "file-list", "output_variable_name": "attachments", **FILES, "number_limits": 5},
]  # fmt: skip


def test_a_form_may_ask_for_files() -> None:
    form = json.dumps({"inputs": FORM_INPUTS, "user_actions": []}).encode()
    with replying(response(form)) as server, RequestsDifyChat(server.url, api_key="k") as chat:
        assert chat.humanInputForm("t").inputs == FORM_INPUTS
    File = ChatMessageSendRequest.ChatMessageFile
    remote = {"type": "document", "transfer_method": "remote_url", "url": "http://d/a.pdf"}
    filled = HumanInputSubmitRequest(
        form_token="t",
        user_id="u",
        action="approve",
        inputs={
            "feedback": "好",
            "attachment": File(upload_file_id="f-1"),
            "attachments": [File(type="document", upload_file_id="f-2"), remote],
        },
    )
    with replying(response(b"{}")) as server, RequestsDifyChat(server.url, api_key="k") as chat:
        chat.submitHumanInputForm(filled)
    local = {"transfer_method": "local_file"}
    assert server.requests[0].json["inputs"] == {
        "feedback": "好",
        "attachment": {"type": "image", **local, "upload_file_id": "f-1"},
        "attachments": [{"type": "document", **local, "upload_file_id": "f-2"}, remote],
    }


STRAY = event("workflow_started", conversation_id="c-new", task_id="t-7", workflow_run_id="r")


WAYS = ["a loop", "a pipeline", "collect", "asyncio", "send by stream", "send", "aio.send"]


@pytest.mark.parametrize("resumes", [False, True])
@pytest.mark.parametrize("way", WAYS)
def test_a_run_in_another_conversation_is_refused_and_stopped(way: str, resumes: bool) -> None:
    """Nothing of it is delivered, and nobody would read what it costs."""
    stopped = threading.Event()

    def script(peer: Peer) -> None:
        while received := peer.receive():
            if received.target.endswith("/stop"):
                peer.send(response(b'{"result":"success"}'))
                stopped.set()
            else:
                peer.send(STREAM_HEAD + chunk(STRAY))  # and goes on

    config = ClientConfig(
        strict_conversation=True,
        resume_streams=resumes,
        blocking_via_stream=way == "send by stream",
        max_retries=0,
    )
    seen: list[object] = []
    asked = request(conversation_id="c-old")

    async def iterated(chat: RequestsDifyChat) -> None:
        async for item in chat.sendChatMessageStream(asked):
            seen.append(item)

    with (
        ScriptedServer(script) as server,
        RequestsDifyChat(server.url, config, api_key="k") as chat,
    ):
        ways: dict[str, Callable[[], object]] = {
            "a loop": lambda: seen.extend(chat.sendChatMessageStream(asked)),
            "a pipeline": lambda: chat.sendChatMessageStream(asked).do_action(seen.append).run(),
            "collect": lambda: collect(chat.sendChatMessageStream(asked)),
            "asyncio": lambda: asyncio.run(iterated(chat)),
            "send by stream": lambda: chat.send(asked),
            "send": lambda: chat.send(asked),  # a server that streams all the same
            "aio.send": lambda: asyncio.run(chat.aio.send(asked)),
        }
        with pytest.raises(StreamErrorException, match="the conversation c-old is not known"):
            ways[way]()
        assert stopped.wait(TIMEOUT)
        assert seen == []
    lines = [received.line for received in server.requests]
    assert lines == ["POST /v1/chat-messages", "POST /v1/chat-messages/t-7/stop"]
    assert server.requests[1].json == {"user": server.requests[0].json["user"]}


def test_a_run_is_not_stopped_where_a_new_conversation_is_only_warned_of() -> None:
    raw = stream(
        STRAY, event("workflow_finished", conversation_id="c-new", data={"status": "succeeded"})
    )
    with replying(raw) as server, RequestsDifyChat(server.url, api_key="k") as chat:
        assert len(list(chat.sendChatMessageStream(request(conversation_id="c-old")))) == 2
    assert len(server.requests) == 1
