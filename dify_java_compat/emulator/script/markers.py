"""What a prompt requests by a word in square brackets: ``[loop x2]``, ``[人工 email]``."""

import re

_TIMES = r"(?: x(?P<times>[1-9]))?"


def _marker(word: str, chinese: str, options: str = "") -> re.Pattern[str]:
    return re.compile(rf"\[(?:{word}|{chinese}){options}\]", re.IGNORECASE)


_MARKERS = {
    "human": _marker("human", "人工", _TIMES + "(?P<email> e-?mail)?"),
    "iteration": _marker("iteration", "迭代"),
    "loop": _marker("loop", "循环", _TIMES),
    "retry": _marker("retry", "重试", _TIMES),
    "tool": _marker("tool", "工具"),
}


def times(query: str, word: str, *, default: int = 1) -> int:
    """How often a prompt requests it: ``[loop x2]`` twice, ``[loop]`` ``default`` times, else 0."""
    found = _MARKERS[word].search(query)
    if found is None:
        return 0
    return int(found.groupdict().get("times") or default)


def by_email(query: str) -> bool:
    """Whether the form for a person goes by e-mail, as for ``[human email]``."""
    found = _MARKERS["human"].search(query)
    return found is not None and found["email"] is not None
