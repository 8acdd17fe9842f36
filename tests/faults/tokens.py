"""A server whose every response bears its caller's token, or fails at random."""

from __future__ import annotations

import json
import random
import re
import threading
from collections import Counter, defaultdict
from collections.abc import Callable
from typing import Any

from dify_java_compat import (
    ChatMessageSendRequest,
    DifyException,
    FilePreviewRequest,
    FileUploadRequest,
    MessageConversationsRequest,
    RequestsDifyChat,
    StreamException,
    TextToAudioRequest,
    iterate,
)
from tests.support.frames import (
    CLOSING_STREAM_HEAD,
    LAST_CHUNK,
    MESSAGE_END,
    STREAM_HEAD,
    chunk,
    error_event,
    message,
    response,
)
from tests.support.server import Peer, RecordedRequest

TOKEN = re.compile(r"tok-[0-9a-z]+-[0-9]+-[0-9]+")


def pieces(token: str) -> list[str]:
    """A token as the texts of a stream."""
    return re.findall(".{1,4}", token)


class Tokens:
    """The script of that server. `faults`: how many of a thousand requests go wrong.

    `counted` says how often what may cost money was taken, by token; `by_connection` who used
    each connection, by the first part of their tokens.
    """

    def __init__(self, faults: int = 0) -> None:
        self._faults = faults
        self._lock = threading.Lock()
        self._dice = random.Random(7)
        self.counted: Counter[str] = Counter()
        self.played: Counter[str] = Counter()
        self.by_connection: defaultdict[Peer, set[str]] = defaultdict(set)

    def __call__(self, peer: Peer) -> None:
        while received := peer.receive():
            found = TOKEN.search(received.target) or TOKEN.search(received.body.decode())
            token = found[0] if found else "none"
            with self._lock:
                fails = self._dice.randrange(1000) < self._faults
                fault = self._dice.choice(list(FAULTS)) if fails else "none"
                self.played[fault] += 1
                self.counted[token] += received.method == "POST" and fault != "busy"
                self.by_connection[peer].add(token.split("-")[1])
            if not (FAULTS[fault] if fails else respond)(peer, received, token):
                return


def respond(peer: Peer, received: RecordedRequest, token: str) -> bool:
    """Send the right response; whether the connection stays open."""
    peer.send(right_response(received, token))
    return True


def right_response(received: RecordedRequest, token: str) -> bytes:
    path = received.target.partition("?")[0]
    if b'"response_mode":"streaming"' in received.body or path.endswith("/events"):
        frames = b"".join(chunk(message(piece)) for piece in pieces(token))
        return STREAM_HEAD + frames + chunk(MESSAGE_END) + LAST_CHUNK
    if path.endswith(("/preview", "/text-to-audio")):
        return response(token.encode(), content_type="audio/mpeg")
    wire: dict[str, Any] = {"answer": token, "id": token, "result": "success", "data": [token]}
    if path.endswith("/conversations"):
        wire["data"] = [{"id": token, "name": token}]
    return response(json.dumps(wire).encode())


def _cut(peer: Peer, received: RecordedRequest, token: str) -> bool:
    whole = right_response(received, token)
    peer.send(whole[: len(whole) * 2 // 3])
    return False


def _error(status: str, code: str, more: str = "") -> Callable[[Peer, RecordedRequest, str], bool]:
    def fault(peer: Peer, received: RecordedRequest, token: str) -> bool:
        body = f'{{"code":"{code}","message":"for {token}","status":{status[:3]}}}'
        peer.send(response(body.encode(), status, headers=more))
        return True

    return fault


def _error_event(peer: Peer, received: RecordedRequest, token: str) -> bool:
    error = error_event(f"for {token}", "x")
    peer.send(CLOSING_STREAM_HEAD + message(pieces(token)[0]) + error)
    return False


def _page(peer: Peer, received: RecordedRequest, token: str) -> bool:
    peer.send(response(f"<html>{token}</html>".encode(), content_type="text/html"))
    return True


def _reset(peer: Peer, received: RecordedRequest, token: str) -> bool:
    peer.reset()
    return False


def _silence(peer: Peer, received: RecordedRequest, token: str) -> bool:
    peer.wait_closed()
    return False


def _garbage(peer: Peer, received: RecordedRequest, token: str) -> bool:
    peer.send(b"\x16\x03\x01" + token.encode() + b"\r\n\r\n")
    return False


FAULTS: dict[str, Callable[[Peer, RecordedRequest, str], bool]] = {
    "closed": lambda peer, received, token: False,
    "reset": _reset,
    "cut": _cut,
    "garbage": _garbage,
    "silence": _silence,
    "page": _page,
    "error event": _error_event,
    "400": _error("400 BAD REQUEST", "invalid_param"),
    "500": _error("500 INTERNAL", "unknown"),
    "busy": _error("429 BUSY", "too_many_requests", "Retry-After: 0\r\n"),
    "quota": _error("429 QUOTA", "rate_limit_error"),
}


# -- the calls ---------------------------------------------------------------------------------


def _streamed(chat: RequestsDifyChat, token: str) -> str:
    request = ChatMessageSendRequest(content=token, user_id="u")
    texts = []
    try:
        for item in iterate(chat.sendChatMessageStream(request), prefetch=2):
            texts.append(item.answer or "")
    except StreamException:
        if not token.startswith("".join(texts)):
            raise AssertionError(f"{texts} instead of {token}") from None
        raise
    return "".join(texts)


def _disposed(chat: RequestsDifyChat, token: str) -> str:
    """A stream of which only the beginning is read."""
    items = iterate(chat.workflowEvents(token, user_id="u"))
    first = next(items).answer
    items.close()
    return token if first == pieces(token)[0] else f"{first} of {token}"


def _previewed(chat: RequestsDifyChat, token: str) -> str:
    """The file may be anything, a page too."""
    body = chat.filePreview(FilePreviewRequest(file_id=token, user_id="u")).body or b""
    found = TOKEN.findall(body.decode())
    return token if set(found) == {token} else f"{body!r}"


CALLS: dict[str, Callable[[RequestsDifyChat, str], Any]] = {
    "send": lambda chat, token: (
        chat.send(ChatMessageSendRequest(content=token, user_id="u")).answer
    ),
    "sendChatMessageStream": _streamed,
    "workflowEvents, left": _disposed,
    "messagesSuggested": lambda chat, token: chat.messagesSuggested(token, user_id="u")[0],
    "conversations": lambda chat, token: (
        (chat.conversations(MessageConversationsRequest(user_id=token)).data or [])[0].name
    ),
    "filePreview": _previewed,
    "fileUpload": lambda chat, token: (
        chat.fileUpload(FileUploadRequest(file=("a.txt", token.encode()), user_id="u")).id
    ),
    "textToAudio": lambda chat, token: (
        chat.textToAudio(TextToAudioRequest(text=token, user_id="u")).body or b""
    ).decode(),
}


def ask(chat: RequestsDifyChat, name: str, token: str) -> str:
    """Make one call; "right", the class it raised, or else what is wrong with it."""
    try:
        result = CALLS[name](chat, token)
    except DifyException as error:
        tokens = {*TOKEN.findall(f"{error} {vars(error)}")}
        return type(error).__name__ if tokens <= {token} else f"wrong: {token} got {error}"
    except BaseException as error:
        return f"wrong: {token}: {error!r}"
    return "right" if result == token else f"wrong: {token} got {result!r}"
