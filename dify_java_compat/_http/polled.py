"""A response that is read without waiting: whoever polls its socket asks for what has come."""

from __future__ import annotations

import functools
import http.client
import ssl
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from ..errors import DifyException
from .body import Body, BodyUntilClose
from .chunked import ChunkedBody, Frames, Framing
from .decoding import BodyDecoder, body_decoder
from .errors import READ_FAILURES, read_failure
from .head import Head, HeadParser
from .log import RequestLog
from .response import HttpResponse, content_type_of
from .threads import start_thread

if TYPE_CHECKING:
    from .connection import InterruptibleConnection
    from .exchange import Exchange

_EVENTS = Framing(b"data: ", b"\n\n")  # a chunk is an event, as Dify sends them
_BLOCK = 65536
_FAILURES = (http.client.HTTPException, *READ_FAILURES)
_LATER = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class StreamResponse(Protocol):
    """What drives a stream asks for its bytes here.

    `status` is 0 until the head has come. `socket` is what to poll, None where `begin`'s function
    says that there is something to read. `has_more`: `read` need not wait for either. `received`:
    what came last, for whom an exception kept from having it; who has it may clear it.
    """

    socket: Any
    status: int
    headers: Mapping[str, str]
    content_type: str
    received: bytes

    @property
    def has_more(self) -> bool: ...

    def begin(self, on_readable: Callable[[], object]) -> None:
        """Reading begins; `on_readable` is called, from any thread, where there is no socket."""
        ...

    def read(self) -> bytes | Frames | None:
        """The next bytes of the body, b"" at its end; None where nothing has come yet.

        Raises ConnectionException where the body, or the head, is cut.
        """
        ...

    def read_raw(self) -> bytes | None:
        """What lies ready on the socket, framed and packed as it is; b"" for its end, None for
        nothing. As `read` where there is no socket.
        """
        ...

    def close(self) -> None:
        """Free the connection: for the next request where the body is whole, else for good."""
        ...


class PolledResponse:
    """A response on a socket that does not block, its head included.

    `give_back` takes the connection when it can serve another request.
    """

    def __init__(
        self,
        exchange: Exchange,
        connection: InterruptibleConnection,
        give_back: Callable[[InterruptibleConnection], None],
        log: RequestLog | None,
    ) -> None:
        self.socket: Any = connection.sock
        self.socket.setblocking(False)
        self.status = 0
        self.headers: Mapping[str, str] = {}
        self.content_type = ""
        self._exchange = exchange
        self._connection = connection
        self._give_back = give_back
        self._log = log
        self._is_tls = isinstance(self.socket, ssl.SSLSocket)
        self._parser: HeadParser | None = HeadParser()
        self._head: Head | None = None
        self._body: Body = BodyUntilClose()
        self._decoder: BodyDecoder | None = None
        self._has_undecoded = False
        self._is_plain = False  # nothing but the framing is to be taken off
        self._is_closed = False
        self._feed: Callable[[bytes], bytes | Frames] = self._body.feed
        self.received = b""

    def begin(self, on_readable: Callable[[], object]) -> None:
        pass

    def read(self) -> bytes | Frames | None:
        if not self._is_plain or self._body.is_over:
            return self._read()
        try:
            self.received = data = self.socket.recv(_BLOCK)
            if data:
                block = self._feed(data)
                if block:
                    return block
        except _LATER:
            return None
        except _FAILURES as error:
            raise self._failure(error) from error
        if not data:
            self._is_plain = False
            return self._after(b"")
        return self._rest() if self._body.is_over else None

    def _read(self) -> bytes | None:
        """`read`, whatever is to be done with the bytes besides."""
        if self._body.is_over:
            return self._rest()
        try:
            data = self.read_raw()
            if data is None:
                return self._decoded(b"") or None if self._has_undecoded else None
            if self._parser is not None:
                data = self._after_head(data)
                if not data:
                    return self._rest() if self._body.is_over else None
        except _FAILURES as error:
            raise self._failure(error) from error
        return self._after(data)

    def _after(self, data: bytes) -> bytes | None:
        """What the body has of `data`, which came behind the head; b"" for the connection's end."""
        try:
            if not data:
                self._body.end()
                return self._rest()
            block = self._body.feed(data)
            if self._decoder is not None:
                block = self._decoded(block)
        except _FAILURES as error:
            raise self._failure(error) from error
        if self._log is not None and block:
            self._log.on_block(block)
        return block or (self._rest() if self._body.is_over else None)

    @property
    def has_more(self) -> bool:
        """Whether `read` gives more without a look at the socket."""
        return self._body.is_over or self._has_undecoded

    def close(self) -> None:
        if self._is_closed:
            return
        self._exchange.transport.unanswered.discard(self)
        connection, body = self._connection, self._body
        is_reusable = self._head is not None and self._head.is_reusable_after(body)
        self._exchange.release()
        if is_reusable and connection.sock is self.socket:
            self._is_closed = True  # first: it must not be given back again
            self.socket.settimeout(None)
            self._give_back(connection)
        else:
            connection.close()
            self._is_closed = True
        if self._log is not None:
            self._log.end()

    def read_raw(self) -> bytes | None:
        try:
            data: bytes = self.socket.recv(_BLOCK)
            self.received = data
            if self._is_tls:
                # what TLS has unpacked already wakes no poll
                while data and (pending := self.socket.pending()):
                    self.received = data = data + self.socket.recv(pending)
        except _LATER:
            return None
        except _FAILURES as error:
            raise self._failure(error) from error
        return data

    def _after_head(self, data: bytes) -> bytes:
        """Take the head; what follows it, or nothing where it is not whole yet."""
        parser = self._parser
        assert parser is not None
        if not data:
            parser.end()
        parsed = parser.feed(data)
        if parsed is None:
            return b""
        head, rest = parsed
        self._parser = None
        self._take(head)
        return rest

    def _take(self, head: Head) -> None:
        self._exchange.transport.unanswered.discard(self)
        self._head, self.status, self.headers = head, head.status, head.headers
        self.content_type = content_type_of(head.headers)
        self._body = head.body()
        if isinstance(self._body, ChunkedBody):
            self._feed = functools.partial(self._body.feed_frames, framing=_EVENTS)
        else:
            self._feed = self._body.feed
        self._decoder = body_decoder(head.headers)
        if self._log is not None:
            self._log = self._log.on_response(self.status, self.content_type)
        self._is_plain = not self._is_tls and self._decoder is None and self._log is None

    def _decoded(self, data: bytes) -> bytes:
        """`data` unpacked, at most so much at once; `_has_undecoded`: there is more."""
        assert self._decoder is not None
        block = self._decoder.decode(data)
        self._has_undecoded = self._decoder.has_more
        return block

    def _rest(self) -> bytes:
        """What the decoder has left when the body is over. Raises where that is not whole."""
        try:
            self._body.end()
        except http.client.HTTPException as error:
            raise self._failure(error) from error
        if self._decoder is None:
            return b""
        try:
            if self._has_undecoded:
                return self._decoded(b"")
            decoder, self._decoder = self._decoder, None
            return decoder.end()
        except READ_FAILURES as error:
            raise self._failure(error) from error

    def _failure(self, error: Exception) -> DifyException:
        exchange = self._exchange
        if self._parser is not None:
            return exchange.transport.failure(exchange, error)
        return read_failure(error, exchange.request, exchange.deadline)


class ThreadedResponse:
    """A response that cannot be polled: a thread of its own reads it, a block at a time.

    So is one over TLS within TLS, through a proxy with a socket of its own, or made by an adapter
    that is not ours.
    """

    socket = None
    received = b""

    def __init__(self, exchange: Exchange, response: HttpResponse) -> None:
        self.status = response.status
        self.headers = response.headers
        self.content_type = response.content_type
        self._exchange = exchange
        self._response = response
        # entered by itself: Condition's own `with` is cut through by signal handlers
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._block: bytes | DifyException | None = None
        self._is_closed = False
        self._on_readable: Callable[[], object] = lambda: None

    def begin(self, on_readable: Callable[[], object]) -> None:
        self._on_readable = on_readable
        try:
            start_thread(self._run, "dify-reader")
        except RuntimeError:
            self._response.close()
            raise

    def read(self) -> bytes | None:
        with self._lock:
            block, self._block = self._block, None
            self._changed.notify()
        if isinstance(block, DifyException):
            raise block
        return block

    read_raw = read
    has_more = False

    def close(self) -> None:
        with self._lock:
            self._is_closed = True
            self._changed.notify()
        self._exchange.interrupt()

    def _run(self) -> None:
        block: bytes | DifyException = b"-"
        while block and not isinstance(block, DifyException):
            try:
                block = self._response.read_block(None)
            except DifyException as error:
                block = error
            with self._lock:
                self._changed.wait_for(lambda: self._block is None or self._is_closed)
                if self._is_closed:
                    break
                self._block = block
            self._on_readable()
        self._response.close()
