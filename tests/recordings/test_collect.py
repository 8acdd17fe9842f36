"""`collect` of the recorded streams: the one answer, as the server stored it."""

from __future__ import annotations

import pytest

from dify_java_compat import (
    ChatMessageSendResponse,
    ClientConfig,
    DifyException,
    StreamErrorException,
    StreamInterruptedException,
    collect,
)

from .asking import QUESTION, replayed
from .comparing import differences
from .library import COMPLETED, FAILED, STREAMS, Recording, named, recordings

TEXT = (
    "Hello, this is a deterministic fake answer. 你好，世界！这是一段中文文本。 Emoji: 😀🎉"
    "👩\u200d👩\u200d👧 café naïve Ω≈ç — “quoted” 'single' \"double\" back\\slash <tag> &amp;"
    " 100% done.🚀"
)
NEWLINES = (
    'line1\nline2\r\n\n\ndata: {"event": "fake"}\n\nevent: ping\n\ntab\tnul-free \u2028\u2029\u0085'
    ' \\n literal "quotes" {json: [1,2]} <script> 𝒳 '
    "👨\u200d👩\u200d👧\u200d👦e\u0301\ufeff\u200b end"
)

ANSWERS = {
    "chat-file-local": "[1 file(s) seen] " + TEXT,  # all of it in message_file events
    "chatflow-file-local": "[2 file(s) seen] " + TEXT,
    "chatflow-retry-midstream": "DEFAULT 默认",  # three failed tries sent their tokens before
    "chat-moderated-output": "OUTPUT REPLACED 已替换",
    "chat-tts-autoplay": TEXT,  # nine more events after message_end
    "chat-send-newlines": NEWLINES,
    "chat-send-big": "A" * 200_000 + "中文😀" * 60_000 + "end",
    "chat-slow-first-token": "late " + TEXT,  # two pings before the first token
    "agent-send-streaming-tool": "I will look up the time. 让我看看。" + TEXT,
}

BLOCKING_TWINS = {
    "chat-send-newlines": "chat-send-newlines-blocking",
    "chat-moderated-output": "chat-moderated-output-blocking",
}

STORED = {
    message["id"]: message["answer"]
    for recording in recordings()
    if recording.target.startswith("/v1/messages?") and recording.status == 200
    for message in recording.json["data"]
}


def collected(recording: Recording) -> ChatMessageSendResponse:
    with replayed(recording) as (chat, _):
        return collect(chat.sendChatMessageStream(QUESTION))


completed = [recording for recording in STREAMS if recording.ending == COMPLETED]
incomplete = [recording for recording in STREAMS if recording.ending != COMPLETED]
stored = [recording for recording in completed if recording.last("message_id") in STORED]


@pytest.mark.parametrize("name", ANSWERS)
def test_the_answer(name: str) -> None:
    assert collected(named(name)).answer == ANSWERS[name]


@pytest.mark.parametrize("name", BLOCKING_TWINS)
def test_the_answer_is_the_blocking_one(name: str) -> None:
    blocking = named(BLOCKING_TWINS[name])
    assert collected(named(name)).answer == blocking.json["answer"]


@pytest.mark.parametrize("recording", stored, ids=repr)
def test_the_answer_is_the_stored_one(recording: Recording) -> None:
    """Dify strips an answer that was stopped before it stores it, and no other."""
    answer = collected(recording).answer
    assert answer is not None
    assert STORED[recording.last("message_id")] in (answer, answer.strip())


def test_stored_answers_are_known() -> None:
    assert {recording.name for recording in stored} >= {
        "chat-file-local",
        "chat-stop",
        "chatflow-stop",
    }


@pytest.mark.parametrize("recording", completed, ids=repr)
def test_the_whole_response(recording: Recording) -> None:
    response = collected(recording)
    first, last = recording.events[0], recording.events[-1]
    assert response.answer == recording.answer
    assert response.event == "message"
    assert response.task_id == last["task_id"]
    assert response.id == response.message_id == first.get("message_id")
    assert response.conversation_id == first.get("conversation_id")
    assert response.created_at == first.get("created_at")
    ends = [event["metadata"] for event in recording.events if event["event"] == "message_end"]
    assert differences(response.metadata, ends[-1] if ends else None) == []


@pytest.mark.parametrize(
    "name", ["agent-send-streaming", "agent-send-streaming-tool", "chat-send-streaming"]
)
def test_thoughts_are_kept_once_each_as_last_sent(name: str) -> None:
    recording = named(name)
    sent = [event for event in recording.events if event["event"] == "agent_thought"]
    last = {event["id"]: event for event in sent}
    thoughts = collected(recording).agent_thoughts or []
    assert [thought.id for thought in thoughts] == list(last)
    for thought in thoughts:
        assert differences(thought, last[thought.id]) == []


@pytest.mark.parametrize("recording", incomplete, ids=repr)
def test_a_stream_that_fails_keeps_what_came(recording: Recording) -> None:
    expected: type[DifyException] = StreamInterruptedException
    if recording.ending == FAILED:
        expected = StreamErrorException
    with pytest.raises(expected) as raised:
        collected(recording)
    partial = raised.value.partial
    assert partial.answer == recording.answer
    assert partial.message_id == recording.last("message_id")
    assert partial.conversation_id == recording.last("conversation_id")


@pytest.mark.parametrize("name", ANSWERS)
def test_send_collects_a_stream(name: str) -> None:
    """Where it is told to stream, and where a blocking call is answered with a stream."""
    recording = named(name)
    for blocking_via_stream, mode in ((True, b'"streaming"'), (False, b'"blocking"')):
        config = ClientConfig(blocking_via_stream=blocking_via_stream)
        with replayed(recording, config=config) as (chat, server):
            assert chat.send(QUESTION).answer == ANSWERS[name]
            assert mode in server.requests[0].body
