"""What requests does for us: addresses, pools, proxies, TLS, and the environment's settings."""

from __future__ import annotations

import functools
import http.client
import importlib
import io
import logging
import os
import threading
from collections.abc import Callable, Mapping
from types import FunctionType
from typing import Any

import requests
import urllib3
from requests import Session as Session
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict
from requests.utils import select_proxy
from urllib3.connectionpool import HTTPConnectionPool
from urllib3.util import parse_url

from ..config import ClientConfig
from ..errors import IllegalArgumentException
from .connection import pool_factories
from .headers import check_header
from .request import HttpRequest


def prepared_url(base_url: str) -> str:
    """An address as it is sent, its host in ASCII.

    IllegalArgumentException for what is no address.
    """
    request = requests.PreparedRequest()
    try:
        request.prepare_url(base_url, None)
    except (requests.RequestException, ValueError) as error:
        raise IllegalArgumentException(f"base_url {base_url!r} is no address: {error}") from None
    return str(request.url).rstrip("/")


def checked_session(session: object) -> requests.Session | None:
    """`session`. IllegalArgumentException for what is none of requests'."""
    if session is None or isinstance(session, requests.Session):
        return session
    raise IllegalArgumentException(
        f"session must be a requests.Session, not {type(session).__name__}"
    )


def environment(
    base_url: str, config: ClientConfig, session: requests.Session | None = None
) -> dict[str, Any]:
    """Proxies and TLS settings for `Adapter.send`: the configuration's, else those of `session`,
    else the environment's.

    IllegalArgumentException names a setting, or a variable of the environment, that cannot work.
    """
    configured = config.proxies if config.proxies is not None else {}
    if not isinstance(configured, Mapping):
        raise IllegalArgumentException(
            'ClientConfig.proxies must be a dict, as {"http": "http://proxy:8080"},'
            f" not {type(configured).__name__}"
        )
    for scheme, proxy in configured.items():
        _check_proxy(proxy, f"ClientConfig.proxies[{scheme!r}]")
    verify = config.verify
    if verify is None and session is not None and session.verify is not True:
        verify = session.verify  # requests would have the environment's go before it
    try:
        settings = (session or requests.Session()).merge_environment_settings(
            base_url, dict(configured), True, verify, config.cert
        )
    except (ValueError, OSError, TypeError) as error:  # an address among no_proxy, a .netrc
        raise IllegalArgumentException(
            f"the environment's proxy settings cannot be read: {type(error).__name__}"
        ) from None
    chosen = select_proxy(base_url, settings["proxies"])
    if chosen and chosen not in configured.values():
        of_session = session is not None and chosen in session.proxies.values()
        where = f"the environment variable {_variable_of(chosen)}"
        _check_proxy(chosen, "session.proxies" if of_session else where)
    if base_url.lower().startswith("https:"):
        _check_files(settings["verify"], config)
    return dict(settings)


_PROXY_SCHEMES = ("http", "https", "socks4", "socks4a", "socks5", "socks5h")


def _check_proxy(proxy: object, where: str) -> None:
    """IllegalArgumentException for what is no proxy; it never shows its password."""
    if proxy is None or proxy == "":  # none for this scheme
        return
    if not isinstance(proxy, str):
        raise IllegalArgumentException(f"{where} must be a text, not {type(proxy).__name__}")
    address = proxy if "://" in proxy else f"http://{proxy}"  # as requests takes it
    scheme = address.partition("://")[0].lower()
    if scheme not in _PROXY_SCHEMES:
        raise IllegalArgumentException(
            f"{where} must begin with one of {', '.join(_PROXY_SCHEMES)}, and ://, not {scheme!r}"
        )
    try:
        has_host = bool(parse_url(address).host)
    except (ValueError, urllib3.exceptions.HTTPError):
        has_host = False
    if not has_host:
        raise IllegalArgumentException(f"{where} must be an address, as {scheme}://host:port")
    if scheme.startswith("socks"):
        try:
            importlib.import_module("socks")
        except ImportError:
            raise IllegalArgumentException(
                f"{where} is a SOCKS proxy, which needs PySocks: pip install requests[socks]"
            ) from None


def _variable_of(proxy: str) -> str:
    """The variable of the environment that has that value."""
    names = (name for name, value in os.environ.items() if value == proxy)
    return next((name for name in names if name.lower().endswith("_proxy")), "for proxies")


def _check_files(verify: object, config: ClientConfig) -> None:
    """IllegalArgumentException for certificates that are not there."""
    where = "ClientConfig.verify" if isinstance(config.verify, str) else "REQUESTS_CA_BUNDLE"
    if isinstance(verify, str) and not os.path.exists(verify):
        raise IllegalArgumentException(f"{where}: there is no file {verify!r}")
    cert = config.cert
    if cert is None:
        return
    paths = cert if isinstance(cert, (tuple, list)) else (cert,)
    if len(paths) > 2 or not all(isinstance(path, (str, os.PathLike)) for path in paths):
        raise IllegalArgumentException("ClientConfig.cert must be a path, or (certificate, key)")
    for path in paths:
        if not os.path.exists(path):
            raise IllegalArgumentException(f"ClientConfig.cert: there is no file {str(path)!r}")


class _Headers(CaseInsensitiveDict[str]):
    """Headers on their way out, the key among them, which whoever shows them does not show."""

    def __repr__(self) -> str:
        return f"the headers {', '.join(self)}"


class _Here(threading.local):
    """What a thread is in the midst of: sending by way of requests' own Session."""

    through_requests = False


_here = _Here()
_DEFAULT_HEADERS = requests.utils.default_headers()


class Adapter(HTTPAdapter):
    """Pools of connections that can be interrupted, and responses as urllib3 makes them.

    A request goes another way where a caller's `session` has an adapter, or a `send`, of its own,
    and where a test double of requests or urllib3 stands in the way: it then gets what it expects,
    and gives a response of requests, of which urllib3's is taken.
    """

    def __init__(self, config: ClientConfig, session: requests.Session | None = None) -> None:
        kept = config.max_idle_connections  # a maxsize of 0 would be a pool without a bound
        self._keep_alive_seconds = config.keep_alive_seconds if kept else 0.0
        self._pool_factories = pool_factories(self._keep_alive_seconds)
        super().__init__(pool_maxsize=kept or 1)
        self._session = session
        self._headers = _own_headers(session)
        self._direct_pool: Any = None

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = self._pool_factories

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **kwargs)
        if proxy.lower().startswith("socks"):
            from .socks_proxy import socks_pools  # needs PySocks, as requests does

            manager.pool_classes_by_scheme = pool_factories(self._keep_alive_seconds, *socks_pools)
        else:
            manager.pool_classes_by_scheme = self._pool_factories
        return manager

    @property
    def has_direct_pool(self) -> bool:
        """Whether `direct_pool` has made its pool; over TLS that takes long."""
        return self._direct_pool is not None

    def prepared(self, request: HttpRequest, url: str) -> requests.PreparedRequest:
        """`request` for `send`.

        Its parts are encoded already, so they are set: requests would encode each of them again.
        """
        method, body = request.method, request.body
        headers = _Headers()
        headers["User-Agent"] = "dify-java-compat"
        for name, value in request.headers.items():
            headers[name] = value
        if body is not None or method != "GET":
            headers["Content-Length"] = str(len(body or b""))
        request.key.authorize(headers)
        for name, value in self._headers.items():
            headers.setdefault(name, value)
        to_send = requests.PreparedRequest()
        to_send.method, to_send.url, to_send.headers = method, url, headers
        to_send.body = body  # type: ignore[assignment] # pyright: ignore[reportAttributeAccessIssue]
        return to_send

    def direct_pool(self, to_send: requests.PreparedRequest, settings: Mapping[str, Any]) -> Any:
        """The pool to send it directly on; None where it has to go by requests.

        So it has through a proxy, by a session of the caller's, where a double stands, and where
        somebody looks at what urllib3 and http.client do.
        """
        url = str(to_send.url)
        if type(self) is not Adapter or _is_looked_at() or self._other_way(url) is not None:
            return None
        pool = self._direct_pool
        if pool is None:
            if select_proxy(url, settings["proxies"]):
                return None
            verify, cert = settings["verify"], settings["cert"]
            pool = self.get_connection_with_tls_context(to_send, verify, proxies=None, cert=cert)
            self.cert_verify(pool, url, verify, cert)  # type: ignore[no-untyped-call]
            self._direct_pool = pool
        return pool

    def close(self) -> None:
        """Close the idle connections.

        urllib3 only drops its pools, which then live as long as any exception that holds one.
        """
        self._direct_pool = None
        for manager in (self.poolmanager, *self.proxy_manager.values()):
            for key in list(manager.pools.keys()):
                pool = manager.pools.get(key)
                if pool is not None:
                    pool.close()
        super().close()

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> Any:
        """Send it; urllib3's response, but a response of requests to its own Session."""
        if _here.through_requests:
            return super().send(request, *args, **kwargs)
        send = self._other_way(str(request.url))
        if send is None:
            return super().send(request, *args, **kwargs)
        _here.through_requests = True
        try:
            return _urllib3s(send(request, *args, **kwargs))
        finally:
            _here.through_requests = False

    def build_response(self, req: requests.PreparedRequest, resp: urllib3.BaseHTTPResponse) -> Any:
        """urllib3's own response as it is; requests would look for cookies, which are not kept."""
        return super().build_response(req, resp) if _here.through_requests else resp

    def _other_way(self, url: str) -> Callable[..., Any] | None:
        """How a request is sent where this adapter's own way would pass by what the caller means;
        None for this adapter's own.
        """
        session = self._session
        if _is_patched(requests.Session.send, "requests.") or (
            session is not None and type(session).send is not requests.Session.send
        ):
            return functools.partial(self._session_of_ours().send, allow_redirects=False)
        if _is_patched(HTTPAdapter.send, "requests."):
            return super().send
        if _is_patched(HTTPConnectionPool.ConnectionCls, "urllib3."):
            return HTTPAdapter().send
        if session is not None:
            adapter = session.get_adapter(url)
            if type(adapter) is not HTTPAdapter and adapter is not self:
                return adapter.send
        return None

    def _session_of_ours(self) -> requests.Session:
        """The caller's session, or one that sends by this adapter."""
        if self._session is not None:
            return self._session
        session = requests.Session()
        session.mount("http://", self)
        session.mount("https://", self)
        return session


def _is_patched(function: Any, home: str) -> bool:
    """Whether something else stands in its place, as `responses`, `requests-mock`, `vcrpy` do."""
    return not getattr(function, "__module__", "").startswith(home)


# what logs and tracers look at: that of http.client which Sentry, Datadog and New Relic wrap, and
# that of urllib3 which OpenTelemetry wraps
_WAY = (
    *((http.client.HTTPConnection, name) for name in ("putrequest", "putheader", "endheaders")),
    *((http.client.HTTPConnection, name) for name in ("send", "getresponse")),
    *((HTTPConnectionPool, name) for name in ("urlopen", "_make_request")),
)
_logger = logging.getLogger("urllib3.connectionpool")


def _own(home: type, name: str) -> Any:
    """The function of that name, None where it is not the one that `home` came with."""
    function = getattr(home, name, None)
    is_own = type(function) is FunctionType and function.__globals__["__name__"] == home.__module__
    return function if is_own else None


_FUNCTIONS = [(home, name, _own(home, name)) for home, name in _WAY]


def _is_looked_at() -> bool:
    """Whether somebody looks at each request: by the log, by `debuglevel`, or in a function."""
    if http.client.HTTPConnection.debuglevel or _logger.isEnabledFor(logging.DEBUG):
        return True
    return any(getattr(home, name, None) is not function for home, name, function in _FUNCTIONS)


def _own_headers(session: requests.Session | None) -> dict[str, str]:
    """The headers that a caller has put into a session, beyond those that requests puts there.

    IllegalArgumentException for what no header can be; None is none, as for requests.
    """
    headers: dict[str, str] = {}
    for name, value in (session.headers if session is not None else {}).items():
        if value is not None and _DEFAULT_HEADERS.get(name) != value:
            headers[name] = value.decode("latin-1") if isinstance(value, bytes) else value
            check_header(name, headers[name], "session.headers")
    return headers


def _urllib3s(response: Any) -> urllib3.BaseHTTPResponse:
    """urllib3's response in one of requests; made of its content where there is none."""
    raw = getattr(response, "raw", response)
    unread = getattr(response, "_content", False) is False
    if isinstance(raw, urllib3.BaseHTTPResponse) and unread and hasattr(raw._fp, "read1"):  # type: ignore[attr-defined]
        return raw
    headers = {
        name: value
        for name, value in response.headers.items()
        if name.lower() not in ("content-encoding", "transfer-encoding")
    }
    return urllib3.HTTPResponse(
        body=io.BytesIO(response.content),
        headers=headers,
        status=response.status_code,
        reason=response.reason,
        preload_content=False,
    )
