"""A Dify on real sockets that responds to each question as the test says, and counts."""

from __future__ import annotations

import collections
import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from dify_java_compat import ChatMessageSendRequest, RequestsDifyChat
from tests.support.frames import data_frame, dify_error, response, stream
from tests.support.server import Peer, ScriptedServer

Respond = Callable[[str, int], bytes]  # of a question, and how often it came before


def answer(text: str, tokens: int = 7) -> bytes:
    """The whole stream of an answer."""
    ids = {"task_id": f"task-{text}", "message_id": "m", "conversation_id": "c"}
    usage = {"total_tokens": tokens, "total_price": "0.01", "currency": "USD"}
    return stream(
        data_frame({"event": "message", "answer": text, **ids}),
        data_frame({"event": "message_end", "metadata": {"usage": usage}, **ids}),
    )


def too_many() -> bytes:
    """429 as Dify words it."""
    return dify_error("429 TOO MANY REQUESTS", "too_many_requests", "Too many requests.")


def with_retry_after(data: bytes, seconds: int) -> bytes:
    return data.replace(b"\r\n\r\n", b"\r\nRetry-After: %d\r\n\r\n" % seconds, 1)


def question(text: str) -> ChatMessageSendRequest:
    return ChatMessageSendRequest(content=text, user_id="ann")


def questions(count: int) -> Iterator[ChatMessageSendRequest]:
    return (question(f"q{number}") for number in range(count))


@dataclass
class Service:
    """`respond` runs in a thread of its question's; it may wait, and its bytes are sent."""

    respond: Respond = lambda text, before: answer(text)
    times: collections.Counter[str] = field(default_factory=collections.Counter)
    sent_at: list[float] = field(default_factory=list)
    stopped: set[str] = field(default_factory=set)
    stop_seen: threading.Event = field(default_factory=threading.Event)
    closes: bool = False  # each connection behind its response
    open_now: int = 0
    peak: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _server: ScriptedServer = field(init=False)

    @contextlib.contextmanager
    def chat(self, **options: object) -> Iterator[RequestsDifyChat]:
        """A client of it, while it runs."""
        self._server = ScriptedServer(self._script)
        with self._server, RequestsDifyChat(self._server.url, api_key="app-key") as chat:
            yield chat.with_options(**options) if options else chat  # type: ignore[arg-type]

    @property
    def closing(self) -> threading.Event:
        return self._server.closing

    def _script(self, peer: Peer) -> None:
        while request := peer.receive():
            if request.target.endswith("/stop"):
                self.stopped.add(request.target.split("/")[-2])
                self.stop_seen.set()
                peer.send(response(b'{"result":"success"}'))
                continue
            body = request.json
            text = body["query"] if "query" in body else body["inputs"]["query"]
            with self._lock:
                self.sent_at.append(time.monotonic())
                before, self.times[text] = self.times[text], self.times[text] + 1
                self.open_now += 1
                self.peak = max(self.peak, self.open_now)
            try:
                reply = self.respond(text, before)
                if self.closes:
                    reply = reply.replace(b"\r\n", b"\r\nConnection: close\r\n", 1)
                peer.send(reply)
            finally:
                with self._lock:
                    self.open_now -= 1
            if self.closes:
                return
