"""What is run in processes of its own: `python -m tests.faults.children NAME URL`."""

from __future__ import annotations

import functools
import json
import multiprocessing
import sys
import threading
import time
from collections import Counter
from typing import Any

from dify_java_compat import ClientConfig, RequestsDifyChat, iterate
from tests.support.frames import STREAM_HEAD, chunk, message
from tests.support.server import Peer
from tests.support.watching import Watcher, connections_in_use, request, wait_until

from .tokens import CALLS, ask

KEY = "app-the-key-of-the-children"


def calls(client: RequestsDifyChat, who: str, number: int = 0) -> Counter[str]:
    """Each call three times, with tokens of one's own."""
    names = [*CALLS] * 3
    return Counter(ask(client, name, f"tok-{who}-{number}-{i}") for i, name in enumerate(names))


def fork(url: str) -> dict[str, Any]:
    """Eight children of a process that is busy with the client."""
    context = multiprocessing.get_context("fork")
    ends: Counter[str] = Counter()
    results = context.SimpleQueue()
    enough = threading.Event()

    def busy(number: int) -> None:
        turn = 0
        while not enough.is_set():
            turn += 1
            ends[ask(client, [*CALLS][turn % len(CALLS)], f"tok-parent-{number}-{turn}")] += 1

    def child(number: int) -> None:
        results.put(calls(client, f"child{number}"))

    with RequestsDifyChat(url, ClientConfig(keep_alive_seconds=60.0), api_key=KEY) as client:
        ends.update(calls(client, "parent", 100))
        half_read = iterate(client.workflowEvents("tok-parent-101-1", user_id="u"), prefetch=1)
        first = next(half_read).answer or ""
        threads = [threading.Thread(target=busy, args=(number,)) for number in range(16)]
        for thread in threads:
            thread.start()
        children = [context.Process(target=child, args=(number,)) for number in range(8)]
        for each in children:
            each.start()
        for _ in children:
            ends.update(results.get())
        for each in children:
            each.join()
        enough.set()
        for thread in threads:
            thread.join()
        rest = first + "".join(item.answer or "" for item in half_read)
        ends["right" if rest == "tok-parent-101-1" else f"wrong: {rest}"] += 1
        ends.update(calls(client, "parent", 102))
    return {**ends, "processes": 1 + len(children)}


def spawn(url: str) -> dict[str, Any]:
    """Four workers that get the client by pickle."""
    ends: Counter[str] = Counter()
    with RequestsDifyChat(url, ClientConfig(), api_key=KEY) as client:
        ends.update(calls(client, "parent"))
        with multiprocessing.get_context("spawn").Pool(4) as pool:
            for mine in pool.map(functools.partial(calls_of_worker, client), range(8), 1):
                ends.update(mine)
            pool.close()
            pool.join()
    return {**ends, "processes": 5}


def calls_of_worker(client: RequestsDifyChat, number: int) -> Counter[str]:
    return calls(client, f"worker{multiprocessing.current_process().pid}", number)


def half_a_stream(peer: Peer) -> None:
    """Answers every other with the half of a stream, and the others with nothing."""
    received = peer.receive()
    if received is not None and b"half" in received.body:
        peer.send(STREAM_HEAD + chunk(message("the half")))
    peer.wait_closed()


def leave(url: str) -> dict[str, Any]:
    """End with streams open, none of them disposed of."""
    client = RequestsDifyChat(url, ClientConfig(), api_key=KEY)
    silent = [Watcher(client.sendChatMessageStream(request(content="x"))) for _ in range(5)]
    watchers = [Watcher(client.sendChatMessageStream(request(content="half"))) for _ in range(10)]
    for watcher in watchers:
        watcher.wait_for_items(1)
    loops = [iterate(client.sendChatMessageStream(request(content="half"))) for _ in range(5)]
    for loop in loops:
        next(loop)
    globals()["kept"] = silent, watchers, loops, client
    wait_until(lambda: len(connections_in_use()) == 20)
    return {"open": len(connections_in_use())}


if __name__ == "__main__":
    script = {"fork": fork, "spawn": spawn, "leave": leave}[sys.argv[1]]
    print(json.dumps({"result": script(sys.argv[2]), "at": time.time()}), flush=True)
