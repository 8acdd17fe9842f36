"""Many questions at once, against the emulator: `python -m tests.benchmarks.batch`.

Ten thousand by `ask_all`, beside what one writes by hand: a pool of threads that call `send`, and
aiohttp with a semaphore. Each has a process of its own, and they take turns, round after round, so
that what else the machine does is shared by all. CPU is the client's alone, of all its threads.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import statistics
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.support.processes import Worker

from .contenders.protocol import raise_descriptor_limit

THREADS = 64
_MODULE = [sys.executable, "-m", "tests.benchmarks.batch"]


def serve() -> None:
    """The emulator, until standard input ends."""
    from dify_java_compat.emulator import DifyEmulator

    with DifyEmulator() as emulator:
        print(json.dumps([emulator.base_url, emulator.keys["chat"]]), flush=True)
        sys.stdin.read()


# -- the contenders: the tokens of each answer, None where the question failed ---------------------

Tokens = list[int | None]


def by_ask_all(url: str, key: str, count: int, concurrency: int, kept: int = 10) -> Tokens:
    from dify_java_compat import ChatMessageSendRequest, ClientConfig, RequestsDifyChat
    from dify_java_compat.batch import ask_all

    requests = (ChatMessageSendRequest(content=f"q{n}", user_id="bench") for n in range(count))
    config = ClientConfig(max_idle_connections=kept, connect_timeout=60.0)
    with RequestsDifyChat(url, config, api_key=key) as chat:
        return [_tokens(result) for result in ask_all(chat, requests, concurrency=concurrency)]


def by_ask_all_kept(url: str, key: str, count: int, concurrency: int) -> Tokens:
    return by_ask_all(url, key, count, concurrency, kept=concurrency)


def by_ask_all_async(url: str, key: str, count: int, concurrency: int) -> Tokens:
    from dify_java_compat import ChatMessageSendRequest, ClientConfig, RequestsDifyChat
    from dify_java_compat.batch import ask_all_async

    requests = (ChatMessageSendRequest(content=f"q{n}", user_id="bench") for n in range(count))

    async def ask(chat: RequestsDifyChat) -> Tokens:
        results = ask_all_async(chat, requests, concurrency=concurrency)
        return [_tokens(result) async for result in results]

    with RequestsDifyChat(url, ClientConfig(connect_timeout=60.0), api_key=key) as chat:
        return asyncio.run(ask(chat))


def _tokens(result: Any) -> int | None:
    return None if result.error else result.usage.total_tokens  # type: ignore[no-any-return]


def by_threads(url: str, key: str, count: int, concurrency: int) -> Tokens:
    from dify_java_compat import ChatMessageSendRequest, RequestsDifyChat
    from dify_java_compat.errors import DifyException

    with RequestsDifyChat(url, api_key=key) as chat, ThreadPoolExecutor(THREADS) as pool:

        def ask(number: int) -> int | None:
            request = ChatMessageSendRequest(content=f"q{number}", user_id="bench")
            try:
                response: Any = chat.send(request)
            except DifyException:
                return None
            return int(response.metadata.usage.total_tokens)

        return list(pool.map(ask, range(count)))


def by_aiohttp(url: str, key: str, count: int, concurrency: int) -> Tokens:
    import aiohttp
    import orjson

    async def ask(session: aiohttp.ClientSession, turn: asyncio.Semaphore, n: int) -> int | None:
        body = {"inputs": {}, "query": f"q{n}", "user": "bench", "response_mode": "streaming"}
        answer, tokens = [], None
        async with turn:
            try:
                async with session.post(f"{url}/chat-messages", json=body) as response:
                    response.raise_for_status()
                    async for line in response.content:
                        if not line.startswith(b"data: "):
                            continue
                        event = orjson.loads(line[6:])
                        if event["event"] == "message":
                            answer.append(event["answer"])
                        elif event["event"] == "message_end":
                            tokens = event["metadata"]["usage"]["total_tokens"]
            except (aiohttp.ClientError, OSError):
                return None
        return tokens if "".join(answer) else None

    async def ask_many() -> Tokens:
        turn = asyncio.Semaphore(concurrency)
        async with aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            timeout=aiohttp.ClientTimeout(total=None),
            headers={"Authorization": f"Bearer {key}"},
        ) as session:
            return list(await asyncio.gather(*(ask(session, turn, n) for n in range(count))))

    return asyncio.run(ask_many())


AIOHTTP = "aiohttp"
CONTENDERS: dict[str, Callable[[str, str, int, int], Tokens]] = {
    "ask_all": by_ask_all,
    "ask_all_kept": by_ask_all_kept,
    "ask_all_async": by_ask_all_async,
    "threads": by_threads,
    AIOHTTP: by_aiohttp,
}
TITLES = {
    "ask_all_kept": "ask_all, connections kept",
    "threads": f"{THREADS} threads with send",
    AIOHTTP: "aiohttp and a semaphore",
}


def ask(name: str, url: str, key: str, count: int, concurrency: int) -> dict[str, Any]:
    """What it takes a contender, in this process; a few questions come first, to load all."""
    contend = CONTENDERS[name]
    contend(url, key, 20, 10)
    cpu, began = time.process_time(), time.monotonic()
    tokens = contend(url, key, count, concurrency)
    assert len(tokens) == count
    return {
        "seconds": time.monotonic() - began,
        "cpu_us": (time.process_time() - cpu) / count * 1e6,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "failed": tokens.count(None),
    }


# -- the measuring ---------------------------------------------------------------------------------


def measure(count: int, concurrency: int, rounds: int, names: list[str]) -> None:
    """Print a line for each contender: medians over the rounds."""
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    for _ in range(rounds):
        for name in names:
            with Worker([*_MODULE, "--serve"]) as server:
                url, key = json.loads(server.first_line)
                order = json.dumps([name, url, key, count, concurrency])
                with Worker([*_MODULE, "--ask", order]) as asker:
                    found[name].append(json.loads(asker.first_line))
            print(name, found[name][-1], file=sys.stderr, flush=True)
    for name, runs in found.items():
        row = {each: statistics.median(run[each] for run in runs) for each in runs[0]}
        # in each round beside its neighbour: what else the machine does differs between rounds
        beside = zip(runs, found.get(AIOHTTP, ()), strict=False)
        ratios = [run["cpu_us"] / other["cpu_us"] for run, other in beside]
        ratio = f"{statistics.median(ratios):.2f} × aiohttp" if ratios else ""
        print(
            f"{TITLES.get(name, name):26} {row['seconds']:6.1f} s {row['cpu_us']:6.0f} µs each"
            f" {row['peak_mb']:5.0f} MB at most {row['failed']:3.0f} failed  {ratio}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.batch", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--questions", type=int, default=10_000)
    parser.add_argument("--concurrency", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--contenders", type=lambda text: text.split(","), default=[*CONTENDERS],
        help=f"of {', '.join(CONTENDERS)}",
    )  # fmt: skip
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--ask", type=json.loads, help=argparse.SUPPRESS)
    options = parser.parse_args()
    raise_descriptor_limit()
    if options.serve:
        serve()
    elif options.ask:
        print(json.dumps(ask(*options.ask)), flush=True)
    else:
        measure(options.questions, options.concurrency, options.rounds, options.contenders)


if __name__ == "__main__":
    main()
