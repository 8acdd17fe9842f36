"""What the package offers, and the size of its files."""

import ast
import inspect
from pathlib import Path

import pytest

import dify_java_compat

ROOT = Path(dify_java_compat.__file__).parent
LONGEST = 330


def imported_names() -> list[str]:
    tree = ast.parse((ROOT / "__init__.py").read_text(encoding="utf-8"))
    imports = [node for node in tree.body if isinstance(node, ast.ImportFrom)]
    return [alias.asname or alias.name for node in imports for alias in node.names]


def test_all_is_sorted() -> None:
    assert dify_java_compat.__all__ == sorted(dify_java_compat.__all__)


def test_all_is_complete() -> None:
    assert sorted(imported_names()) == dify_java_compat.__all__


def test_every_exception_is_public() -> None:
    from dify_java_compat import errors

    exceptions = {
        name
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, errors.DifyException)
    }
    assert exceptions <= set(dify_java_compat.__all__)


def test_every_model_is_public() -> None:
    from dify_java_compat import models

    assert set(models.__all__) - {"EVENT_DATA"} <= set(dify_java_compat.__all__)


@pytest.mark.parametrize("name", dify_java_compat.__all__)
def test_every_public_name_has_a_docstring_of_its_own(name: str) -> None:
    value = getattr(dify_java_compat, name)
    assert value.__doc__
    assert not value.__doc__.startswith(f"{name}(")  # what a dataclass gives where none is
    if isinstance(value, type):
        assert "__doc__" in vars(value)


def test_every_method_of_the_facade_has_a_docstring() -> None:
    for _, method in inspect.getmembers(dify_java_compat.DifyChat, inspect.isfunction):
        assert method.__name__.startswith("_") or method.__doc__, method


@pytest.mark.parametrize(
    "file", sorted(ROOT.rglob("*.py")), ids=lambda file: str(file.relative_to(ROOT))
)
def test_no_file_is_too_long(file: Path) -> None:
    assert len(file.read_text(encoding="utf-8").splitlines()) <= LONGEST
