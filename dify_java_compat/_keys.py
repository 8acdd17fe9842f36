"""API keys: into a request's header, and out of every text."""

from __future__ import annotations

import json
import re
from typing import Any, Protocol, TypeVar
from urllib.parse import quote

from .errors import IllegalArgumentException

MASK = "***MASKED***"
_LONG = 8


class _WithHeaders(Protocol):
    headers: Any


R = TypeVar("R", bound=_WithHeaders)


class Key:
    """An API key that puts itself into a request's header and shows itself nowhere else.

    An `auth=` object: it alone keeps requests from putting a `.netrc` password there instead.
    """

    def __init__(self, key: str, header: str = "Authorization", scheme: str = "Bearer ") -> None:
        if not key or re.search(r"[^\x21-\x7e]", key):
            raise IllegalArgumentException(
                "api_key must not be empty and must be ASCII without blanks or line breaks"
            )
        self._key, self._header, self._scheme = key, header, scheme

    def __call__(self, request: R) -> R:
        request.headers[self._header] = self._scheme + self._key
        return request

    def hide_in(self, text: str) -> str:
        """`text` without this key."""
        return without_key(text, self._key)

    def __repr__(self) -> str:
        return "Key(***)"


def without_key(text: str, key: str) -> str:
    """`text` without that key, in whatever way it may be written."""
    for spelling in {key, json.dumps(key)[1:-1], quote(key, safe=""), quote(key)}:
        if len(key) >= _LONG:
            text = text.replace(spelling, MASK)
        else:  # a part of any word
            text = re.sub(rf"(?<![A-Za-z0-9]){re.escape(spelling)}(?![A-Za-z0-9])", MASK, text)
    return text
