"""Connections through a SOCKS proxy that can be interrupted; made by PySocks, where it is there."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import socks
from urllib3.connection import HTTPSConnection
from urllib3.connectionpool import HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from .connect import addresses, connect
from .connection import InterruptibleConnection, Pool


class _ProxySocket(socket.socket):
    """Connects so that it can be cancelled. Of PySocks' sockets: to the proxy, not beyond."""

    raise_if_cancelled: Callable[[], None]
    on_connected: Callable[[socket.socket], None]

    def connect(self, address: Any) -> None:
        connect(self, address, self.gettimeout(), self.raise_if_cancelled)
        self.on_connected(self)


class _Socket(socks.socksocket, _ProxySocket):  # type: ignore[misc]
    """PySocks' own, whose `connect` connects to the proxy by `_ProxySocket`'s, then negotiates."""


class SocksConnection(InterruptibleConnection):
    """Speaks to the server through a SOCKS proxy; `_socks_options` as urllib3 makes them."""

    def __init__(self, _socks_options: dict[str, Any], *args: Any, **kwargs: Any) -> None:
        self._socks_options = _socks_options
        super().__init__(*args, **kwargs)

    def _open_socket(self) -> socket.socket:
        options = self._socks_options
        proxy, port = options["proxy_host"], options["proxy_port"] or 1080
        failure: Exception = OSError("the proxy has no address")
        try:
            target = self.host.strip("[]")
            if not options["rdns"]:
                found = self._look_up(target, self.port)
                if options["socks_version"] == socks.PROXY_TYPE_SOCKS4:  # which knows IPv4 alone
                    found.sort(key=lambda each: each[0] != socket.AF_INET)
                target = found[0][4][0]
            candidates = self._look_up(proxy, port)
        except OSError as error:
            raise NewConnectionError(self, f"no address: {error}") from error
        for family, kind, protocol, _, address in candidates:
            try:
                return self._negotiated(_Socket(family, kind, protocol), address, target)
            except (socks.ProxyError, OSError) as error:
                failure = error
        cause = getattr(failure, "socket_err", None) or failure
        if isinstance(cause, TimeoutError):
            text = f"no connection by the SOCKS proxy {proxy}:{port} in time"
            raise ConnectTimeoutError(self, text) from failure
        text = f"no connection by the SOCKS proxy {proxy}:{port}: {cause}"
        raise NewConnectionError(self, text) from OSError(text)  # the innermost text is shown

    def _look_up(self, host: str, port: int) -> list[tuple[Any, ...]]:
        return addresses(host, port, self._acquire if self._is_bounded() else None)

    def _negotiated(self, sock: Any, address: Any, target: str) -> socket.socket:
        """A plain socket, for one of PySocks cannot be polled, that leads to the server."""
        options = self._socks_options
        sock.raise_if_cancelled, sock.on_connected = self._acquire, self._watch_handshake
        try:
            for option in self.socket_options or ():
                sock.setsockopt(*option)
            if self.source_address:
                sock.bind(self.source_address)
            sock.set_proxy(
                options["socks_version"],
                address[0],
                address[1],
                options["rdns"],
                options["username"],
                options["password"],
            )
            sock.settimeout(self.timeout)
            sock.connect((target, self.port))
            plain = socket.socket(fileno=sock.detach())
        except BaseException:
            sock.close()
            raise
        plain.settimeout(self.timeout)
        return plain


class SocksTlsConnection(  # pyright: ignore[reportIncompatibleVariableOverride]
    SocksConnection, HTTPSConnection
):
    """The same over TLS."""


class _SocksPool(Pool):
    ConnectionCls: Any = SocksConnection


class _SocksTlsPool(Pool, HTTPSConnectionPool):
    ConnectionCls: Any = SocksTlsConnection


socks_pools = (_SocksPool, _SocksTlsPool)
