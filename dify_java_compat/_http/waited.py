"""A response that the thread of its request waits for, on a connection it was sent on directly."""

from __future__ import annotations

import http.client
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from urllib3.exceptions import ProtocolError, ReadTimeoutError

from .body import Body
from .head import Head, HeadParser

if TYPE_CHECKING:
    from .connection import InterruptibleConnection

_BLOCK = 65536


class WaitedResponse:
    """A response with its head; `read1` gives its body, as that of urllib3 does.

    `give_back` takes the connection when it can serve another request.
    """

    def __init__(
        self,
        connection: InterruptibleConnection,
        give_back: Callable[[InterruptibleConnection], None],
        seconds: float | None,
    ) -> None:
        """Waits for the head, `seconds` for each part of it.

        Raises TimeoutError, OSError, and http.client's exceptions for what is no head.
        """
        self._connection: InterruptibleConnection | None = connection
        self._give_back = give_back
        self._socket: Any = connection.sock
        self._socket.settimeout(seconds)
        self._head, rest = self._received_head()
        self.status = self._head.status
        self.headers: Mapping[str, str] = self._head.headers
        self._body: Body = self._head.body()
        self._ready = self._body.feed(rest)

    def _received_head(self) -> tuple[Head, bytes]:
        parser = HeadParser()
        while True:
            data = self._socket.recv(_BLOCK)
            if not data:
                parser.end()
            parsed = parser.feed(data)
            if parsed is not None:
                return parsed

    def read1(self, amt: int = _BLOCK, decode_content: bool = False) -> bytes:
        """What comes next of the body, packed as it is; b"" at its end, where it is closed.

        Raises urllib3's exceptions where it is cut or nothing comes, and is closed as well.
        """
        ready, self._ready = self._ready, b""
        try:
            while not ready and not self._body.is_over and self._connection is not None:
                data = self._socket.recv(amt)
                if data:
                    ready = self._body.feed(data)
                else:
                    self.close()
            if not ready:
                self._body.end()
        except (OSError, http.client.HTTPException) as error:
            self.close()
            if isinstance(error, TimeoutError):
                raise ReadTimeoutError(None, None, "Read timed out.") from error  # type: ignore
            raise ProtocolError(f"Connection broken: {error!r}", error) from error
        if self._body.is_over:
            self.close()
        return ready

    def close(self) -> None:
        """Free the connection: for the next request where the body is whole, else for good."""
        connection, self._connection = self._connection, None
        if connection is None:
            return
        if connection.sock is self._socket and self._head.is_reusable_after(self._body):
            self._give_back(connection)
        else:
            connection.close()
