"""A file holds one idea, a function fits a screen, a class of the client has few methods."""

import ast
from collections.abc import Iterator
from pathlib import Path

from tools import PACKAGE, ROOT

LONGEST_FILE = 400
LONGEST_FUNCTION = 40
MOST_METHODS = 12

# one method an operation, and the operators of a stream
WIDE_MODULES = {"_api/plain_calls.py", "aio/__init__.py"}
WIDE_CLASSES = ("DifyChat", "DifyWorkflow", "Requests", "EventStream")

Function = ast.FunctionDef | ast.AsyncFunctionDef


def files() -> Iterator[Path]:
    yield from sorted(PACKAGE.rglob("*.py"))
    yield from sorted((ROOT / "tools").glob("*.py"))


def long_functions(source: str) -> list[str]:
    return [
        f"{node.lineno}: {node.name} has {lines} lines"
        for node in ast.walk(ast.parse(source))
        if isinstance(node, Function)
        and (lines := (node.end_lineno or 0) - node.lineno + 1) > LONGEST_FUNCTION
    ]


def wide_classes(source: str) -> list[str]:
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ClassDef) and not node.name.startswith(WIDE_CLASSES):
            own = {part.name for part in node.body if isinstance(part, Function)}
            count = sum(not name.startswith("__") for name in own)
            if count > MOST_METHODS:
                found.append(f"{node.lineno}: {node.name} has {count} methods")
    return found


def test_no_file_is_too_long() -> None:
    found = [
        f"{file.relative_to(ROOT)} has {lines} lines"
        for file in files()
        if (lines := len(file.read_text(encoding="utf-8").splitlines())) > LONGEST_FILE
    ]
    assert not found, "split it where a second idea begins:\n" + "\n".join(found)


def test_no_function_is_too_long() -> None:
    found = [
        f"{file.relative_to(ROOT)}:{long}"
        for file in files()
        for long in long_functions(file.read_text(encoding="utf-8"))
    ]
    assert not found, "give its steps a name and a function each:\n" + "\n".join(found)


def test_no_class_of_the_client_has_too_many_methods() -> None:
    found = [
        f"{file.relative_to(ROOT)}:{wide}"
        for file in sorted(PACKAGE.rglob("*.py"))
        if not (path := file.relative_to(PACKAGE).as_posix()).startswith("emulator/")
        and path not in WIDE_MODULES
        for wide in wide_classes(file.read_text(encoding="utf-8"))
    ]
    assert not found, "move a job to a class or to functions of its own:\n" + "\n".join(found)


def test_what_is_too_large_is_seen() -> None:
    assert long_functions("def f():\n" + "    x = 1\n" * 39) == []
    assert long_functions("class A:\n  async def f(self):\n" + "    x = 1\n" * 40) == [
        "2: f has 41 lines"
    ]
    methods = "".join(f"    def m{number}(self): ...\n" for number in range(13))
    assert wide_classes(f"class Exchange:\n{methods}") == ["1: Exchange has 13 methods"]
    assert wide_classes(f"class RequestsDifyChat:\n{methods}") == []
    dunders = "".join(f"    def __m{number}__(self): ...\n" for number in range(13))
    assert wide_classes(f"class Exchange:\n{dunders}") == []
