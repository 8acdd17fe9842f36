"""The samples of README.md and docs/ pass in each type checker, as a reader has them.

A page is one module, as it is one session; a sample that is a file of its own is one here too,
unless it is made of what has no types. The samples of the Chinese pages are those of the English
ones, which another test holds.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from tests.docs.pages import DOCS, ROOT, all_pages, blocks

from .checkers import CHECKERS, Error

_IMPORT = re.compile("^(?:import|from) (\\w+)", re.MULTILINE)
_UNTYPED = re.compile("^from (celery|pyspark|tasks)[. ]", re.MULTILINE)


def modules(page: Path) -> Iterator[tuple[str, str]]:
    """The names of the modules that a page has, and their texts; lines are the page's."""
    name = "_".join(page.relative_to(ROOT).with_suffix("").parts).replace("-", "_")
    text = ""
    imported = set(_IMPORT.findall(page.read_text(encoding="utf-8")))
    for block in blocks(page):
        if block.language != "python":
            continue
        if block.file_name and _UNTYPED.search(block.text):
            continue
        if block.file_name and Path(block.file_name).stem in imported:
            yield Path(block.file_name).stem, block.text
        elif block.text.startswith("# test_"):
            yield f"{name}_{block.line}", block.text
        else:
            text += "\n" * (block.line - text.count("\n")) + block.text
    if text:
        yield name, text


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder, files = tmp_path_factory.mktemp("pages"), []
    for page in all_pages():
        if page.parent != DOCS / "zh":
            for name, text in modules(page):
                files.append(folder / f"{name}.py")
                files[-1].write_text(text, encoding="utf-8")
    return [*files, *sorted((DOCS / "examples").glob("*.py"))]


@pytest.mark.parametrize("check", CHECKERS)
def test_the_samples_of_the_pages_pass(
    check: Callable[[Sequence[Path]], list[Error]], samples: list[Path]
) -> None:
    errors = check(samples)
    assert not errors, "\n".join(f"{file}:{line}: {text}" for file, line, text in errors)
