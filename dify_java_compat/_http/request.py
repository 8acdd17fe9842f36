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
    if not isinstance(base_url, str):
        raise IllegalArgumentException(f"base_url must be a text, not {type(base_url).__name__}")
    url = base_url.strip().rstrip("/").removesuffix("/v1").rstrip("/")
    if "@" in url:
        raise IllegalArgumentException(
            "base_url must not have a user or a password: the API key is sent in their place"
        )
    if not re.match(r"https?://[^/?#\s]+(/[^?#\s]*)?$", url, re.IGNORECASE):
        from .masking import mask_text

        redacted = mask_text(url.partition("?")[0].partition("#")[0], True)  # a key may be in it
        raise IllegalArgumentException(
            f"base_url must look like http://host:port or https://host/v1, not {redacted!r}"
        )
    return url


class CallersKey:
    """A key as the caller gave it, on its way to an ApiKey.

    Crash reporters show the variables of each frame: in its place they show this.
    """

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text: str = text

    def __repr__(self) -> str:
        return "***"


class ApiKey:
    """An API key: goes into a request's header, and appears nowhere else.

    IllegalArgumentException for a key that no header can carry.
    """

    def __init__(
        self, key: str | CallersKey, header: str = "Authorization", scheme: str = "Bearer "
    ) -> None:
        key = key.text if isinstance(key, CallersKey) else key
        problem = _problem_of(key)
        if problem:
            del key  # no frame of the exception has it
            raise IllegalArgumentException(problem)
        self._key, self._header, self._scheme = str(key), header, scheme

    def authorize(self, headers: MutableMapping[str, str]) -> None:
        """Put the key where the server looks for it."""
        headers[self._header] = self._scheme + self._key

    def redact(self, text: str) -> str:
        """`text` without this key."""
        from .masking import without_key  # when something failed or is logged, no sooner

        return without_key(text, self._key)

    def __repr__(self) -> str:
        return "ApiKey(***)"


def _problem_of(key: object) -> str | None:
    if not isinstance(key, str):
        return f"api_key must be a text, not {type(key).__name__}"
    if not key or re.search(r"[^\x21-\x7e]", key):
        return "api_key must not be empty and must be ASCII without blanks or line breaks"
    return None


class HttpRequest(NamedTuple):
    """A request as it goes out.

    `operation` is the facade's method and `ids` the ids among its arguments, both for exceptions
    and the log. `path` is encoded and has its query. `streams`: the response is a stream, which
    counts among those that may be open at once and idles by `sse_read_timeout`. `secrets` are
    values of the path or the body that nothing shows, like the key.
    """

    operation: str
    method: str
    path: str
    key: ApiKey
    headers: Mapping[str, str] = MappingProxyType({})
    body: Body = None
    streams: bool = False
    ids: Mapping[str, str] = MappingProxyType({})
    secrets: tuple[str, ...] = ()

    def __repr__(self) -> str:  # crash reporters show it
        return f"HttpRequest({self.operation}: {self.method} {self.context()['path']})"

    def context(self) -> dict[str, Any]:
        """What an exception says of this request, as its keyword arguments."""
        path, ids = self.path.partition("?")[0], self.ids
        if self.secrets or ids:  # a key may have been given in the place of an id
            path, ids = self.redact(path), {name: self.redact(ids[name]) for name in ids}
        return {"operation": self.operation, "method": self.method, "path": path, **ids}

    def redact(self, text: str) -> str:
        """`text` without the API key, and without the request's other secrets."""
        text = self.key.redact(text)
        if self.secrets:
            from .masking import without_key

            for secret in self.secrets:
                text = without_key(text, secret)
        return text
