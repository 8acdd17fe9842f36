"""Every way through the phases of a reading, and no other; on real sockets, by each driver."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

from dify_java_compat import (
    ChatMessageSendCompletionResponse,
    ClientConfig,
    ConnectionException,
    DecodeException,
    HttpClientException,
    RequestsDifyChat,
    StreamDecodeException,
    StreamErrorException,
    StreamInterruptedException,
    TimeoutException,
    iterate,
)
from dify_java_compat._http.exchange import Exchange
from dify_java_compat._http.openers import Openers
from dify_java_compat._http.transport import Transport
from dify_java_compat._stream.observable import EventStream
from dify_java_compat._stream.opening import Phase
from dify_java_compat._stream.reading import Reading
from tests.support import TIMEOUT, sockets
from tests.support.frames import (
    ERROR,
    LAST_CHUNK,
    MESSAGE_END,
    PING,
    STREAM_HEAD,
    chunk,
    dify_error,
    event,
    message,
    response,
    stream,
)
from tests.support.server import Peer, RecordedRequest, ScriptedServer
from tests.support.watching import Watcher, join_streams, readings, request, wait_until

from .interrupting import Interrupter, Interruption, Point
from .recorded import Recorded, Walks, recording

SLOT, SENDING, HEAD, BEGINNING, REFUSAL, BODY, TORN, DELAY, CONFIRMATION, OVER = Phase
Phases = tuple[Phase, ...]
Stream = EventStream[ChatMessageSendCompletionResponse]
Ended = tuple[str, BaseException | None]

TO_HEAD = SLOT, SENDING, HEAD
TO_BODY = *TO_HEAD, BODY
DRAWN = {
    *[(SLOT, SENDING), (SENDING, HEAD), (HEAD, BODY), (HEAD, REFUSAL), (HEAD, BEGINNING)],
    *[(BEGINNING, BODY), (BEGINNING, REFUSAL)],
    *[(BODY, CONFIRMATION), (REFUSAL, SLOT), (DELAY, SLOT)],
    *[(HEAD, TORN), (BEGINNING, TORN), (BODY, TORN)],
    *[(phase, DELAY) for phase in (SENDING, HEAD, BEGINNING, REFUSAL, BODY, CONFIRMATION)],
    *[(phase, OVER) for phase in Phase if phase is not OVER],
}
passes = Walks()

HELLO = STREAM_HEAD + chunk(message("hello"))
WHOLE = stream(message("hello"), MESSAGE_END)
BUSY = dify_error("429 X", "too_many_requests", "later")
ELSEWHERE = response(b"", "307 X", headers="Location: /v1/chat-messages?again\r\n")

# -- the drivers ---------------------------------------------------------------------------------


def by_subscribing(source: Stream) -> Ended:
    watcher = Watcher(source).wait()
    return watcher.text, watcher.error


def by_loop(source: Stream) -> Ended:
    text = ""
    try:
        for item in iterate(source.map(lambda item: item)):
            text += item.answer or ""
    except Exception as error:
        return text, error
    return text, None


def by_async_loop(source: Stream) -> Ended:
    async def consume() -> Ended:
        text = ""
        try:
            async for item in source:
                text += item.answer or ""
        except Exception as error:
            return text, error
        return text, None

    return asyncio.run(consume())


DRIVERS = {"the loop": by_subscribing, "a caller": by_loop, "asyncio": by_async_loop}
BY_EACH = pytest.mark.parametrize("drive", DRIVERS.values(), ids=DRIVERS)


class Dify:
    """Answers the requests in order: bytes, then on to the next, or a closed connection."""

    def __init__(self, *answers: bytes, closes: bool = False) -> None:
        self._answers = list(answers)
        self._closes = closes
        self.received = threading.Semaphore(0)
        self.requests: list[str] = []

    def __call__(self, peer: Peer) -> None:
        while received := peer.receive():
            self.requests.append(received.line)
            data = self._answers.pop(0) if self._answers else b""
            peer.send(data)
            self.received.release()
            if not data:
                peer.wait_closed()
            if self._closes and b"Content-Length" not in data and not data.endswith(LAST_CHUNK):
                return


@contextmanager
def chatting(
    dify: Callable[[Peer], None], walk: Phases, **config: object
) -> Iterator[tuple[RequestsDifyChat, Recorded]]:
    """One stream is read within; at the end its reading has gone through `walk`, and no further."""
    settings = ClientConfig(**config)  # type: ignore[arg-type]
    with recording() as recorded, ScriptedServer(dify) as server:
        with RequestsDifyChat(server.url, settings, api_key="app-test") as chat:
            yield chat, recorded
            join_streams()
    _, phases = recorded.of_one()
    assert phases == walk


def test_every_transition_of_the_drawing_is_walked_and_no_other() -> None:
    assert passes.walked == DRAWN
    drawing = Reading.__doc__ or ""
    assert all(phase.name in drawing for phase in Phase)


# -- to its end ----------------------------------------------------------------------------------


@BY_EACH
@passes(*TO_BODY, OVER)
def test_a_stream_ends(drive: Callable[[Stream], Ended], walk: Phases) -> None:
    with chatting(Dify(WHOLE), walk) as (chat, _):
        assert drive(chat.sendChatMessageStream(request())) == ("hello", None)


@BY_EACH
@passes(*TO_BODY, OVER)
@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (HELLO, StreamInterruptedException),
        (stream(message("hello")), StreamInterruptedException),
        (stream(message("hello"), ERROR), StreamErrorException),
        (stream(message("hello"), b"data: {broken\n\n"), StreamDecodeException),
        (HELLO + b"no chunk\r\n", StreamInterruptedException),
    ],
    ids=["cut", "without its end", "error", "malformed", "malformed chunk"],
)
def test_a_stream_fails(
    drive: Callable[[Stream], Ended], walk: Phases, data: bytes, kind: type[Exception]
) -> None:
    with chatting(Dify(data, closes=True), walk) as (chat, _):
        text, error = drive(chat.sendChatMessageStream(request()))
    assert (text, type(error)) == ("hello", kind)


@BY_EACH
@passes(*TO_BODY, OVER)
@pytest.mark.parametrize(
    ("config", "sent", "phase"),
    [
        ({"sse_read_timeout": 0.3}, HELLO, "idle"),
        ({"sse_read_timeout": 0.3}, STREAM_HEAD, "idle"),
        ({"first_event_timeout": 0.3}, STREAM_HEAD + chunk(PING), "first_event"),
        ({"call_timeout": 1.0}, HELLO, "total"),
    ],
    ids=["idle", "no byte", "no event", "total"],
)
def test_a_stream_is_silent(
    drive: Callable[[Stream], Ended],
    walk: Phases,
    config: dict[str, Any],
    sent: bytes,
    phase: str,
) -> None:
    with chatting(Dify(sent), walk, **config) as (chat, _):
        _, error = drive(chat.sendChatMessageStream(request()))
    assert isinstance(error, TimeoutException)
    assert error.phase == phase


@BY_EACH
@passes(*TO_HEAD, REFUSAL, OVER)
@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (dify_error("400 X", "invalid_param", "no"), HttpClientException),
        (response(b"<html>", "200 OK", "text/html"), DecodeException),
        (b"HTTP/1.1 502 X\r\nContent-Length: 9\r\n\r\ncut", HttpClientException),
        (ELSEWHERE.replace(b"/v1/", b"http://dify.test/"), HttpClientException),
    ],
    ids=["status", "no stream", "cut", "a redirect to another host"],
)
def test_a_response_that_is_no_stream(
    drive: Callable[[Stream], Ended], walk: Phases, data: bytes, kind: type[Exception]
) -> None:
    def script(peer: Peer) -> None:
        peer.receive()
        peer.send(data)

    with chatting(script, walk) as (chat, _):
        text, error = drive(chat.sendChatMessageStream(request()))
    assert text == ""
    assert isinstance(error, kind)


@BY_EACH
@passes(*TO_HEAD, OVER)
@pytest.mark.parametrize("data", [b"", STREAM_HEAD[:30], b"SSH-2.0-x\r\n"])
def test_a_head_that_does_not_come(
    drive: Callable[[Stream], Ended], walk: Phases, data: bytes
) -> None:
    """A request that may have arrived is not sent again."""

    def script(peer: Peer) -> None:
        peer.receive()
        peer.send(data)

    with chatting(script, walk) as (chat, _):
        _, error = drive(chat.sendChatMessageStream(request()))
    assert isinstance(error, ConnectionException)


@BY_EACH
@passes(*TO_HEAD, OVER)
@pytest.mark.parametrize(
    ("config", "phase"), [({"sse_read_timeout": 0.5}, "idle"), ({"call_timeout": 1.0}, "total")]
)
def test_a_head_that_is_waited_for_too_long(
    drive: Callable[[Stream], Ended], walk: Phases, config: dict[str, Any], phase: str
) -> None:
    with chatting(Dify(STREAM_HEAD[:30]), walk, **config) as (chat, _):
        _, error = drive(chat.sendChatMessageStream(request()))
    assert isinstance(error, TimeoutException)
    assert error.phase == phase


UNTYPED = WHOLE.replace(b"Content-Type: text/event-stream; charset=utf-8\r\n", b"")
PLAIN = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 99\r\n\r\n"


@BY_EACH
@passes(*TO_HEAD, BEGINNING, BODY, OVER)
def test_a_stream_of_another_type_is_known_by_its_first_bytes(
    drive: Callable[[Stream], Ended], walk: Phases
) -> None:
    with chatting(Dify(UNTYPED), walk) as (chat, _):
        assert drive(chat.sendChatMessageStream(request())) == ("hello", None)


@BY_EACH
@passes(*TO_HEAD, BEGINNING, REFUSAL, OVER)
@pytest.mark.parametrize("body", [b"dat", b"", b"It works!"])
def test_another_type_with_another_beginning_is_no_stream(
    drive: Callable[[Stream], Ended], walk: Phases, body: bytes
) -> None:
    with chatting(Dify(response(body, content_type="text/plain")), walk) as (chat, _):
        text, error = drive(chat.sendChatMessageStream(request()))
    assert text == ""
    assert isinstance(error, DecodeException)
    assert error.response_body == body.decode()


@BY_EACH
@passes(*TO_HEAD, BEGINNING, OVER)
@pytest.mark.parametrize(
    ("config", "phase"), [({"sse_read_timeout": 0.5}, "idle"), ({"call_timeout": 1.0}, "total")]
)
def test_first_bytes_that_are_waited_for_too_long(
    drive: Callable[[Stream], Ended], walk: Phases, config: dict[str, Any], phase: str
) -> None:
    with chatting(Dify(PLAIN + b"da"), walk, **config) as (chat, _):
        _, error = drive(chat.sendChatMessageStream(request()))
    assert isinstance(error, TimeoutException)
    assert error.phase == phase


@BY_EACH
@passes(*TO_HEAD, BEGINNING, DELAY, *TO_BODY, OVER)
def test_what_only_reads_is_sent_again_where_the_first_bytes_are_cut(
    drive: Callable[[Stream], Ended], walk: Phases
) -> None:
    answers = [PLAIN + b"da", WHOLE]

    def script(peer: Peer) -> None:
        peer.receive()
        peer.send(answers.pop(0))

    with chatting(script, walk) as (chat, _):
        assert drive(chat.workflowEvents("run-1", user_id="u")) == ("hello", None)


# -- again ---------------------------------------------------------------------------------------


@BY_EACH
@passes(SLOT, SENDING, DELAY, SLOT, SENDING, OVER)
def test_nobody_listens(drive: Callable[[Stream], Ended], walk: Phases) -> None:
    with recording() as recorded, sockets.refusing_port() as port:
        config = ClientConfig(max_retries=1)
        with RequestsDifyChat(f"http://127.0.0.1:{port}", config, api_key="app-test") as chat:
            _, error = drive(chat.sendChatMessageStream(request()))
    assert isinstance(error, ConnectionException)
    assert recorded.of_one()[1] == walk


@BY_EACH
@passes(*TO_HEAD, REFUSAL, DELAY, *TO_BODY, OVER)
def test_too_many_requests(drive: Callable[[Stream], Ended], walk: Phases) -> None:
    dify = Dify(BUSY, WHOLE)
    with chatting(dify, walk, max_requests=1) as (chat, _):
        assert drive(chat.sendChatMessageStream(request())) == ("hello", None)
    assert len(dify.requests) == 2


@BY_EACH
@passes(*TO_HEAD, REFUSAL, *TO_BODY, OVER)
def test_a_redirect_is_followed_at_once(drive: Callable[[Stream], Ended], walk: Phases) -> None:
    dify = Dify(ELSEWHERE, WHOLE)
    with chatting(dify, walk, max_requests=1) as (chat, _):
        assert drive(chat.sendChatMessageStream(request())) == ("hello", None)
    assert dify.requests == ["POST /v1/chat-messages", "POST /v1/chat-messages?again"]


@BY_EACH
@passes(*TO_HEAD, DELAY, *TO_BODY, OVER)
def test_what_only_reads_is_sent_again_where_no_head_comes(
    drive: Callable[[Stream], Ended], walk: Phases
) -> None:
    answers = [b"", WHOLE]

    def script(peer: Peer) -> None:
        peer.receive()
        peer.send(answers.pop(0))

    with chatting(script, walk) as (chat, _):
        assert drive(chat.workflowEvents("w-1", user_id="u-1")) == ("hello", None)


@passes(SLOT, SENDING, DELAY, OVER)
def test_a_delay_that_is_longer_than_the_call_is_not_begun(walk: Phases) -> None:
    """`DELAY` ends by the time of the whole call only where the clock jumps, or by a dispose."""
    with recording() as recorded, sockets.refusing_port() as port, ExitStack() as stack:
        config = ClientConfig(max_retries=1)
        chat = RequestsDifyChat(f"http://127.0.0.1:{port}", config, api_key="app-test")
        stack.enter_context(chat)
        watcher = Watcher(chat.sendChatMessageStream(request()))
        wait_until(lambda: recorded.phases[0][-1] is DELAY)
        watcher.subscription.dispose()
        join_streams()
    assert recorded.of_one()[1] == walk


# -- a run that is resumed -------------------------------------------------------------------------


def of_run(name: str, **data: object) -> bytes:
    return event(name, workflow_run_id="w-1", data=data)


STARTED = of_run("workflow_started", id="w-1")
FINISHED = of_run("workflow_finished", id="w-1", status="succeeded", outputs={"answer": "ab"})
BROKEN = STREAM_HEAD + chunk(STARTED) + chunk(message("hello"))
REST = stream(STARTED, FINISHED)
RESUMES = {"resume_streams": True, "max_retries": 0}
TO_CONFIRMATION = *TO_BODY, DELAY, *TO_BODY, CONFIRMATION


def run_is(status: str) -> bytes:
    return response(json.dumps({"id": "w-1", "status": status}).encode())


@BY_EACH
@passes(*TO_CONFIRMATION, OVER)
def test_a_run_is_resumed(drive: Callable[[Stream], Ended], walk: Phases) -> None:
    dify = Dify(BROKEN, REST, run_is("succeeded"), closes=True)
    with chatting(dify, walk, **RESUMES) as (chat, _):
        assert drive(chat.sendChatMessageStream(request())) == ("hello", None)


@BY_EACH
@passes(*TO_CONFIRMATION, DELAY, *TO_BODY, CONFIRMATION, OVER)
def test_a_run_that_has_not_ended_as_the_stream_says(
    drive: Callable[[Stream], Ended], walk: Phases
) -> None:
    dify = Dify(BROKEN, REST, run_is("running"), REST, run_is("succeeded"), closes=True)
    with chatting(dify, walk, **RESUMES) as (chat, _):
        assert drive(chat.sendChatMessageStream(request())) == ("hello", None)


@passes(*TO_CONFIRMATION, OVER)
def test_disposed_of_while_the_run_is_asked_about(walk: Phases) -> None:
    """The call that asks goes on in its opener; nobody waits for what it says."""
    asked, may_answer = threading.Event(), threading.Event()

    def script(peer: Peer) -> None:
        while received := peer.receive():
            if received.method == "POST":
                peer.send(BROKEN)
                return
            if received.target.startswith("/v1/workflow/w-1/events"):
                peer.send(REST)
                continue
            asked.set()
            assert may_answer.wait(TIMEOUT)
            peer.send(run_is("succeeded"))

    with chatting(script, walk, **RESUMES) as (chat, recorded):
        watcher = Watcher(chat.sendChatMessageStream(request()))
        assert asked.wait(TIMEOUT)
        watcher.subscription.dispose()
        wait_until(lambda: recorded.phases[0][-1] is OVER)
        may_answer.set()
    assert (watcher.text, watcher.completed, watcher.error) == ("hello", False, None)


def test_a_resumed_run_that_is_disposed_of_is_not_resumed_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    requests: list[RecordedRequest] = []

    def script(peer: Peer) -> None:
        while received := peer.receive():
            requests.append(received)
            if received.method == "POST":
                peer.send(BROKEN)
                return
            peer.send(STREAM_HEAD + chunk(message("more")))
            peer.wait_closed()

    with chatting(script, (*TO_BODY, DELAY, *TO_BODY, OVER), **RESUMES) as (chat, _):
        watcher = Watcher(chat.sendChatMessageStream(request()))
        wait_until(lambda: watcher.text.endswith("more"))
        watcher.subscription.dispose()
    assert len(requests) == 2
    assert (watcher.error, caplog.records) == (None, [])


# -- disposed of, and out of time ------------------------------------------------------------------


@passes(SLOT, OVER)
@pytest.mark.parametrize("how", ["disposed of", "out of time"])
def test_left_while_it_waits_for_a_slot(walk: Phases, how: str) -> None:
    config = {"call_timeout": 0.1} if how == "out of time" else {}
    with chatting(Dify(), walk, max_requests=1, **config) as (chat, _):
        slots = chat._transport.streams
        held = slots.acquire(lambda: None)
        assert held is not None
        watcher = Watcher(chat.sendChatMessageStream(request()))
        if how == "disposed of":
            wait_until(lambda: slots._queue)
            watcher.subscription.dispose()
            wait_until(lambda: not slots._queue)
        else:
            error = watcher.wait().error
            assert isinstance(error, TimeoutException)
            assert error.phase == "total"
        held.release()
        assert not readings()


@passes(SLOT, SENDING, OVER)
@pytest.mark.parametrize("how", ["disposed of", "out of time"])
def test_left_while_an_opener_connects(walk: Phases, how: str) -> None:
    timeouts = {"call_timeout": 0.1} if how == "out of time" else {"connect_timeout": TIMEOUT}
    config = ClientConfig(**timeouts)  # type: ignore[arg-type]
    with recording() as recorded, sockets.full_listener() as port:
        with RequestsDifyChat(f"http://127.0.0.1:{port}", config, api_key="app-test") as chat:
            watcher = Watcher(chat.sendChatMessageStream(request()))
            wait_until(lambda: recorded.phases[0][-1] is SENDING)
            if how == "disposed of":
                watcher.subscription.dispose()
            else:
                error = watcher.wait().error
                assert isinstance(error, TimeoutException)
                assert error.phase == "total"
            join_streams()
    assert recorded.of_one()[1] == walk


@pytest.mark.parametrize("is_sent", [False, True])
def test_disposed_of_while_an_opener_has_it(is_sent: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it has not sent is not sent; what it has sent is closed as soon as it says so."""
    may_begin, may_end, sent = threading.Event(), threading.Event(), threading.Event()
    submit = Openers.submit

    def held(self: Openers, job: Callable[[], object]) -> None:
        def run() -> None:
            assert may_begin.wait(TIMEOUT)
            job()

        submit(self, run)

    def send(self: Exchange) -> object:
        response = send_polled(self)
        sent.set()
        assert may_end.wait(TIMEOUT)
        return response

    send_polled = Exchange.send_polled
    monkeypatch.setattr(Openers, "submit", held)
    monkeypatch.setattr(Transport, "send_at_once", lambda *_: None)
    monkeypatch.setattr(Exchange, "send_polled", send)
    closed = threading.Event()

    def script(peer: Peer) -> None:
        if peer.receive():
            assert is_sent
            peer.wait_closed()
        closed.set()

    with chatting(script, (SLOT, SENDING, OVER)) as (chat, recorded):
        watcher = Watcher(chat.sendChatMessageStream(request()))
        wait_until(lambda: recorded.phases[0][-1] is SENDING)
        if is_sent:
            may_begin.set()
            assert sent.wait(TIMEOUT)
        watcher.subscription.dispose()
        may_begin.set()
        assert not is_sent or closed.wait(TIMEOUT)
        may_end.set()
    assert watcher.items == []


@passes(*TO_HEAD, OVER)
def test_disposed_of_while_it_waits_for_the_head(walk: Phases) -> None:
    dify = Dify(b"")
    with chatting(dify, walk) as (chat, recorded):
        watcher = Watcher(chat.sendChatMessageStream(request()))
        wait_until(lambda: recorded.phases[0][-1] is HEAD)
        watcher.subscription.dispose()


@passes(*TO_HEAD, REFUSAL, OVER)
def test_disposed_of_in_a_refusal(walk: Phases) -> None:
    dify = Dify(b"HTTP/1.1 500 X\r\nContent-Length: 100\r\n\r\nhalf of")
    with chatting(dify, walk) as (chat, recorded):
        watcher = Watcher(chat.sendChatMessageStream(request()))
        wait_until(lambda: recorded.phases[0][-1] is REFUSAL)
        watcher.subscription.dispose()
    assert watcher.error is None


# -- a signal handler that raises ------------------------------------------------------------------


def is_left_torn(name: str, call: int, answer: bytes, walk: Phases) -> None:
    """The exception comes at the beginning of that call of that function."""
    calls = 0

    def visit(point: Point) -> None:
        nonlocal calls
        if point[0].co_name == name and point[1] < 8:
            calls += 1
            if calls == call:
                raise Interruption

    settings = {"stop_on_dispose": True, "stop_drain_seconds": 0.05}
    dify = Dify(answer, response(b'{"result":"success"}'))
    with chatting(dify, walk, **settings) as (chat, _):
        with pytest.raises(Interruption), Interrupter(visit):
            list(chat.sendChatMessageStream(request()))
        join_streams()
    assert dify.requests[1:] == ["POST /v1/chat-messages/t-1/stop"]


@passes(*TO_HEAD, TORN, OVER)
def test_an_exception_in_the_head_leaves_the_task_to_be_found(walk: Phases) -> None:
    is_left_torn("_take", 1, HELLO, walk)


@passes(*TO_HEAD, BEGINNING, TORN, OVER)
def test_an_exception_in_the_first_bytes_leaves_the_task_to_be_found(walk: Phases) -> None:
    untold = HELLO.replace(b"text/event-stream; charset=utf-8", b"text/plain")
    is_left_torn("is_event_stream", 2, untold, walk)


@passes(*TO_BODY, TORN, OVER)
def test_an_exception_in_the_body_leaves_the_task_to_be_found(walk: Phases) -> None:
    is_left_torn("_items", 1, HELLO, walk)
