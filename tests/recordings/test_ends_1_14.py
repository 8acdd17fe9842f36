"""How the streams of a Dify 1.14 begin, wait, fail, stop and end: each rule on recorded bytes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dify_java_compat import (
    BadRequestException,
    ChatMessageSendResponse,
    ClientConfig,
    RequestsDifyChat,
    StreamErrorException,
    WorkflowPausedData,
    collect,
)
from dify_java_compat._stream.reader import EARLY_PING_SECONDS, QUIET_SECONDS
from dify_java_compat.operators import collected
from tests.support.frames import LAST_CHUNK, chunk
from tests.support.replay import replay
from tests.support.server import Peer
from tests.support.watching import Watcher

from .asking import QUESTION
from .by_clock import PING, begun, has_times, read, reads
from .comparing import differences
from .library import FAILED, STREAMS, STREAMS_1_14, Recording
from .library import named as named_1_12
from .test_generations import check, named, one, served, stream_of
from .test_streams import check_ending

TIMED = [recording for recording in STREAMS_1_14 if has_times(recording)]
FIRST_PINGED = [recording for recording in STREAMS_1_14 if recording.body.startswith(PING)]
PAUSED = [r for r in FIRST_PINGED if r.events[-1]["event"] == "workflow_paused"]
CHATS = [recording for recording in STREAMS_1_14 if recording.path == "/v1/chat-messages"]


async def sent(chat: RequestsDifyChat) -> ChatMessageSendResponse:
    return await chat.aio.send(QUESTION)


# each way to one answer, and whether it needs `blocking_via_stream`
WAYS: dict[str, tuple[Callable[[RequestsDifyChat], ChatMessageSendResponse], bool]] = {
    "collect": (lambda chat: collect(chat.sendChatMessageStream(QUESTION)), False),
    "collected": (
        lambda chat: chat.sendChatMessageStream(QUESTION).pipe(collected()).run(),
        False,
    ),
    "send a stream": (lambda chat: chat.send(QUESTION), True),
    "send is answered with a stream": (lambda chat: chat.send(QUESTION), False),
    "send in a coroutine": (lambda chat: asyncio.run(sent(chat)), True),
}
each_way = pytest.mark.parametrize("way", WAYS)


def answered(recording: Recording, way: str, **config: Any) -> ChatMessageSendResponse:
    """The one answer of a recorded stream, come to by `way`."""
    call, by_stream = WAYS[way]
    with served(replay(recording.raw), blocking_via_stream=by_stream, **config) as chat:
        return call(chat)


# -- failures and stops --------------------------------------------------------------------------


def test_no_error_event_follows_a_run() -> None:
    for recording in STREAMS_1_14:
        assert (recording.error_event is None) == (recording.name != "chatflow-file-local-unknown")
    failed = [recording.name for recording in STREAMS_1_14 if recording.failed_run]
    assert failed == ["chatflow-fail-streaming"]


@each_way
def test_a_failed_run_raises_with_what_came_of_the_answer(way: str) -> None:
    recording = named("chatflow-fail-streaming")
    with pytest.raises(StreamErrorException) as caught:
        answered(recording, way)
    error = caught.value
    check_ending(recording, error)
    node = next(e["data"] for e in reversed(recording.events) if e["event"] == "node_finished")
    assert node["error"] == error.message
    assert f"(node {node['title']!r})" in str(error)
    partial = error.partial
    assert partial is not None
    assert recording.answer
    assert (partial.answer, partial.workflow_status) == (recording.answer, "failed")
    for name in ("task_id", "message_id", "conversation_id", "workflow_run_id"):
        assert getattr(partial, name) == recording.last(name)


def test_the_error_of_a_failed_node_is_told_where_it_is_another() -> None:
    recording = named("chatflow-fail-streaming")
    last = recording.raw.rindex(b'"error":"fake upstream died')
    other = recording.raw[:last] + recording.raw[last:].replace(b"fake upstream", b"node 'llm' it")
    with served(replay(other)) as chat, pytest.raises(StreamErrorException) as caught:
        collect(chat.sendChatMessageStream(QUESTION))
    assert caught.value.message == "node 'llm' it died: 503 Service Unavailable"
    assert "(node 'LLM': fake upstream died: 503 Service Unavailable)" in str(caught.value)


def test_a_failed_run_of_a_blocking_call_is_refused() -> None:
    recording = one("chatflow-fail-blocking")
    with served(replay(recording.raw)) as chat, pytest.raises(BadRequestException) as caught:
        chat.send(QUESTION)
    failed = named("chatflow-fail-streaming").failed_run
    assert failed is not None
    assert (caught.value.status_code, caught.value.code) == (400, "invalid_param")
    assert caught.value.message == f"Run failed: {failed['error']}"


@each_way
@pytest.mark.parametrize(
    ("name", "status", "error"),
    [
        ("chatflow-stop", "stopped", "Stopped by user."),
        ("chatflow-stop-failed", "failed", "Aborted: User requested stop"),
    ],
)
def test_both_ends_of_a_stop_are_a_stop(way: str, name: str, status: str, error: str) -> None:
    recording = named(name)
    data = recording.events[-1]["data"]
    assert (data["status"], data["error"], data["outputs"]) == (status, error, {})
    assert "message_end" not in [event["event"] for event in recording.events]
    answer = answered(recording, way)
    assert recording.answer
    assert (answer.answer, answer.workflow_status) == (recording.answer, "stopped")


@pytest.mark.parametrize("name", ["chatflow-stop", "chatflow-stop-failed"])
def test_a_stop_is_delivered_as_it_came(name: str) -> None:
    with served(replay(named(name).raw)) as chat:
        watcher = Watcher(chat.sendChatMessageStream(QUESTION)).wait()
    assert watcher.completed
    check(named(name), watcher)


def test_any_other_abort_is_a_failure() -> None:
    raw = named("chatflow-stop-failed").raw
    other = raw.replace(b"Aborted: User requested stop", b"Aborted: Max steps 5 exceeded")
    assert len(other) == len(raw) + 1
    other = other.replace(b"exceeded", b"exceede")
    with served(replay(other)) as chat, pytest.raises(StreamErrorException, match="Max steps"):
        collect(chat.sendChatMessageStream(QUESTION))


# -- pauses --------------------------------------------------------------------------------------


@each_way
@pytest.mark.parametrize("recording", [r for r in PAUSED if r in CHATS], ids=repr)
def test_a_run_that_pauses_says_so_and_what_it_waits_for(way: str, recording: Recording) -> None:
    check_paused(answered(recording, way), recording.events[-1])


def test_a_blocking_call_says_the_same() -> None:
    recording = one("human-blocking")
    with served(replay(recording.raw)) as chat:
        check_paused(chat.send(QUESTION), recording.json)
        check_paused(asyncio.run(sent(chat)), recording.json)


def check_paused(answer: ChatMessageSendResponse, said: dict[str, Any]) -> None:
    assert (answer.event, answer.answer) == ("workflow_paused", "")
    assert answer.workflow_status == "paused"
    for name in ("task_id", "message_id", "conversation_id", "workflow_run_id"):
        assert getattr(answer, name) == said[name]
    assert isinstance(answer.data, WorkflowPausedData)
    assert answer.data.raw == said["data"]
    reasons = answer.data.reasons or []
    assert reasons == said["data"]["reasons"]
    assert reasons[0]["form_token"]
    told = json.loads(answer.to_json())
    assert told["data"]["reasons"][0]["form_token"] == reasons[0]["form_token"]
    assert (told["workflowRunId"], told["workflowStatus"]) == (said["workflow_run_id"], "paused")


# -- beginnings, by the recorder's clock ---------------------------------------------------------


def test_an_early_ping_tells_a_chatflow_from_a_chat() -> None:
    """All that the guess of a chatflow without a run rests on."""
    for recording in TIMED:
        first = next(at for at, data in reads(recording) if data)
        runs = any("workflow_run_id" in event for event in recording.events)
        has_no_run = recording.name in ("chatflow-moderated-input", "chatflow-file-local-unknown")
        if recording.name != "events-finished":  # one event, and the end
            assert recording.body.startswith(PING) == (runs or has_no_run)
        assert first < EARLY_PING_SECONDS / 5
    slow = named_1_12("chat-slow-first-token")
    first = next(at for at, data in reads(slow) if data)
    assert slow.body.startswith(PING)
    assert first > 2 * EARLY_PING_SECONDS


def test_two_pings_are_lost_before_silence_is_an_end() -> None:
    apart: list[float] = []
    for recording in (each for each in (*STREAMS, *STREAMS_1_14) if has_times(each)):
        silence: list[float] = []  # the pings since the last event
        for at, data in reads(recording):
            if data == PING:
                silence.append(at)
            elif data:
                apart += [later - earlier for earlier, later in pairwise(silence)]
                silence = []
        apart += [later - earlier for earlier, later in pairwise(silence)]
    assert len(apart) >= 25
    assert 2 * max(apart) < QUIET_SECONDS


@pytest.mark.parametrize("recording", FIRST_PINGED, ids=repr)
@given(waits=st.lists(st.floats(0, 299.9), max_size=4))
def test_a_chatflow_may_wait_five_minutes_for_a_worker(
    recording: Recording, waits: list[float]
) -> None:
    """With the settings nobody changed: silence behind each ping, then the stream as it came."""
    reader, now = begun(recording), 0.5
    for wait in waits:
        assert reader.receive(PING, now) == []
        assert reader.next_timeout(now) == 300.0
        now += wait
    rest = recording.body if not waits else recording.body.removeprefix(PING)
    assert [item.raw for item in reader.receive(rest, now)] == recording.events
    late = begun(recording)
    late.receive(PING, 1.0)
    assert (late.next_timeout(302.0) or 0) < 0
    assert late.timed_out() == "first_event"


def test_a_wait_for_a_worker_is_no_timeout_on_a_socket() -> None:
    recording = named("chatflow-send-streaming")
    begin = recording.raw.index(PING) + len(PING) + 2

    def script(peer: Peer) -> None:
        peer.receive()
        peer.send(recording.raw[:begin])
        peer.closing.wait(0.6)
        peer.send(recording.raw[begin:])

    with served(script, sse_read_timeout=0.2) as chat:
        check(recording, Watcher(chat.sendChatMessageStream(QUESTION)).wait())


# -- ends, by the recorder's clock ---------------------------------------------------------------


@pytest.mark.parametrize("name", ["chatflow-moderated-input", "events-continue-on-pause"])
def test_a_stream_that_is_over_ends_after_the_grace(name: str) -> None:
    """And not when the server closes it, 300 seconds later."""
    recording = named(name)
    came = read(recording)
    assert came.by_clock
    assert came.ended_at - came.last_event_at == pytest.approx(ClientConfig().stream_grace)
    assert list(reads(recording))[-1][0] - came.ended_at > 290
    assert came.reader.error is None


def test_a_bare_error_ends_after_the_grace() -> None:
    recording = named("chatflow-file-local-unknown")
    came = read(recording)  # all that the recorder got in the 20 seconds it had
    assert came.reader.next_timeout(came.last_event_at) == ClientConfig().stream_grace
    assert recording.events == [{"event": "error", "message": "Invalid upload file", "status": 500}]
    assert came.reader.timed_out() is None
    check_ending(recording, came.reader.error)
    assert recording.ending == FAILED


@pytest.mark.parametrize("recording", TIMED, ids=repr)
def test_a_healthy_stream_ends_by_itself_within_the_grace(recording: Recording) -> None:
    if recording.is_whole and recording.name not in (
        "chatflow-moderated-input", "events-continue-on-pause",
    ):  # fmt: skip
        came = read(recording)
        assert not came.by_clock
        assert came.ended_at - came.last_event_at < ClientConfig().stream_grace / 1.5


@pytest.mark.parametrize("recording", CHATS, ids=repr)
def test_the_message_of_a_chatflow_ends_before_its_run(recording: Recording) -> None:
    """So `message_end` is no end to its stream; the whole is what `collect` gives."""
    names = [event["event"] for event in recording.events]
    if not {"message_end", "workflow_finished"} <= set(names):
        return
    assert names[-2:] == ["message_end", "workflow_finished"]
    with served(replay(recording.raw)) as chat:
        answer = collect(stream_of(chat, recording))
    assert answer.workflow_status == "succeeded"
    assert answer.answer == recording.events[-1]["data"]["outputs"]["answer"]
    assert differences(answer.metadata, recording.events[-2]["metadata"]) == []


def test_speech_that_is_cut_is_no_interruption() -> None:
    recording = named("chatflow-tts-autoplay")
    names = [event["event"] for event in recording.events]
    assert "tts_message" in names
    assert "tts_message_end" not in names
    with served(replay(recording.raw)) as chat:
        assert collect(chat.sendChatMessageStream(QUESTION)).answer == recording.answer


@each_way
@pytest.mark.parametrize("behind", [False, True])
def test_what_moderation_replaces_is_the_answer(way: str, behind: bool) -> None:
    """Of a short answer the replacement comes behind the end of the run."""
    recording = named("chatflow-moderated-output")
    frames = [b"data: " + data + b"\n\n" for data in recording.event_data]
    *before, replace, finished = frames
    if behind:
        outputs = b'"outputs":{"answer":"badword"}'
        finished = finished.replace(b'"outputs":{}', outputs).replace(b'"stopped"', b'"succeeded"')
        assert outputs in finished
        frames = [*before, finished, replace]
    head = recording.raw[: recording.raw.index(b"\r\n\r\n") + 4]
    raw = head + b"".join(map(chunk, frames)) + LAST_CHUNK
    call, by_stream = WAYS[way]
    with served(replay(raw), blocking_via_stream=by_stream) as chat:
        answer = call(chat)
    assert answer.answer == "The output was blocked 输出被拦截"
    assert answer.workflow_status == ("succeeded" if behind else "stopped")
