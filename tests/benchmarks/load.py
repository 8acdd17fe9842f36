"""The measuring of many streams: read at a pace, opened and read whole, relayed to browsers.

Each figure comes from a process of its own, for memory that was freed before would be used again.
The server is watched too: where it needs a core or falls behind its plan, it was the bottleneck.
"""

from __future__ import annotations

import contextlib
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .environments import ASYNCIO, BY_KEY, OURS, RELAYS, Entry, Environments, Unavailable
from .plans import Level, Plan
from .processes import Answer, PacedServer, Runner, ThreadCount
from .results import Load, Paced, Results, Short, median_of

AT_ONCE = 50  # short streams
_WARM_UP = "short 10"
_SHORT_ITEMS = 11  # ten events and the end

Samples = dict[tuple[str, str], list[dict[str, Any]]]


class Failed(Exception):
    """A contender that could not do it."""


def say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def measure(plan: Plan, environments: Environments, results: Results) -> None:
    """The sections of load that `plan` has."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        plain = PacedServer()
        stack.enter_context(plain.process)
        servers = {"http": plain}
        if "tls" in plan.sections:
            servers["https"] = PacedServer(folder)
            stack.enter_context(servers["https"].process)
        bench = _Bench(plan, environments, results, servers)
        bench.paced()
        bench.many()
        bench.short()
        bench.relay()


class _Bench:
    """What all sections need: who measures what, against which server, and where figures go."""

    def __init__(
        self,
        plan: Plan,
        environments: Environments,
        results: Results,
        servers: dict[str, PacedServer],
    ) -> None:
        self._plan = plan
        self._environments = environments
        self._results = results
        self._servers = servers

    def paced(self) -> None:
        samples: Samples = {}
        for _ in range(self._plan.paced_rounds):
            for level in self._plan.levels:
                for key in self._available(self._plan.paced, "paced"):
                    with self._noting_failure(level.name, key):
                        found = self._read(level, key)
                        wanted = {name: found[name] for name in Paced.__dataclass_fields__}
                        samples.setdefault((level.name, key), []).append(wanted)
        for (name, key), found_ones in samples.items():
            lost = max(one["lost"] for one in found_ones)
            row = self._results.paced.setdefault(name, {})
            row[key] = Paced(**{**median_of(found_ones), "lost": lost})

    def many(self) -> None:
        for level in self._plan.many_levels:
            if ("tls" if level.tls else "many") in self._plan.sections:
                keys = self._available(self._plan.many, "many", "tls")
                if level.slow:
                    # in one event loop, or a thread each, there is nothing to find out
                    keys = [key for key in keys if key == OURS]
                row = self._loaded(level, {key: BY_KEY[key] for key in keys}, self._read)
                if row:
                    self._results.many[level.name] = row

    def relay(self) -> None:
        if "relay" in self._plan.sections:
            entries = {entry.key: entry for entry in RELAYS}
            for level in self._plan.relays:
                self._results.relay[level.name] = self._loaded(level, entries, self._relayed)

    def short(self) -> None:
        keys = self._available(self._plan.short, "short")
        for scheme, server in self._servers.items() if keys else ():
            samples: dict[str, list[dict[str, Any]]] = {}
            for _ in range(self._plan.short_rounds):
                for key in keys:
                    say(f"short streams by {BY_KEY[key].title}, {scheme}")
                    with self._noting_failure(f"short streams, {scheme}", key):
                        samples.setdefault(key, []).append(self._shortly(key, server))
            self._results.short[scheme] = {
                key: Short(**median_of(found)) for key, found in samples.items()
            }

    def _available(self, keys: tuple[str, ...], *sections: str) -> list[str]:
        return [key for key in self._plan.among(keys, *sections) if key in self._results.versions]

    def _loaded(self, level: Level, entries: dict[str, Entry], measured: Any) -> dict[str, Load]:
        samples: dict[str, list[dict[str, Any]]] = {}
        for _ in range(self._plan.load_rounds):
            for key, entry in entries.items():
                say(f"{level.name} by {entry.title}")
                with self._noting_failure(level.name, key):
                    found = measured(level, key)
                    wanted = {name: found[name] for name in Load.__dataclass_fields__}
                    samples.setdefault(key, []).append(wanted)
        row = {}
        for key, rounds in samples.items():
            lost = max(found["lost"] for found in rounds)
            flags = {"late": level.late, "tls": level.tls, "slow": level.slow, "lost": lost}
            row[key] = Load(**{**median_of(rounds), **flags})
        return row

    @contextlib.contextmanager
    def _noting_failure(self, what: str, key: str) -> Iterator[None]:
        """What one contender fails at ends no run of hours."""
        try:
            yield
        except (Failed, Unavailable, RuntimeError, OSError) as error:
            print(f"!!! {what}: {key} FAILED: {error}", file=sys.stderr, flush=True)
            self._results.left_out[f"{key}, {what}"] = str(error)

    @contextlib.contextmanager
    def _fresh(self, entry: Entry, server: PacedServer) -> Iterator[Runner]:
        """A process of its own, which has done everything once."""
        command = self._environments.command(entry)
        runner = Runner(entry.title, command, server.url, server.authority)
        with runner.process:
            _done(runner.ask("count", query=_WARM_UP, events=_SHORT_ITEMS))
            yield runner

    def _read(self, level: Level, key: str) -> dict[str, Any]:
        server = self._servers["https" if level.tls else "http"]
        with self._fresh(BY_KEY[key], server) as runner:
            found, threads = self._watch(level, runner, runner.process.pid)
        return {**found, **threads, **_punctuality(server)}

    def _relayed(self, level: Level, key: str) -> dict[str, Any]:
        """The browsers are asyncio's bare reader, whose CPU is its own."""
        (entry,) = (entry for entry in RELAYS if entry.key == key)
        server = self._servers["http"]
        with contextlib.ExitStack() as stack:
            relay = Runner(entry.title, self._environments.command(entry), server.url)
            stack.enter_context(relay.process)
            self._results.versions[key] = relay.versions
            url = f"http://127.0.0.1:{relay.first['port']}"
            command = self._environments.command(BY_KEY[ASYNCIO])
            browsers = Runner("the browsers", command, url)
            stack.enter_context(browsers.process)
            _done(browsers.ask("count", query=_WARM_UP, events=_SHORT_ITEMS))
            relay.ask("forget")
            found, threads = self._watch(level, browsers, relay.process.pid)
            spent = _done(relay.ask("cost"))
        cpu_us = spent["cpu"] / found["events"] * 1e6
        memory = {"open_kb": None, "rss_kb": None}
        return {**found, **threads, **memory, "cpu_us": cpu_us, **_punctuality(server)}

    def _shortly(self, key: str, server: PacedServer) -> dict[str, Any]:
        total = self._plan.short_streams
        with self._fresh(BY_KEY[key], server) as runner:
            order = {"query": _WARM_UP, "at_once": AT_ONCE}
            _done(runner.ask("short", total=AT_ONCE, **order))
            before = server.report()
            with ThreadCount(runner.process.pid) as threads:
                found = _done(runner.ask("short", total=total, **order))
            after = server.report()
        if found["result"] != total * _SHORT_ITEMS:
            raise Failed(f"{found['result']} of {total * _SHORT_ITEMS} items came")
        core = (after["cpu"] - before["cpu"]) / (after["clock"] - before["clock"])
        wall_us = found["seconds"] / total * 1e6
        most = threads.most()
        return {"cpu_us": found["us"], "wall_us": wall_us, "threads": most, "server_core": core}

    def _watch(
        self, level: Level, runner: Runner, pid: int
    ) -> tuple[dict[str, Any], dict[str, int]]:
        """What was read of such streams, and the threads that the process had meanwhile."""
        count = round(level.rate * level.seconds)
        delay = self._plan.delays[level.late]
        query = f"paced {level.rate} {count} {level.streams} {delay} {int(level.late)}"
        with ThreadCount(pid) as threads:
            found = _done(runner.ask("watch", query=query, streams=level.streams, slow=level.slow))
        found["streams"], found["rate"] = level.streams, level.rate
        found["late"], found["tls"], found["slow"] = level.late, level.tls, level.slow
        found["lost"] = (level.streams - level.slow) * count - found["events"]
        found["pace"] = level.seconds / found["seconds"]
        counts = {"threads": threads.most(found["first"] - 0.5), "threads_opening": threads.most()}
        return found, counts


def _done(answer: Answer) -> Answer:
    if "failed" in answer:
        raise Failed(answer["failed"])
    return answer


def _punctuality(server: PacedServer) -> dict[str, float]:
    told = server.report()["punctuality"]
    if told is None:
        raise Failed("the streams were not read to their ends")
    return {"server_core": told["core"], "server_p99_ms": told["p99_ms"]}
