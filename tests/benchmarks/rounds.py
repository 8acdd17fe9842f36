"""The measuring of events, calls, uploads and imports; that of load is in `load`.

The contenders take turns, round by round, and medians are kept.

CPU is that of the contender's process alone, user and system, all threads, its start left out.
"""

from __future__ import annotations

import contextlib
import datetime
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.support.processes import ROOT

from . import load, payloads
from .environments import BY_KEY, Environments, Unavailable
from .load import say
from .plans import Plan
from .processes import Runner, start_server
from .results import Loss, Results, Upload, median_of

DEPENDENCIES = "dependencies"
FIRST_CALL = "first_call"
FIRST_STREAM = "first_stream"
_IMPORTS = {
    DEPENDENCIES: "import requests, dataclasses_json, reactivex, msgspec",
    FIRST_CALL: "from dify_java_compat import ChatMessageSendRequest, RequestsDifyChat",
    FIRST_STREAM: "from dify_java_compat import ChatMessageSendRequest, EventStream, "
    "RequestsDifyChat",
}
_TIMED_STREAMS = ("messages", "nodes", "4kb")
_CALLS = {"parameters": "Hello {{name}}, 你好!", "messages": 100}


def measure(plan: Plan, environments: Environments, command: str) -> Results:
    """Run it all. A contender that cannot be installed or started is left out, and said so."""
    results = Results(
        date=datetime.date.today().isoformat(),
        command=command,
        machine=f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, "
        f"Python {platform.python_version()}",
        rounds=plan.rounds,
        events=plan.events,
        versions={},
    )
    sections = set(plan.sections)
    with contextlib.ExitStack() as stack:
        server, url = start_server(sys.executable)
        stack.enter_context(server)
        runners = dict(_started(plan, environments, url, results, stack))
        if sections & {"streams", "calls"}:
            _costs(plan, runners, results)
        if "losses" in sections:
            _losses(plan, runners, results)
    if "uploads" in sections:
        server, url = start_server(sys.executable)
        with server:
            _uploads(plan, environments, url, results)
    if sections & {"paced", "many", "tls", "short", "relay"}:
        load.measure(plan, environments, results)
    if "imports" in sections:
        _imports(plan, environments, results)
    return results


def _started(
    plan: Plan,
    environments: Environments,
    url: str,
    results: Results,
    stack: contextlib.ExitStack,
) -> Iterator[tuple[str, Runner]]:
    for key in plan.started:
        entry = BY_KEY[key]
        say(f"starting {entry.title}")
        try:
            runner = Runner(entry.title, environments.command(entry), url)
        except (Unavailable, RuntimeError, OSError) as error:
            print(f"!!! {entry.title} IS LEFT OUT: {error}", file=sys.stderr, flush=True)
            results.left_out[key] = str(error)
            continue
        stack.enter_context(runner.process)
        results.versions[key] = runner.versions
        yield key, runner


def _timed(plan: Plan, runner: Runner) -> dict[str, dict[str, float]]:
    """One round of one contender: kind -> what -> CPU microseconds."""
    found: dict[str, dict[str, float]] = {"streams": {}, "calls": {}, "steps": {}}
    for name in _TIMED_STREAMS if "streams" in plan.sections else ():
        events = plan.events[name]
        answer = runner.ask("count", query=f"{name} {events}", events=events)
        if "us" in answer:
            found["streams"][name] = answer["us"]
    if "calls" not in plan.sections:
        return found
    for name, expected in _CALLS.items():
        answer = runner.ask("calls", name=name, times=plan.calls)
        if "us" in answer:
            if answer["result"] != expected:
                raise RuntimeError(f"{runner.name}: {name} gave {answer['result']!r}")
            found["calls"][name] = answer["us"]
    found["steps"] = runner.ask("steps", seconds=plan.step_seconds).get("us", {})
    return found


def _costs(plan: Plan, runners: dict[str, Runner], results: Results) -> None:
    say("warming up")
    for key, runner in runners.items():
        for _ in range(BY_KEY[key].warm_ups):
            _timed(plan, runner)
    samples: dict[str, list[dict[str, dict[str, float]]]] = {key: [] for key in runners}
    for number in range(plan.rounds):
        say(f"round {number + 1} of {plan.rounds}")
        for key, runner in runners.items():
            samples[key].append(_timed(plan, runner))
    for key, rounds in samples.items():
        for kind, rows in (("streams", results.streams), ("calls", results.calls)):
            for name, us in median_of([found[kind] for found in rounds]).items():
                rows.setdefault(name, {})[key] = us
        results.steps.update(median_of([found["steps"] for found in rounds]))


def _losses(plan: Plan, runners: dict[str, Runner], results: Results) -> None:
    say("comparing what arrives with what was sent")
    for name, count in plan.events.items():
        expected = payloads.stream(name, count).texts
        row = results.losses.setdefault(name, {})
        for key, runner in runners.items():
            if key == "collect" and name == "nodes":
                continue  # an answer has no nodes
            answer = runner.ask("texts", query=f"{name} {count}")
            row[key] = loss(expected, answer.get("texts", []), answer.get("failed"))


def loss(expected: list[str], got: list[str], failed: str | None) -> Loss:
    """Wrong is what was never sent, was sent once and came twice, or came out of its turn."""
    lost, wrong = Counter(expected) - Counter(got), Counter(got) - Counter(expected)
    known = set(got) - set(wrong)
    turns = [text for text in got if text in known]
    in_order = sorted(turns, key={text: turn for turn, text in enumerate(expected)}.__getitem__)
    moved = sum(a != b for a, b in zip(turns, in_order, strict=True))
    return Loss(len(expected), lost.total(), wrong.total() + moved, failed)


@contextlib.contextmanager
def _fresh(key: str, environments: Environments, url: str) -> Iterator[Runner]:
    """A process of its own, where memory is measured: what was freed before would be used again."""
    runner = Runner(BY_KEY[key].title, environments.command(BY_KEY[key]), url)
    with runner.process:
        runner.ask("count", query="messages 100", events=100)
        yield runner


def _uploads(plan: Plan, environments: Environments, url: str, results: Results) -> None:
    say("uploading")
    samples: dict[str, list[dict[str, Any]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "upload.bin"
        with path.open("wb") as file:
            for _ in range(100):
                file.write(bytes(payloads.UPLOAD_BYTES // 100))
        for _ in range(plan.uploads):
            for key in results.versions:
                with _fresh(key, environments, url) as runner:
                    answer = runner.ask("upload", path=str(path))
                if "seconds" in answer:
                    answer["peak_mb"] = answer.pop("peak_kb") / 1024
                    del answer["result"]
                    samples.setdefault(key, []).append(answer)
    results.uploads = {key: Upload(**median_of(found)) for key, found in samples.items()}


def _imports(plan: Plan, environments: Environments, results: Results) -> None:
    say("importing")
    asked = {key: (sys.executable, statement) for key, statement in _IMPORTS.items()}
    for key in results.versions:
        entry = BY_KEY.get(key)
        if entry and entry.imports:
            asked[key] = (environments.python(entry), f"import {entry.imports}")
    samples: dict[str, list[float]] = {key: [] for key in asked}
    for number in range(plan.imports + 1):
        for key, (python, statement) in asked.items():
            ms = _import_ms(python, statement)
            if number:  # the first one may compile
                samples[key].append(ms)
    results.imports = {key: statistics.median(found) for key, found in samples.items()}


def _import_ms(python: str, statement: str) -> float:
    timed = "import time; t = time.process_time(); {}; print((time.process_time() - t) * 1e3)"
    ended = subprocess.run(
        [python, "-c", timed.format(statement)],
        cwd=ROOT,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    return float(ended.stdout)
