"""What requests does for a call: URLs, pools, proxies, TLS, and what the environment says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict

from ..config import ClientConfig
from ..errors import IllegalArgumentException
from .connection import pool_classes


def prepared_url(base_url: str) -> str:
    """An address as it is sent, its host in ASCII; IllegalArgumentException where it is none."""
    request = requests.PreparedRequest()
    try:
        request.prepare_url(base_url, None)
    except (requests.RequestException, ValueError) as error:
        raise IllegalArgumentException(f"base_url {base_url!r} is no address: {error}") from None
    return str(request.url).rstrip("/")


def environment(base_url: str, config: ClientConfig) -> dict[str, Any]:
    """Proxies and TLS settings: the configuration's, and where it has none, the environment's."""
    with requests.Session() as session:
        proxies = dict(config.proxies or {})
        settings = session.merge_environment_settings(
            base_url, proxies, True, config.verify, config.cert
        )
    return dict(settings)


def prepared(
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: Any,
    key: Callable[[requests.PreparedRequest], requests.PreparedRequest],
) -> requests.PreparedRequest:
    """A request of parts that are encoded already: requests would do it anew for each."""
    request = requests.PreparedRequest()
    request.method, request.url, request.body = method, url, body
    request.headers = CaseInsensitiveDict({"User-Agent": "dify-java-compat", **headers})
    if body is not None or method != "GET":
        request.headers["Content-Length"] = str(len(body or b""))
    return key(request)


class Adapter(HTTPAdapter):
    """Pools of connections that can be interrupted, and answers as urllib3 gives them."""

    def __init__(self, config: ClientConfig) -> None:
        kept = config.max_idle_connections  # of a pool of none, urllib3 makes one without bounds
        self._pool_classes = pool_classes(config.keep_alive_seconds if kept else 0.0)
        super().__init__(pool_maxsize=kept or 1)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = self._pool_classes

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **kwargs)
        if not proxy.lower().startswith("socks"):
            manager.pool_classes_by_scheme = self._pool_classes
        return manager

    def close(self) -> None:
        """urllib3 only drops its pools, which then live as long as any exception of theirs."""
        for manager in (self.poolmanager, *self.proxy_manager.values()):
            for key in list(manager.pools.keys()):
                pool = manager.pools.get(key)
                if pool is not None:
                    pool.close()
        super().close()

    def build_response(self, req: requests.PreparedRequest, resp: urllib3.BaseHTTPResponse) -> Any:
        """No more than urllib3's own: requests would look for cookies, which are not kept."""
        return resp
