"""Docstrings as reStructuredText: backticks are code, lists and drawings stay as they are.

What is code and names something that has a place in the reference becomes a link to it.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Iterator

# A name to the target and the role of its link, None where it has no place.
Links = Callable[[str], "tuple[str, str] | None"]

_SPAN = re.compile(r"``(.+?)``|`([^`]+)`")
_ITEM = re.compile(r"^(- |\d+\. )")
_PARAMETER = re.compile(r"^([a-z_][\w, ]*): ")


def restructured(doc: str, links: Links) -> str:
    """`doc` as reStructuredText."""
    return "\n\n".join(_blocks(doc, links))


def _blocks(doc: str, links: Links) -> Iterator[str]:
    is_drawing = False
    for block in re.split(r"\n\s*\n", doc):
        if is_drawing and block.startswith(" "):
            yield block
            continue
        is_drawing = block.endswith("::")
        if block == "::":
            yield block
        else:
            yield "\n".join(_lines(_as_list(block), links))


def _as_list(block: str) -> str:
    """Parameters, one a line (`name: text`, what follows indented), as a list; else as it is."""
    lines = block.splitlines()
    heads = [line for line in lines if not line.startswith(" ")]
    if len(heads) < 2 or not all(map(_PARAMETER.match, heads)):
        return block
    items = (
        f"  {line.strip()}" if line.startswith(" ") else _PARAMETER.sub(r"- `\1`: ", line)
        for line in lines
    )
    return "\n".join(items)


def _lines(block: str, links: Links) -> Iterator[str]:
    """The lines of a paragraph; a list in it begins a block of its own."""
    was_item = False
    text = inline(block, links)
    for number, line in enumerate(text.splitlines()):
        is_item = bool(_ITEM.match(line)) or (was_item and line.startswith(" "))
        if number and is_item != was_item:
            yield ""
        was_item = is_item
        yield line


def inline(text: str, links: Links) -> str:
    """`text` with its code as literals or links, and the rest without meaning."""
    parts, end = [], 0
    for span in _SPAN.finditer(text):
        before = text[end : span.start()]
        parts.append(_escaped(before))
        if before and not before[-1].isspace():
            parts.append("\\ ")
        parts.append(_code(" ".join((span[1] or span[2]).split()), links))
        end = span.end()
        if text[end : end + 1].strip():
            parts.append("\\ ")
    return "".join([*parts, _escaped(text[end:])])


def _code(code: str, links: Links) -> str:
    if found := links(code):
        target, role = found
        return f":py:{role}:`{code} <{target}>`"
    return f"``{code}``"


def _escaped(text: str) -> str:
    text = re.sub(r"([\\*|`])", r"\\\1", text)
    return re.sub(r"(\w)_(?!\w)", r"\1\\_", text)


def directive(name: str, signatures: list[str], body: str = "", **options: str) -> str:
    """A directive with a line for each of its signatures."""
    head = f".. {name}:: "
    lines = [head + signatures[0], *(" " * len(head) + each for each in signatures[1:])]
    lines += [f"   :{key.replace('_', '-')}: {value}".rstrip() for key, value in options.items()]
    text = "\n".join(lines) + "\n"
    return f"{text}\n{textwrap.indent(body, '   ')}\n" if body.strip() else text
