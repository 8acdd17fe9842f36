"""The stream contract on real sockets: cold, in order, read to its end, judged."""

from __future__ import annotations

import asyncio
import threading

import pytest
from reactivex import operators as ops

from dify_java_compat import (
    ClientConfig,
    IllegalArgumentException,
    RequestsDifyChat,
    StreamErrorException,
    StreamInterruptedException,
    collect,
)
from tests.support.frames import (
    CLOSING_STREAM_HEAD,
    ERROR,
    LAST_CHUNK,
    MESSAGE_END,
    PING,
    STREAM_HEAD,
    chunk,
    event,
    message,
    stream,
)
from tests.support.server import Peer, ScriptedServer, always
from tests.support.watching import Watcher, join_streams, request

ANSWER = stream(message("one "), PING, message("two"), MESSAGE_END)


def chat(server: ScriptedServer, **config: object) -> RequestsDifyChat:
    return RequestsDifyChat(server.url, ClientConfig(**config), api_key="app-test")  # type: ignore[arg-type]


def ended(body: bytes, **config: object) -> Watcher:
    """What a subscriber saw of a stream of these bytes, closed by the server behind them."""

    def script(peer: Peer) -> None:
        peer.receive()
        peer.send(body)

    with ScriptedServer(script) as server, chat(server, **config) as client:
        watcher = Watcher(client.sendChatMessageStream(request())).wait()
        join_streams()
        assert len(server.requests) == 1
    return watcher


def test_nothing_is_sent_before_a_subscription_and_each_asks_anew() -> None:
    with ScriptedServer(always(ANSWER)) as server, chat(server) as client:
        observable = client.sendChatMessageStream(request())
        assert server.requests == []
        for times in (1, 2):
            assert Watcher(observable).wait().text == "one two"
            assert len(server.requests) == times


def test_items_come_in_order_without_pings() -> None:
    watcher = ended(ANSWER)
    assert [item.event for item in watcher.items] == ["message", "message", "message_end"]
    assert watcher.completed
    assert watcher.items[0].raw["answer"] == "one "


def test_subscribe_returns_while_the_server_is_silent() -> None:
    released = threading.Event()

    def script(peer: Peer) -> None:
        peer.receive()
        assert released.wait(30)
        peer.send(ANSWER)

    with ScriptedServer(script) as server, chat(server) as client:
        watcher = Watcher(client.sendChatMessageStream(request()))
        assert watcher.items == []
        released.set()
        assert watcher.wait().text == "one two"


@pytest.mark.parametrize("head", [STREAM_HEAD, CLOSING_STREAM_HEAD], ids=["chunked", "closing"])
def test_each_item_comes_as_soon_as_its_bytes_are_there(head: bytes) -> None:
    seen: list[threading.Event] = [threading.Event() for _ in range(3)]
    chunked = head is STREAM_HEAD

    def script(peer: Peer) -> None:
        peer.receive()
        peer.send(head)
        for position in range(3):
            frame = message(str(position))
            peer.send(chunk(frame) if chunked else frame)
            # the next frame leaves only when this one has reached the subscriber
            assert seen[position].wait(30)
        peer.send(chunk(MESSAGE_END) + LAST_CHUNK if chunked else MESSAGE_END)

    def on_item(watcher: Watcher) -> None:
        if len(watcher.items) <= 3:
            seen[len(watcher.items) - 1].set()

    with ScriptedServer(script) as server, chat(server) as client:
        assert Watcher(client.sendChatMessageStream(request()), on_item).wait().text == "012"


@pytest.mark.parametrize("first", ["message_end", "workflow_finished"])
def test_reads_on_after_a_terminal_event(first: str) -> None:
    second = {"message_end": "workflow_finished", "workflow_finished": "message_end"}[first]
    watcher = ended(stream(message("x"), event(first), event(second), event("tts_message_end")))
    assert [item.event for item in watcher.items][1:] == [first, second, "tts_message_end"]
    assert watcher.completed


@pytest.mark.parametrize("event_name", ["message_end", "workflow_finished", "workflow_paused"])
def test_a_terminal_event_completes_the_stream(event_name: str) -> None:
    assert ended(stream(message("x"), event(event_name))).completed


def test_a_stream_that_goes_on_after_a_pause_has_not_ended() -> None:
    paused = stream(event("workflow_paused"), event("node_started"))
    assert isinstance(ended(paused).error, StreamInterruptedException)
    assert ended(stream(event("workflow_paused"), event("x"), event("message_end"))).completed


def test_an_end_without_a_terminal_event_is_an_interruption_with_ids() -> None:
    started = event("workflow_started", workflow_run_id="w-1", data={"id": "w-1"})
    watcher = ended(stream(started, message("x")))
    error = watcher.error
    assert isinstance(error, StreamInterruptedException)
    assert (error.task_id, error.message_id, error.conversation_id, error.workflow_run_id) == (
        "t-1",
        "m-1",
        "c-1",
        "w-1",
    )
    assert watcher.text == "x"


def test_an_error_event_is_an_item_and_then_the_error() -> None:
    watcher = ended(stream(message("x"), ERROR))
    assert [item.event for item in watcher.items] == ["message", "error"]
    error = watcher.error
    assert isinstance(error, StreamErrorException)
    assert (error.status, error.code, error.message) == (400, "invalid_param", "Run failed")
    assert error.task_id == "t-1"


def test_an_error_event_can_end_the_stream_as_in_java() -> None:
    watcher = ended(stream(message("x"), ERROR), raise_stream_errors=False)
    assert watcher.completed
    assert watcher.items[-1].code == "invalid_param"


def test_malformed_events_can_be_skipped_as_in_java(caplog: pytest.LogCaptureFixture) -> None:
    body = stream(message("x"), b"data: {broken\n\n", message("y"), MESSAGE_END)
    watcher = ended(body, skip_malformed_events=True)
    assert watcher.completed
    assert watcher.text == "xy"
    assert "malformed" in caplog.text


def test_unknown_events_fields_and_types_pass_through() -> None:
    weird = b'data: {"event":["x"],"data":{"y":1},"metadata":7}\n\n'
    odd = b'data: {"event":"moon_landed","task_id":7,"answer":{"a":1},"new":[1],"data":{"x":2}}\n\n'
    watcher = ended(stream(odd, weird, MESSAGE_END))
    item = watcher.items[0]
    assert watcher.completed
    assert item.raw["new"] == [1]
    assert item.task_id == 7  # type: ignore[comparison-overlap]
    assert item.answer == {"a": 1}  # type: ignore[comparison-overlap]
    assert item.data.raw == {"x": 2}


def test_the_consumers_exception_reaches_the_consumer() -> None:
    error = KeyError("the consumer's bug")
    errors: list[Exception] = []

    def fail(item: object) -> None:
        raise error

    with ScriptedServer(always(ANSWER)) as server, chat(server) as client:
        client.sendChatMessageStream(request()).subscribe(fail, errors.append)
        join_streams()
    assert errors == [error]


def test_a_plain_loop_goes_through_a_stream() -> None:
    async def through() -> list[str | None]:
        return [item.event async for item in client.sendChatMessageStream(request())]

    events = ["message", "message", "message_end"]
    with ScriptedServer(always(ANSWER)) as server, chat(server) as client:
        assert [item.event for item in client.sendChatMessageStream(request())] == events
        assert asyncio.run(through()) == events


def test_operators_and_run() -> None:
    with ScriptedServer(always(ANSWER)) as server, chat(server) as client:
        words = client.sendChatMessageStream(request()).pipe(
            ops.filter(lambda item: item.event == "message"),
            ops.map(lambda item: (item.answer or "").strip()),
            ops.to_list(),
        )
        assert words.run() == ["one", "two"]


def test_retry_of_an_interrupted_stream_asks_again() -> None:
    answers = [stream(message("x")), ANSWER]

    def script(peer: Peer) -> None:
        while peer.receive():
            peer.send(answers.pop(0))

    with ScriptedServer(script) as server, chat(server) as client:
        watcher = Watcher(client.sendChatMessageStream(request()).pipe(ops.retry(2))).wait()
        assert watcher.text == "xone two"
        assert len(server.requests) == 2


def test_collect_keeps_the_partial_answer_in_the_exception() -> None:
    with ScriptedServer(always(stream(message("half")))) as server, chat(server) as client:
        with pytest.raises(StreamInterruptedException) as caught:
            collect(client.sendChatMessageStream(request()))
        assert caught.value.partial.answer == "half"
        assert caught.value.partial.conversation_id == "c-1"


def test_send_can_stream_and_collect() -> None:
    with ScriptedServer(always(ANSWER)) as server, chat(server, blocking_via_stream=True) as client:
        answered = client.send(request())
        assert (answered.answer, answered.task_id) == ("one two", "t-1")
        assert answered.metadata is not None
        assert answered.metadata.usage is not None
        assert answered.metadata.usage.total_tokens == 3
        assert b'"response_mode":"streaming"' in server.requests[0].body


def test_a_blocking_call_answered_with_a_stream_is_collected() -> None:
    with ScriptedServer(always(ANSWER)) as server, chat(server) as client:
        assert client.send(request()).answer == "one two"
        assert b'"response_mode":"blocking"' in server.requests[0].body


def test_a_bad_argument_fails_at_the_call_and_not_in_the_stream() -> None:
    client = RequestsDifyChat("http://127.0.0.1:9", api_key="app-test")
    with pytest.raises(IllegalArgumentException, match="content"):
        client.sendChatMessageStream(request(content=""))
