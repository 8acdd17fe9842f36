"""The table of the methods that Java lacks, in docs/*/migration.md: a line for each of them.

Path and verb are those of the row, the words those of the facade's docstring.
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Iterator
from typing import Any

from dify_java_compat import DifyChat, DifyChatflow
from dify_java_compat._stream.observable import EventStream

from .marked import replaced
from .rows import ROWS

START = "<!-- the methods that Java lacks: written by make generate -->"
END = "<!-- to here -->"
HEADS = {"en": ("What it does", "Dify", "Python"), "zh": ("作用", "Dify", "Python")}
STREAM = {"en": ", an `EventStream`", "zh": "，返回 `EventStream`"}


def table(language: str) -> str:
    lines = [HEADS[language], ("---",) * 3, *_rows(language)]
    return "\n".join("|" + "|".join(_padded(cell) for cell in line) + "|" for line in lines)


def with_table(text: str, language: str) -> str:
    """`text` of a page with its table as it should be. ValueError where it has none."""
    return replaced(text, START, END, f"\n{table(language)}\n\n")


def _rows(language: str) -> Iterator[tuple[str, str, str]]:
    for name in vars(DifyChatflow):
        if name.startswith("_") or hasattr(DifyChat, name):
            continue
        method = getattr(DifyChatflow, name)
        title, _, english = (
            inspect.cleandoc(method.__doc__ or "").partition("\n")[0].partition(": ")
        )
        what = title if language == "zh" else english.rstrip(".")
        yield what, f"`{ROWS[name].method} {ROWS[name].path}`", _call(method, language)


def _call(method: Any, language: str) -> str:
    parameters = list(inspect.signature(method).parameters.values())[1:]
    names = [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
    result = typing.get_type_hints(method)["return"]
    is_stream = typing.get_origin(result) is EventStream
    return f"`{method.__name__}({', '.join(names)})`" + (STREAM[language] if is_stream else "")


def _padded(cell: str) -> str:
    return cell if cell == "---" else f" {cell} "
