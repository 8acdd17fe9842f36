"""Headers of the caller's, interceptors and listeners, on real sockets."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import pickle
import threading
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dify_java_compat import (
    Call,
    CallListener,
    ChatMessagePipelineModel,
    ClientConfig,
    ConnectionException,
    DifyChatBuilder,
    DifyClient,
    IllegalArgumentException,
    Interceptor,
    InterceptorChain,
    PipelineContext,
    PipelineProcess,
    RequestsDifyChat,
    StreamErrorException,
    TextToAudioRequest,
    UnauthorizedException,
)
from dify_java_compat._http.headers import merged_headers, validated_headers
from tests.support.facades import CHAT, Facade, both_facades
from tests.support.frames import (
    MESSAGE_END,
    STREAM_HEAD,
    chunk,
    dify_error,
    error_event,
    message,
    response,
    stream,
)
from tests.support.server import Peer, ScriptedServer, always
from tests.support.watching import Watcher, request

BODY = b'{"answer":"yes","task_id":"t-1","message_id":"m-1","conversation_id":"c-1",'
USAGE = b'"metadata":{"usage":{"prompt_tokens":2,"completion_tokens":3}}}'
OK = response(BODY + USAGE, headers="X-Trace: 7\r\n")
STREAM = stream(message("a"), message("b"), MESSAGE_END)
REFUSED = dify_error("401 UNAUTHORIZED", "unauthorized", "No")
tenant: contextvars.ContextVar[str] = contextvars.ContextVar("tenant", default="nobody")


def client_of(server: ScriptedServer, facade: Facade = CHAT, **config: Any) -> Any:
    settings = ClientConfig(**{"max_retries": 0, **config})
    return facade.client(server.url, settings, api_key="app-key")


class Recorder(CallListener):
    """Keeps the calls that it is told of, and in which order."""

    def __init__(self) -> None:
        self.told: list[tuple[str, Call]] = []
        self.ended = threading.Event()

    def on_start(self, call: Call) -> None:
        self.told.append(("start", call))

    def on_first_event(self, call: Call) -> None:
        self.told.append(("first", call))

    def on_end(self, call: Call) -> None:
        self.told.append(("end", call))
        self.ended.set()

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.told]

    @property
    def call(self) -> Call:
        """The one call that there was."""
        [call] = {id(call): call for _, call in self.told}.values()
        return call


# -- headers -------------------------------------------------------------------------------------


def test_headers_of_the_configuration_and_of_a_call() -> None:
    with ScriptedServer(always(OK)) as server:
        with client_of(server, headers={"X-Tenant": "a", "X-App": "b"}) as chat:
            chat.send(request())
            chat.with_options(headers={"x-tenant": "c"}).send(request())
            chat.with_options(headers=None).send(request())
        seen = [(r.headers.get("x-tenant"), r.headers.get("x-app")) for r in server.requests]
        assert seen == [("a", "b"), ("c", "b"), (None, None)]
        assert {r.headers["authorization"] for r in server.requests} == {"Bearer app-key"}
        assert {r.headers["content-type"] for r in server.requests} == {"application/json"}


def test_a_header_for_each_tenant_on_a_stream() -> None:
    with ScriptedServer(always(STREAM)) as server, client_of(server) as chat:
        for name in ("a", "b"):
            Watcher(
                chat.with_options(headers={"X-Tenant": name}).sendChatMessageStream(request())
            ).wait()
        assert [r.headers["x-tenant"] for r in server.requests] == ["a", "b"]


@pytest.mark.parametrize(
    ("headers", "text"),
    [
        (["a"], "must be a mapping"),
        ({1: "a"}, "1 is no name"),
        ({"a b": "a"}, "'a b' is no name"),
        ({"": "a"}, "'' is no name"),
        ({"X": 1}, "the value of X"),
        ({"X": "secret\r\nY: 1"}, "the value of X"),
        ({"X": "文"}, "the value of X"),
        ({"Authorization": "secret"}, "Authorization is set by the client alone"),
        ({"content-LENGTH": "1"}, "content-LENGTH is set"),
    ],
)
def test_a_header_that_cannot_be(headers: Any, text: str) -> None:
    for make in (
        lambda: RequestsDifyChat("http://localhost", ClientConfig(headers=headers)),
        lambda: RequestsDifyChat("http://localhost").with_options(headers=headers),
    ):
        with pytest.raises(IllegalArgumentException) as caught:
            make()
        assert text in str(caught.value)
        assert "secret" not in str(caught.value)


@given(st.dictionaries(st.text(max_size=8), st.text(max_size=8), max_size=3))
def test_what_is_taken_can_be_sent(headers: dict[str, str]) -> None:
    try:
        taken = validated_headers(headers, "headers")
    except IllegalArgumentException:
        return
    for name, value in taken.items():
        line = f"{name}: {value}".encode("latin-1")
        assert b"\r" not in line
        assert b"\n" not in line


def test_names_differ_by_more_than_their_case() -> None:
    assert merged_headers({"A-B": "1", "c": "2"}, {"a-b": "3"}) == {"c": "2", "a-b": "3"}
    assert merged_headers(None, {"a": "1"}) == {"a": "1"}


def test_no_repr_shows_a_header() -> None:
    assert "secret" not in repr(ClientConfig(headers={"X-Token": "secret"}))


# -- interceptors --------------------------------------------------------------------------------


class Tenant(Interceptor):
    """As a Java service has one: a header for the tenant, and a line about the outcome."""

    def __init__(self) -> None:
        self.lines: list[Any] = []

    def intercept(self, chain: InterceptorChain) -> Any:
        asked = chain.request()
        response = chain.proceed(asked.newBuilder().header("X-Tenant", tenant.get()).build())
        self.lines.append((asked.operation, asked.method, asked.path, response.code()))
        self.lines.append(response.header("x-trace"))
        return response


@both_facades
def test_an_interceptor_sees_a_call_and_its_response(facade: Facade) -> None:
    seen = Tenant()
    with (
        ScriptedServer(always(OK)) as server,
        client_of(server, facade, interceptors=[seen]) as chat,
    ):
        tenant.set("t-1")
        facade.send(chat)
        assert server.requests[0].headers["x-tenant"] == "t-1"
    assert seen.lines == [(facade.send_name, "POST", facade.path, 200), "7"]


@both_facades
def test_an_interceptor_sees_a_refusal_which_the_call_raises(facade: Facade) -> None:
    seen = Tenant()
    with (
        ScriptedServer(always(REFUSED)) as server,
        client_of(server, facade, interceptors=[seen]) as chat,
    ):
        with pytest.raises(UnauthorizedException):
            facade.send(chat)
        watcher = Watcher(facade.stream(chat)).wait()
        assert isinstance(watcher.error, UnauthorizedException)
    assert [line[-1] for line in seen.lines[::2]] == [401, 401]


@both_facades
def test_of_a_stream_it_sees_the_head_while_events_are_still_to_come(facade: Facade) -> None:
    proceeded = threading.Event()

    def script(peer: Peer) -> None:
        peer.receive()
        head, _, events = STREAM.partition(b"\r\n\r\n")
        peer.send(head + b"\r\n\r\n")
        assert proceeded.wait(30)
        peer.send(events)

    def intercept(chain: InterceptorChain) -> Any:
        response = chain.proceed()
        proceeded.set()
        return response

    with ScriptedServer(script) as server:
        with client_of(server, facade, interceptors=[intercept]) as chat:
            tenant.set("t-2")
            assert len(Watcher(facade.stream(chat)).wait().items) == 3


def test_the_first_interceptor_is_the_outermost() -> None:
    order: list[str] = []

    def named(name: str) -> Callable[[InterceptorChain], Any]:
        def intercept(chain: InterceptorChain) -> Any:
            order.append(f"{name} after {_value(chain, 'x-a')}")
            response = chain.proceed(chain.request().with_header("x-a", name))
            order.append(name)
            return response

        return intercept

    with ScriptedServer(always(OK)) as server:
        interceptors = [named("one"), named("two")]
        with client_of(server, interceptors=interceptors, headers={"X-A": "zero"}) as chat:
            chat.send(request())
        assert server.requests[0].headers["x-a"] == "two"
    assert order == ["one after zero", "two after one", "two", "one"]


def _value(chain: InterceptorChain, name: str) -> str | None:
    return {n.lower(): value for n, value in chain.request().headers.items()}.get(name)


@pytest.mark.parametrize(
    ("intercept", "text"),
    [
        (lambda chain: None, "must return what chain.proceed() returned"),
        (lambda chain: chain.proceed() and None, "must return what chain.proceed() returned"),
        (lambda chain: chain.proceed() and object(), "must return what chain.proceed() returned"),
        (lambda chain: chain.proceed() and chain.proceed(), "proceed was called twice"),
        (
            lambda chain: chain.proceed(chain.request().with_header("authorization", "Bearer x")),
            "authorization is set by the client alone",
        ),
        (
            lambda chain: chain.proceed(chain.request()._replace(headers={"Host": "x"})),
            "Host is set by the client alone",
        ),
    ],
)
def test_what_an_interceptor_must_not_do(intercept: Any, text: str) -> None:
    with ScriptedServer(always(OK)) as server, client_of(server, interceptors=[intercept]) as chat:
        with pytest.raises(IllegalArgumentException) as caught:
            chat.send(request())
        assert text in str(caught.value)
        chat.with_options(interceptors=None).send(request())
        assert {r.headers["authorization"] for r in server.requests} == {"Bearer app-key"}


@both_facades
def test_what_it_raises_comes_out_and_the_connection_is_free(facade: Facade) -> None:
    class Mine(Exception):
        pass

    def intercept(chain: InterceptorChain) -> Any:
        chain.proceed()
        raise Mine

    with ScriptedServer(always(OK)) as server, client_of(server, facade) as chat:
        failing = chat.with_options(interceptors=[intercept])
        with pytest.raises(Mine):
            facade.send(failing)
        assert isinstance(Watcher(facade.stream(failing)).wait().error, Mine)
        facade.send(chat)


def test_what_keeps_a_response_from_coming_goes_through_it() -> None:
    seen: list[BaseException] = []

    def intercept(chain: InterceptorChain) -> Any:
        try:
            return chain.proceed()
        except ConnectionException as error:
            seen.append(error)
            raise

    with ScriptedServer(lambda peer: peer.reset()) as server:
        with client_of(server, interceptors=[intercept]) as chat:
            with pytest.raises(ConnectionException) as caught:
                chat.send(request())
    assert seen == [caught.value]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("interceptors", "x"),
        ("interceptors", [object()]),
        ("interceptors", Tenant()),
        ("listeners", [lambda call: None]),
        ("listeners", {}),
    ],
)
def test_what_is_no_hook(name: str, value: Any) -> None:
    with pytest.raises(IllegalArgumentException, match=rf"^ClientConfig\.{name}"):
        RequestsDifyChat("http://localhost", ClientConfig(**{name: value}))


def test_the_builders_setters() -> None:
    seen = Tenant()
    with ScriptedServer(always(OK)) as server:
        config = ClientConfig(headers={"X-A": "1"}, interceptors=[seen])
        built = (
            DifyChatBuilder.builder()
            .baseUrl(server.url)
            .clientConfig(config)
            .defaultHeader("X-B", "2")
            .defaultHeader("X-C", "3")
            .interceptor(lambda chain: chain.proceed())
            .build()
        )
        client = DifyClient.builder().baseUrl(server.url).defaultHeader("X-B", "4").build()
        assert client.getChat() is client.getChat()
        with DifyChatBuilder.create(built) as chat, client.getChat() as other:
            chat.send(request(api_key="app-key"))
            other.send(request(api_key="app-key"))
        sent = [[r.headers.get(f"x-{n}") for n in "abc"] for r in server.requests]
        assert sent == [["1", "2", "3"], [None, "4", None]]
    assert len(seen.lines) == 2
    assert config == ClientConfig(headers={"X-A": "1"}, interceptors=[seen])
    with pytest.raises(IllegalArgumentException):
        DifyChatBuilder.builder().defaultHeader("Authorization", "x").build()


# -- listeners -----------------------------------------------------------------------------------


def test_a_listener_of_a_call() -> None:
    listener = Recorder()
    with ScriptedServer(always(OK)) as server, client_of(server, listeners=[listener]) as chat:
        chat.send(request())
    call = listener.call
    assert listener.names == ["start", "end"]
    assert (call.operation, call.method, call.path) == ("send", "POST", "/v1/chat-messages")
    assert (call.status, call.error, call.streams, call.is_cancelled) == (200, None, False, False)
    assert (call.message_id, call.conversation_id) == ("m-1", "c-1")
    assert (call.usage.prompt_tokens, call.usage.completion_tokens) == (2, 3)
    assert call.milliseconds is not None
    assert call.first_event_milliseconds is None


def test_a_listener_of_a_stream() -> None:
    listener = Recorder()
    with ScriptedServer(always(STREAM)) as server, client_of(server, listeners=[listener]) as chat:
        stream = chat.sendChatMessageStream(request())
        assert listener.told == []
        Watcher(stream.filter(lambda item: bool(item.answer))).wait()
    call = listener.call
    assert listener.names == ["start", "first", "end"]
    assert (call.status, call.streams, call.events, call.task_id) == (200, True, 3, "t-1")
    assert call.usage.total_tokens == 3
    assert call.milliseconds is not None
    assert call.first_event_milliseconds is not None
    assert 0 < call.first_event_milliseconds <= call.milliseconds


@both_facades
@pytest.mark.parametrize("read", ["for", "async for", "await", "run", "whole"])
def test_whatever_way_a_stream_is_read(facade: Facade, read: str) -> None:
    async def loop(stream: Any) -> None:
        if read == "await":
            await stream
        else:
            async for _ in stream:
                pass

    listener = Recorder()
    with (
        ScriptedServer(always(STREAM)) as server,
        client_of(server, facade, listeners=[listener]) as chat,
    ):
        stream = facade.stream(chat)
        if read == "for":
            assert len(list(stream)) == 3
        elif read == "run":
            stream.run()
        elif read == "whole":
            facade.send(chat.with_options(blocking_via_stream=True))
        else:
            asyncio.run(loop(stream))
        assert listener.ended.wait(30)
    assert listener.names == ["start", "first", "end"]
    assert not listener.call.is_cancelled


@both_facades
def test_a_listener_of_what_fails(facade: Facade) -> None:
    listener = Recorder()
    with (
        ScriptedServer(always(REFUSED)) as server,
        client_of(server, facade, listeners=[listener]) as chat,
    ):
        with pytest.raises(UnauthorizedException) as caught:
            facade.send(chat)
        assert (listener.call.status, listener.call.error) == (401, caught.value)
        listener.told.clear()
        Watcher(facade.stream(chat)).wait()
        assert (listener.call.status, listener.names) == (401, ["start", "end"])
    listener.told.clear()
    failing = stream(message("a"), error_event("no"))
    with (
        ScriptedServer(always(failing)) as server,
        client_of(server, facade, listeners=[listener]) as chat,
    ):
        Watcher(facade.stream(chat)).wait()
    assert isinstance(listener.call.error, StreamErrorException)
    assert (listener.call.status, listener.call.task_id) == (200, "t-1")


@both_facades
def test_a_listener_of_a_stream_that_is_left(facade: Facade) -> None:
    def script(peer: Peer) -> None:
        peer.receive()
        peer.send(STREAM_HEAD + chunk(message("a")))
        peer.wait_closed()

    listener = Recorder()
    with ScriptedServer(script) as server, client_of(server, facade, listeners=[listener]) as chat:
        facade.stream(chat).take(1).run()
        assert listener.ended.wait(30)
    assert listener.names == ["start", "first", "end"]
    assert listener.call.is_cancelled


def test_a_listener_of_speech_and_of_coroutines() -> None:
    listener = Recorder()
    sound = response(b"ID3", content_type="audio/mpeg")
    with ScriptedServer(always(sound)) as server, client_of(server, listeners=[listener]) as chat:
        spoken = TextToAudioRequest(user_id="u", text="x")
        asyncio.run(chat.aio.textToAudio(spoken))
        assert (listener.call.operation, listener.call.status) == ("textToAudio", 200)


def test_a_listener_that_fails_harms_nothing(caplog: pytest.LogCaptureFixture) -> None:
    class Failing(CallListener):
        def on_start(self, call: Call) -> None:
            raise ZeroDivisionError

        on_first_event = on_end = on_start

    with ScriptedServer(always(STREAM)) as server, client_of(server, listeners=[Failing()]) as chat:
        with caplog.at_level(logging.ERROR, "dify_java_compat"):
            assert Watcher(chat.sendChatMessageStream(request())).wait().text == "ab"
    assert [record.getMessage() for record in caplog.records] == [
        "on_start of a listener failed",
        "on_first_event of a listener failed",
        "on_end of a listener failed",
    ]


def test_listeners_of_a_copy_and_of_a_pickled_client() -> None:
    listener = Recorder()
    with ScriptedServer(always(OK)) as server, client_of(server) as chat:
        chat.with_options(listeners=[listener]).send(request())
        assert listener.names == ["start", "end"]
        chat.send(request())
        assert listener.names == ["start", "end"]
        again = pickle.loads(pickle.dumps(chat.with_options(headers={"X-A": "1"})))
        again.send(request())
        assert server.requests[-1].headers["x-a"] == "1"


def test_the_tenant_is_seen_in_hooks_and_operators() -> None:
    seen: set[str] = set()

    class Process(PipelineProcess[ChatMessagePipelineModel]):
        def process(self, context: PipelineContext[ChatMessagePipelineModel]) -> None:
            seen.add(f"process {tenant.get()}")

    with ScriptedServer(always(STREAM)) as server:
        with client_of(server, listeners=[Recorder()], interceptors=[Tenant()]) as chat:
            chat.addProcess(Process())
            tenant.set("t-3")
            mapped = chat.sendChatMessageStream(request()).do_action(
                lambda item: seen.add(f"operator {tenant.get()}")
            )
            Watcher(mapped, lambda watcher: seen.add(f"on_next {tenant.get()}")).wait()
        assert server.requests[0].headers["x-tenant"] == "t-3"
    assert seen == {"process t-3", "operator t-3", "on_next t-3"}
