"""The doubles that users of requests have in their tests, and sessions of a caller's."""

from __future__ import annotations

import asyncio
import io
import pickle
import textwrap
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import flask
import pytest
import requests
import requests_mock
import responses
import vcr
from freezegun import freeze_time
from requests.adapters import HTTPAdapter

from dify_java_compat import (
    AsyncDifyChat,
    ClientConfig,
    ConnectionException,
    DecodeException,
    FileUploadRequest,
    IllegalArgumentException,
    NotFoundException,
    RequestsDifyChat,
    collect,
)
from dify_java_compat.batch import ask_all
from dify_java_compat.emulator import DifyEmulator
from dify_java_compat.web.flask import event_stream
from tests.support.frames import MESSAGE_END, STREAM_HEAD, chunk, message, response, stream
from tests.support.server import Peer, ScriptedServer, always
from tests.support.watching import Watcher, request

URL = "http://dify.invalid"
EVENTS = message("Hi") + MESSAGE_END


def client(url: str = URL, **more: Any) -> RequestsDifyChat:
    return RequestsDifyChat(url, ClientConfig(max_retries=0), api_key="app-x", **more)


def check_calls(
    given: Callable[..., Any], sent: Callable[[], Any], unmatched: type[BaseException]
) -> None:
    """The three kinds of calls, an error and an upload, through a double."""
    given("GET", "/info", 200, b'{"name":"mocked"}', "application/json")
    given("POST", "/chat-messages", 200, EVENTS, "text/event-stream")
    given("GET", "/meta", 404, b'{"code":"not_found","message":"no"}', "application/json")
    given("POST", "/files/upload", 201, b'{"id":"f-1"}', "application/json")
    chat = client()
    assert chat.info().name == "mocked"
    assert collect(chat.sendChatMessageStream(request())).answer == "Hi"
    assert chat.send(request()).answer == "Hi"
    assert chat.fileUpload(FileUploadRequest(user_id="u", file=("a.txt", b"x"))).id == "f-1"
    with pytest.raises(NotFoundException) as caught:
        chat.meta()
    assert caught.value.code == "not_found"
    assert sent()["Authorization"] == "Bearer app-x"
    with pytest.raises(unmatched):
        chat.site()


def test_responses() -> None:
    with responses.RequestsMock() as mock:

        def given(method: str, path: str, status: int, body: bytes, kind: str) -> None:
            mock.add(method, f"{URL}/v1{path}", body=body, status=status, content_type=kind)

        check_calls(given, lambda: mock.calls[-1].request.headers, ConnectionException)


def test_responses_lets_others_pass_where_it_is_told_to() -> None:
    with ScriptedServer(always(response(b'{"name":"real"}'))) as server:
        with responses.RequestsMock() as mock:
            mock.add_passthru(server.url)
            assert client(server.url).info().name == "real"


def test_requests_mock() -> None:
    with requests_mock.Mocker() as mock:

        def given(method: str, path: str, status: int, body: bytes, kind: str) -> None:
            mock.request(
                method,
                f"{URL}/v1{path}",
                content=body,
                status_code=status,
                headers={"Content-Type": kind},
            )

        check_calls(given, lambda: mock.last_request.headers, requests_mock.NoMockAddress)


def test_requests_mock_lets_others_pass_where_it_is_told_to() -> None:
    with ScriptedServer(always(response(b'{"name":"real"}'))) as server:
        with requests_mock.Mocker(real_http=True) as mock:
            mock.get(f"{URL}/v1/info", json={"name": "mocked"})
            assert client(server.url).info().name == "real"
            assert client().info().name == "mocked"
            assert collect_of(server, b"") is None


def collect_of(server: ScriptedServer, _: bytes) -> object:
    """A stream that is none, for real and through the double."""
    with pytest.raises(DecodeException):
        collect(client(server.url).sendChatMessageStream(request()))
    return None


def test_vcr(tmp_path: Path) -> None:
    cassette = str(tmp_path / "cassette.yaml")
    with ScriptedServer(always(response(b'{"name":"recorded"}'))) as server:
        with vcr.use_cassette(cassette, filter_headers=["Authorization"]):
            assert client(server.url).info().name == "recorded"
        with vcr.use_cassette(cassette, record_mode="none"):
            assert client(server.url).info().name == "recorded"
        assert len(server.requests) == 1
    assert "app-x" not in Path(cassette).read_text(encoding="utf-8")


@pytest.mark.parametrize("kind", ["a file", "bytes", "one that is read and written"])
def test_vcr_sends_an_upload_whole(tmp_path: Path, kind: str) -> None:
    """It reads the form before it is sent."""
    path = tmp_path / "a.txt"
    path.write_bytes(b"x" * 70_000)
    spool = io.BytesIO()
    spool.write(b"x" * 70_000)
    file: Any = {"a file": str(path), "bytes": b"x" * 70_000}.get(kind, ("a.txt", spool))
    with ScriptedServer(always(response(b'{"id":"f-1"}', "201 Created"))) as server:
        for _ in range(2):
            with vcr.use_cassette(str(tmp_path / "c.yaml"), match_on=["method", "path"]):
                made = client(server.url).fileUpload(FileUploadRequest(user_id="u", file=file))
                assert made.id == "f-1"
        (sent,) = server.requests
    assert int(sent.headers["content-length"]) == len(sent.body)
    assert b"\r\n\r\n" + b"x" * 70_000 + b"\r\n--" in sent.body


def test_a_double_sees_an_upload_whole() -> None:
    with requests_mock.Mocker() as mock:
        mock.post(f"{URL}/v1/files/upload", json={"id": "f-1"}, status_code=201)
        client().fileUpload(FileUploadRequest(user_id="u", file=("a.txt", b"x" * 70_000)))
        body: Any = mock.last_request.body
        assert b"x" * 70_000 in (body if isinstance(body, bytes) else body.read())
    with responses.RequestsMock() as other:
        other.post(f"{URL}/v1/files/upload", json={"id": "f-1"}, status=201)
        client().fileUpload(FileUploadRequest(user_id="u", file=("a.txt", b"x" * 70_000)))
        body = other.calls[0].request.body
        assert b"x" * 70_000 in (body if isinstance(body, bytes) else body.read())


def test_vcr_asks_no_server_where_it_must_not(tmp_path: Path) -> None:
    with ScriptedServer(always(response(b'{"name":"real"}'))) as server:
        with vcr.use_cassette(str(tmp_path / "none.yaml"), record_mode="none"):
            with pytest.raises(Exception, match="cassette"):
                client(server.url).info()
        assert server.requests == []


def test_once_the_doubles_are_gone_all_is_as_before() -> None:
    with ScriptedServer(always(response(b'{"name":"real"}'))) as server, client(server.url) as chat:
        for double in (responses.RequestsMock, requests_mock.Mocker):
            with double():
                with pytest.raises((ConnectionException, requests_mock.NoMockAddress)):
                    chat.info()
            assert chat.info().name == "real"


# -- a session of the caller's -----------------------------------------------------------------


class Canned(HTTPAdapter):
    """An adapter of a caller's own that asks nobody."""

    def __init__(self, body: bytes, kind: str = "application/json") -> None:
        super().__init__()
        self.body, self.kind = body, kind
        self.seen: list[tuple[str, Any]] = []

    def send(self, request: Any, *args: Any, **kwargs: Any) -> requests.Response:
        self.seen.append((request.url, kwargs))
        made = requests.Response()
        made.status_code, made._content, made.request = 200, self.body, request  # type: ignore[attr-defined]
        made.headers["Content-Type"] = self.kind
        return made


def test_a_mounted_adapter_is_asked() -> None:
    session, canned = requests.Session(), Canned(b'{"name":"canned"}')
    session.mount("http://dify.", canned)
    session.verify = False
    assert client(session=session).info().name == "canned"
    [(url, settings)] = canned.seen
    assert url == f"{URL}/v1/info"
    assert settings["verify"] is False


def test_a_stream_of_a_mounted_adapter() -> None:
    session = requests.Session()
    session.mount("http://", Canned(EVENTS, "text/event-stream"))
    assert collect(client(session=session).sendChatMessageStream(request())).answer == "Hi"


class Passing(HTTPAdapter):
    """An adapter that adds something, and sends as requests does."""

    def send(self, request: Any, *args: Any, **kwargs: Any) -> requests.Response:
        request.headers["X-Passed"] = "yes"
        return super().send(request, *args, **kwargs)


def test_an_adapter_that_sends_as_requests_does() -> None:
    session = requests.Session()
    session.mount("http://", Passing())
    with ScriptedServer(always(stream(message("Hi"), MESSAGE_END))) as server:
        with client(server.url, session=session) as chat:
            assert [item.answer for item in chat.sendChatMessageStream(request())] == ["Hi", None]
    assert server.requests[0].headers["x-passed"] == "yes"


class Sending(requests.Session):
    """A session with a `send` of its own, as those that keep answers or sign requests."""

    sent = 0

    def send(self, request: Any, **kwargs: Any) -> requests.Response:
        type(self).sent += 1
        return super().send(request, **kwargs)


def test_a_session_with_a_send_of_its_own() -> None:
    with ScriptedServer(always(response(b'{"name":"n"}'))) as server:
        with client(server.url, session=Sending()) as chat:
            assert chat.info().name == "n"
    assert Sending.sent == 1


def test_headers_and_proxies_of_a_session() -> None:
    session = requests.Session()
    session.headers["X-Tenant"] = "t-1"
    session.headers["Authorization"] = "Bearer of-somebody-else"
    session.headers["User-Agent"] = "ours/1"
    with ScriptedServer(always(response(b'{"name":"n"}'))) as proxy:
        session.proxies["http"] = proxy.url
        assert client(session=session).info().name == "n"
    headers = proxy.requests[0].headers
    assert proxy.requests[0].target == f"{URL}/v1/info"
    assert headers["x-tenant"] == "t-1"
    assert headers["authorization"] == "Bearer app-x"
    assert "cookie" not in headers


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-Tenant", "t\r\nX-Admin: yes"),
        ("X-Tenant", b"t\nX-Admin: yes"),
        ("X-Tenant", "\u4f60"),
        ("X-Tenant", 5),
        ("X Tenant", "t"),
    ],
)
def test_a_header_of_a_session_that_none_can_be_is_refused(name: str, value: Any) -> None:
    session = requests.Session()
    session.headers[name] = value
    with pytest.raises(IllegalArgumentException, match=r"session\.headers: .*X.Tenant") as caught:
        client(session=session)
    assert "Admin" not in str(caught.value)


def test_a_header_of_a_session_that_is_none_is_not_sent() -> None:
    session = requests.Session()
    session.headers["X-Tenant"] = None  # type: ignore[assignment] # as requests takes it
    with ScriptedServer(always(response(b'{"name":"n"}'))) as server:
        with client(server.url, session=session) as chat:
            chat.info()
    assert "x-tenant" not in server.requests[0].headers


def test_a_plain_session_changes_nothing() -> None:
    with ScriptedServer(always(response(b'{"name":"n"}'))) as server:
        for more in ({}, {"session": requests.Session()}):
            with client(server.url, **more) as chat:
                chat.info()
    plain, with_session = (received.headers for received in server.requests)
    assert plain == with_session


def test_the_environment_does_not_count_for_a_session_that_does_not_trust_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    session = requests.Session()
    session.trust_env = False
    with ScriptedServer(always(response(b'{"name":"n"}'))) as server:
        assert client(server.url, session=session).info().name == "n"


@pytest.mark.parametrize("session", ["x", 5, requests.Session, object()])
def test_what_is_no_session_is_refused(session: Any) -> None:
    for make in (client, lambda **more: AsyncDifyChat(URL, api_key="app-x", **more)):
        with pytest.raises(IllegalArgumentException, match=r"session must be a requests\.Session"):
            make(session=session)


def test_a_client_with_a_session_is_pickled_with_it() -> None:
    session = requests.Session()
    session.headers["X-Tenant"] = "t-1"
    with ScriptedServer(always(response(b'{"name":"n"}'))) as server:
        copy = pickle.loads(pickle.dumps(client(server.url, session=session)))
        assert copy.info().name == "n"
    assert server.requests[0].headers["x-tenant"] == "t-1"


# -- proxies that cannot work, and that fail ---------------------------------------------------

BAD_PROXIES: dict[str, Any] = {
    "one text": "http://127.0.0.1:7890",
    "a slip for socks5": {"http": "socks9://user:PW-secret@127.0.0.1:1"},
    "GNOME's": {"http": "socks://127.0.0.1:1080/"},
    "no host": {"http": "http://user:PW-secret@"},
    "no host either": {"http": "http://"},
    "a number": {"http": 8080},
    "bytes": {"http": b"http://x"},
    "a port that is none": {"http": "http://user:PW-secret@x:99999999"},
    "an unclosed bracket": {"http": "http://user:PW-secret@[::1"},
}


@pytest.mark.parametrize("proxies", BAD_PROXIES.values(), ids=BAD_PROXIES)
def test_a_proxy_that_cannot_work_is_refused_with_the_client(proxies: Any) -> None:
    with pytest.raises(IllegalArgumentException, match=r"ClientConfig\.proxies") as caught:
        RequestsDifyChat(URL, ClientConfig(proxies=proxies), api_key="app-x")
    assert "PW-secret" not in f"{caught.value!r}"


@pytest.mark.parametrize("variable", ["all_proxy", "http_proxy", "HTTP_PROXY"])
def test_and_one_of_the_environment_by_its_name(
    variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, "socks://user:PW-secret@127.0.0.1:1080/")
    with pytest.raises(IllegalArgumentException, match=variable) as caught:
        RequestsDifyChat(URL, api_key="app-x")
    assert "PW-secret" not in f"{caught.value!r}"


def test_a_proxy_that_fails_is_named_without_its_password() -> None:
    proxy = "http://user:PW-secret@127.0.0.1:9"
    config = ClientConfig(proxies={"http": proxy}, max_retries=0)
    with pytest.raises(ConnectionException, match=r"proxy http://127\.0\.0\.1:9") as caught:
        RequestsDifyChat(URL, config, api_key="app-x").info()
    link: BaseException | None = caught.value
    while link is not None:
        assert "PW-secret" not in f"{link!r} {link} {vars(link)}"
        link = link.__cause__


@pytest.mark.parametrize(
    "settings", [{"verify": "/no/such/file"}, {"cert": "/no/such"}, {"cert": ("/no", "/such")}]
)
def test_certificates_that_are_not_there(settings: Any) -> None:
    with pytest.raises(IllegalArgumentException, match="there is no file"):
        RequestsDifyChat("https://dify.invalid", ClientConfig(**settings), api_key="app-x")


# -- a test that freezes time ------------------------------------------------------------------


def test_the_emulator_goes_on_where_time_is_frozen() -> None:
    with freeze_time("2026-01-01"), DifyEmulator(token_pause=0.001) as dify:
        chat = RequestsDifyChat(dify.base_url, api_key=dify.keys["chat"])
        assert collect(chat.sendChatMessageStream(request(content="hi"))).answer


async def _iterated(stream: Any) -> list[Any]:
    return [item async for item in stream]


FROZEN: dict[str, Callable[[RequestsDifyChat], Any]] = {
    "send": lambda chat: chat.send(request()),
    "a loop": lambda chat: list(chat.sendChatMessageStream(request())),
    "collect": lambda chat: collect(chat.sendChatMessageStream(request())),
    "run": lambda chat: chat.sendChatMessageStream(request()).to_list().run(),
    "a subscriber": lambda chat: Watcher(chat.sendChatMessageStream(request())).wait().items,
    "asyncio": lambda chat: asyncio.run(_iterated(chat.sendChatMessageStream(request()))),
    "batch": lambda chat: [each.answer for each in ask_all(chat, [request()] * 3)] == ["Hi"] * 3,
    "a relay": lambda chat: list(relay(chat)),
}


def relay(chat: RequestsDifyChat) -> Iterable[bytes]:
    with flask.Flask("x").test_request_context():
        return list(event_stream(chat.sendChatMessageStream(request())).response)


@pytest.mark.parametrize("way", FROZEN)
@pytest.mark.parametrize("call_timeout", [0, 30])
@pytest.mark.parametrize("now", ["1970-01-02", "2120-01-01"])
def test_no_time_runs_out_where_time_is_frozen(way: str, call_timeout: int, now: str) -> None:
    pause = threading.Event()

    def script(peer: Peer) -> None:
        while peer.receive() is not None:
            for part in (STREAM_HEAD, chunk(message("Hi")), chunk(MESSAGE_END) + b"0\r\n\r\n"):
                pause.wait(0.05)
                peer.send(part)

    with ScriptedServer(script) as server, freeze_time(now):
        config = ClientConfig(max_retries=0, call_timeout=call_timeout)
        with RequestsDifyChat(server.url, config, api_key="app-x") as chat:
            assert FROZEN[way](chat)


def test_the_fixture_reaches_its_emulator_behind_a_proxy(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    pytester.makepyfile(
        textwrap.dedent(
            """
            def test_info(dify_chat):
                assert dify_chat.info().mode == "chat"
            """
        )
    )
    done = pytester.runpytest_subprocess("-p", "dify_java_compat.pytest_plugin")
    done.assert_outcomes(passed=1)
