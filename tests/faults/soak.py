"""Many streams at a time with faults: their server, and the client whose size is sampled.

Each is a process of its own: `python -m tests.faults.soak` serves, and with the number of streams,
of minutes and of seconds a minute it is the client, which prints what it saw as JSON.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

from dify_java_compat import (
    ChatMessageSendCompletionResponse,
    ClientConfig,
    DifyException,
    RequestsDifyChat,
)
from tests.support.frames import (
    ERROR,
    LAST_CHUNK,
    MESSAGE_END,
    PING,
    STREAM_HEAD,
    chunk,
    message,
    response,
)
from tests.support.processes import Worker
from tests.support.watching import request

KEY = "app-the-key-of-the-soak"
EVENTS, PACE = 20, 0.1  # of a stream that goes well


# -- the server, in a process of its own --------------------------------------------------------


async def serve() -> None:
    """Streams on any port, which is printed; one in four goes wrong. Ends with its stdin."""
    server = await asyncio.start_server(_talk, "127.0.0.1", 0, backlog=500)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    os._exit(0)


async def _talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            length = int(head.partition(b"content-length:")[2].split()[0])
            body = await reader.readexactly(length)
            if not await _respond(writer, random.Random(body)):
                break
    with contextlib.suppress(ConnectionError):
        writer.close()
        await writer.wait_closed()


async def _respond(writer: asyncio.StreamWriter, dice: random.Random) -> bool:
    """Whether the connection stays open."""
    fault = dice.choice(FAULTS) if dice.random() < 0.25 else "none"
    if fault == "busy":
        writer.write(response(b'{"code":"rate_limit_error"}', "429 BUSY"))
        return True
    if fault == "page":
        writer.write(response(b"<html>" * 10_000, content_type="text/html"))
        return True
    if fault == "closed":
        return False
    writer.write(STREAM_HEAD)
    breaks_after = dice.randrange(EVENTS)
    for number in range(EVENTS):
        if number == breaks_after and fault != "none":
            return await _break(writer, fault)
        size = 200_000 if dice.random() < 0.005 else 30
        writer.write(chunk(message(f"{number} " + "好" * size)) + chunk(PING))
        await writer.drain()
        await asyncio.sleep(PACE)
    writer.write(chunk(MESSAGE_END) + LAST_CHUNK)
    return True


FAULTS = ("busy", "page", "closed", "reset", "cut", "garbage", "error", "stall")


async def _break(writer: asyncio.StreamWriter, fault: str) -> bool:
    if fault == "reset":
        writer.transport.abort()
    elif fault == "cut":
        writer.write(chunk(message("x" * 100))[:50])
    elif fault == "garbage":
        writer.write(chunk(b"data: {no json\n\n"))
    elif fault == "error":
        writer.write(chunk(ERROR) + LAST_CHUNK)
        return True
    elif fault == "stall":
        await asyncio.sleep(10)
    return False


# -- the client ----------------------------------------------------------------------------------


class Crowd:
    """Keeps a number of streams open; every tenth is disposed of before its end."""

    def __init__(self, client: RequestsDifyChat, size: int) -> None:
        self._client = client
        self._free = threading.Semaphore(size)
        self._lock = threading.Lock()
        self._dice = random.Random(5)
        self.ends: Counter[str] = Counter()
        self.events = 0
        self.started = 0

    def add(self) -> None:
        """One more stream, as soon as there is room."""
        self._free.acquire()
        self.started += 1
        dispose_after = self._dice.randrange(EVENTS) if self.started % 10 == 0 else -1
        _Member(self, dispose_after).begin(self._client, f"stream {self.started}")

    def wait(self, size: int) -> None:
        """Until all of them have ended."""
        for _ in range(size):
            self._free.acquire()

    def ended(self, how: str, events: int) -> None:
        with self._lock:
            self.ends[how] += 1
            self.events += events
        self._free.release()


class _Member:
    def __init__(self, crowd: Crowd, dispose_after: int) -> None:
        self._crowd = crowd
        self._dispose_after = dispose_after
        self._events = 0
        self._begun = threading.Event()

    def begin(self, client: RequestsDifyChat, content: str) -> None:
        observable = client.sendChatMessageStream(request(content=content))
        self._subscription = observable.subscribe(self._next, self._fail, self._complete)
        self._begun.set()

    def _next(self, item: ChatMessageSendCompletionResponse) -> None:
        self._events += 1
        if self._events > self._dispose_after >= 0:
            self._begun.wait()
            self._subscription.dispose()
            self._crowd.ended("disposed", self._events)

    def _fail(self, error: Exception) -> None:
        known = isinstance(error, DifyException)
        self._crowd.ended(type(error).__name__ if known else f"wrong: {error!r}", self._events)

    def _complete(self) -> None:
        self._crowd.ended("completed", self._events)


def megabytes() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


class Samples:
    """What the process held, once a second, by minute (or what counts as one)."""

    def __init__(self, minute: float) -> None:
        self._minute = minute
        self._started = time.monotonic()
        self.memory: dict[int, list[float]] = {}
        self.threads: dict[int, int] = {}
        self.descriptors: dict[int, int] = {}

    def take(self) -> None:
        minute = int((time.monotonic() - self._started) / self._minute)
        self.memory.setdefault(minute, []).append(megabytes())
        self.threads[minute] = max(self.threads.get(minute, 0), threading.active_count())
        opened = len(os.listdir("/proc/self/fd"))
        self.descriptors[minute] = max(self.descriptors.get(minute, 0), opened)

    def memory_of(self, minute: int) -> float:
        return sum(self.memory[minute]) / len(self.memory[minute])


def crowded(size: int, minutes: int, minute: float) -> dict[str, Any]:
    """Keep `size` streams open for so many minutes of `minute` seconds; what was seen."""
    with Worker([sys.executable, "-m", "tests.faults.soak"]) as server:
        url = f"http://127.0.0.1:{int(server.first_line)}"
        before = [threading.active_count(), len(os.listdir("/proc/self/fd"))]
        config = ClientConfig(sse_read_timeout=1.0, max_retries=0)
        with RequestsDifyChat(url, config, api_key=KEY) as client:
            crowd, samples = Crowd(client, size), Samples(minute)
            next_sample, until = 0.0, time.monotonic() + minutes * minute
            while time.monotonic() < until:
                crowd.add()
                if time.monotonic() >= next_sample:
                    samples.take()
                    next_sample = time.monotonic() + minute / 60
            crowd.wait(size)
        settled = time.monotonic() + 10
        while (after := [threading.active_count(), len(os.listdir("/proc/self/fd"))]) != before:
            if time.monotonic() > settled:
                break
            time.sleep(0.01)
    second, last = 1, minutes - 1
    return {
        "started": crowd.started,
        "ends": crowd.ends,
        "events": crowd.events,
        "before": before,
        "after": after,
        "memory": [samples.memory_of(second), samples.memory_of(last)],
        "threads": [samples.threads[second], samples.threads[last]],
        "descriptors": [samples.descriptors[second], samples.descriptors[last]],
    }


if __name__ == "__main__":
    if sys.argv[1:]:
        print(json.dumps(crowded(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))))
    else:
        asyncio.run(serve())
