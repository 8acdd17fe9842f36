"""The facade's method for each recorded request, and a client of a server that replays it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from dify_java_compat import ChatMessageSendRequest, ClientConfig, RequestsDifyChat
from tests.support.facade import KEY
from tests.support.replay import replay
from tests.support.server import ScriptedServer
from tools.rows import ROWS

from .library import Recording

QUESTION = ChatMessageSendRequest(content="Hello 你好", user_id="rec-user")


def operation_of(recording: Recording) -> str | None:
    """The facade's method for a recorded request; None where it has none."""
    if (recording.method, recording.path) == ("POST", "/v1/chat-messages"):
        streams = b'"response_mode": "streaming"' in recording.request_body
        return "sendChatMessageStream" if streams else "send"
    for name, row in ROWS.items():
        pattern = "/v1" + re.sub(r"\{\w+\}", "[^/]+", row.path)
        if recording.method == row.method and re.fullmatch(pattern, recording.path):
            return name
    return None


@contextmanager
def replayed(
    recording: Recording, *, config: ClientConfig | None = None, **how: Any
) -> Iterator[tuple[RequestsDifyChat, ScriptedServer]]:
    """A client of a server that replays `recording`; `how` is that of `replay`."""
    with (
        ScriptedServer(replay(recording.raw, **how)) as server,
        RequestsDifyChat(server.url, config or ClientConfig(max_retries=0), api_key=KEY) as chat,
    ):
        yield chat, server
