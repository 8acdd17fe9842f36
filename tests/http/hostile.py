"""Texts that a pattern finds hardest: made of the pattern itself, for any pattern."""

from __future__ import annotations

import ast
import importlib
import random
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import dify_java_compat

if sys.version_info >= (3, 11):
    from re import _parser as parser  # type: ignore[attr-defined]
else:
    import sre_parse as parser

ROOT = Path(dify_java_compat.__file__).parent
_FUNCTIONS = ("compile", "sub", "search", "match", "fullmatch", "findall", "finditer", "split")
_BLANKS_AND_MORE = " \t\n<>\"'\\-_.,:;=&%@+/aZ09é中\x00\u2028"


class Pattern(NamedTuple):
    """A pattern of the package: where it is used, by which function of `re`, and its text."""

    where: str
    function: str
    text: str | bytes


def patterns() -> Iterator[Pattern | str]:
    """Every pattern of the package; of one that is put together at run time, only where it is."""
    for path in sorted(ROOT.rglob("*.py")):
        name = path.relative_to(ROOT.parent).with_suffix("").as_posix().replace("/", ".")
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for call in ast.walk(tree):
            if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
                continue
            of_re = isinstance(call.func.value, ast.Name) and call.func.value.id == "re"
            if of_re and call.func.attr in _FUNCTIONS:
                text = _value(name, call.args[0])
                where = f"{name}: {ast.unparse(call.args[0])}"
                yield where if text is None else Pattern(where, call.func.attr, text)


def _value(module: str, node: ast.expr) -> str | bytes | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, (str, bytes)):
        return node.value
    if isinstance(node, ast.Name):
        value = getattr(importlib.import_module(module), node.id, None)
        return value if isinstance(value, (str, bytes)) else None
    return None


def texts(pattern: str, size: int, count: int = 12) -> list[str]:
    """Texts of about that size: what the pattern's beginnings match, again and again.

    Each ends in what matches nothing, so that a pattern tries all it can.
    """
    dice = random.Random(repr(pattern))
    tree = parser.parse(pattern)
    made = []
    for _ in range(count):
        piece = "".join(_beginning(tree, dice)) or "a"
        ends = dice.choice(("\x01", "!", "\n", " ", "", piece[:1]))
        made.append((piece * (size // len(piece) + 1))[:size] + ends)
        made.append(piece + piece[-1:] * size + ends)
        made.append(_repeated_inside(tree, dice, size) + ends)
    return made


def _beginning(tree: Any, dice: random.Random) -> Iterator[str]:
    """What some of the first parts of a pattern match."""
    parts = list(tree)
    for part in parts[: dice.randint(1, len(parts))] if parts else ():
        yield _sample(part, dice, dice.choice((1, 2, 5, 80)))


def _repeated_inside(tree: Any, dice: random.Random, size: int) -> str:
    """A whole match with one of its repetitions blown up to that size."""
    parts = list(tree)
    loops = [n for n, (kind, _) in enumerate(parts) if "REPEAT" in str(kind)]
    chosen = dice.choice(loops) if loops else -1
    return "".join(
        _sample(part, dice, size if n == chosen else 1)[: size + 1] for n, part in enumerate(parts)
    )


def _sample(part: Any, dice: random.Random, times: int) -> str:
    """What one part of a parsed pattern matches; `times`: how often where it may be often."""
    kind, argument = str(part[0]), part[1]
    if "REPEAT" in kind:
        low, high, inner = argument
        piece = "".join(_sample(each, dice, 1) for each in inner)
        return piece * max(int(low), min(int(high), times))
    if kind == "LITERAL":
        return chr(argument)
    if kind == "SUBPATTERN":
        return "".join(_sample(each, dice, times) for each in argument[-1])
    if kind == "BRANCH":
        return "".join(_sample(each, dice, times) for each in dice.choice(argument[1]))
    if kind in ("IN", "NOT_LITERAL", "ANY", "CATEGORY"):
        return dice.choice(_matching(part) or ["a"])
    return ""  # a look around, an anchor, a group again


def _matching(part: Any) -> list[str]:
    """The characters of a few that a class of characters has."""
    kind, argument = str(part[0]), part[1]
    if kind == "ANY":
        return list(_BLANKS_AND_MORE)
    if kind == "NOT_LITERAL":
        return [c for c in _BLANKS_AND_MORE if ord(c) != argument]
    items = argument if kind == "IN" else [part]
    if negates := (str(items[0][0]) == "NEGATE"):
        items = items[1:]
    some = _BLANKS_AND_MORE + "".join(chr(a) for k, a in items if str(k) == "LITERAL")
    some += "".join(chr(a[0]) for k, a in items if str(k) == "RANGE")
    return [c for c in some if any(_is_in(c, item) for item in items) != negates]


def _is_in(character: str, item: Any) -> bool:
    kind, argument = str(item[0]), item[1]
    if kind == "LITERAL":
        return ord(character) == argument
    if kind == "RANGE":
        return bool(argument[0] <= ord(character) <= argument[1])
    by_name = {"SPACE": r"\s", "DIGIT": r"\d", "WORD": r"\w"}
    name = str(argument).removeprefix("CATEGORY_")
    found = re.match(by_name[name.removeprefix("NOT_")], character) is not None
    return found != name.startswith("NOT_")
