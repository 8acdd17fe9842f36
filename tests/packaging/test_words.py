"""Identifiers are the trade's words: the retired ones do not come back.

Looked at is each name that the package defines: modules, classes, functions, parameters, variables
and attributes. Names on the wire are strings, and no concern here.
"""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterator

import pytest

from tools import PACKAGE

# whole words of identifiers, and what to write in their place
RETIRED = {
    "answer": "response, result or text: `answer` is Dify's word for the chat's text, only that",
    "answered": "responded, received",
    "answers": "responses, replies",
    "asked": "requested, request",
    "asker": "request, exchange",
    "asking": "requesting; where a run asks a person: human_input",
    "came": "received, arrived",
    "given": "values, arguments, payload",
    "heard": "received",
    "left": "cancelled, remaining, disconnected: it had all three meanings",
    "lives": "runs",
    "outgoing": "request",
    "patience": "timeout",
    "place": "param, setting, position",
    "places": "params, settings, positions",
    "said": "text, message",
    "saw": "on_block, recorded",
    "shelf": "buffer",
    "shown": "redacted, serialized",
    "slots": "limiter",
    "suffer": "apply",
    "tell": "emit",
    "telling": "identity",
    "told": "emitted, events, delivered",
    "watched": "interruptible",
}

# rooms whose subject is the chat's answer
ABOUT_ANSWERS = ("_stream/answer", "_stream/collecting", "models/", "web/", "batch/")
# what keeps such a word, by module, with the reason
ALLOWED = {
    "batch/_result": {"Answered": "public: a question with its answer, or without"},
    "_http/deadline": {"time_left": "as in asyncio and httpx: seconds that remain"},
    "emulator/server": {"answer": "public: `reply(answer=...)`, the chat's text"},
}


def words(name: str) -> set[str]:
    """The words of a name in snake_case or CamelCase; Python's own names have none."""
    if name.startswith("__"):
        return set()
    return {word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)}


def defined(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """The names that a module defines, and their lines."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name, node.lineno
        elif isinstance(node, ast.arg):
            yield node.arg, node.lineno
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id, node.lineno
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr, node.lineno
        elif isinstance(node, ast.alias) and node.asname:
            yield node.asname, 0


@functools.cache
def names() -> list[tuple[str, str, int]]:
    """Module, name and line of all that the package defines."""
    found = []
    for file in sorted(PACKAGE.rglob("*.py")):
        module = file.relative_to(PACKAGE).with_suffix("").as_posix()
        found.append((module, file.stem, 0))
        tree = ast.parse(file.read_text(encoding="utf-8"))
        found += [(module, name, line) for name, line in defined(tree)]
    return found


def is_allowed(word: str, module: str, name: str) -> bool:
    return name in ALLOWED.get(module, {}) or (
        word == "answer" and module.startswith(ABOUT_ANSWERS)
    )


@pytest.mark.parametrize("word", RETIRED)
def test_a_retired_word_is_in_no_name(word: str) -> None:
    found = sorted(
        f"{module}.py:{line}: {name}"
        for module, name, line in names()
        if word in words(name) and not is_allowed(word, module, name)
    )
    assert not found, f"{word}: write {RETIRED[word]}\n" + "\n".join(found)


def test_what_is_allowed_is_there_and_needs_it() -> None:
    there = {(module, name) for module, name, _ in names()}
    for module, kept in ALLOWED.items():
        for name in kept:
            assert (module, name) in there, f"{module}: {name} is gone: take it out of ALLOWED"
            assert words(name) & set(RETIRED), f"{module}: {name}"


def test_a_retired_word_is_seen_wherever_it_is_defined() -> None:
    source = (
        "import x as told\n"
        "class AnswerBuilder:\n    shown: int\n"
        "def f(given):\n    self._came_late = 1\n    lives_on = 2\n    return unshown, HEARD\n"
    )
    expected = {"told", "AnswerBuilder", "shown", "f", "given", "_came_late", "lives_on"}
    assert {name for name, _ in defined(ast.parse(source))} == expected
    assert words("_cameLATE_AnswerBuilder") == {"came", "late", "answer", "builder"}
    assert words("unshown") == {"unshown"}
