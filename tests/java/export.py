"""``python -m tests.java.export FOLDER``: the scenarios and their answers, for the Java driver."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from .answers import raw
from .scenarios import scenarios


def export(folder: Path) -> None:
    (folder / "scenarios").mkdir(parents=True)
    (folder / "answers").mkdir()
    for method, found in scenarios().items():
        described = json.dumps([scenario.described() for scenario in found])
        (folder / "scenarios" / f"{method}.json").write_text(described, "utf-8")
        for scenario in found:
            (folder / "answers" / scenario.answer).write_bytes(raw(scenario.answer))


if __name__ == "__main__":
    export(Path(sys.argv[1]))
