"""This project: the Observable (the default), or the face that the second argument names."""

from __future__ import annotations

import asyncio
import functools
import itertools
import json
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

from dify_java_compat import (
    ChatMessageSendRequest,
    ClientConfig,
    EventStream,
    FileUploadRequest,
    MessagesRequest,
    RequestsDifyChat,
    aiterate,
    collect,
    iterate,
)

from .protocol import KEY, USER, AsyncContender, Contender, serve

_MARK = "⟦"  # begins each text of a stream: payloads.MARK, which is not to be had here


class _Ours(Contender):
    distributions = ("requests", "urllib3", "msgspec", "reactivex", "dataclasses-json")

    def __init__(self, url: str) -> None:
        super().__init__(url)
        # a server on the same core takes a while to accept thousands
        self._chat = RequestsDifyChat(url, ClientConfig(connect_timeout=60.0), api_key=KEY)

    def stream(self, query: str) -> EventStream[Any]:
        request = ChatMessageSendRequest(content=query, user_id=USER)
        return self._chat.sendChatMessageStream(request)

    def items(self, query: str) -> Iterator[Any]:
        return iterate(self.stream(query))

    def text(self, item: Any) -> str | None:
        text: str | None = item.answer
        return text if text is not None else getattr(item.data, "title", None)


class ByObservable(_Ours):
    def count(self, query: str) -> int:
        count = 0

        def on_next(item: object) -> None:
            nonlocal count
            count += 1

        self._read(query, 1, on_next)
        return count

    def texts(self, query: str) -> Iterator[str]:
        items: list[Any] = []
        self._read(query, 1, items.append)
        return (text for item in items if (text := self.text(item)))

    def watch(self, query: str, streams: int, take: Callable[[Any], object]) -> None:
        self._read(query, streams, take)

    def short(self, query: str, total: int, at_once: int) -> int:
        items = itertools.count()
        self._read(query, total, lambda item: next(items), at_once)
        return next(items)

    def _read(
        self, query: str, streams: int, take: Callable[[Any], object], at_once: int = sys.maxsize
    ) -> None:
        errors: list[Exception] = []
        ended = threading.Semaphore(0)

        def failed(error: Exception) -> None:
            errors.append(error)
            ended.release()

        for number in range(streams):
            if number >= at_once:
                ended.acquire()
            self.stream(query).subscribe(take, failed, ended.release)
        for _ in range(min(streams, at_once)):
            ended.acquire()
        if errors:
            raise errors[0]

    def parameters(self) -> str:
        return self._chat.parameters().opening_statement or ""

    def messages(self) -> int:
        request = MessagesRequest(conversation_id="c", user_id=USER, limit=100)
        return len(self._chat.messages(request).data or ())

    def upload(self, path: str) -> str:
        return self._chat.fileUpload(FileUploadRequest(user_id=USER, file=path)).id or ""

    def prepare(self) -> dict[str, Callable[[], Any]]:
        items: list[Any] = []
        self._read("nodes 4", 1, items.append)
        node = items[1]
        self._read("messages 2", 1, items.append)
        message = items[-2]
        return {
            "to_json of a message event": message.to_json,
            "json.dumps of a message event": functools.partial(json.dumps, message.to_dict()),
            "to_json of a node event": node.to_json,
            "json.dumps of a node event": functools.partial(json.dumps, node.to_dict()),
        }


class ByIterate(_Ours):
    """As `Contender` reads: a plain `for`."""


class ByAiterate(AsyncContender, _Ours):
    async def read(self, session: None, query: str, take: Callable[[Any], object]) -> None:
        async for item in aiterate(self.stream(query)):
            take(item)

    def count(self, query: str) -> int:
        async def read() -> int:
            count = 0
            async for _ in aiterate(self.stream(query)):
                count += 1
            return count

        return asyncio.run(read())


class ByCollect(_Ours):
    """The whole answer at once; `count` cannot say how many events it was made of."""

    def count(self, query: str) -> int:
        collect(self.stream(query))
        return int(query.split()[1])

    def texts(self, query: str) -> Iterator[str]:
        answer = collect(self.stream(query)).answer or ""
        return (_MARK + text for text in answer.split(_MARK)[1:])


FACES: dict[str, type[_Ours]] = {
    "observable": ByObservable,
    "iterate": ByIterate,
    "aiterate": ByAiterate,
    "collect": ByCollect,
}

if __name__ == "__main__":
    serve(FACES[sys.argv[2]])
