"""mypy and pyright see the errors that are marked in the samples, and no others."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SAMPLES = sorted((Path(__file__).parent / "samples").glob("[a-z]*.py"))

Errors = dict[str, list[int]]  # the lines, by file


def by_file(places: set[tuple[str, int]]) -> Errors:
    errors: Errors = {}
    for file, line in sorted(places):
        errors.setdefault(Path(file).name, []).append(line)
    return errors


def marked() -> Errors:
    return by_file(
        {
            (file.name, number)
            for file in SAMPLES
            for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1)
            if line.endswith("# error")
        }
    )


def output_of(*command: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", *command, *map(str, SAMPLES)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return done.stdout


def by_mypy() -> Errors:
    reports = map(
        json.loads, output_of("mypy", "--output=json", "--follow-imports=silent").splitlines()
    )
    return by_file({(r["file"], r["line"]) for r in reports if r["severity"] == "error"})


def by_pyright() -> Errors:
    output = output_of("pyright", "--outputjson", "--pythonpath", sys.executable)
    reports = json.loads(output)["generalDiagnostics"]
    return by_file(
        {(r["file"], r["range"]["start"]["line"] + 1) for r in reports if r["severity"] == "error"}
    )


@pytest.mark.parametrize("check", [by_mypy, by_pyright])
def test_the_marked_errors_and_no_others_are_reported(check: Callable[[], Errors]) -> None:
    assert check() == marked()
