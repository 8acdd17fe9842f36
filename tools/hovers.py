"""What an editor shows of a DTO's field, in either spelling: the other one, and what it means."""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Iterator
from typing import Any

from dify_java_compat._dto.names import camel, names_of

from .rows import wire_names

_WIDTH = 100 - len('"""' * 2)
# `name: what it is`, or `name, other: what they are`, in the docstring of the class
_ENTRY = re.compile(r"^((?:[a-z]\w*, )*[a-z]\w*): (.*(?:\n[ ]+.*)*)$", re.MULTILINE)


def of_field(cls: Any, name: str, indent: int) -> Iterator[str]:
    """The docstring below a field, as lines; none where there is nothing to say."""
    names = {"Java": camel(name), "Java's JSON": names_of(cls).java[name]}
    if names["Java's JSON"] in (name, camel(name)):
        del names["Java's JSON"]
    sent = [wire for wire in wire_names(cls, name) if not wire.startswith("{")]  # but in a path
    if sent:
        names["Dify"] = sent[0]
    others = (f"in {where} `{other}`" for where, other in names.items() if other != name)
    yield from _docstring([_meaning(cls, name), ", ".join(others)], indent)


def of_alias(cls: Any, name: str, indent: int) -> Iterator[str]:
    """The docstring below the Java name of a field."""
    yield from _docstring([f"Java's name of `{name}`", _meaning(cls, name)], indent)


def _meaning(cls: Any, name: str) -> str:
    for names, text in _ENTRY.findall(inspect.getdoc(cls) or ""):
        if name in names.split(", "):
            return " ".join(text.split())
    return ""


def _docstring(sentences: list[str], indent: int) -> Iterator[str]:
    text = " ".join(f"{each[:1].upper()}{each[1:].rstrip('.')}." for each in sentences if each)
    lines = textwrap.wrap(text, _WIDTH - indent)
    if len(lines) == 1:
        yield f'"""{lines[0]}"""'
    elif lines:
        yield from (f'"""{lines[0]}', *lines[1:], '"""')
