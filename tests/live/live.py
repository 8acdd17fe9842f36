"""What a check gets of the server, and what it says of it."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from dify_java_compat import (
    ChatMessageSendRequest,
    ClientConfig,
    DifyException,
    HttpClientException,
    MessagesRequest,
    MessagesResponseVO,
    RequestsDifyChat,
)

ROLES = {
    "chat": "a chat app, with speech both ways, files, suggestions and annotations where it can be",
    "agent": "an agent app",
    "chatflow": "a chatflow without human input, best with a conversation variable",
    "human": "a chatflow with a human-input node, whose form a WebApp shows",
}
# what takes a model long enough to be left in the middle
LONG = "Tell me a story of at least three hundred words about a fox and a river."
PAUSE = 0.2


class NotTried(Exception):
    """A check that cannot be made, and why."""


class Outcome(NamedTuple):
    """A line of the table."""

    group: str
    name: str
    result: str
    seconds: float
    detail: str


@dataclass
class Live:
    """The server and its keys by role.

    `wait`: seconds for a run or a job to end. `settle`: seconds without a change after which a
    message counts as stored. `embedding`: the provider and the model of annotation replies.
    """

    url: str
    keys: Mapping[str, str]
    wait: float = 60.0
    settle: float = 4.0
    embedding: tuple[str, str] | None = None
    user: str = field(default_factory=lambda: f"live-{uuid.uuid4().hex[:12]}")

    def key(self, role: str) -> str:
        if role not in self.keys:
            raise NotTried(f"no key for {role}: {ROLES[role]}")
        return self.keys[role]

    @contextmanager
    def chat(
        self, role: str, url: str | None = None, **settings: Any
    ) -> Iterator[RequestsDifyChat]:
        """A client of the app of that role."""
        config = ClientConfig(**settings)
        with RequestsDifyChat(url or self.url, config, api_key=self.key(role)) as chat:
            yield chat

    def question(self, text: str = "Hello 你好", **more: Any) -> ChatMessageSendRequest:
        return ChatMessageSendRequest(content=text, user_id=self.user, **more)

    def stored(
        self, chat: RequestsDifyChat, conversation_id: str | None
    ) -> MessagesResponseVO | None:
        """The last message of a conversation, once nothing changes any more."""
        request = MessagesRequest(user_id=self.user, conversation_id=conversation_id)
        last, quiet_since, end = None, time.monotonic(), time.monotonic() + self.wait
        while time.monotonic() < min(end, quiet_since + self.settle):
            data = chat.messages(request).data
            found = data[-1] if data else None
            if found is not None and (last is None or found.answer != last.answer):
                last, quiet_since = found, time.monotonic()
            time.sleep(min(PAUSE, self.settle / 4))
        return last


Check = Callable[[Live], str]


def outcome(group: str, name: str, check: Check, live: Live) -> Outcome:
    """Make a check. A refusal by Dify's own error is no failure: the app may not have it."""
    began = time.monotonic()
    try:
        result, detail = "ok", check(live)
    except NotTried as why:
        result, detail = "not tried", str(why)
    except HttpClientException as error:
        result = "refused" if (error.status_code or 500) < 500 else "FAILED"
        detail = f"{error.status_code} {error.code or ''}: {error.message or error}"
    except (DifyException, AssertionError) as error:
        result, detail = "FAILED", f"{type(error).__name__}: {error}"
    except Exception as error:
        result, detail = "FAILED", f"unexpected {type(error).__name__}: {error}"
    return Outcome(group, name, result, time.monotonic() - began, " ".join(detail.split())[:160])
