"""The language of what the command says: Chinese where the locale is Chinese, else English."""

from __future__ import annotations

import ctypes
import os
import re
import sys
from collections.abc import Iterable, Mapping

from .chinese import CHINESE
from .chinese_foreign import FOREIGN

_WINDOWS_CHINESE = 0x04  # the primary language of an identifier of Windows
_LANGUAGES = ("zh", "en")


def tr(text: str, **values: object) -> str:
    """`text`, or its Chinese, with the `values` in it."""
    if is_chinese():
        text = CHINESE.get(text, text)
    return text.format(**values) if values else text


def N_(text: str) -> str:
    """`text` as it is: marks one that `tr` gets later, as gettext's users do."""
    return text


def is_chinese() -> bool:
    """Whether the locale is Chinese, and both outputs can write that."""
    return language(os.environ) == "zh" and _writes_chinese((sys.stdout, sys.stderr))


def language(environ: Mapping[str, str]) -> str:
    """zh or en, by the variables in gettext's order; on Windows without any, by its own setting."""
    names = ("LC_ALL", "LC_MESSAGES", "LANG")
    locale = next((value for name in names if (value := environ.get(name))), "")
    wanted = [locale]
    if locale not in ("C", "POSIX"):  # which no LANGUAGE changes
        wanted = [*environ.get("LANGUAGE", "").split(":"), locale]
    for each in wanted:
        primary = re.split(r"[_.@-]", each)[0].lower()
        if primary in _LANGUAGES:
            return primary
    return "zh" if not any(wanted) and _is_windows_chinese() else "en"


def _is_windows_chinese() -> bool:
    windll = getattr(ctypes, "windll", None)
    if windll is None:
        return False
    identifier: int = windll.kernel32.GetUserDefaultUILanguage()
    return identifier & 0x3FF == _WINDOWS_CHINESE


def _writes_chinese(streams: Iterable[object]) -> bool:
    for stream in streams:
        try:
            "中".encode(getattr(stream, "encoding", None) or "utf-8")
        except (UnicodeError, LookupError):
            return False
    return True


def translated(text: str) -> str:
    """A sentence of argparse or of the client, in Chinese as far as the table has it."""
    if not is_chinese():
        return text
    for english, chinese in FOREIGN.items():
        found = _values(english, text)
        if found is not None:
            for name in {"cause", "reason"} & found.keys():
                found[name] = translated(found[name])
            return chinese.format(**found)
    return text


def _values(template: str, text: str) -> dict[str, str] | None:
    """What `text` has in the place of each {name} of `template`; None where it does not fit.

    Linear, for a server may have written it.
    """
    first, *rest = re.split(r"\{(\w+)\}", template)
    if not text.startswith(first):
        return None
    found: dict[str, str] = {}
    position = len(first)
    for name, literal in zip(rest[::2], rest[1::2], strict=True):
        is_last = len(found) == len(rest) // 2 - 1
        end = len(text) - len(literal) if is_last else text.find(literal, position)
        if end < position or not text.startswith(literal, end):
            return None
        found[name], position = text[position:end], end + len(literal)
    return found if position == len(text) else None


def unreadable(error: OSError) -> str:
    """What is said of a file that cannot be read."""
    return tr("{path} cannot be read: {cause}", path=error.filename, cause=_cause_of(error))


def unwritable(error: OSError) -> str:
    """What is said of a file that cannot be written."""
    return tr("{path} cannot be written: {cause}", path=error.filename, cause=_cause_of(error))


def _cause_of(error: OSError) -> str:
    return translated(error.strerror or str(error))
