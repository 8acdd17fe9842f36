"""The coroutine facades: `dify_java_compat/aio/`, from the sources of the facades.

A method that waits becomes a coroutine that calls it; one that gives a stream stays as it is.
"""

from __future__ import annotations

import ast
import copy
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from dify_java_compat._api.operation import Operation

from . import PACKAGE
from .rows import ROWS, WORKFLOW_ROWS


class Twin(NamedTuple):
    """A file of coroutines: its class, what it is of, and who makes one."""

    file: str
    name: str
    facades: tuple[tuple[str, str], ...]
    maker: str
    rows: dict[str, Operation[Any]]


TWINS = (
    Twin(
        "__init__",
        "AsyncDifyChatflow",
        (("interface", "DifyChat"), ("chatflow", "DifyChatflow")),
        "AsyncDifyChat",
        ROWS,
    ),
    Twin(
        "workflow",
        "AsyncDifyWorkflowCalls",
        (("workflow", "DifyWorkflow"),),
        "AsyncDifyWorkflow",
        WORKFLOW_ROWS,
    ),
)
HEAD = '''\
"""The facade as coroutines. Generated from it by `make generate`; a test compares."""

from __future__ import annotations

'''
CLASS = '''

class {name}(AsyncClient):
    """`{facade}` as coroutines, for asyncio: the same names, arguments, results and errors.

    The methods that give a stream are no coroutines: they give the same stream. A method is called
    on a thread, of which there are `ClientConfig.async_workers`, in a copy of its task's context.
    Cancelling the task cancels the request. `{maker}` is what makes one.
    """

    _facade: {facade}
'''
OURS = {
    ".._api.async_client": {"AsyncClient"},
    ".._api.java_keywords": {"java_keywords"},
}
_INDENT = "    "
_WIDTH = 100


def generated() -> dict[Path, str]:
    """The files that are written here, and their text."""
    return {PACKAGE / "aio" / f"{twin.file}.py": _text(twin) for twin in TWINS}


def _text(twin: Twin) -> str:
    facade = twin.facades[-1][1]
    body = CLASS.format(name=twin.name, facade=facade, maker=twin.maker)
    body += "".join(_methods(twin))
    return HEAD + _imports(twin, body) + f'\n__all__ = ["{twin.name}"]\n' + body


def _source(module: str) -> ast.Module:
    return ast.parse((PACKAGE / f"{module}.py").read_text(encoding="utf-8"))


def _methods(twin: Twin) -> Iterator[str]:
    for module, name in twin.facades:
        for node in _source(module).body:
            if isinstance(node, ast.ClassDef) and node.name == name:
                for part in node.body:
                    if isinstance(part, ast.FunctionDef):
                        yield "\n" + "\n".join(_method(part, name, twin.rows)) + "\n"


def _method(node: ast.FunctionDef, facade: str, rows: dict[str, Operation[Any]]) -> Iterator[str]:
    arguments = node.args
    for decorator in node.decorator_list:
        yield f"{_INDENT}@{ast.unparse(decorator)}"
    if arguments.kwonlyargs:
        yield f"{_INDENT}@java_keywords"
    is_stream = rows[node.name].streams if node.name in rows else False
    head = f"{_INDENT}{'' if is_stream else 'async '}def {node.name}("
    result = f") -> {ast.unparse(node.returns) if node.returns else 'None'}:"
    if node.decorator_list:  # an overload
        yield from _wrapped(head, _parameters(arguments), result + " ...")
        return
    yield from _wrapped(head, _parameters(arguments), result)
    yield from _docstring(node, facade)
    values = [argument.arg for argument in arguments.args[1:]]
    method = f"self._facade.{node.name}"
    if is_stream:
        yield from _wrapped(f"{_INDENT * 2}return {method}(", values, ")")
    else:
        yield from _wrapped(f"{_INDENT * 2}return await self._run(", [method, *values], ")")


def _parameters(arguments: ast.arguments) -> list[str]:
    defaults = [None] * (len(arguments.args) - len(arguments.defaults)) + arguments.defaults
    keywords = list(zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True))
    found = [_parameter(*each) for each in zip(arguments.args, defaults, strict=True)]
    return [*found, *(["*"] if keywords else []), *(_parameter(*each) for each in keywords)]


def _parameter(argument: ast.arg, default: ast.expr | None) -> str:
    kind = f": {ast.unparse(argument.annotation)}" if argument.annotation else ""
    equals = " = " if kind else "="
    return f"{argument.arg}{kind}" + (f"{equals}{ast.unparse(default)}" if default else "")


def _docstring(node: ast.FunctionDef, facade: str) -> Iterator[str]:
    """The first line of the method's own, and where the rest is."""
    first = (ast.get_docstring(node) or "").partition("\n")[0]
    more = f"See `{facade}`."
    line = f'{_INDENT * 2}"""{first} {more}"""'
    if _width(line) <= _WIDTH:
        yield line
    else:
        yield from (f'{_INDENT * 2}"""{first}', "", f"{_INDENT * 2}{more}", f'{_INDENT * 2}"""')


def _wrapped(head: str, parts: list[str], tail: str) -> Iterator[str]:
    """On one line, or on one between the brackets, or a line each, as the formatter does it."""
    inner = head[: len(head) - len(head.lstrip())]
    line = f"{head}{', '.join(parts)}{tail}"
    between = f"{inner}{_INDENT}{', '.join(parts)}"
    if len(line) <= _WIDTH:
        yield line
    elif len(between) <= _WIDTH:
        yield from (head, between, f"{inner}{tail}")
    else:
        yield from (head, *(f"{inner}{_INDENT}{part}," for part in parts), f"{inner}{tail}")


def _width(text: str) -> int:
    """In columns: a Chinese character takes two."""
    return sum(1 + (unicodedata.east_asian_width(letter) in "WF") for letter in text)


def _imports(twin: Twin, body: str) -> str:
    """The imports of the facades, as far as `body` has a use for them, and those of its own."""
    used = {node.id for node in ast.walk(ast.parse(body)) if isinstance(node, ast.Name)}
    found: dict[str, set[str]] = copy.deepcopy(OURS)
    module, facade = twin.facades[-1]
    found[f"..{module}"] = {facade}
    for module, _ in twin.facades:
        for node in _source(module).body:
            if isinstance(node, ast.ImportFrom) and node.module != "__future__":
                path = "." * (node.level and node.level + 1) + (node.module or "")
                found.setdefault(path, set()).update({alias.name for alias in node.names} & used)
    theirs = [_import(path, names) for path, names in found.items() if names and path[0] != "."]
    ours = [_import(path, found[path]) for path in sorted(found) if found[path] and path[0] == "."]
    return "".join(theirs) + ("\n" if theirs else "") + "".join(ours)


def _import(path: str, names: Iterable[str]) -> str:
    listed = sorted(names, key=lambda name: (not name[0].isupper(), name))
    line = f"from {path} import {', '.join(listed)}\n"
    if len(line) <= _WIDTH + 1:
        return line
    return f"from {path} import (\n" + "".join(f"{_INDENT}{name},\n" for name in listed) + ")\n"
