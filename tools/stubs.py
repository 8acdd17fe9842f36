"""The stubs of the modules with DTOs.

The alias rule works at run time, where no type checker sees it. The stubs spell it out: both names
of every field as attributes and as keywords of the constructor. A field's own annotation is copied
from the source; its default and its place among the inherited ones come from the class.
"""

import ast
import dataclasses
import functools
import importlib
import inspect
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from dify_java_compat._dto.dto import Dto
from dify_java_compat._dto.names import by_position, camel

from . import hovers
from .names import STUB_HEAD, all_of

MODULES = (
    "dify_java_compat.config",
    "dify_java_compat.models.apps",
    "dify_java_compat.models.events",
    "dify_java_compat.models.parameters",
    "dify_java_compat.models.recoup",
    "dify_java_compat.models.requests",
    "dify_java_compat.models.responses",
    "dify_java_compat.models.workflows",
)
_INDENT = "    "
_BETWEEN_EMPTY_CLASSES = re.compile(r"^(class .*: \.\.\.\n)\n(?=class .*: \.\.\.$)", re.MULTILINE)


def generated() -> dict[Path, str]:
    """Each stub that is written here, and its text."""
    modules = [importlib.import_module(name) for name in MODULES]
    return {path_of(module): stub_of(module) for module in modules}


def stub_of(module: ModuleType) -> str:
    """The text of a module's stub."""
    source = ast.parse(inspect.getsource(module))
    blocks = [block for node in source.body if (block := _statement(node, module))]
    body = _BETWEEN_EMPTY_CLASSES.sub(r"\1", "\n".join(blocks))
    imports = [line for node in source.body if (line := _import(node, body))]
    theirs = [line for line in imports if not line.startswith("from .")]
    ours = [line for line in imports if line.startswith("from .")]
    return STUB_HEAD + "\n".join([*theirs, *([""] if theirs else []), *ours, "", body])


def path_of(module: ModuleType) -> Path:
    return Path(str(module.__file__)).with_suffix(".pyi")


def _import(node: ast.stmt, body: str) -> str | None:
    """The part of an import that the stub has a use for."""
    if not isinstance(node, ast.ImportFrom) or node.module == "__future__":
        return None
    used = {name.id for name in ast.walk(ast.parse(body)) if isinstance(name, ast.Name)}
    node.names = [alias for alias in node.names if (alias.asname or alias.name) in used]
    return ast.unparse(node) if node.names else None


def _statement(node: ast.stmt, namespace: Any) -> str | None:
    if isinstance(node, ast.ClassDef):
        return "\n".join(_class(node, vars(namespace)[node.name])) + "\n"
    if isinstance(node, ast.AnnAssign):  # a constant
        return f"{ast.unparse(node.target)}: {ast.unparse(node.annotation)}\n"
    if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
        return all_of(ast.literal_eval(node.value))
    if isinstance(node, ast.Assign):  # a type variable
        return ast.unparse(node).replace("'", '"') + "\n"
    if isinstance(node, (ast.Import, ast.ImportFrom, ast.Expr)):
        return None
    raise TypeError(f"line {node.lineno}: a module of DTOs has fields and nothing else")


def _class(node: ast.ClassDef, cls: type) -> Iterator[str]:
    nested = [part for part in node.body if isinstance(part, ast.ClassDef)]
    members = list(_dto_members(node, cls) if issubclass(cls, Dto) else _members(node))
    yield from (f"@{ast.unparse(d)}" for d in node.decorator_list if not issubclass(cls, Dto))
    head = f"class {node.name}({', '.join(ast.unparse(base) for base in node.bases)}):"
    yield head.replace("()", "") if members or nested else head + " ..."
    for part in nested:
        yield from (_INDENT + line if line else "" for line in _class(part, vars(cls)[part.name]))
        yield ""
    yield from (_INDENT + line for line in members)


def _members(node: ast.ClassDef) -> Iterator[str]:
    """Of a plain class: its fields, an Enum's values, its properties."""
    for part in node.body:
        if isinstance(part, (ast.AnnAssign, ast.Assign)):
            yield ast.unparse(part).replace("'", '"')
        else:
            yield from _property(part)


def _property(part: ast.stmt) -> Iterator[str]:
    if isinstance(part, ast.FunctionDef):
        part.body = [ast.Expr(ast.Constant(...))]
        yield from ast.unparse(part).replace(":\n    ...", ": ...").splitlines()


def _dto_members(node: ast.ClassDef, cls: Any) -> Iterator[str]:
    own = dict(_annotations(node))
    depth = len(_INDENT) * len(cls.__qualname__.split("."))
    for name, kind in own.items():
        yield f"{name}: {kind}"
        yield from hovers.of_field(cls, name, depth)
    for name, kind in own.items():
        if camel(name) != name:
            yield f"{camel(name)}: {kind}"
            yield from hovers.of_alias(cls, name, depth)
    for part in node.body:
        yield from _property(part)
    if not own:  # the constructor is the base's
        return
    fields = by_position(cls)
    types = types_as_written(cls)
    snake = [(field.name, field) for field in fields]
    java = [(alias, field) for field in fields if (alias := camel(field.name)) != field.name]
    yield "def __init__("
    yield _INDENT + "self,"
    yield from (_INDENT + _parameter(name, types[field.name], field) for name, field in snake)
    if java:
        yield _INDENT + "*,"
        yield from (_INDENT + _parameter(name, types[field.name], field) for name, field in java)
    yield ") -> None: ..."


@functools.cache
def types_as_written(cls: type) -> dict[str, str]:
    """The types of a DTO class's fields, as its source and its bases' sources have them."""
    types: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        if issubclass(base, Dto) and base.__module__ in MODULES:
            source = ast.parse(textwrap.dedent(inspect.getsource(base))).body[0]
            assert isinstance(source, ast.ClassDef)
            types |= _annotations(source)
    return types


def _annotations(node: ast.ClassDef) -> Iterator[tuple[str, str]]:
    for part in node.body:
        if isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name):
            kind: Any = part.annotation
            quoted = isinstance(kind, ast.Constant)  # which in a stub nothing need be
            yield part.target.id, kind.value if quoted else ast.unparse(kind)


def _parameter(name: str, kind: str, field: Any) -> str:
    made = field.default is dataclasses.MISSING  # by a factory
    default = "..." if made else repr(field.default).replace("'", '"')
    return f"{name}: {kind} = {default},"
