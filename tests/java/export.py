"""``python -m tests.java.export FOLDER``: the scenarios and their answers, for the Java driver.

The answers that were made are written to `answers.json` too, to be kept with the vectors: what was
served stays known, whatever becomes of the rules that made it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from .answers import is_made, raw
from .scenarios import scenarios


def export(folder: Path) -> None:
    (folder / "scenarios").mkdir(parents=True)
    (folder / "answers").mkdir()
    made: dict[str, str] = {}
    for method, found in scenarios().items():
        described = json.dumps([scenario.described() for scenario in found])
        (folder / "scenarios" / f"{method}.json").write_text(described, "utf-8")
        for scenario in found:
            (folder / "answers" / scenario.answer).write_bytes(raw(scenario.answer))
            if is_made(scenario.answer):
                made[scenario.answer] = raw(scenario.answer).decode()
    text = json.dumps(made, ensure_ascii=False, indent=0, sort_keys=True)
    (folder / "answers.json").write_bytes(text.encode() + b"\n")


if __name__ == "__main__":
    export(Path(sys.argv[1]))
