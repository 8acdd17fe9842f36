"""How the emulator bears many streams at once: ``python -m tests.emulator.load``, about 20 s.

The emulator runs in a process of its own, so that the one that reads does not slow it down.
Prints what came, how late, and what it cost; ends with 1 where something was lost.
"""

import asyncio
import json
import os
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from dify_java_compat.emulator import DifyEmulator
from tests.support.client import request_bytes
from tests.support.processes import Worker

STREAMS = 300
PAUSE = 0.02
EVENTS = 500
STOPPED = 30


def serve() -> None:
    """The child: answers with numbers until its input ends."""
    with DifyEmulator(version="1.12", token_pause=PAUSE) as emulator:
        emulator.reply(answer=[f"{number} " for number in range(EVENTS)])
        print(emulator.port, flush=True)
        sys.stdin.read()


@dataclass
class Seen:
    """One stream as its client saw it."""

    numbers: list[int] = field(default_factory=list)
    late: list[float] = field(default_factory=list)
    task_id: str = ""
    ended: float = 0.0


def request(number: int) -> bytes:
    message = {"inputs": {}, "query": "Hi", "user": f"u{number}", "response_mode": "streaming"}
    return request_bytes("POST", "/v1/chat-messages", "app-chat", message)


async def read(port: int, number: int, seen: Seen, at_most: int | None = None) -> None:
    """One stream, to its end or to as many events."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request(number))
    started = 0.0
    while line := await reader.readline():
        if not line.startswith(b"data: "):
            continue
        event = json.loads(line[6:])
        now = time.monotonic()
        seen.task_id = event.get("task_id", "")
        if event.get("answer"):
            seen.numbers.append(int(event["answer"]))
            started = started or now
            seen.late.append(now - started - PAUSE * (len(seen.numbers) - 1))
        if event["event"] == "message_end" or len(seen.numbers) == at_most:
            break
    seen.ended = time.monotonic()
    writer.close()


async def stop(port: int, number: int, task_id: str) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    path = f"/v1/chat-messages/{task_id}/stop"
    writer.write(request_bytes("POST", path, "app-chat", {"user": f"u{number}"}))
    assert b"200" in await reader.readline()
    writer.close()


class Process:
    """The child as the system sees it."""

    def __init__(self, pid: int) -> None:
        self._folder = Path(f"/proc/{pid}")

    def status(self, name: str) -> int:
        lines = (self._folder / "status").read_text().splitlines()
        return int(next(line for line in lines if line.startswith(name)).split()[1])

    def cpu_seconds(self) -> float:
        fields = (self._folder / "stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def measure(port: int, process: Process) -> bool:
    idle = process.status("Threads:")
    cpu, started = process.cpu_seconds(), time.monotonic()
    streams = [Seen() for _ in range(STREAMS)]
    await asyncio.gather(*(read(port, number, seen) for number, seen in enumerate(streams)))
    took, spent = time.monotonic() - started, process.cpu_seconds() - cpu
    whole = sum(seen.numbers == list(range(EVENTS)) for seen in streams)
    late = sorted(delay for seen in streams for delay in seen.late)
    print(f"{whole} of {STREAMS} streams whole and in order, {len(late)} events")
    print(f"{len(late) / took:.0f} events a second over {took:.1f} s, {spent:.1f} s of CPU")
    print(
        f"late by {late[len(late) // 2] * 1000:.1f} ms (median),"
        f" {late[len(late) * 99 // 100] * 1000:.1f} ms (p99), {late[-1] * 1000:.1f} ms (most)"
    )
    print(f"memory {process.status('VmHWM:') / 1024:.0f} MB at most")
    freed = await leave(port, process, idle)
    stopped = await stop_some(port)
    return whole == STREAMS and freed and stopped


async def leave(port: int, process: Process, idle: int) -> bool:
    """All clients go away in the middle; how long until their threads are gone."""
    await asyncio.gather(*(read(port, number, Seen(), at_most=3) for number in range(STREAMS)))
    left = time.monotonic()
    while process.status("Threads:") > idle and time.monotonic() - left < 10.0:
        await asyncio.sleep(0.01)
    print(f"{STREAMS} clients left: their streams were free after {time.monotonic() - left:.2f} s")
    return process.status("Threads:") <= idle


async def stop_some(port: int) -> bool:
    """Some streams are stopped, each over another connection; how long until they end."""
    streams = [Seen() for _ in range(STOPPED)]
    reading = [asyncio.create_task(read(port, n, seen)) for n, seen in enumerate(streams)]
    while not all(seen.numbers for seen in streams):
        await asyncio.sleep(0.01)
    told = time.monotonic()
    await asyncio.gather(*(stop(port, n, seen.task_id) for n, seen in enumerate(streams)))
    await asyncio.gather(*reading)
    slowest = max(seen.ended for seen in streams) - told
    ended = sum(len(seen.numbers) < EVENTS for seen in streams)
    print(f"{ended} of {STOPPED} stopped early, the last after {slowest:.2f} s")
    return ended == STOPPED


def main() -> int:
    with Worker([sys.executable, "-m", "tests.emulator.load", "serve"]) as child:
        port = int(child.first_line)
        whole = asyncio.run(asyncio.wait_for(measure(port, Process(child.pid)), 60.0))
    return 0 if whole else 1


if __name__ == "__main__":
    if sys.argv[1:] == ["serve"]:
        serve()
    else:
        sys.exit(main())
