"""The coroutine facade: the same methods, and what they come to."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import pickle
import threading
import typing
from collections.abc import Coroutine
from io import BytesIO
from typing import Any, TypeVar

import pytest

from dify_java_compat import (
    AsyncDifyChat,
    AsyncDifyChatflow,
    BadRequestException,
    ChatMessagePipelineModel,
    ClientConfig,
    DifyChatflow,
    FileUploadRequest,
    IllegalArgumentException,
    PipelineContext,
    PipelineProcess,
    RequestsDifyChat,
    ResponseEntity,
    TextToAudioRequest,
    Upload,
)
from dify_java_compat._dto.names import camel
from tests.support import TIMEOUT, processes
from tests.support.facade import KEY, METHODS, arguments
from tests.support.frames import MESSAGE_END, dify_error, json_bytes, message, response, stream
from tests.support.server import Peer, RecordedRequest, ScriptedServer, always
from tests.support.watching import Watcher, request
from tools.rows import ROWS

T = TypeVar("T")

STREAMS = {name for name in METHODS if ROWS[name].streams}
COROUTINES = sorted(set(METHODS) - STREAMS)
OK = response()


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """`asyncio.run`, given up after a while."""

    async def bounded() -> T:
        return await asyncio.wait_for(coroutine, TIMEOUT)

    return asyncio.run(bounded())


def async_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "dify-async"]


# -- by rule, over the facade ------------------------------------------------------------------


def test_the_facade_is_as_large_as_it_was() -> None:
    public = {name for name in dir(AsyncDifyChatflow) if not name.startswith("_")}
    assert public - set(METHODS) == {"aclose", "base_url", "with_options"}
    assert set(METHODS) <= public
    assert len(COROUTINES) > 25
    assert {"sendChatMessageStream", "workflowEvents"} == STREAMS


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("facade", [AsyncDifyChatflow, AsyncDifyChat])
def test_a_method_has_the_signature_and_the_words_of_the_facade(facade: Any, name: str) -> None:
    ours, theirs = getattr(facade, name), getattr(DifyChatflow, name)
    assert inspect.signature(ours) == inspect.signature(theirs)
    assert inspect.iscoroutinefunction(ours) == (name not in STREAMS)
    first = (inspect.getdoc(theirs) or "").partition("\n")[0]
    assert (inspect.getdoc(getattr(AsyncDifyChatflow, name)) or "").startswith(first)


@pytest.mark.parametrize("name", METHODS)
def test_a_method_has_the_types_of_the_facade(name: str) -> None:
    ours, theirs = getattr(AsyncDifyChatflow, name), getattr(DifyChatflow, name)
    assert typing.get_type_hints(ours) == typing.get_type_hints(theirs)


def test_both_forms_of_an_overloaded_method_are_there() -> None:
    source = inspect.getsource(AsyncDifyChatflow)
    assert source.count("@overload\n    async def textToAudio") == 2


def body_of(name: str) -> bytes:
    result = ROWS[name].result
    if result.kind == "binary":
        return response(b"RIFF", content_type="audio/wav")
    if result.kind == "page":
        page = {"data": [{"id": "1"}], "has_more": False, "limit": 20, "page": 1, "total": 1}
        return response(json_bytes(page))
    fields = {"result": "success", "data": ["a", "b"], "id": "1", "name": "n", "text": "t"}
    more = {"job_id": "j", "tool_icons": {}, "title": "t", "form_content": "f"}
    more |= {"answer": "yes", "status": "succeeded", "opening_statement": "o", "icon": "i"}
    more["welcome"] = "w"
    return response(json_bytes({**fields, **more}))


def plain(result: Any) -> Any:
    if isinstance(result, ResponseEntity):
        return result.status_code, dict(result.headers), result.body
    return result


def comparable(received: RecordedRequest) -> Any:
    """A request without what is random in it."""
    boundary = received.headers.get("content-type", "").partition("boundary=")[2]
    body = received.body.replace(boundary.encode(), b"") if boundary else received.body
    return received.method, received.target, received.headers["authorization"], body


@pytest.mark.parametrize("name", COROUTINES)
@pytest.mark.parametrize("java", [False, True], ids=["python", "java"])
def test_a_coroutine_gives_what_the_method_gives(name: str, java: bool) -> None:
    values = arguments(name)
    has_java = "api_key" in values
    if has_java and java:
        values = {camel(key): value for key, value in values.items()}
    with ScriptedServer(always(body_of(name))) as server:
        with RequestsDifyChat(server.url, api_key=KEY) as chat:
            expected = getattr(chat, name)(**values)
            result = run(getattr(chat.aio, name)(**values))
            by_position = run(getattr(chat.aio, name)(*arguments(name).values()))
    assert plain(result) == plain(expected) == plain(by_position)
    first, second, third = map(comparable, server.requests)
    assert first == second == third


@pytest.mark.parametrize("name", sorted(STREAMS))
def test_a_stream_is_the_same_stream(name: str) -> None:
    with ScriptedServer(always(stream(message("a"), MESSAGE_END))) as server:
        with RequestsDifyChat(server.url, api_key=KEY) as chat:
            ours = getattr(chat.aio, name)(**arguments(name))
            theirs = getattr(chat, name)(**arguments(name))
            assert type(ours) is type(theirs)
            assert Watcher(ours).wait().items == Watcher(theirs).wait().items
    first, second = map(comparable, server.requests)
    assert first == second


def test_both_spellings_of_one_argument() -> None:
    chat = RequestsDifyChat("http://localhost", api_key=KEY)
    with pytest.raises(TypeError, match="'message_id' in two spellings"):
        run(chat.aio.messagesSuggested("m", message_id="m", messageId="m"))


def test_audio_is_written_into_what_the_caller_has() -> None:
    with ScriptedServer(always(body_of("textToAudio"))) as server:
        with RequestsDifyChat(server.url, api_key=KEY) as chat:
            target = BytesIO()
            speech = TextToAudioRequest(text="hi", user_id="u")
            result: Any = run(chat.aio.textToAudio(speech, target))
    assert result is None
    assert target.getvalue() == b"RIFF"


# -- errors ------------------------------------------------------------------------------------


def test_an_argument_that_cannot_work() -> None:
    with RequestsDifyChat("http://127.0.0.1:9") as chat:
        with pytest.raises(IllegalArgumentException, match="api_key"):
            run(chat.aio.info())


def test_an_error_of_dify_s() -> None:
    data = dify_error("400 Bad Request", "invalid_param", "no such thing")
    with ScriptedServer(always(data)) as server:
        with RequestsDifyChat(server.url, api_key=KEY) as chat:
            with pytest.raises(BadRequestException) as caught:
                run(chat.aio.send(request()))
    assert (caught.value.code, caught.value.message) == ("invalid_param", "no such thing")


@pytest.mark.parametrize("kind", [StopIteration, ZeroDivisionError, SystemExit])
def test_an_exception_of_the_caller_s_own(kind: type[BaseException]) -> None:
    def progress(sent: int, total: int) -> None:
        raise kind

    expected = RuntimeError if kind is StopIteration else kind  # as Python has it of coroutines

    async def upload(chat: RequestsDifyChat) -> None:
        file = Upload(b"content", progress=progress)
        with pytest.raises(expected):
            await chat.aio.fileUpload(FileUploadRequest(file=file, user_id="u"))

    with ScriptedServer(always(OK)) as server, RequestsDifyChat(server.url, api_key=KEY) as chat:
        run(upload(chat))


def test_without_a_loop_of_asyncio_s_nothing_is_sent() -> None:
    coroutine = RequestsDifyChat("http://127.0.0.1:9", api_key=KEY).aio.info()
    with pytest.raises(RuntimeError, match="no running event loop"):
        coroutine.send(None)
    assert not async_threads()


# -- threads, loops, processes -----------------------------------------------------------------


def test_the_context_of_the_task_is_that_of_the_call() -> None:
    variable = contextvars.ContextVar("variable", default="none")
    found = []

    def progress(sent: int, total: int) -> None:
        found.append(variable.get())
        variable.set("changed")

    async def upload(chat: RequestsDifyChat) -> str:
        variable.set("task")
        file = Upload(b"content", progress=progress)
        await chat.aio.fileUpload(FileUploadRequest(file=file, user_id="u"))
        return variable.get()

    with ScriptedServer(always(OK)) as server, RequestsDifyChat(server.url, api_key=KEY) as chat:
        assert run(upload(chat)) == "task"
    assert found[0] == "task"


def test_no_more_calls_at_once_than_there_are_workers() -> None:
    running, most, lock = 0, 0, threading.Lock()
    full = threading.Barrier(3)

    def script(peer: Peer) -> None:
        nonlocal running, most
        while peer.receive():
            with lock:
                running += 1
                most = max(most, running)
            full.wait(TIMEOUT)  # three at a time, or never
            with lock:
                running -= 1
            peer.send(OK)

    async def many(chat: AsyncDifyChat) -> list[str | None]:
        calls = await asyncio.gather(*(chat.send(request()) for _ in range(12)))
        return [call.answer for call in calls]

    with ScriptedServer(script) as server:
        with RequestsDifyChat(server.url, ClientConfig(async_workers=3), api_key=KEY) as chat:
            assert run(many(chat.aio)) == ["yes"] * 12
            assert len(async_threads()) == 3
    assert most == 3
    assert not async_threads()


def test_threads_are_made_when_they_are_needed_and_gone_after_close() -> None:
    async def several(chat: AsyncDifyChat) -> None:
        for _ in range(5):
            await chat.send(request())
        await asyncio.gather(*(chat.send(request()) for _ in range(5)))
        assert 1 <= len(async_threads()) <= 5
        await chat.aclose()
        assert not async_threads()
        await chat.send(request())

    with ScriptedServer(always(OK)) as server, RequestsDifyChat(server.url, api_key=KEY) as chat:
        assert not async_threads()
        run(several(chat.aio))
        chat.close()
        assert not async_threads()


def test_several_loops_use_one_client() -> None:
    async def ask() -> set[str | None]:
        calls = await asyncio.gather(*(aio.send(request()) for _ in range(5)))
        return {call.answer for call in calls}

    found: list[set[str | None]] = []

    def work() -> None:
        for _ in range(3):
            found.append(run(ask()))

    with ScriptedServer(always(OK)) as server, RequestsDifyChat(server.url, api_key=KEY) as chat:
        aio = chat.aio
        threads = [threading.Thread(target=work) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(TIMEOUT)
    assert found == [{"yes"}] * 9


def test_one_of_its_own_closes_its_connections_and_that_of_a_client_does_not() -> None:
    config = ClientConfig(keep_alive_seconds=60)

    async def ask(url: str, chat: RequestsDifyChat) -> None:
        async with chat.aio as aio:
            await aio.send(request())
        chat.send(request())
        assert server.connections == 1
        async with AsyncDifyChat(url, config, api_key=KEY) as own:
            await own.send(request())
            await own.with_options(read_timeout=20).aclose()
            await own.send(request())
            assert server.connections == 2
        await own.send(request())
        assert server.connections == 3
        await own.aclose()

    with ScriptedServer(always(OK)) as server:
        with RequestsDifyChat(server.url, config, api_key=KEY) as chat:
            assert chat.aio.base_url == chat.base_url
            run(ask(server.url, chat))


class Append(PipelineProcess[ChatMessagePipelineModel]):
    def process(self, context: PipelineContext[ChatMessagePipelineModel]) -> None:
        context.model.answer = (context.model.answer or "") + "!"


def test_send_by_stream_with_other_settings_and_a_process() -> None:
    async def ask(chat: AsyncDifyChat) -> str | None:
        chat.addProcess(Append())
        streaming = chat.with_options(blockingViaStream=True)
        assert isinstance(streaming, AsyncDifyChat)
        return (await streaming.send(request())).answer

    with ScriptedServer(always(stream(message("a"), message("b"), MESSAGE_END))) as server:
        with RequestsDifyChat(server.url, api_key=KEY) as chat:
            assert run(ask(chat.aio)) == "a!b!"
    assert server.requests[0].json["response_mode"] == "streaming"
    assert not async_threads()


def test_other_settings_may_have_other_workers() -> None:
    chat = RequestsDifyChat("http://localhost", api_key=KEY)
    assert chat.with_options(read_timeout=1)._workers is chat._workers
    assert chat.with_options(asyncWorkers=4)._workers.size == 4
    assert chat._workers.size == 32


def test_a_client_with_coroutines_can_be_pickled() -> None:
    with ScriptedServer(always(OK)) as server, RequestsDifyChat(server.url, api_key=KEY) as chat:
        run(chat.aio.send(request()))
        again: RequestsDifyChat
        aio: AsyncDifyChat
        again, aio = pickle.loads(pickle.dumps((chat, chat.aio)))
        assert run(again.aio.send(request())).answer == run(aio.send(request())).answer == "yes"
        again.close()
        run(aio.aclose())


FORKING = """
import asyncio, os, sys
from dify_java_compat import ChatMessageSendRequest, RequestsDifyChat

chat = RequestsDifyChat(sys.argv[1], api_key="app-key")
request = ChatMessageSendRequest(content="hi", user_id="u")
print(asyncio.run(chat.aio.send(request)).answer, flush=True)
if child := os.fork():
    _, status = os.waitpid(child, 0)
    print(os.waitstatus_to_exitcode(status), asyncio.run(chat.aio.send(request)).answer)
else:
    os._exit(0 if asyncio.run(chat.aio.send(request)).answer == "yes" else 1)
"""

LEAVING = """
import asyncio, sys, threading
from dify_java_compat import ChatMessageSendRequest, RequestsDifyChat

chat = RequestsDifyChat(sys.argv[1], api_key="app-key")
request = ChatMessageSendRequest(content="hi", user_id="u")
threading.Thread(target=asyncio.run, args=(chat.aio.send(request),), daemon=True).start()
sys.stdin.readline()
"""


@pytest.mark.skipif(not hasattr(__import__("os"), "fork"), reason="there is no fork here")
def test_after_a_fork_the_child_begins_anew() -> None:
    # a fork beside threads is a DeprecationWarning from 3.12 on
    options = ("-W", "error", "-W", "ignore::DeprecationWarning")
    with ScriptedServer(always(OK)) as server:
        with processes.python(*options, "-c", FORKING, server.url) as child:
            output, errors = child.communicate(timeout=TIMEOUT)
    assert (output, errors) == ("yes\n0 yes\n", "")


def test_a_call_does_not_hold_the_exit_of_the_interpreter() -> None:
    received = threading.Event()

    def script(peer: Peer) -> None:
        peer.receive()
        received.set()
        peer.closing.wait(TIMEOUT * 2)

    with ScriptedServer(script) as server:
        with processes.python("-W", "error", "-c", LEAVING, server.url, stdin=-1) as child:
            assert received.wait(TIMEOUT)
            output, errors = child.communicate("\n", timeout=TIMEOUT)
    assert (child.returncode, output, errors) == (0, "", "")
