"""What goes out: where to, with which key, and what."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from ..errors import IllegalArgumentException
from .masking import without_key


def normalized_base_url(base_url: str) -> str:
    """A server's address without /v1; IllegalArgumentException where it is none."""
    url = base_url.strip().rstrip("/").removesuffix("/v1").rstrip("/")
    if "@" in url:
        raise IllegalArgumentException(
            "base_url must not have a user or a password: the API key is sent in their place"
        )
    if not re.match(r"https?://[^/?#\s]+(/[^?#\s]*)?$", url, re.IGNORECASE):
        raise IllegalArgumentException(
            f"base_url must look like http://host:port or https://host/v1, not {base_url!r}"
        )
    return url


class ApiKey:
    """An API key that puts itself into a request's header and shows itself nowhere else.

    A callable for `auth=`: that alone keeps requests from taking a `.netrc` password instead.
    """

    def __init__(self, key: str, header: str = "Authorization", scheme: str = "Bearer ") -> None:
        if not key or re.search(r"[^\x21-\x7e]", key):
            raise IllegalArgumentException(
                "api_key must not be empty and must be ASCII without blanks or line breaks"
            )
        self._key, self._header, self._scheme = key, header, scheme

    def __call__(self, request: Any) -> Any:
        request.headers[self._header] = self._scheme + self._key
        return request

    def redact(self, text: str) -> str:
        """`text` without this key."""
        return without_key(text, self._key)

    def __repr__(self) -> str:
        return "ApiKey(***)"


class HttpRequest(NamedTuple):
    """A request as it goes out; `path` is encoded and has its query.

    `body` is bytes, or an object with `read`, `__len__`, `rewind` and `close`. `ids` are those the
    caller gave, for the exceptions.
    """

    operation: str
    method: str
    path: str
    key: ApiKey
    headers: Mapping[str, str] = MappingProxyType({})
    body: Any = None
    streams: bool = False
    ids: Mapping[str, str] = MappingProxyType({})

    def context(self) -> dict[str, Any]:
        """What an exception says of this request."""
        path = self.path.partition("?")[0]
        return {"operation": self.operation, "method": self.method, "path": path, **self.ids}

    def redact(self, text: str) -> str:
        return self.key.redact(text)
