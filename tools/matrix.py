"""python -m tools.matrix REPORT: the table of what `nox --report REPORT` found, for the notes.

A row a Python, a column for the newest and one for the oldest dependencies. A Python that the
machine has not is `NOT RUN`. Exits with 1 where a cell is not `passed`.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

COLUMNS = ("newest", "oldest")
_SIGNATURE = re.compile(r"tests-([\d.]+)\(dependencies='(\w+)'\)")
_WORDS = {"success": "passed", "failed": "FAILED"}


def cells(report: dict[str, Any]) -> dict[tuple[str, str], str]:
    """The word of each session, by its Python and its dependencies."""
    found = {}
    for session in report["sessions"]:
        for signature in session["signatures"]:
            if match := _SIGNATURE.fullmatch(signature):
                found[match[1], match[2]] = _WORDS.get(session["result"], "NOT RUN")
    return found


def table(report: dict[str, Any]) -> str:
    found = cells(report)
    lines = ["| Python | " + " | ".join(f"{column} dependencies" for column in COLUMNS) + " |"]
    lines.append("|---" * (len(COLUMNS) + 1) + "|")
    for python in dict.fromkeys(python for python, _ in found):
        words = (found.get((python, column), "NOT RUN") for column in COLUMNS)
        lines.append(f"| {python} | {' | '.join(words)} |")
    return "\n".join(lines) + "\n"


def main(path: str) -> int:
    report = json.loads(Path(path).read_text(encoding="utf-8"))
    print(table(report), end="")
    return 0 if set(cells(report).values()) == {"passed"} else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
