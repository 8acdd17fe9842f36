"""What requests does for us: addresses, pools, proxies, TLS, and the environment's settings."""

from __future__ import annotations

from typing import Any

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict

from ..config import ClientConfig
from ..errors import IllegalArgumentException
from .connection import pool_factories
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


def environment(base_url: str, config: ClientConfig) -> dict[str, Any]:
    """Proxies and TLS settings for `Adapter.send`: the configuration's, else the environment's."""
    with requests.Session() as session:
        proxies = dict(config.proxies or {})
        settings = session.merge_environment_settings(
            base_url, proxies, True, config.verify, config.cert
        )
    return dict(settings)


def prepared(request: HttpRequest, url: str) -> requests.PreparedRequest:
    """`request` for `Adapter.send`.

    Its parts are encoded already, so they are set: `prepare` would encode each of them again.
    """
    method, body = request.method, request.body
    headers: CaseInsensitiveDict[str] = CaseInsensitiveDict()
    headers["User-Agent"] = "dify-java-compat"
    for name, value in request.headers.items():
        headers[name] = value
    if body is not None or method != "GET":
        headers["Content-Length"] = str(len(body or b""))
    request.key.authorize(headers)
    to_send = requests.PreparedRequest()
    to_send.method, to_send.url, to_send.headers = method, url, headers
    to_send.body = body  # type: ignore[assignment] # pyright: ignore[reportAttributeAccessIssue]
    return to_send


class Adapter(HTTPAdapter):
    """Pools of connections that can be interrupted, and responses as urllib3 makes them."""

    def __init__(self, config: ClientConfig) -> None:
        kept = config.max_idle_connections  # a maxsize of 0 would be a pool without a bound
        self._pool_factories = pool_factories(config.keep_alive_seconds if kept else 0.0)
        super().__init__(pool_maxsize=kept or 1)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = self._pool_factories

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **kwargs)
        if not proxy.lower().startswith("socks"):
            manager.pool_classes_by_scheme = self._pool_factories
        return manager

    def close(self) -> None:
        """Close the idle connections.

        urllib3 only drops its pools, which then live as long as any exception that holds one.
        """
        for manager in (self.poolmanager, *self.proxy_manager.values()):
            for key in list(manager.pools.keys()):
                pool = manager.pools.get(key)
                if pool is not None:
                    pool.close()
        super().close()

    def build_response(self, req: requests.PreparedRequest, resp: urllib3.BaseHTTPResponse) -> Any:
        """urllib3's own response as it is; requests would look for cookies, which are not kept."""
        return resp
