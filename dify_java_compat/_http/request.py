"""An HTTP request: where to, with which key, and what."""

from __future__ import annotations

import re
from collections.abc import Mapping, MutableMapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from ..errors import IllegalArgumentException

if TYPE_CHECKING:
    from .multipart import MultipartForm

Body: TypeAlias = "bytes | MultipartForm | None"


def normalized_base_url(base_url: str) -> str:
    """A server's address without /v1 and slashes behind it.

    IllegalArgumentException for what is no http or https address, or has a user in it.
    """
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
    """An API key: goes into a request's header, and appears nowhere else.

    IllegalArgumentException for a key that no header can carry.
    """

    def __init__(self, key: str, header: str = "Authorization", scheme: str = "Bearer ") -> None:
        if not isinstance(key, str):
            raise IllegalArgumentException(f"api_key must be a text, not {type(key).__name__}")
        if not key or re.search(r"[^\x21-\x7e]", key):
            raise IllegalArgumentException(
                "api_key must not be empty and must be ASCII without blanks or line breaks"
            )
        self._key, self._header, self._scheme = key, header, scheme

    def authorize(self, headers: MutableMapping[str, str]) -> None:
        """Put the key where the server looks for it."""
        headers[self._header] = self._scheme + self._key

    def redact(self, text: str) -> str:
        """`text` without this key."""
        from .masking import without_key  # when something failed or is logged, no sooner

        return without_key(text, self._key)

    def __repr__(self) -> str:
        return "ApiKey(***)"


class HttpRequest(NamedTuple):
    """A request as it goes out.

    `operation` is the facade's method and `ids` the ids among its arguments, both for exceptions
    and the log. `path` is encoded and has its query. `streams`: the response is a stream, which
    counts among those that may be open at once and idles by `sse_read_timeout`.
    """

    operation: str
    method: str
    path: str
    key: ApiKey
    headers: Mapping[str, str] = MappingProxyType({})
    body: Body = None
    streams: bool = False
    ids: Mapping[str, str] = MappingProxyType({})

    def context(self) -> dict[str, Any]:
        """What an exception says of this request, as its keyword arguments."""
        path = self.path.partition("?")[0]
        return {"operation": self.operation, "method": self.method, "path": path, **self.ids}

    def redact(self, text: str) -> str:
        """`text` without the API key."""
        return self.key.redact(text)
