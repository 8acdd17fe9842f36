"""Logs and tracers that look at what http.client and urllib3 do see each request."""

from __future__ import annotations

import functools
import http.client
import logging
from collections.abc import Callable
from typing import Any

import pytest

from dify_java_compat import RequestsDifyChat, collect
from dify_java_compat._http import adapter
from tests.support.frames import MESSAGE_END, message, response, stream
from tests.support.server import Peer, ScriptedServer
from tests.support.watching import request


def answering(peer: Peer) -> None:
    """A stream to who asks for one, else an object."""
    while asked := peer.receive():
        if asked.target.endswith("chat-messages"):
            peer.send(stream(message("Hi"), MESSAGE_END))
        else:
            peer.send(response(b'{"name":"n"}'))


def use(chat: RequestsDifyChat) -> None:
    """A call and a stream."""
    assert chat.info().name == "n"
    assert collect(chat.sendChatMessageStream(request())).answer == "Hi"


@pytest.mark.parametrize(
    ("home", "name"), adapter._WAY, ids=[f"{home.__name__}.{name}" for home, name in adapter._WAY]
)
@pytest.mark.parametrize("is_hidden", [False, True], ids=["plain", "by functools.wraps"])
def test_who_wraps_a_function_sees_each_request(
    home: type, name: str, is_hidden: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    function: Callable[..., Any] = getattr(home, name)
    seen: list[str] = []

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        seen.append(name)
        return function(*args, **kwargs)

    with ScriptedServer(answering) as server, RequestsDifyChat(server.url, api_key="app-x") as chat:
        use(chat)
        assert seen == []
        wrapper = functools.wraps(function)(wrapped) if is_hidden else wrapped
        monkeypatch.setattr(home, name, wrapper)
        use(chat)
        assert len(seen) >= 2
        monkeypatch.setattr(home, name, function)
        seen.clear()
        use(chat)
        assert seen == []


def test_the_log_of_urllib3_has_each_request(caplog: pytest.LogCaptureFixture) -> None:
    with ScriptedServer(answering) as server, RequestsDifyChat(server.url, api_key="app-x") as chat:
        with caplog.at_level(logging.DEBUG, "urllib3"):
            use(chat)
    lines = [record.getMessage() for record in caplog.records if record.name.startswith("urllib3")]
    assert any("GET /v1/info" in line for line in lines)
    assert any("POST /v1/chat-messages" in line for line in lines)


def test_debuglevel_prints_each_request(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(http.client.HTTPConnection, "debuglevel", 1)
    with ScriptedServer(answering) as server, RequestsDifyChat(server.url, api_key="app-x") as chat:
        use(chat)
    printed = capsys.readouterr().out
    assert "GET /v1/info" in printed
    assert "POST /v1/chat-messages" in printed
