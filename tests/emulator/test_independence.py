"""The emulator shares no code with the client, or one wrong name would pass every test."""

import ast
from pathlib import Path

import pytest

import dify_java_compat.emulator

FOLDER = Path(dify_java_compat.emulator.__file__).parent


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.py")), ids=lambda file: file.name)
def test_nothing_is_imported_from_outside(file: Path) -> None:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            assert not any(name.name.startswith("dify_java_compat") for name in node.names)
        if isinstance(node, ast.ImportFrom):
            assert node.level <= 1
            assert not (node.module or "").startswith("dify_java_compat")


def test_it_offers_no_more_than_a_test_needs() -> None:
    assert dify_java_compat.emulator.__all__ == [
        "DifyEmulator",
        "RecordedRequest",
        "Rule",
        "faults",
    ]
