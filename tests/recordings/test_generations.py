"""The streams of a Dify 1.14, and the recorded times of both generations against the rules.

1.14 sends no `error` event behind a failed run, ends a stop in two ways, and keeps some streams
open for 300 seconds when they are over.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from dify_java_compat import ClientConfig, DifyException, RequestsDifyChat, collect
from dify_java_compat._api.codec import event_decoder
from dify_java_compat._stream.reader import EventReader, State
from tests.support.facade import KEY
from tests.support.replay import replay
from tests.support.server import Peer, ScriptedServer
from tests.support.watching import Watcher

from .asking import QUESTION
from .library import COMPLETED, CUT, DATA_1_14, FAILED, STREAMS, STREAMS_1_14, Recording, dechunked
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
    assert len(copied) == 13
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


def reads(recording: Recording) -> Iterator[tuple[float, bytes]]:
    """When each read came, in seconds, and the bytes of the body that it brought."""
    head, position, seen = recording.raw.index(b"\r\n\r\n") + 4, 0, 0
    assert recording.timeline is not None
    for read in recording.timeline:
        position += read["bytes"]
        body, _ = dechunked(recording.raw[head:position])
        yield read["ms"] / 1000, body[seen:]
        seen = len(body)


@pytest.mark.parametrize(
    "recording",
    [
        recording
        for recording in (*STREAMS, *STREAMS_1_14)
        if recording.timeline
        and recording.headers.get("transfer-encoding") == "chunked"
        and len(recording.raw) < 200_000
    ],
    ids=repr,
)
def test_no_recorded_pause_cuts_a_stream(recording: Recording) -> None:
    """With the settings nobody changed; those alone are over that the server kept open."""
    config = ClientConfig()
    reader = EventReader(event_decoder(), config, {})
    now, items = 0.0, 0
    reader.begin(
        recording.path,
        0.0,
        0.0,
        idle=config.sse_read_timeout,
        first_event=config.first_event_timeout,
    )
    for at, data in reads(recording):
        timeout = reader.next_timeout(now)
        assert timeout is not None
        if timeout < at - now:
            assert reader.timed_out() is None
            break
        now = at
        items += len(reader.receive(data, now)) if data else 0
    assert items == len(recording.events)
    assert (reader.state is State.OVER) == (
        recording.name in KEPT_OPEN and now < 290 and recording.is_whole
    )


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
