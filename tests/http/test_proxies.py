"""Through a proxy, by configuration and by environment, as in requests."""

from __future__ import annotations

import pytest

from dify_java_compat import ClientConfig, RequestsDifyChat, iterate
from tests.support.frames import MESSAGE_END, message, stream
from tests.support.server import ScriptedServer, always
from tests.support.watching import request

ANSWER = always(stream(message("through"), MESSAGE_END))


@pytest.mark.parametrize("way", ["configuration", "environment"])
def test_a_stream_through_a_proxy(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with ScriptedServer(ANSWER) as proxy:
        config = ClientConfig()
        if way == "configuration":
            config.proxies = {"http": proxy.url}
        else:
            monkeypatch.setenv("http_proxy", proxy.url)
        with RequestsDifyChat("http://dify.invalid:5001", config, api_key="app-k") as chat:
            [first, _] = iterate(chat.sendChatMessageStream(request()))
        assert first.answer == "through"
        [received] = proxy.requests
        assert received.target == "http://dify.invalid:5001/v1/chat-messages"
        assert received.headers["host"] == "dify.invalid:5001"


def test_an_empty_proxy_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    config = ClientConfig(proxies={"http": ""})
    with (
        ScriptedServer(ANSWER) as server,
        RequestsDifyChat(server.url, config, api_key="app-k") as chat,
    ):
        assert len(list(iterate(chat.sendChatMessageStream(request())))) == 2


def test_a_proxys_password_is_in_no_repr() -> None:
    config = ClientConfig(proxies={"http": "http://me:hunter2@proxy"})
    assert "hunter2" not in repr(config)
