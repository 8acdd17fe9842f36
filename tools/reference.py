"""The pages of the reference: what the sources say of each public name, in both spellings.

The sources are read, not imported, so that the site builds without the frameworks that the modules
of `web` are for. The pages are reStructuredText and written for the site alone.
"""

from __future__ import annotations

import ast
import functools
import inspect
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dify_java_compat._dto.names import camel

from . import PACKAGE, names
from .reference_pages import INTRO, PAGES, WORDS, Page
from .restructured import directive, inline, restructured

PROJECT = "dify_java_compat"
FACADES = ("DifyChat", "DifyChatflow", "DifyWorkflow")

Function = ast.FunctionDef | ast.AsyncFunctionDef
Definition = ast.ClassDef | Function | ast.Assign


@dataclass(frozen=True)
class Public:
    """A public name: from where it is imported, and where it is written."""

    module: str
    name: str
    source: str
    node: Definition

    @property
    def role(self) -> str:
        if isinstance(self.node, ast.Assign):
            return "data"
        return "class" if isinstance(self.node, ast.ClassDef) else "func"

    @property
    def full(self) -> str:
        return f"{self.module}.{self.name}"


def pages(language: str) -> dict[str, str]:
    """The text of each page, by its name below `reference/`."""
    texts = {page.name: _page(page, language) for page in PAGES}
    title, intro = INTRO[language]
    entries = "\n".join(f"   {page.name}" for page in PAGES)
    texts["index"] = f"{_title(title)}\n{intro}\n.. toctree::\n   :titlesonly:\n\n{entries}\n"
    return texts


@functools.cache
def public() -> dict[str, Public]:
    """Every name that has a place in the reference, by its full name."""
    found = [each for page in PAGES for module in page.modules for each in _of(module, page.only)]
    return {each.full: each for each in found}


def documented_fields() -> Iterator[tuple[str, str]]:
    """Each field of a public DTO in both spellings, by the full name of the class."""
    for each in public().values():
        if isinstance(each.node, ast.ClassDef) and _is_dto(each.node):
            for name, _, _ in _fields(each.node, each.source):
                yield each.full, name
                yield each.full, camel(name)


def _page(page: Page, language: str) -> str:
    parts = [_title(page.title[language])]
    for module in page.modules:
        members = _of(module, page.only)
        if len(page.modules) > 1 and not module.startswith(f"{PROJECT}:"):
            parts.append(f"{_title(module, '-')}")
        parts.append(f".. py:currentmodule:: {module.partition(':')[0]}\n")
        if ":" not in module and not page.only and (doc := ast.get_docstring(_tree(_path(module)))):
            parts.append(restructured(doc, _links) + "\n")
        parts += [_definition(each, language) for each in members]
    return "\n".join(parts)


def _title(text: str, line: str = "=") -> str:
    width = sum(2 if ord(char) > 0x2E80 else 1 for char in text)
    return f"{text}\n{line * width}\n"


def _of(module: str, only: tuple[str, ...]) -> list[Public]:
    """The names of `package.module`, or those of `package:source` that the root has from there."""
    where, _, source = module.partition(":")
    source = f"{PROJECT}.{source}" if source else where
    found = []
    for name in only or names.names_of(source.removeprefix(f"{PROJECT}.")):
        path, node = _find(source, name)
        if node is not None:
            found.append(Public(where, name, path, node))
    return found


def _path(module: str) -> Path:
    path = PACKAGE.parent.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


@functools.cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _find(module: str, name: str) -> tuple[str, Definition | None]:
    """The module that defines `name`, and its definition; None where that is a plain value."""
    tree = _tree(_path(module))
    last: Definition | None = None
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name:
            last = node
        if isinstance(node, ast.ClassDef | Function) and node.name == name:
            last = node
        if isinstance(node, ast.ImportFrom) and any(
            (each.asname or each.name) == name for each in node.names
        ):
            if node.module is None or not node.level:  # a module, or not ours
                return module, None
            is_package = _path(module).name == "__init__.py"
            above = module.split(".")[: len(module.split(".")) - node.level + is_package]
            return _find(".".join([*above, node.module]), name)
    return module, last


def _links(code: str) -> tuple[str, str] | None:
    """The link for a piece of code in a docstring."""
    return _link_names().get(re.sub(r"\(.*\)$", "", code))


@functools.cache
def _link_names() -> dict[str, tuple[str, str]]:
    """Without the names that several modules have."""
    found: dict[str, tuple[str, str]] = {}
    for each in public().values():
        found[each.name] = (each.full, each.role)
        if isinstance(each.node, ast.ClassDef):
            for method in _methods(each.node):
                found[f"{each.name}.{method}"] = (f"{each.full}.{method}", "meth")
    count = Counter(each.name for each in public().values())
    return {name: link for name, link in found.items() if count[name.partition(".")[0]] == 1}


def _definition(each: Public, language: str) -> str:
    if isinstance(each.node, ast.ClassDef):
        return _class(each.node, each.name, each.source, language)
    if isinstance(each.node, ast.Assign):
        value = inline(f"`{ast.unparse(each.node.value)}`", _links)
        return directive("py:data", [each.name], f"{WORDS[language]['alias']} {value}")
    return _function(each.node, "py:function", [each.node])


def _class(node: ast.ClassDef, name: str, source: str, language: str) -> str:
    of_fields, rest = _of_fields(ast.get_docstring(node) or "", node)
    body = [restructured(rest, _links) + "\n"] if rest else []
    written = map(ast.unparse, node.bases)
    if bases := [base for base in written if _links(base) or _is_foreign(base)]:
        shown = ", ".join(f"`{base}`" for base in bases)
        body.insert(0, f"{WORDS[language]['bases']} {inline(shown, _links)}\n")
    body += _attributes(node, source, of_fields, language)
    for method, definitions in _all_methods(node, source).items():
        if not (_is_client(node) and method in _facade_methods()):
            body.append(_function(definitions[-1], _kind(definitions[-1]), definitions))
    for inner in node.body:
        if isinstance(inner, ast.ClassDef) and not inner.name.startswith("_"):
            body.append(_class(inner, inner.name, source, language))
    kind = "py:exception" if name.endswith("Exception") else "py:class"
    return directive(kind, [name + _parameters_of_class(node)], "\n".join(body))


def _is_foreign(base: str) -> bool:
    """A base of another package that says something to a reader."""
    return base.startswith(("Observable[", "Enum", "StreamingResponse", "DefaultJSONProvider"))


def _is_dto(node: ast.ClassDef) -> bool:
    return any(ast.unparse(each).partition("(")[0] == "dto" for each in node.decorator_list)


def _is_client(node: ast.ClassDef) -> bool:
    """A client, whose facade has a page of its own."""
    return bool(re.match(r"RequestsDify|AsyncDify(Chat|Workflow)$", node.name))


@functools.cache
def _facade_methods() -> set[str]:
    found = (_find(f"{PROJECT}.{module}", name)[1] for module, name in _facades())
    return {name for node in found if isinstance(node, ast.ClassDef) for name in _methods(node)}


def _facades() -> Iterator[tuple[str, str]]:
    yield from zip(("interface", "chatflow", "workflow"), FACADES, strict=True)


def _of_fields(doc: str, node: ast.ClassDef) -> tuple[dict[str, str], str]:
    """What a docstring says of single fields (`name: text`), and the rest of it."""
    own = {name for name, _, _ in _fields(node, "")} if _is_dto(node) else set()
    told: dict[str, str] = {}
    rest = []
    for block in doc.split("\n\n"):
        entries = re.split(r"\n(?=\w)", block)
        heads = [entry.partition(": ")[0].split(", ") for entry in entries]
        if own and all(set(head) <= own for head in heads):
            for head, entry in zip(heads, entries, strict=True):
                text = inspect.cleandoc(entry.partition(": ")[2])
                told |= dict.fromkeys(head, text[:1].upper() + " ".join(text.split())[1:])
        else:
            rest.append(block)
    return told, "\n\n".join(rest)


def _attributes(
    node: ast.ClassDef, source: str, of_fields: dict[str, str], language: str
) -> Iterator[str]:
    for name, kind, default in _fields(node, source):
        spellings = list(dict.fromkeys((name, camel(name)))) if _is_dto(node) else [name]
        text = inline(of_fields.get(name) or _comment(node, name), _links)
        if default not in (None, "None"):
            text = f"{text}\n\n{WORDS[language]['default']} ``{default}``"
        options = {"no_contents_entry": ""} | ({"type": kind} if kind else {})
        yield directive("py:attribute", spellings, text.strip(), **options)


def _fields(node: ast.ClassDef, _source: str) -> Iterator[tuple[str, str, str | None]]:
    """Name, type and default of each public field, or member of an enum."""
    is_enum = any("Enum" in ast.unparse(base) for base in node.bases)
    for part in node.body:
        if isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name):
            kind = ast.unparse(part.annotation).strip("'\"")
            if not part.target.id.startswith("_") and not kind.startswith("ClassVar"):
                yield part.target.id, kind, _default(part.value)
        if is_enum and isinstance(part, ast.Assign) and isinstance(part.targets[0], ast.Name):
            yield part.targets[0].id, "", ast.unparse(part.value)


def _default(value: ast.expr | None) -> str | None:
    """What the constructor takes where nothing is given; of `field_named(...)` its `default`."""
    if isinstance(value, ast.Call):
        values = {each.arg: each.value for each in value.keywords}
        inner = values.get("default")
        return ast.unparse(inner) if inner else None
    return ast.unparse(value) if value else None


def _comment(node: ast.ClassDef, name: str) -> str:
    """The string below an attribute."""
    for part, below in zip(node.body, node.body[1:], strict=False):
        is_it = isinstance(part, ast.AnnAssign) and ast.unparse(part.target) == name
        if is_it and isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant):
            return inspect.cleandoc(str(below.value.value))
    return ""


def _methods(node: ast.ClassDef) -> dict[str, list[Function]]:
    """The public methods and properties that it has, each with its overloads and itself."""
    found: dict[str, list[Function]] = {}
    for part in node.body:
        if isinstance(part, Function) and not part.name.startswith("_"):
            found.setdefault(part.name, []).append(part)
    return found


def _all_methods(node: ast.ClassDef, source: str) -> dict[str, list[Function]]:
    """Those of its bases too, where a base has no place of its own in the reference."""
    found = _methods(node)
    for base in node.bases:
        name = ast.unparse(base).partition("[")[0]
        if _links(name) is None and not _is_foreign(name):
            where, inherited = _find(source, name)
            if isinstance(inherited, ast.ClassDef):
                found = {**_all_methods(inherited, where), **found}
    return found


def _kind(node: Function) -> str:
    decorators = {ast.unparse(each) for each in node.decorator_list}
    return "py:property" if "property" in decorators else "py:method"


def _function(node: Function, kind: str, definitions: list[Function]) -> str:
    overloads = [
        each for each in definitions if "overload" in map(ast.unparse, each.decorator_list)
    ]
    doc = next((d for each in definitions if (d := ast.get_docstring(each))), "")
    body = restructured(doc, _links)
    if kind == "py:property":
        options = {"type": ast.unparse(node.returns)} if node.returns else {}
        return directive(kind, [node.name], body, **options)
    signatures = [text for each in overloads or [node] for text in _signatures(each, kind)]
    decorators = {ast.unparse(each) for each in node.decorator_list}
    options = {"async": ""} if isinstance(node, ast.AsyncFunctionDef) else {}
    options |= {name: "" for name in ("staticmethod", "classmethod") if name in decorators}
    return directive(kind, list(dict.fromkeys(signatures)), body, **options)


def _signatures(node: Function, kind: str) -> Iterator[str]:
    """As it is called with Python's names, and with Java's where it takes them."""
    arguments = node.args
    every = [*arguments.posonlyargs, *arguments.args]
    own = every[1:] if kind == "py:method" and not _is_static(node) else every
    java = {camel(each.arg) for each in own} - {each.arg for each in own}
    java &= {each.arg for each in arguments.kwonlyargs}
    result = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    yield f"{node.name}({_arguments(arguments, own, java)}){result}"
    if java:
        both = [camel(each.arg) for each in own]
        yield f"{node.name}(*, {', '.join(f'{name}=...' for name in both)}){result}"


def _is_static(node: Function) -> bool:
    return "staticmethod" in map(ast.unparse, node.decorator_list)


def _arguments(arguments: ast.arguments, own: list[ast.arg], without: set[str]) -> str:
    kept = [
        (argument, default)
        for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
        if argument.arg not in without
    ]
    defaults: list[ast.expr | None] = [None] * (len(own) - len(arguments.defaults))
    defaults += arguments.defaults[len(arguments.defaults) - len(own) + len(defaults) :]
    parts = [_argument(*pair) for pair in zip(own, defaults, strict=True)]
    if arguments.vararg:
        parts.append(f"*{_argument(arguments.vararg)}")
    elif kept:
        parts.append("*")
    parts += [_argument(*pair) for pair in kept]
    if arguments.kwarg:
        parts.append(f"**{_argument(arguments.kwarg)}")
    return ", ".join(parts)


def _argument(argument: ast.arg, default: ast.expr | None = None) -> str:
    kind = f": {ast.unparse(argument.annotation)}" if argument.annotation else ""
    value = f" = {ast.unparse(default)}" if default is not None else ""
    return f"{argument.arg}{kind}{value}"


def _parameters_of_class(node: ast.ClassDef) -> str:
    for part in node.body:
        if isinstance(part, Function) and part.name == "__init__":
            return f"({_arguments(part.args, part.args.args[1:], set())})"
    return ""


def title(language: str) -> str:
    """That of the first page."""
    return INTRO[language][0]
