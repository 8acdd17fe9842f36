"""`differences.toml`: the differences that are meant, and which of those found they cover."""

from __future__ import annotations

import functools
import importlib
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_toml = importlib.import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")

LIST = Path(__file__).with_name("differences.toml")
TEXTS = ("java", "ours", "why", "java_zh", "ours_zh", "why_zh")


@dataclass(frozen=True)
class Place:
    """Scenarios and one path: the smallest thing that is listed. `*` stands for anything."""

    id: str
    scenarios: str
    path: str

    def covers(self, scenario: str, path: str) -> bool:
        return _matches(self.scenarios, scenario) and _matches(self.path, path)


@functools.cache
def listed() -> dict[str, Any]:
    """The file, as it is."""
    found: dict[str, Any] = _toml.loads(LIST.read_text("utf-8"))
    return found


@functools.cache
def places() -> tuple[Place, ...]:
    return tuple(
        Place(difference["id"], where["scenarios"], path)
        for difference in listed()["difference"]
        for where in difference["where"]
        for path in where["paths"]
    )


def covering(scenario: str, path: str) -> list[Place]:
    return [place for place in places() if place.covers(scenario, path)]


@functools.cache
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, text.split("*"))))


def _matches(pattern: str, text: str) -> bool:
    return _pattern(pattern).fullmatch(text) is not None
