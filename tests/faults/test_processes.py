"""One client among many threads, and what becomes of it in other processes."""

from __future__ import annotations

import copy
import json
import pickle
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

from dify_java_compat import ClientConfig, RequestsDifyChat, RequestsRecoupChat, errors
from tests.support.server import ScriptedServer

from . import children
from .table import Seen, case, row, rows
from .tokens import CALLS, Tokens, ask

ROOT = Path(__file__).parents[2]
KEY = "app-the-key-of-the-processes-rows"
TYPED = {name for name in vars(errors) if name.endswith("Exception")}


@row(
    "processes",
    "64 threads, calls and streams, random faults",
    "64 个线程，调用和流混合，随机故障",
    seconds=600,
)
def test_no_call_gets_what_belongs_to_another(seen: Seen) -> None:
    """Each ends in its own right result or in a typed exception that names no other call."""
    threads, seconds = 64, 3.0 if seen.short else 60.0
    tokens = Tokens(faults=250)
    ends: Counter[str] = Counter()
    lock = threading.Lock()
    config = ClientConfig(read_timeout=0.5, sse_read_timeout=0.5)

    def work(number: int) -> None:
        dice, mine = random.Random(number), Counter[str]()
        until, turn = time.monotonic() + seconds, 0
        while time.monotonic() < until:
            turn += 1
            mine[ask(client, dice.choice(list(CALLS)), f"tok-a-{number}-{turn}")] += 1
        with lock:
            ends.update(mine)

    with ScriptedServer(tokens) as server:
        with RequestsDifyChat(server.url, config, api_key=KEY) as client:
            workers = [threading.Thread(target=work, args=(number,)) for number in range(threads)]
            for worker in workers:
                worker.start()
            for worker in workers:
                worker.join()
    for end in ends:
        seen.check(end == "right" or end in TYPED, end)
    seen.check(ends["right"] > 0, "nothing came out right")
    twice = [token for token, count in tokens.counted.items() if count > 1]
    seen.equal("sent twice", twice, [])
    seen.figures |= {"calls": sum(ends.values()), "right": ends["right"]}
    seen.figures |= {"faults": sum(tokens.played.values()) - tokens.played["none"]}
    seen.figures |= {"wrong": sum(ends[end] for end in ends if end not in {"right", *TYPED})}


def child(name: str, url: str) -> tuple[Any, float]:
    """What a script of `children` printed, and the seconds that its process took to end then."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", children.__name__, name, url],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    ended = time.time()
    if done.returncode or done.stderr:
        raise AssertionError(f"{name} exited with {done.returncode}: {done.stderr}")
    printed = json.loads(done.stdout)
    return printed["result"], ended - printed["at"]


def shared(tokens: Tokens) -> list[set[str]]:
    """Connections that more than one process used."""
    return [users for users in tokens.by_connection.values() if len(users) > 1]


@rows(
    "processes",
    [
        case(
            "forked while 16 threads call and a stream is open",
            "16 个线程正在调用、一个流还没结束时 fork",
            seconds=600,
            script="fork",
        ),
        case(
            "pickled into spawned worker processes",
            "pickle 后交给 spawn 启动的工作进程",
            seconds=600,
            script="spawn",
        ),
    ],
)
def test_one_client_in_several_processes(seen: Seen, *, script: str) -> None:
    tokens = Tokens()
    with ScriptedServer(tokens) as server:
        ends, _ = child(script, server.url)
    seen.figures |= {"processes": ends.pop("processes"), "calls": sum(ends.values())}
    seen.equal("ends", set(ends), {"right"})
    seen.equal("connections of two processes", shared(tokens), [])
    seen.equal("sent twice", [t for t, count in tokens.counted.items() if count > 1], [])


@row("processes", "a pickled client is its settings and its key", "pickle 后的客户端只含配置和密钥")
def test_a_pickled_client_is_its_settings_and_its_key(seen: Seen) -> None:
    config = ClientConfig(read_timeout=7.0, proxies={"https": "http://proxy:1"})
    tokens = Tokens()
    with ScriptedServer(tokens) as server:
        for cls in (RequestsDifyChat, RequestsRecoupChat):
            with cls(server.url, config, api_key=KEY) as client:
                if isinstance(client, RequestsDifyChat):
                    seen.equal("before", ask(client, "send", "tok-a-1-1"), "right")
                copies = [copy.copy(client), copy.deepcopy(client)]
                for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
                    copies.append(pickle.loads(pickle.dumps(client, protocol)))
                connections = server.connections
                for number, again in enumerate(copies):
                    seen.equal("class", type(again), cls)
                    seen.equal("settings", vars(again)["_config"], config)
                    seen.equal("address", again.base_url, client.base_url)
                    texts = f"{again!r} {vars(again)!r} {again.__getstate__()!r}"
                    seen.check(KEY not in texts, "the key is shown")
                    if isinstance(again, RequestsDifyChat):
                        end = ask(again, "send", f"tok-{number}-1-1")
                        seen.equal("a call", end, "right")
                        seen.equal("connections", server.connections, connections + number + 1)
                    again.close()
        keys = {received.headers["authorization"] for received in server.requests}
        seen.equal("keys", keys, {f"Bearer {KEY}"})
    seen.figures["copies"] = len(tokens.by_connection) - 1


@row("processes", "the interpreter exits with 20 open streams", "20 个流还没结束时解释器退出")
def test_exits(seen: Seen) -> None:
    """Some wait for headers, some are in the middle, some are half read by a loop."""
    with ScriptedServer(children.half_a_stream) as server:
        result, seconds = child("leave", server.url)
    seen.equal("open", result["open"], 20)
    seen.ms = seconds * 1000
    seen.within("until the process had ended", seen.ms, 1000)
