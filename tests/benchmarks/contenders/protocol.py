"""What each contender's process does: it takes orders, a JSON object a line, and answers likewise.

This and the contenders run in environments of their own, without the rest of this project, and
import nothing of it but `contenders.ours`.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.metadata
import json
import os
import sys
import threading
import time
from array import array
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

KEY, USER = "app-benchmark", "bench-user"

Answer = dict[str, Any]


class Contender:
    """One way to read Dify's answers. `url` is the server without /v1.

    A subclass has those of `parameters`, `messages` and `upload` that its library has.
    """

    distributions: tuple[str, ...] = ()
    parameters: Callable[[], str] | None = None  # gives the opening statement
    messages: Callable[[], int] | None = None  # gives the number of messages
    upload: Callable[[str], str] | None = None  # takes a path, gives the file's id

    def __init__(self, url: str) -> None:
        self.url = url

    def items(self, query: str) -> Iterator[Any]:
        """What the library gives for each event."""
        raise NotImplementedError

    def text(self, item: Any) -> str | None:
        """The text of a message event, the title of a node event."""
        raise NotImplementedError

    def texts(self, query: str) -> Iterator[str]:
        for item in self.items(query):
            text = self.text(item)
            if text:
                yield text

    def count(self, query: str) -> int:
        """Read a stream and do nothing else."""
        count = 0
        for _ in self.items(query):
            count += 1
        return count

    def watch(self, query: str, streams: int, take: Callable[[Any], object]) -> None:
        """Read so many streams at once."""

        def read() -> None:
            for item in self.items(query):
                take(item)

        threads = [threading.Thread(target=read) for _ in range(streams)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def short(self, query: str, total: int, at_once: int) -> int:
        """Read so many streams, some at once, each to its end; how many items came."""
        with ThreadPoolExecutor(at_once) as pool:
            return sum(pool.map(self.count, [query] * total))

    def prepare(self) -> dict[str, Callable[[], Any]]:
        """Steps to time on their own, by name."""
        return {}


class AsyncContender(Contender):
    """One that reads in an event loop: `read` is all that differs."""

    @contextlib.asynccontextmanager
    async def session(self) -> AsyncIterator[Any]:
        """What its streams share, for as long as one event loop runs."""
        yield None

    async def read(self, session: Any, query: str, take: Callable[[Any], object]) -> None:
        """Hand each event of one stream to `take`."""
        raise NotImplementedError

    def items(self, query: str) -> Iterator[Any]:
        items: list[Any] = []
        self.watch(query, 1, items.append)
        return iter(items)

    def count(self, query: str) -> int:
        return self.short(query, 1, 1)

    def watch(self, query: str, streams: int, take: Callable[[Any], object]) -> None:
        async def read_all() -> None:
            async with self.session() as session:
                await asyncio.gather(*(self.read(session, query, take) for _ in range(streams)))

        asyncio.run(read_all())

    def short(self, query: str, total: int, at_once: int) -> int:
        count = 0

        def take(item: object) -> None:
            nonlocal count
            count += 1

        async def read_all() -> None:
            turn = asyncio.Semaphore(at_once)

            async def read(session: Any) -> None:
                async with turn:
                    await self.read(session, query, take)

            async with self.session() as session:
                await asyncio.gather(*(read(session) for _ in range(total)))

        asyncio.run(read_all())
        return count


def text_of(event: dict[str, Any]) -> str | None:
    """`Contender.text` of an event as a dict."""
    text = event.get("answer")
    return text if text is not None else (event.get("data") or {}).get("title")


def _memory(name: str) -> int:
    """KB, of /proc/self/status; 0 where there is none, as on any system but Linux."""
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return 0
    return int(status.partition(f"{name}:")[2].split(None, 1)[0])


def _forget_peak() -> None:
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def _per(count: int, action: Callable[[], Any]) -> Answer:
    """CPU of all threads of this process, in microseconds for each of `count`."""
    started = time.process_time()
    result = action()
    return {"us": (time.process_time() - started) / count * 1e6, "result": result}


def _texts(contender: Contender, order: Answer) -> Answer:
    texts: list[str] = []
    try:
        for text in contender.texts(order["query"]):
            texts.append(text)
    except Exception as error:
        return {"texts": texts, "failed": f"{type(error).__name__}: {error}"[:200]}
    return {"texts": texts}


def _calls(contender: Contender, order: Answer) -> Answer:
    call = getattr(contender, order["name"])
    if call is None:
        return {"missing": True}

    def run() -> Any:
        for _ in range(order["times"]):
            result = call()
        return result

    return _per(order["times"], run)


def _steps(contender: Contender, order: Answer) -> Answer:
    def timed(step: Callable[[], Any]) -> float:
        times, started = 0, time.process_time()
        while (spent := time.process_time() - started) < order["seconds"]:
            for _ in range(50):
                step()
            times += 50
        return spent / times * 1e6

    return {"us": {name: timed(step) for name, step in contender.prepare().items()}}


def _upload(contender: Contender, order: Answer) -> Answer:
    if contender.upload is None:
        return {"missing": True}
    _forget_peak()
    before, clock, started = _memory("VmRSS"), time.process_time(), time.monotonic()
    result = contender.upload(order["path"])
    return {
        "result": result,
        "seconds": time.monotonic() - started,
        "cpu_seconds": time.process_time() - clock,
        "peak_kb": _memory("VmHWM") - before,
    }


def _short(contender: Contender, order: Answer) -> Answer:
    total, started = order["total"], time.monotonic()
    cost = _per(total, lambda: contender.short(order["query"], total, order["at_once"]))
    return {**cost, "seconds": time.monotonic() - started}


def _sleep(item: object) -> None:
    time.sleep(0.3)


def _watch(contender: Contender, order: Answer) -> Answer:
    """Latencies from the server's clock in an event to its reader; CPU from the first event on.

    `open_kb` is a stream's memory at the first event, when all are open; `rss_kb` is at the peak.
    Of the streams `slow` are read by those who sleep.
    """
    streams, slow = order["streams"], order["slow"]
    late = array("d")
    started: list[float] = []
    last = 0.0

    def take(item: Any) -> None:
        nonlocal last
        text = contender.text(item)
        if text:
            last = time.monotonic()
            late.append(last - float(text))
            if not started:
                started.extend((time.process_time(), last, _memory("VmRSS")))

    _forget_peak()
    rss, size = _memory("VmRSS"), _memory("VmSize")
    sleepers = threading.Thread(target=contender.watch, args=(order["query"], slow, _sleep))
    if slow:
        sleepers.start()
    contender.watch(order["query"], streams - slow, take)
    cpu, seconds = time.process_time() - started[0], last - started[1]
    rss_kb, reserved_kb = _memory("VmHWM") - rss, _memory("VmPeak") - size
    if slow:
        sleepers.join()
    ranked = sorted(late)
    return {
        "events": len(ranked),
        "cpu_us": cpu / len(ranked) * 1e6,
        "p50_ms": ranked[len(ranked) // 2] * 1000,
        "p99_ms": ranked[len(ranked) * 99 // 100] * 1000,
        "max_ms": ranked[-1] * 1000,
        "core": cpu / seconds,
        "first": started[1],
        "seconds": seconds,
        "open_kb": (started[2] - rss) / streams,
        "rss_kb": rss_kb / streams,
        "reserved_mb": reserved_kb / streams / 1024,
    }


_ORDERS: dict[str, Callable[[Contender, Answer], Answer]] = {
    "count": lambda contender, order: _per(
        order["events"], lambda: contender.count(order["query"])
    ),
    "texts": _texts,
    "calls": _calls,
    "steps": _steps,
    "upload": _upload,
    "short": _short,
    "watch": _watch,
}


def raise_descriptor_limit() -> None:
    """As many as the system lets a process have: thousands of streams need one each."""
    with contextlib.suppress(ImportError):  # there is no such limit on Windows
        import resource

        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def serve(new: Callable[[str], Contender]) -> None:
    """Obey until standard input ends. What a library prints goes nowhere."""
    raise_descriptor_limit()
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)
    contender = new(sys.argv[1])
    versions = {name: importlib.metadata.version(name) for name in contender.distributions}
    _tell(out, {"versions": versions})
    for line in sys.stdin:
        order = json.loads(line)
        try:
            answer = _ORDERS[order["do"]](contender, order)
        except Exception as error:
            answer = {"failed": f"{type(error).__name__}: {error}"[:300]}
        _tell(out, answer)


def _tell(out: Any, answer: Answer) -> None:
    out.write(json.dumps(answer) + "\n")
    out.flush()
