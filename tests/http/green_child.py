"""A program of one kind of green threads: `python -m tests.http.green_child gevent URL CA`.

It patches first, as such programs do, then prints what each way of reading a stream gave, as JSON.
"""

from __future__ import annotations

import importlib
import sys

if __name__ == "__main__":
    if sys.argv[1] == "gevent":
        importlib.import_module("gevent.monkey").patch_all()
    else:
        importlib.import_module("eventlet").monkey_patch()

import json
import os
import resource
import time

from dify_java_compat import (
    ClientConfig,
    RequestsDifyChat,
    TimeoutException,
    collect,
    iterate,
)
from dify_java_compat._http import connection

from ..support.watching import Watcher, join_streams, request

MANY = 200
OPEN_FILES = 1100  # beyond the 1,024 descriptors that select() knows


def seen(chat: RequestsDifyChat, limited: RequestsDifyChat) -> dict[str, object]:
    """What came of each way."""
    found: dict[str, object] = {}
    found["for"] = "".join(item.answer or "" for item in chat.sendChatMessageStream(request()))
    found["collect"] = collect(chat.sendChatMessageStream(request())).answer
    piped = chat.sendChatMessageStream(request()).map(lambda item: item.answer or "")
    found["iterate"] = "".join(iterate(piped))
    found["subscribe"] = Watcher(chat.sendChatMessageStream(request())).wait().text
    watcher = Watcher(chat.sendChatMessageStream(request(content="for ever")))
    watcher.wait_for_items(1)
    begun = time.monotonic()
    watcher.subscription.dispose()
    found["dispose"] = time.monotonic() - begun < 0.5
    for _ in chat.sendChatMessageStream(request(content="for ever")):
        break
    watchers = [Watcher(chat.sendChatMessageStream(request())) for _ in range(MANY)]
    found["many"] = sum(watcher.wait().text == "aaaaa" for watcher in watchers)
    try:
        limited.send(request(content="for ever"))
    except TimeoutException as error:
        found["total"] = error.phase
    join_streams()
    found["in use"] = sum(1 for each in connection._connections if each._exchange)
    return found


def main() -> None:
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    if limit > 4 * OPEN_FILES:
        for _ in range(OPEN_FILES):
            os.open(os.devnull, os.O_RDONLY)
    url, ca = sys.argv[2:]
    settings = ClientConfig(verify=ca), ClientConfig(verify=ca, call_timeout=0.3)
    with (
        RequestsDifyChat(url, settings[0], api_key="app-k") as chat,
        RequestsDifyChat(url, settings[1], api_key="app-k") as limited,
    ):
        print(json.dumps(seen(chat, limited)), flush=True)


if __name__ == "__main__":
    main()
