"""The generated files are what their generators write."""

import pytest

from tools import ROOT, generate


@pytest.mark.parametrize("generator", generate.GENERATORS)
def test_what_is_generated_is_fresh(generator: str) -> None:
    stale = [path.relative_to(ROOT).as_posix() for path, _ in generate.stale(generator)]
    assert not stale, "run `make generate`"
