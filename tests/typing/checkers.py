"""The type checkers of those who use the package, run as they run them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]

Error = tuple[str, int, str]  # the file's name, the line, what is wrong


def mypy(files: Sequence[Path]) -> list[Error]:
    """Strict, as the project's own settings say; Dask has functions without types."""
    options = ["--output=json", "--follow-imports=silent", "--untyped-calls-exclude=distributed"]
    lines = [line for line in _output("mypy", *options, *files).splitlines() if line]
    return [
        (Path(found["file"]).name, found["line"], found["message"])
        for found in map(json.loads, lines)
        if found["severity"] == "error"
    ]


def pyright(files: Sequence[Path]) -> list[Error]:
    """At its standard level."""
    options = ["--outputjson", "--pythonpath", sys.executable]
    found = json.loads(_output("pyright", *options, *files, folder=files[0].parent))
    return [
        (Path(each["file"]).name, each["range"]["start"]["line"] + 1, each["message"])
        for each in found["generalDiagnostics"]
        if each["severity"] == "error"
    ]


def ty(files: Sequence[Path]) -> list[Error]:
    """All but `assert_type`: it infers literals and intersections, which are never the same."""
    where = ["--python", sys.prefix, "--extra-search-path", ROOT]
    where += ["--extra-search-path", files[0].parent, "--python-version", "3.10"]
    output = _output("ty", "check", "--output-format", "concise", *where, *files)
    found = _from_lines(r"(.*?):(\d+):\d+: error(.*)", output)
    kinds = ("[type-assertion-failure]", "[assert-type-unspellable-subtype]")
    return [error for error in found if not error[2].startswith(kinds)]


def pyrefly(files: Sequence[Path]) -> list[Error]:
    """At its default level, which a project has that names none."""
    where = ["--python-interpreter-path", sys.executable]
    where += ["--search-path", ROOT, "--search-path", files[0].parent]
    where += ["--python-version", "3.10", "--preset", "default"]
    output = _output("pyrefly", "check", "--output-format", "min-text", *where, *files)
    return list(_from_lines(r"ERROR (.*?):(\d+):\S+ (.*)", output))


CHECKERS: tuple[Callable[[Sequence[Path]], list[Error]], ...] = (mypy, pyright, ty, pyrefly)


def _output(command: str, *arguments: Any, folder: Path = ROOT) -> str:
    done = subprocess.run(
        [sys.executable, "-m", command, *map(str, arguments)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return done.stdout


def _from_lines(pattern: str, output: str) -> Iterator[Error]:
    for file, line, message in re.findall(rf"^{pattern}$", output, re.MULTILINE):
        yield Path(file).name, int(line), message
