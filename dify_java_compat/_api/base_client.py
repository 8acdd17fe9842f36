"""What every method of the client is made of: a key, an endpoint, the values, a result."""

from __future__ import annotations

import functools
import inspect
import os
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from .._dto.dto import ResponseDto
from .._http.request import ApiKey, normalized_base_url
from .._http.transport import Exchange, Transport
from ..config import ClientConfig
from ..errors import DecodeException, IllegalArgumentException
from ..models.responses import DifyPageResult, DifyResult
from .codec import decode, decode_if_any, decode_page
from .config_check import validated
from .operation import Operation

P = ParamSpec("P")
T = TypeVar("T")
R = TypeVar("R", bound=ResponseDto)
Self = TypeVar("Self", bound="BaseClient")


def java_keywords(method: Callable[P, T]) -> Callable[P, T]:
    """Hand a method's keywords to it under their Python names.

    The keyword-only parameters of `method` are the Java names of the others.
    """
    parameters = inspect.signature(method).parameters.values()
    python = {p.name.replace("_", ""): p.name for p in parameters if p.kind != p.KEYWORD_ONLY}
    java = {p.name: python[p.name.lower()] for p in parameters if p.kind == p.KEYWORD_ONLY}

    @functools.wraps(method)
    def call(*args: P.args, **given: P.kwargs) -> T:
        values: dict[str, Any] = {}
        for name, value in given.items():
            spelt = java.get(name, name)
            if spelt in values:
                raise TypeError(f"{method.__name__}() got {spelt!r} in two spellings")
            values[spelt] = value
        return method(*args, **values)

    return call


class BaseClient:
    """The connections to one server and the key for calls that have none of their own."""

    def __init__(
        self,
        base_url: str | None = None,
        client_config: ClientConfig | None = None,
        *,
        api_key: str | None = None,
    ) -> None:
        self._config = validated(ClientConfig() if client_config is None else client_config)
        base_url = base_url or os.environ.get("DIFY_URL") or "http://localhost"
        self._transport = Transport(normalized_base_url(base_url), self._config)
        self._key = ApiKey(api_key) if api_key is not None else None

    @property
    def base_url(self) -> str:
        """Where the operations are, /v1 included."""
        return self._transport.base_url + "/v1"

    def close(self) -> None:
        self._transport.close()

    def __enter__(self: Self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.base_url!r})"

    def __getstate__(self) -> dict[str, Any]:
        """The settings and the key, for another process; it makes connections of its own."""
        state = {name: value for name, value in vars(self).items() if name != "_transport"}
        return {**state, "base_url": self._transport.base_url}

    def __setstate__(self, state: dict[str, Any]) -> None:
        base_url = state.pop("base_url")
        vars(self).update(state)
        self._transport = Transport(base_url, self._config)

    def _key_for(self, endpoint: Operation, api_key: str | None) -> ApiKey:
        key = ApiKey(api_key) if api_key else self._key
        if key is None:
            raise IllegalArgumentException(
                "api_key must be given, with the call or to the client",
                operation=endpoint.operation,
            )
        return key

    def _asked(self, endpoint: Operation, request: Any) -> Exchange:
        values = dict(endpoint.values(request))
        key = self._key_for(endpoint, values.pop("api_key", None))
        return self._transport.exchange(endpoint.request(key, values))

    def _with_values(self, endpoint: Operation, api_key: str | None, **values: Any) -> Exchange:
        return self._transport.exchange(endpoint.request(self._key_for(endpoint, api_key), values))

    def _result(self, exchange: Exchange, cls: type[R]) -> R:
        return self._decoded(decode, cls, exchange)

    def _page(self, exchange: Exchange, cls: type[R]) -> DifyPageResult[R]:
        return self._decoded(decode_page, cls, exchange)

    def _done(self, exchange: Exchange) -> None:
        """A call without a result; a page that is no answer of Dify's does not mean it was done."""
        self._decoded(decode_if_any, DifyResult, exchange)

    def _decoded(
        self, decode_body: Callable[[type[R], bytes], T], cls: type[R], exchange: Exchange
    ) -> T:
        return self._body(decode_body, cls, exchange, exchange.open().read())

    @staticmethod
    def _body(
        decode_body: Callable[[type[R], bytes], T], cls: type[R], exchange: Exchange, body: bytes
    ) -> T:
        try:
            return decode_body(cls, body)
        except ValueError as error:
            cause = ValueError(str(error))  # json's own keeps the body, and maybe the key in it
        text = exchange.redact(body.decode("utf-8", "replace"))
        del body
        raise DecodeException(
            f"the answer is not the JSON that was expected ({cause}): {text[:200]!r}",
            response_body=text,
            **exchange.context(),
        ) from cause
