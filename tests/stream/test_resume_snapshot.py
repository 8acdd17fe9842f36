"""A resumed stream on Dify 1.14, whose events begin with a snapshot of the run.

The snapshot has a `message_replace` with the text as it is stored, which is empty while the run
goes on, and it numbers the nodes, which live events do not.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from dify_java_compat import ClientConfig, RequestsDifyChat, collect
from dify_java_compat.emulator import DifyEmulator, faults
from tests.support.frames import LAST_CHUNK, STREAM_HEAD, chunk, event, message, response
from tests.support.server import Peer, ScriptedServer
from tests.support.watching import Watcher, request


def of_run(name: str, **data: object) -> bytes:
    return event(name, workflow_run_id="w-1", data=data)


def node(name: str, number: int, index: int) -> bytes:
    return of_run(name, id=f"e-{number}", node_id=f"n-{number}", index=index)


def replace(text: str, reason: str = "") -> bytes:
    return event("message_replace", answer=text, reason=reason)


STARTED = of_run("workflow_started", id="w-1", reason="initial")
NODES = [node("node_started", 1, 1), node("node_finished", 1, 1), node("node_started", 2, 1)]
STATES = [node("node_started", 1, 1), node("node_finished", 1, 1), node("node_started", 2, 2)]
FINISHED = of_run("workflow_finished", id="w-1", status="succeeded", outputs={"answer": "ab"})
# it breaks off behind the first piece of the text
BROKEN = STREAM_HEAD + b"".join(map(chunk, (STARTED, *NODES, message("a"))))


def resumed(*events: bytes) -> Watcher:
    """What a consumer gets of a stream that breaks off and whose run's events are these."""

    def serve(peer: Peer) -> None:
        while (received := peer.receive()) is not None:
            if received.target.endswith("/chat-messages"):
                peer.send(BROKEN)
                return
            if "/workflows/run/" in received.target:
                peer.send(response(json.dumps({"id": "w-1", "status": "succeeded"}).encode()))
                return
            peer.send(STREAM_HEAD + b"".join(map(chunk, events)) + LAST_CHUNK)

    with ScriptedServer(serve) as server:
        config = ClientConfig(resume_streams=True, max_retries=0)
        with RequestsDifyChat(server.url, config, api_key="app-1") as chat:
            return Watcher(chat.sendChatMessageStream(request())).wait()


def names(watcher: Watcher) -> list[Any]:
    return [item.event for item in watcher.items]


@pytest.mark.parametrize("stored", ["", "a"])
def test_the_snapshot_wipes_nothing(stored: str) -> None:
    watcher = resumed(STARTED, replace(stored), *STATES, message("b"), FINISHED)
    assert watcher.completed
    assert "message_replace" not in names(watcher)
    assert [item.answer for item in watcher.items if item.event == "message"] == ["a", "b"]


def test_a_node_is_not_told_twice() -> None:
    watcher = resumed(STARTED, replace(""), *STATES, node("node_finished", 2, 1), FINISHED)
    assert watcher.completed
    assert names(watcher).count("node_started") == 2
    assert names(watcher).count("node_finished") == 2


@pytest.mark.parametrize(
    "events",
    [
        (STARTED, replace("other"), *STATES, FINISHED),
        (STARTED, replace("", "output_moderation"), *STATES, FINISHED),
        (STARTED, *STATES, replace(""), FINISHED),
    ],
    ids=["of another text", "with a reason", "behind a node"],
)
def test_every_other_replacement_is_obeyed(events: tuple[bytes, ...]) -> None:
    watcher = resumed(*events)
    assert watcher.completed
    assert names(watcher).count("message_replace") == 1


def test_rounds_of_a_loop_keep_their_numbers() -> None:
    """The `id` of these is the node's own, the same in each round."""
    rounds = [of_run("loop_next", id="loop", node_id="loop", index=index) for index in (1, 2, 3)]
    watcher = resumed(STARTED, replace(""), *STATES, *rounds, FINISHED)
    assert names(watcher).count("loop_next") == 3


@pytest.mark.parametrize("after_events", [5, 8, 20])
def test_a_stream_of_the_emulator_is_taken_up_again(after_events: int) -> None:
    config = ClientConfig(resume_streams=True)
    with DifyEmulator(version="1.14", token_pause=0.002) as dify:
        dify.fault(faults.Cut(after_events=after_events))
        with RequestsDifyChat(dify.base_url, config, api_key="app-chatflow") as chat:
            watcher = Watcher(chat.sendChatMessageStream(request())).wait()
            whole = collect(chat.sendChatMessageStream(request()))
    assert watcher.completed
    assert "message_replace" not in names(watcher)
    keys = [(item.event, item.data.raw["id"]) for item in watcher.items if item.data]
    assert len(keys) == len(set(keys))
    assert watcher.items[-1].data.outputs["answer"] == whole.answer
