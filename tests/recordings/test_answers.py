"""Every recorded answer that is not a stream becomes its method's result, field by field."""

from __future__ import annotations

import dataclasses
import io
import json
import typing
from typing import Any

import pytest

from dify_java_compat import (
    DecodeException,
    DifyChatflow,
    DifyPageResult,
    ResponseEntity,
    TextToAudioRequest,
    UserInputForm,
    WorkflowInfoResponse,
)
from tests.support.facade import METHODS, UNRECORDED, call

from .asking import operation_of, replayed
from .comparing import differences, mistyped, undeclared
from .library import Recording, named, recordings, recordings_1_14


def promised(method: str) -> Any:
    """What the facade says that a method gives."""
    return typing.get_type_hints(getattr(DifyChatflow, method))["return"]


# the methods that give a DTO, or a page of them, and its class; runs are tested below
RESULTS: dict[str, Any] = {
    method: typing.get_origin(promised(method)) or promised(method)
    for method in METHODS
    if dataclasses.is_dataclass(typing.get_origin(promised(method)) or promised(method))
    and typing.get_origin(promised(method)) is not ResponseEntity
    and method != "workflowRun"
}
PAGED = {
    method: typing.get_args(promised(method))[0]
    for method, cls in RESULTS.items()
    if cls is DifyPageResult
}
NOTHING = [method for method in METHODS if promised(method) is type(None)]


def answers(*operations: str) -> list[Recording]:
    return [
        recording
        for recording in (*recordings(), *recordings_1_14())
        if operation_of(recording) in operations
        and 200 <= recording.status < 300
        and not recording.is_stream
    ]


def called(recording: Recording) -> Any:
    with replayed(recording) as (chat, server):
        result = call(chat, operation_of(recording) or "")
        assert len(server.requests) == 1
    return result


def test_every_method_has_an_answer() -> None:
    have = {operation_of(recording) for recording in answers(*METHODS)}
    wanted = set(METHODS) - {"sendChatMessageStream", "workflowEvents", *UNRECORDED}
    assert have == wanted, (
        f"{have ^ wanted}: a method that no recorded server has belongs in UNRECORDED of "
        "tests/support/facade.py"
    )
    assert len(answers(*METHODS)) >= 126


@pytest.mark.parametrize("recording", answers(*RESULTS), ids=repr)
def test_an_object(recording: Recording) -> None:
    operation = operation_of(recording) or ""
    result = called(recording)
    assert type(result) is RESULTS[operation]
    ours = {"workflow_status": result.workflow_status} if operation == "send" else {}
    assert differences(result, recording.json | ours) == []
    assert undeclared(result, recording.json) == set()
    assert mistyped(result, recording.json) == set()
    assert result.raw == recording.json
    if operation in PAGED:
        for item, wire in zip(result.data, recording.json["data"], strict=True):
            assert type(item) is PAGED[operation]
            assert item.raw == wire


@pytest.mark.parametrize("recording", answers(*NOTHING), ids=repr)
def test_nothing(recording: Recording) -> None:
    assert called(recording) is None


@pytest.mark.parametrize("recording", answers("messagesSuggested"), ids=repr)
def test_a_list(recording: Recording) -> None:
    assert called(recording) == recording.json["data"]


@pytest.mark.parametrize("recording", answers("textToAudio"), ids=repr)
def test_audio(recording: Recording) -> None:
    if recording.content_type == "application/json":  # null: there is no such message
        with pytest.raises(DecodeException) as raised:
            called(recording)
        assert raised.value.response_body == recording.body.decode()
        return
    result = called(recording)
    assert type(result) is ResponseEntity
    assert (result.status_code, result.body) == (recording.status, recording.body)
    assert len(result.body) > 1000
    for name, value in recording.headers.items():
        assert result.headers[name] == value
    written = io.BytesIO()
    with replayed(recording) as (chat, _):
        chat.textToAudio(TextToAudioRequest(text="Hello"), written)
    assert written.getvalue() == recording.body


@pytest.mark.parametrize("recording", answers("filePreview"), ids=repr)
def test_a_file(recording: Recording) -> None:
    result = called(recording)
    assert type(result) is ResponseEntity
    assert (result.status_code, result.body) == (recording.status, recording.body)
    assert result.body.startswith(b"\x89PNG\r\n")
    for name, value in recording.headers.items():
        assert result.headers[name] == value
    attachment = recording.name == "files-preview-attachment"
    assert ("attachment" in result.headers.get("Content-Disposition", "")) == attachment


@pytest.mark.parametrize("recording", answers("workflowRun"), ids=repr)
def test_a_run(recording: Recording) -> None:
    """Inputs, and on 1.12 outputs, are JSON text within the JSON: given parsed, text in `raw`."""
    result = called(recording)
    texts = {name: recording.json[name] for name in ("inputs", "outputs")}
    parsed = {
        name: json.loads(text) if isinstance(text, str) and text else text
        for name, text in texts.items()
    }
    assert type(result) is WorkflowInfoResponse
    assert differences(result, {**recording.json, **parsed}) == []
    assert undeclared(result, recording.json) == set()
    assert mistyped(result, recording.json) == set()
    assert result.raw == recording.json


def test_what_runs_look_like() -> None:
    done = called(named("workflow-run"))
    assert (done.status, done.inputs["topic"], done.inputs["n"]) == ("succeeded", "主题", 3)
    assert done.outputs["answer"].startswith("Words: ")
    assert done.raw["outputs"].startswith('{"answer": "Words: ')
    # the stream of this one said "stopped"
    stopped = called(named("chatflow-stop-run"))
    assert (stopped.status, stopped.outputs, stopped.finished_at) == ("running", {}, None)
    unknown = called(named("workflow-run-other-app"))
    assert set(unknown.to_wire().values()) == {None}


FORM = {
    "parameters-chat": ["text_input", "paragraph", "select", "number", "checkbox"],
    "parameters-chatflow": ["text_input", "select", "number", "file"],
}


@pytest.mark.parametrize("name", FORM)
def test_a_form_has_an_entry_of_its_kind_for_each_field(name: str) -> None:
    recording = named(name)
    entries: list[UserInputForm] = called(recording).user_input_form
    kinds = ["text_input", "number", "checkbox", "paragraph", "select", "file_list", "file"]
    filled = [[kind for kind in kinds if getattr(entry, kind) is not None] for entry in entries]
    assert filled == [[kind] for kind in FORM[name]]
    for entry, wire in zip(entries, recording.json["user_input_form"], strict=True):
        (asked,) = wire.values()
        (given,) = (getattr(entry, kind) for kind in kinds if getattr(entry, kind) is not None)
        assert (given.variable, given.defaultValue) == (asked["variable"], asked.get("default"))


def test_chinese_and_emoji_arrive_as_they_are() -> None:
    assert called(named("suggested")) == ["What next?", "为什么？", "Any emoji 😀?"]
    assert called(named("rename-name")).name == "新名字 😀"
    assert called(named("audio-to-text-wav")).text == (
        "Hello from the fake transcriber, 你好世界 🎤"
    )
