"""The figures of a run, and their way to JSON and back."""

from __future__ import annotations

import json
import statistics
from dataclasses import asdict, dataclass, field
from typing import Any

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
class Results:
    """Everything measured, by contender; CPU in microseconds, imports in milliseconds."""

    date: str
    command: str
    machine: str
    rounds: int
    events: dict[str, int]
    versions: dict[str, dict[str, str]]
    left_out: dict[str, str] = field(default_factory=dict)
    streams: dict[str, ByContender] = field(default_factory=dict)
    calls: dict[str, ByContender] = field(default_factory=dict)
    steps: ByContender = field(default_factory=dict)  # by the name of the step
    imports: ByContender = field(default_factory=dict)
    losses: dict[str, dict[str, Loss]] = field(default_factory=dict)
    uploads: dict[str, Upload] = field(default_factory=dict)
    paced: dict[str, dict[str, Paced]] = field(default_factory=dict)

    def to_json(self) -> str:
        return json.dumps(_rounded(asdict(self)), ensure_ascii=False, indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Results:
        known = json.loads(text)
        for name, kind in (("losses", Loss), ("paced", Paced)):
            known[name] = {
                what: {key: kind(**values) for key, values in row.items()}
                for what, row in known[name].items()
            }
        known["uploads"] = {key: Upload(**values) for key, values in known["uploads"].items()}
        return cls(**known)


def median_of(samples: list[dict[str, Any]]) -> dict[str, Any]:
    """Name by name."""
    return {name: statistics.median(sample[name] for sample in samples) for name in samples[0]}


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.4g}")
    if isinstance(value, dict):
        return {name: _rounded(item) for name, item in value.items()}
    return value
