"""The streams of a Dify 1.14, and the recorded times of both generations against the rules.

1.14 sends no `error` event behind a failed run, ends a stop in two ways, and keeps some streams
open for 300 seconds when they are over.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from dify_java_compat import (
    ChatMessageSendRequest,
    ClientConfig,
    DifyException,
    RequestsDifyChat,
    StreamErrorException,
    WorkflowPausedData,
    collect,
)
from dify_java_compat._stream.reader import State
from tests.support.facade import KEY
from tests.support.replay import replay
from tests.support.server import Peer, ScriptedServer
from tests.support.watching import Watcher, wait_until

from .asking import QUESTION
from .by_clock import has_times, read
from .library import (
    COMPLETED,
    CUT,
    DATA_1_14,
    FAILED,
    STREAMS,
    STREAMS_1_14,
    Recording,
    recordings_1_14,
)
from .test_streams import check_ending

# the server keeps these open when they are over: for 300 s, or until the recorder had enough
KEPT_OPEN = {
    "chatflow-moderated-input",
    "chatflow-file-local-unknown",
    "events-continue-on-pause",
}
each_stream = pytest.mark.parametrize("recording", STREAMS_1_14, ids=repr)


def named(name: str) -> Recording:
    return next(recording for recording in STREAMS_1_14 if recording.name == name)


def one(name: str) -> Recording:
    return next(recording for recording in recordings_1_14() if recording.name == name)


@contextmanager
def served(script: Any, **config: Any) -> Iterator[RequestsDifyChat]:
    settings = ClientConfig(max_retries=0, **config)
    with (
        ScriptedServer(script) as server,
        RequestsDifyChat(server.url, settings, api_key=KEY) as chat,
    ):
        yield chat


def stream_of(chat: RequestsDifyChat, recording: Recording) -> Any:
    """The same kind of call as the recorded one."""
    if recording.path.endswith("/events"):
        return chat.workflowEvents("w-1", user_id="rec-user")
    return chat.sendChatMessageStream(QUESTION)


def check(recording: Recording, watcher: Watcher) -> None:
    assert [item.raw for item in watcher.items] == recording.events
    check_ending(recording, watcher.error)  # type: ignore[arg-type]


def test_the_copies_are_there() -> None:
    copied = [r for r in STREAMS_1_14 if (DATA_1_14 / r.name).exists()]
    assert len(copied) == 35
    endings = [recording.ending for recording in copied]
    assert endings.count(FAILED) >= 2
    assert endings.count(COMPLETED) >= 9


@each_stream
@pytest.mark.parametrize("piece", [None, 1, 7, 64])
def test_a_stream_as_it_was(recording: Recording, piece: int | None) -> None:
    if piece == 1 and len(recording.raw) > 30_000:
        piece = 3
    with served(replay(recording.raw, piece=piece)) as chat:
        check(recording, Watcher(stream_of(chat, recording)).wait())


@each_stream
def test_a_stream_that_the_server_keeps_open(recording: Recording) -> None:
    """Its end comes by the clock, and is the same; where nothing is over, that is a timeout."""
    raw = recording.raw.removesuffix(b"0\r\n\r\n")

    def script(peer: Peer) -> None:
        peer.receive()
        peer.send(raw)
        peer.wait_closed()

    config = {"stream_grace": 0.2, "sse_read_timeout": 0.6, "first_event_timeout": 0.6}
    with served(script, **config) as chat:
        watcher = Watcher(stream_of(chat, recording)).wait()
    assert [item.raw for item in watcher.items] == recording.events
    if recording.ending == CUT and recording.events[-1]["event"] == "message":
        assert getattr(watcher.error, "phase", None) == "idle"
    else:
        assert watcher.completed == (recording.ending != FAILED)


@pytest.mark.parametrize(
    "recording", [each for each in (*STREAMS, *STREAMS_1_14) if has_times(each)], ids=repr
)
def test_no_recorded_pause_cuts_a_stream(recording: Recording) -> None:
    """With the settings nobody changed; those alone are over that the server kept open."""
    came = read(recording)
    assert came.items == len(recording.events)
    kept_open = recording.name in KEPT_OPEN
    assert came.by_clock == (kept_open and came.ended_at < 290 and recording.is_whole)
    assert (came.reader.state is State.OVER) == came.by_clock


ANSWERS = {
    "chatflow-moderated-input": "Your input was blocked 输入被拦截",
    "new-agent-streaming": None,
    "chatflow-stop-failed": None,
}


@pytest.mark.parametrize("name", ANSWERS)
def test_a_whole_answer(name: str) -> None:
    recording = named(name)
    with served(replay(recording.raw)) as chat:
        answer = collect(chat.sendChatMessageStream(QUESTION)).answer
    assert answer == recording.answer
    assert ANSWERS[name] in (None, answer)


@pytest.mark.parametrize("name", ["chatflow-fail-streaming", "chatflow-file-local-unknown"])
def test_java_s_way_to_end_a_failed_stream(name: str) -> None:
    raw = named(name).raw.removesuffix(b"0\r\n\r\n") + b"0\r\n\r\n"
    with served(replay(raw), raise_stream_errors=False) as chat:
        assert Watcher(chat.sendChatMessageStream(QUESTION)).wait().completed


def test_a_failed_run_names_its_node() -> None:
    recording, over = named("chatflow-fail-streaming"), threading.Event()
    errors: list[Exception] = []
    with served(replay(recording.raw)) as chat:
        chat.sendChatMessageStream(QUESTION).subscribe(
            on_error=lambda error: (errors.append(error), over.set())[1]
        )
        assert over.wait(30)
    node = [e["data"] for e in recording.events if e["event"] == "node_finished"][-1]
    assert isinstance(errors[0], DifyException)
    assert node["title"] in str(errors[0])
    assert errors[0].workflow_run_id == recording.last("workflow_run_id")


COLLECTED = {
    "human-pause": ("workflow_paused", "paused"),
    "human-mail-pause": ("workflow_paused", "paused"),
    "chatflow-stop": ("message", "stopped"),
    "chatflow-stop-failed": ("message", "stopped"),
    "chatflow-moderated-output": ("message", "stopped"),
    "chatflow-send-streaming": ("message", "succeeded"),
    "events-continue-on-pause": ("message", "succeeded"),
    "chatflow-moderated-input": ("message", None),
    "chat-send-streaming": ("message", None),
    "new-agent-streaming": ("message", None),
}


@pytest.mark.parametrize("name", COLLECTED)
def test_a_collected_answer_says_how_its_run_stands(name: str) -> None:
    recording = named(name)
    with served(replay(recording.raw)) as chat:
        answer = collect(stream_of(chat, recording))
    assert (answer.event, answer.workflow_status) == COLLECTED[name]
    assert answer.workflow_run_id == recording.last("workflow_run_id")
    assert answer.answer == recording.answer
    if answer.workflow_status == "paused":
        reason = recording.events[-1]["data"]["reasons"][0]
        assert isinstance(answer.data, WorkflowPausedData)
        assert (answer.data.reasons or [])[0] == reason
        assert answer.to_dict()["data"]["reasons"][0]["form_token"] == reason["form_token"]


@pytest.mark.parametrize("by_stream", [False, True])
def test_send_says_that_a_run_is_paused(by_stream: bool) -> None:
    recording = named("human-pause") if by_stream else one("human-blocking")
    with served(replay(recording.raw), blocking_via_stream=by_stream) as chat:
        answer = chat.send(QUESTION)
    assert (answer.event, answer.answer) == ("workflow_paused", "")
    assert (answer.workflow_status, bool(answer.workflow_run_id)) == ("paused", True)
    assert isinstance(answer.data, WorkflowPausedData)
    assert (answer.data.reasons or [])[0]["form_token"]


def test_a_collected_answer_has_its_files() -> None:
    recording = named("chat-file-local")
    with served(replay(recording.raw)) as chat:
        answer = collect(chat.sendChatMessageStream(QUESTION))
    assert answer.files == recording.events[-1]["files"]


def test_the_partial_answer_of_a_failed_run() -> None:
    recording = named("chatflow-fail-streaming")
    with served(replay(recording.raw)) as chat, pytest.raises(StreamErrorException) as caught:
        collect(chat.sendChatMessageStream(QUESTION))
    assert caught.value.partial is not None
    assert caught.value.partial.answer == recording.answer
    assert caught.value.partial.workflow_status == "failed"


@pytest.mark.parametrize("strict", [False, True])
def test_another_conversation_than_was_asked_for(
    strict: bool, caplog: pytest.LogCaptureFixture
) -> None:
    recording = named("chatflow-unknown-conversation")
    asked = json.loads(recording.request_body)["conversation_id"]
    question = ChatMessageSendRequest(content="x", user_id="u", conversation_id=asked)
    with served(replay(recording.raw), strict_conversation=strict) as chat:
        watcher = Watcher(chat.sendChatMessageStream(question)).wait()
        if strict:  # the run is to be stopped, and what is played is no answer to that
            wait_until(lambda: "could not be stopped" in caplog.text)
    told = f"the conversation {asked} is not known: Dify has begun a new one, "
    if strict:
        assert isinstance(watcher.error, StreamErrorException)
        assert watcher.items == []
        assert told in str(watcher.error)
        assert watcher.error.conversation_id == recording.last("conversation_id")
    else:
        check(recording, watcher)
        assert [record.message.startswith(told) for record in caplog.records] == [True]


def test_the_conversation_that_was_asked_for(caplog: pytest.LogCaptureFixture) -> None:
    recording = named("chatflow-unknown-conversation")
    question = ChatMessageSendRequest(
        content="x", user_id="u", conversation_id=str(recording.last("conversation_id")).upper()
    )
    with served(replay(recording.raw), strict_conversation=True) as chat:
        check(recording, Watcher(chat.sendChatMessageStream(question)).wait())
    assert caplog.records == []


@pytest.mark.parametrize("strict", [False, True])
def test_another_conversation_of_a_blocking_answer(
    strict: bool, caplog: pytest.LogCaptureFixture
) -> None:
    recording = one("human-blocking")
    question = ChatMessageSendRequest(content="x", user_id="u", conversation_id="other")
    with served(replay(recording.raw), strict_conversation=strict) as chat:
        if not strict:
            assert chat.send(question).event == "workflow_paused"
            assert len(caplog.records) == 1
            return
        with pytest.raises(StreamErrorException, match="the conversation other") as caught:
            chat.send(question)
    assert caught.value.partial is not None
