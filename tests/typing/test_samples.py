"""Each type checker sees the errors that are marked in the samples, and no others."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import pytest

from .checkers import CHECKERS, Error

SAMPLES = sorted((Path(__file__).parent / "samples").glob("[a-z]*.py"))

Errors = dict[str, list[int]]  # the lines, by file


def by_file(places: Iterable[tuple[str, int]]) -> Errors:
    errors: Errors = {}
    for file, line in sorted(set(places)):
        errors.setdefault(file, []).append(line)
    return errors


def marked(checker: str) -> Errors:
    """The lines that end in `# error`, or in `# error, unseen by` another checker."""
    return by_file(
        (file.name, number)
        for file in SAMPLES
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1)
        if "  # error" in line and not line.endswith(f"unseen by {checker}")
    )


@pytest.mark.parametrize("check", CHECKERS)
def test_the_marked_errors_and_no_others_are_reported(
    check: Callable[[Sequence[Path]], list[Error]],
) -> None:
    found = by_file((file, line) for file, line, _ in check(SAMPLES))
    assert found == marked(check.__name__)
