"""What every method of a client is made of: a key, an operation, the values, a result."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from .._http.exchange import Exchange
from .._http.hooks import Call
from .._http.request import ApiKey, CallersKey, HttpRequest, normalized_base_url
from .._http.response import HttpResponse
from .._http.transport import Transport
from ..config import ClientConfig
from ..errors import IllegalArgumentException
from .config_check import changed, validated
from .operation import Operation
from .workers import Workers

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from .._http.adapter import Session
    from .options import Options

R = TypeVar("R")
Self = TypeVar("Self", bound="BaseClient")
Other = TypeVar("Other", bound="BaseClient")

_LISTENING = ("listeners", "telemetry", "telemetry_content")
# what another process makes anew
_OF_PROCESS = {"_transport", "_workers", "_loop", "_is_copy", "_listeners"}


class BaseClient:
    """The connections to one server and the key for calls that have none of their own."""

    _KEY_IN = "Authorization", "Bearer "  # the header where the service expects it, and its scheme

    def __init__(
        self,
        base_url: str | None = None,
        client_config: ClientConfig | None = None,
        *,
        api_key: str | None = None,
        session: Session | None = None,
    ) -> None:
        self._session = session
        self._config = validated(ClientConfig() if client_config is None else client_config)
        if base_url is None or (isinstance(base_url, str) and not base_url):
            base_url = self._home()
        self._connect(normalized_base_url(base_url))
        self._key = ApiKey(api_key, *self._KEY_IN) if api_key is not None else None

    def _home(self) -> str:
        """Where the service is that nobody gave an address of."""
        return os.environ.get("DIFY_URL") or "http://localhost"

    @property
    def base_url(self) -> str:
        """Where the operations are, /v1 included."""
        return self._transport.base_url + "/v1"

    def with_options(self: Self, **settings: Unpack[Options]) -> Self:
        """A client over the same connections, with other settings for its calls.

        `settings` are those of ClientConfig, in either spelling; what is not among them stays.
        IllegalArgumentException for a setting of the connections, and for a value that cannot work;
        TypeError for a name that there is not. The limit of open streams is shared, the processes
        are those there are by now, and `close` of the copy closes nothing.
        """
        made = self._sharing(type(self))
        made._config = changed(self._config, dict(settings))
        if any(getattr(made._config, name) != getattr(self._config, name) for name in _LISTENING):
            made._listeners = made._all_listeners()
        if made._config.async_workers != self._workers.size:
            made._workers = Workers(made._config.async_workers)
        return made

    def _sharing(self, kind: type[Other]) -> Other:
        """A client of another kind, or of the same, over the same connections."""
        made = object.__new__(kind)
        vars(made).update(vars(self), _is_copy=True)
        return made

    def close(self) -> None:
        """Close the connections that lie idle; a call that follows opens new ones.

        Of a client that `with_options` made, it does nothing.
        """
        if not self._is_copy:
            self._transport.close()
            self._workers.close()

    def __enter__(self: Self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.base_url!r})"

    def __getstate__(self) -> dict[str, Any]:
        """The settings and the key, for another process; it makes connections of its own."""
        state = {name: value for name, value in vars(self).items() if name not in _OF_PROCESS}
        return {**state, "base_url": self._transport.base_url}

    def __setstate__(self, state: dict[str, Any]) -> None:
        base_url = state.pop("base_url")
        vars(self).update(state)
        self._connect(base_url)

    def _connect(self, base_url: str) -> None:
        """Have connections and threads of its own, none of them made yet."""
        self._transport = Transport(base_url, self._config, self._session)
        self._listeners = self._all_listeners()
        self._workers = Workers(self._config.async_workers)
        self._is_copy = False

    def _all_listeners(self) -> tuple[Any, ...]:
        """Those of the configuration, and that of telemetry. ImportError without OpenTelemetry."""
        config = self._config
        listeners = tuple(config.listeners or ())
        if config.telemetry:
            from .._http.telemetry import Telemetry  # by those alone who want it

            listeners += (Telemetry(self._transport.base_url, config.telemetry_content),)
        return listeners

    def _call(self, operation: Operation[R], request: object = None, /, **values: Any) -> R:
        """Send, wait, and read the result. An operation without a request DTO takes `values`."""
        return self._read(operation.result.read, operation, request, **values)

    def _read(
        self,
        read: Callable[[HttpResponse], R],
        operation: Operation[Any],
        request: object = None,
        /,
        **values: Any,
    ) -> R:
        """Send, and give what `read` makes of the response once its headers are there."""
        http_request = self._request(operation, request, **values)
        if not self._listeners:
            return _read_or_closed(self._exchange(http_request).open(), read)
        call = Call(http_request, self._listeners, getattr(request, "content", None))
        with call.active():
            try:
                response = self._exchange(http_request).open()
                call.status = response.status
                result = _read_or_closed(response, read)
                call.on_item(result)
            except BaseException as error:
                call.end(error)
                raise
            call.end()
        return result

    def _exchange(self, http_request: HttpRequest) -> Exchange:
        """A call with this client's settings, not sent yet."""
        return self._transport.exchange(http_request, self._config)

    def _request(
        self, operation: Operation[Any], request: object = None, /, **values: Any
    ) -> HttpRequest:
        """The request as it goes out. IllegalArgumentException names a value that cannot work."""
        if operation.takes is not None:
            values = operation.values(request)
        made = operation.request(self._key_for(operation, values.get("api_key")), values)
        if headers := self._config.headers:
            return made._replace(headers={**headers, **made.headers})
        return made

    def _key_for(
        self, operation: Operation[Any], api_key: str | CallersKey | ApiKey | None
    ) -> ApiKey:
        if isinstance(api_key, ApiKey):
            return api_key
        text = api_key.text if isinstance(api_key, CallersKey) else api_key
        has_none = api_key is None or (isinstance(text, str) and not text)
        del text  # no frame of an exception has it
        key = self._key if api_key is None or has_none else ApiKey(api_key, *self._KEY_IN)
        if key is None:
            raise IllegalArgumentException(
                "api_key must be given, with the call or to the client", operation=operation.name
            )
        return key


def _read_or_closed(response: HttpResponse, read: Callable[[HttpResponse], R]) -> R:
    try:
        return read(response)
    except BaseException:
        response.close()
        raise
