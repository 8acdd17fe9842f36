"""The figures of a run, and their way to JSON and back."""

from __future__ import annotations

import json
import statistics
from dataclasses import asdict, dataclass, field
from typing import Any

from .environments import JAVA, OURS

ByContender = dict[str, float]  # a contender's key -> a figure


@dataclass
class Loss:
    """What a contender made of a stream's texts. `failed` is the exception that it ended with."""

    expected: int
    lost: int
    wrong: int
    failed: str | None = None


@dataclass
class Upload:
    seconds: float
    cpu_seconds: float
    peak_mb: float


@dataclass
class Paced:
    """Many streams at once: latencies in ms, the share of one core, the memory of a stream.

    `pace` is how much of the rate server and reader kept together.
    """

    streams: int
    p50_ms: float
    p99_ms: float
    max_ms: float
    core: float
    pace: float
    rss_kb: float
    reserved_mb: float
    lost: int


@dataclass
class Load:
    """Streams by the hundred or thousand, read or relayed: a level, and what it cost a contender.

    `late`: the head came three seconds after the request, with the first event. `slow` readers
    slept at each event and are not counted. `open_kb` is a
    stream's memory once all are open, `rss_kb` at the peak; None where it was not measured.
    `threads` is the most from half a second before the first event on, `threads_opening` the most
    at all. `server_core` and `server_p99_ms` are the server's own: its share of a core, and how far
    it was behind its own plan.
    """

    streams: int
    rate: int
    late: bool
    tls: bool
    slow: int
    cpu_us: float
    p50_ms: float
    p99_ms: float
    max_ms: float
    open_kb: float | None
    rss_kb: float | None
    threads: float
    threads_opening: float
    pace: float
    lost: int
    server_core: float
    server_p99_ms: float


@dataclass
class Short:
    """Whole short streams, a connection each: CPU and time of one in microseconds."""

    cpu_us: float
    wall_us: float
    threads: float
    server_core: float


@dataclass
class Beside:
    """The cost of an event, ours and a contender's, as a run measured them that had both."""

    date: str
    ours: float
    theirs: float


@dataclass
class Results:
    """Everything measured, by contender; CPU in microseconds, imports in milliseconds."""

    date: str
    command: str
    machine: str
    rounds: int
    events: dict[str, int]
    versions: dict[str, dict[str, str]]
    left_out: dict[str, str] = field(default_factory=dict)
    last_java: Beside | None = None  # where the Java SDK could not be had this time
    streams: dict[str, ByContender] = field(default_factory=dict)
    calls: dict[str, ByContender] = field(default_factory=dict)
    steps: ByContender = field(default_factory=dict)  # by the name of the step
    imports: ByContender = field(default_factory=dict)
    losses: dict[str, dict[str, Loss]] = field(default_factory=dict)
    uploads: dict[str, Upload] = field(default_factory=dict)
    paced: dict[str, dict[str, Paced]] = field(default_factory=dict)
    many: dict[str, dict[str, Load]] = field(default_factory=dict)
    short: dict[str, dict[str, Short]] = field(default_factory=dict)  # by "http" and "https"
    relay: dict[str, dict[str, Load]] = field(default_factory=dict)

    def to_json(self) -> str:
        return json.dumps(_rounded(asdict(self)), ensure_ascii=False, indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Results:
        known = json.loads(text)
        kinds = {"losses": Loss, "paced": Paced, "many": Load, "short": Short, "relay": Load}
        for name, kind in kinds.items():
            known[name] = {
                what: {key: kind(**values) for key, values in row.items()}
                for what, row in known.get(name, {}).items()
            }
        if known.get("last_java") is not None:
            known["last_java"] = Beside(**known["last_java"])
        known["uploads"] = {key: Upload(**values) for key, values in known["uploads"].items()}
        return cls(**known)


def beside_java(results: Results) -> Beside | None:
    """From this run, or from the last one that had the Java SDK."""
    event = results.streams.get("messages", {})
    if JAVA in event and OURS in event:
        return Beside(results.date, event[OURS], event[JAVA])
    return results.last_java


def median_of(samples: list[dict[str, Any]]) -> dict[str, Any]:
    """Name by name; None where it was not measured."""
    return {
        name: None if value is None else _median([sample[name] for sample in samples])
        for name, value in samples[0].items()
    }


def _median(values: list[Any]) -> Any:
    """Of numbers of streams, which are the same in all rounds, that number."""
    return values[0] if len(set(values)) == 1 else statistics.median(values)


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.4g}")
    if isinstance(value, dict):
        return {name: _rounded(item) for name, item in value.items()}
    return value
