"""`with_options`: other settings for some calls, over the same connections."""

from __future__ import annotations

import dataclasses
import logging
import pickle
import threading
from typing import Any

import pytest

from dify_java_compat import (
    CallListener,
    ChatMessagePipelineModel,
    ClientConfig,
    ConnectionException,
    IllegalArgumentException,
    PipelineContext,
    PipelineProcess,
    RequestsDifyChat,
    RequestsRecoupChat,
    StreamErrorException,
    TimeoutException,
)
from dify_java_compat._dto.names import camel
from tests.support import TIMEOUT, processes
from tests.support.facades import CHAT, Facade, both_facades
from tests.support.frames import (
    ERROR,
    LAST_CHUNK,
    MESSAGE_END,
    STREAM_HEAD,
    chunk,
    message,
    response,
    stream,
)
from tests.support.server import Peer, ScriptedServer, always
from tests.support.watching import Watcher, request

OK = response()
OF_CONNECTIONS = {
    "cert",
    "connect_timeout",
    "keep_alive_seconds",
    "max_idle_connections",
    "max_requests",
    "max_requests_per_host",
    "proxies",
    "verify",
}
FIELDS = {field.name: field.default for field in dataclasses.fields(ClientConfig)}
OF_CALLS = sorted(FIELDS.keys() - OF_CONNECTIONS)


OTHER = {
    "headers": {"X-Tenant": "t"},
    "interceptors": [lambda chain: chain.proceed()],
    "listeners": [CallListener()],
}


def both_spellings(names: Any) -> list[str]:
    return sorted({spelling for name in names for spelling in (name, camel(name))})


def client_of(server: ScriptedServer, facade: Facade = CHAT, **config: Any) -> Any:
    settings = ClientConfig(**{"keep_alive_seconds": 60, "max_retries": 0, **config})
    return facade.client(server.url, settings, api_key="app-key")


def other_value(name: str) -> Any:
    default = FIELDS[name]
    if name in OTHER:
        return OTHER[name]
    return not default if isinstance(default, bool) else 7


@pytest.mark.parametrize("spelling", both_spellings(OF_CALLS))
def test_a_setting_of_calls_holds_for_the_copy_alone(spelling: str) -> None:
    name = next(name for name in OF_CALLS if spelling in (name, camel(name)))
    config = ClientConfig()
    chat = RequestsDifyChat("http://localhost", config)
    copied: RequestsDifyChat = chat.with_options(**{spelling: other_value(name)})  # type: ignore[misc]
    assert getattr(copied._config, name) == other_value(name)
    assert config == ClientConfig()
    rest = {n: v for n, v in copied._config.to_wire().items() if n != name}
    assert rest == {n: v for n, v in config.to_wire().items() if n != name}


@pytest.mark.parametrize("spelling", both_spellings(OF_CONNECTIONS))
def test_a_setting_of_connections_is_refused_and_named(spelling: str) -> None:
    chat = RequestsDifyChat("http://localhost")
    with pytest.raises(IllegalArgumentException, match=rf"^{spelling} .* the connections"):
        chat.with_options(**{spelling: None})  # type: ignore[misc]


def test_a_name_that_there_is_not() -> None:
    chat = RequestsDifyChat("http://localhost")
    with pytest.raises(TypeError, match="no field 'readTimeOut'; did you mean 'readTimeout'"):
        chat.with_options(readTimeOut=1)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="both 'read_timeout' and 'readTimeout'"):
        chat.with_options(read_timeout=1, readTimeout=1)


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"read_timeout": -1}, "read_timeout"),
        ({"callTimeout": "30"}, "call_timeout"),
        ({"max_retries": 0.5}, "max_retries"),
        ({"max_event_bytes": 0}, "max_event_bytes"),
        ({"async_workers": 0}, "async_workers"),
        ({"logging": "yes"}, "logging"),
    ],
)
def test_a_value_that_cannot_work(settings: Any, named: str) -> None:
    chat = RequestsDifyChat("http://localhost")
    with pytest.raises(IllegalArgumentException, match=rf"^ClientConfig\.{named} must "):
        chat.with_options(**settings)


@both_facades
def test_copies_use_the_connections_of_the_original(facade: Facade) -> None:
    with ScriptedServer(always(OK)) as server, client_of(server, facade) as chat:
        copied = chat.with_options(read_timeout=20)
        again = copied.with_options(write_timeout=5)
        for client in (chat, copied, again, chat):
            facade.send(client)
        assert server.connections == 1
        assert (again._config.read_timeout, again._config.write_timeout) == (20, 5)
        assert again.base_url == chat.base_url
        assert {r.headers["authorization"] for r in server.requests} == {"Bearer app-key"}


@both_facades
def test_the_times_are_those_of_the_copy(facade: Facade) -> None:
    def script(peer: Peer) -> None:
        while peer.receive():
            peer.closing.wait(0.5)
            peer.send(OK)

    with ScriptedServer(script) as server, client_of(server, facade) as chat:
        with pytest.raises(TimeoutException, match=r"0\.05 s \(read_timeout\)"):
            facade.send(chat.with_options(read_timeout=0.05))
        with pytest.raises(TimeoutException, match=r"0\.05 s \(call_timeout\)"):
            facade.send(chat.with_options(call_timeout=0.05))
        facade.send(chat)


def test_retries_and_the_log_are_those_of_the_copy(caplog: pytest.LogCaptureFixture) -> None:
    def script(peer: Peer) -> None:
        peer.receive()  # and no response

    caplog.set_level(logging.DEBUG, "dify_java_compat")
    with ScriptedServer(script) as server, client_of(server) as chat:
        with pytest.raises(ConnectionException):
            chat.with_options(max_retries=1, logging=False).info()
        assert len(server.requests) == 2
        assert not caplog.records
        with pytest.raises(ConnectionException):
            chat.info()
        assert len(server.requests) == 3
        assert caplog.records


@both_facades
def test_streams_are_read_by_the_settings_of_the_copy(facade: Facade) -> None:
    with (
        ScriptedServer(always(stream(message("a"), ERROR))) as server,
        client_of(server, facade) as chat,
    ):
        lenient = chat.with_options(raise_stream_errors=False)
        assert Watcher(facade.stream(lenient)).wait().completed
        error = Watcher(facade.stream(chat)).wait().error
        assert isinstance(error, StreamErrorException)


def test_send_streams_where_the_copy_says_so() -> None:
    with ScriptedServer(always(stream(message("ab"), MESSAGE_END))) as server:
        with client_of(server) as chat:
            assert chat.with_options(blocking_via_stream=True).send(request()).answer == "ab"
        assert server.requests[0].json["response_mode"] == "streaming"


@both_facades
def test_the_limit_of_open_streams_is_shared(facade: Facade) -> None:
    begun, may_end = threading.Semaphore(0), threading.Semaphore(0)

    def script(peer: Peer) -> None:
        while peer.receive():
            peer.send(STREAM_HEAD + chunk(message("a")))
            begun.release()
            may_end.acquire(timeout=TIMEOUT)
            peer.send(chunk(MESSAGE_END) + LAST_CHUNK)

    with ScriptedServer(script) as server, client_of(server, facade, max_requests=1) as chat:
        copied = chat.with_options(sse_read_timeout=50)
        first = Watcher(facade.stream(chat))
        assert begun.acquire(timeout=TIMEOUT)
        second = Watcher(facade.stream(copied))
        third = Watcher(facade.stream(copied.with_options(call_timeout=0.1)))
        error = third.wait().error
        assert isinstance(error, TimeoutException)
        assert error.phase == "total"
        assert len(server.requests) == 1
        may_end.release(2)
        assert first.wait().completed
        assert second.wait().completed


@both_facades
def test_closing_a_copy_closes_nothing(facade: Facade) -> None:
    with ScriptedServer(always(OK)) as server, client_of(server, facade) as chat:
        with chat.with_options(read_timeout=20) as copied:
            facade.send(copied)
        copied.close()
        facade.send(chat)
        assert server.connections == 1
        chat.close()
        facade.send(copied)
        assert server.connections == 2


class Append(PipelineProcess[ChatMessagePipelineModel]):
    def __init__(self, text: str) -> None:
        self.text = text

    def process(self, context: PipelineContext[ChatMessagePipelineModel]) -> None:
        context.model.answer = (context.model.answer or "") + self.text


def test_a_copy_has_the_processes_there_were_and_later_ones_of_its_own() -> None:
    with ScriptedServer(always(stream(message("a"), MESSAGE_END))) as server:
        with client_of(server) as chat:
            chat.addProcess(Append("1"))
            copied = chat.with_options(read_timeout=20)
            copied.addProcess(Append("2"))
            chat.addProcess(Append("3"))
            answers = [
                Watcher(client.sendChatMessageStream(request())).wait().items[0].answer
                for client in (chat, copied)
            ]
    assert answers == ["a13", "a12"]


def test_a_copy_can_be_pickled_and_then_has_connections_of_its_own() -> None:
    with ScriptedServer(always(OK)) as server, client_of(server) as chat:
        chat.send(request())
        copied = chat.with_options(read_timeout=20)
        with pickle.loads(pickle.dumps(copied)) as unpickled:
            assert unpickled._config.read_timeout == 20
            assert unpickled.send(request()).answer == "yes"
            assert server.connections == 2
            unpickled.close()
            unpickled.send(request())
            assert server.connections == 3


FORKING = """
import os, sys
from dify_java_compat import ChatMessageSendRequest, ClientConfig, RequestsDifyChat

chat = RequestsDifyChat(sys.argv[1], ClientConfig(keep_alive_seconds=60), api_key="app-key")
copied = chat.with_options(read_timeout=20)
request = ChatMessageSendRequest(content="hi", user_id="u")
copied.send(request)
if child := os.fork():
    _, status = os.waitpid(child, 0)
    print(os.waitstatus_to_exitcode(status), copied.send(request).answer)
else:
    os._exit(0 if copied.send(request).answer == chat.send(request).answer == "yes" else 1)
"""


@pytest.mark.skipif(not hasattr(__import__("os"), "fork"), reason="there is no fork here")
def test_a_copy_can_be_forked() -> None:
    with ScriptedServer(always(OK)) as server:
        with processes.python("-W", "error", "-c", FORKING, server.url) as child:
            output, errors = child.communicate(timeout=TIMEOUT)
        assert (output, errors) == ("0 yes\n", "")
        assert server.connections == 2  # the parent's, and one for both clients of the child


def test_recoup_has_it_too() -> None:
    body = b'{"success":true,"stopped":false}'
    with ScriptedServer(always(response(body))) as server:
        with RequestsRecoupChat(server.url, api_key="key") as recoup:
            copied = recoup.with_options(read_timeout=20)
            chat_id = "123e4567-e89b-12d3-a456-426614174000"
            assert copied.stopChat(chat_id) == recoup.stopChat(chat_id)
            assert copied.base_url == recoup.base_url
        assert server.connections == 1
