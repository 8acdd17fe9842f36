"""Headers that the caller adds to the client's own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..errors import IllegalArgumentException

_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_NO_VALUE = re.compile("[^\t\x20-\x7e\x80-\xff]")
# the key, and what says how long a message is and where it goes
_OURS = frozenset(
    (
        "authorization",
        "x-api-key",
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "expect",
        "host",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    )
)


def validated_headers(headers: Any, what: str) -> dict[str, str]:
    """`headers`. IllegalArgumentException names what is no header, or one of the client's own."""
    if not isinstance(headers, Mapping):
        raise IllegalArgumentException(f"{what} must be a mapping of names to values")
    for name, value in headers.items():
        check_header(name, value, what)
        if name.lower() in _OURS:
            raise IllegalArgumentException(f"{what}: {name} is set by the client alone")
    return dict(headers)


def check_header(name: Any, value: Any, what: str) -> None:
    """IllegalArgumentException names, as of `what`, what no header can be."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise IllegalArgumentException(f"{what}: {name!r} is no name of a header")
    # never the value itself, which may be a secret
    if not isinstance(value, str) or _NO_VALUE.search(value):
        raise IllegalArgumentException(
            f"{what}: the value of {name} must be a text in Latin-1 without line breaks"
        )


def merged_headers(before: Mapping[str, str] | None, new: Mapping[str, str]) -> dict[str, str]:
    """`before` with `new`, which replace those of the same name, however it is written."""
    names = {name.lower() for name in new}
    return {n: v for n, v in (before or {}).items() if n.lower() not in names} | dict(new)


def divided_headers(headers: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """Those that the client alone sets, and the others."""
    ours = {name: value for name, value in headers.items() if name.lower() in _OURS}
    return ours, {name: value for name, value in headers.items() if name not in ours}
