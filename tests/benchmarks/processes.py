"""The processes of a run: the server, and one for each contender, asked a JSON line at a time."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from typing import Any

from tests.support.processes import Worker

Answer = dict[str, Any]


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    return {**kept, "PYTHONDONTWRITEBYTECODE": ""}


def start_server(python: str) -> tuple[Worker, str]:
    """The process and the URL of the server, without /v1."""
    process = Worker([python, "-m", "tests.benchmarks.server"], _environment())
    return process, f"http://127.0.0.1:{int(process.first_line)}"


class Runner:
    """A contender at work."""

    def __init__(self, name: str, command: Sequence[str], url: str) -> None:
        self.name = name
        self.process = Worker([part.replace("{url}", url) for part in command], _environment())
        self.versions: dict[str, str] = json.loads(self.process.first_line)["versions"]

    def ask(self, do: str, **order: Any) -> Answer:
        """The answer; `failed` in it says what went wrong."""
        self.process.write_line(json.dumps({"do": do, **order}))
        answer: Answer = json.loads(self.process.read_line())
        return answer
