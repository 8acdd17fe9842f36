"""The two facades by what they have in common, for tests of what must hold for both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from dify_java_compat import RequestsDifyChat, RequestsDifyWorkflow, WorkflowRunRequest

from .frames import TASK
from .watching import request


@dataclass(frozen=True)
class Facade:
    """A kind of client, its call that waits and its stream, and where they go."""

    client: Any
    send_name: str
    stream_name: str
    path: str
    stop_path: str

    def request(self) -> Any:
        if self.client is RequestsDifyChat:
            return request()
        return WorkflowRunRequest(inputs={"query": "你好"}, user_id="u-1")

    def send(self, client: Any) -> Any:
        """The call of a client, or the coroutine of its `aio`."""
        return getattr(client, self.send_name)(self.request())

    def stream(self, client: Any) -> Any:
        return getattr(client, self.stream_name)(self.request())


CHAT = Facade(
    RequestsDifyChat,
    "send",
    "sendChatMessageStream",
    "/v1/chat-messages",
    f"/v1/chat-messages/{TASK}/stop",
)
WORKFLOW = Facade(
    RequestsDifyWorkflow,
    "runWorkflow",
    "runWorkflowStream",
    "/v1/workflows/run",
    f"/v1/workflows/tasks/{TASK}/stop",
)
both_facades = pytest.mark.parametrize("facade", [CHAT, WORKFLOW], ids=["chat", "workflow"])
