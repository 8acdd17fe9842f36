"""HTTP as gunicorn speaks it: keep-alive with a short patience, one chunk per piece of body.

Werkzeug's own handler closes every connection and writes a chunk in three pieces; here each
event is one write, and the head goes out with the first piece of the body, not before.
"""

import io
import logging
import os
import selectors
import socket
import struct
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import IO, Any, cast

from werkzeug.serving import DechunkedInput, ThreadedWSGIServer, WSGIRequestHandler

from .response_writer import Headers, Wire

logger = logging.getLogger("dify_java_compat.emulator")


def loopback(host: str) -> str:
    """The address under which this machine reaches a server that is bound to ``host``."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)


class Connection(WSGIRequestHandler):
    """One client connection and the requests on it."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def handle(self) -> None:
        self.close_connection = True
        try:
            self.handle_one_request()
            while not self.close_connection and self._asks_again():
                self.handle_one_request()
        except OSError as error:
            logger.debug("connection lost: %s", error)

    def _asks_again(self) -> bool:
        """Whether another request begins before the patience for idle connections ends."""
        self.connection.settimeout(cast("Server", self.server).keep_alive_seconds)
        try:
            return bool(cast(io.BufferedReader, self.rfile).peek(1))
        except TimeoutError:
            return False
        finally:
            self.connection.settimeout(None)

    def client_left(self, within: float = 0.0) -> bool:
        """Whether the client has closed its side, now or within so many seconds.

        May be asked from any thread.
        """
        try:
            with selectors.DefaultSelector() as selector:
                selector.register(self.connection, selectors.EVENT_READ)
                if not selector.select(within):
                    return False
            return not self.connection.recv(1, socket.MSG_PEEK)
        except (OSError, ValueError):
            return True

    def run_wsgi(self) -> None:
        environ = self.make_environ()
        body = self._read_body(environ)
        if body is None:
            self.close_connection = True
            return
        # The whole body is taken off the connection before anyone answers, so that the next
        # request is found where it begins.
        environ["wsgi.input"] = io.BytesIO(body)
        environ["CONTENT_LENGTH"] = str(len(body))
        environ.pop("HTTP_TRANSFER_ENCODING", None)
        environ["emulator.client_left"] = self.client_left
        wire = Wire(self.wfile.write, self.client_left, old=self.request_version != "HTTP/1.1")
        environ["emulator.wire"] = wire
        head: list[tuple[str, Headers]] = []

        def start_response(status: str, headers: Headers, *_: Any) -> Callable[[bytes], object]:
            head.append((status, headers))
            return self.wfile.write

        pieces: Iterable[bytes] = self.server.app(environ, start_response)
        try:
            self._answer(wire, *head[0], pieces)
        except BaseException:
            # Half an answer cannot be followed by another one.
            self.close_connection = True
            if wire.reset:
                self._reset()
            raise
        finally:
            close = getattr(pieces, "close", None)
            if close is not None:
                close()

    def _read_body(self, environ: dict[str, Any]) -> bytes | None:
        """The request's body, or None where the client broke off or counts wrongly."""
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            return DechunkedInput(cast(IO[bytes], self.rfile)).read()
        try:
            size = int(environ.get("CONTENT_LENGTH") or 0)
        except ValueError:
            return None
        body = self.rfile.read(size) if size >= 0 else b""
        return body if len(body) == size else None

    def _answer(self, wire: Wire, status: str, headers: Headers, pieces: Iterable[bytes]) -> None:
        bare = self.command == "HEAD" or status.startswith("204")
        sized = bare or any(name == "Content-Length" for name, _ in headers)
        if wire.old and (wire.unsized or not sized):
            self.close_connection = True
        wire.closes = self.close_connection = self.close_connection or wire.closes
        wire.send(status, headers, pieces, bare=bare)

    def _reset(self) -> None:
        """Close so that the client is sent an RST, and nothing that was still on its way."""
        linger = struct.pack("hh" if os.name == "nt" else "ii", 1, 0)
        with suppress(OSError):
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            # The files made of the socket would keep it open.
            socket.close(self.connection.detach())

    def log(self, type: str, message: str, *args: Any) -> None:
        # Called for broken requests only; good ones are logged with their path by the app.
        logger.debug(message, *args)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        pass


class Server(ThreadedWSGIServer):
    """A thread per connection, all of which end when the server does."""

    daemon_threads = True
    app: Any

    def __init__(self, listener: socket.socket, app: Any, keep_alive_seconds: float) -> None:
        host, port = listener.getsockname()[:2]
        super().__init__(host, port, app, Connection, fd=listener.fileno())
        # The base class works on a duplicate.
        listener.close()
        self.keep_alive_seconds = keep_alive_seconds
        self._closing = threading.Event()
        self._lock = threading.Lock()
        self._connections: dict[threading.Thread, socket.socket] = {}

    def serve(self) -> None:
        """Accept connections until ``stop_serving``."""
        while not self._closing.is_set():
            try:
                request, client_address = self.socket.accept()
            except OSError as error:
                # Out of file descriptors, say: wait for some to be given back.
                logger.debug("cannot accept: %s", error)
                self._closing.wait(0.05)
                continue
            if self._closing.is_set():
                request.close()
                return
            try:
                self.process_request(request, client_address)
            except Exception:
                self.handle_error(request, client_address)
                self.shutdown_request(request)

    def stop_serving(self) -> None:
        """Make ``serve`` return, at once and not at its next look round as ``shutdown`` does."""
        self._closing.set()
        host, port = self.server_address[:2]
        try:
            socket.create_connection((loopback(str(host)), int(port)), timeout=0.2).close()
        except OSError as error:
            # Then others are knocking, and any connection wakes it.
            logger.debug("cannot knock: %s", error)

    def process_request(self, request: Any, client_address: Any) -> None:
        thread = threading.Thread(
            target=self._serve,
            args=(request, client_address),
            name="dify-emulator-connection",
            daemon=True,
        )
        with self._lock:
            self._connections[thread] = request
        try:
            thread.start()
        except BaseException:
            with self._lock:
                del self._connections[thread]
            raise

    def _serve(self, request: socket.socket, client_address: Any) -> None:
        try:
            self.process_request_thread(request, client_address)
        finally:
            with self._lock:
                del self._connections[threading.current_thread()]

    def handle_error(self, request: Any, client_address: Any) -> None:
        logger.exception("the emulator failed on a request")

    def log(self, type: str, message: str, *args: Any) -> None:
        logger.debug(message, *args)

    def hang_up(self) -> list[threading.Thread]:
        """Cut all connections; their threads, which end when they notice."""
        with self._lock:
            connections = dict(self._connections)
        for request in connections.values():
            try:
                request.shutdown(socket.SHUT_RDWR)
            except OSError:
                # Closed by its own thread, or by the client, in this very moment.
                continue
        return list(connections)
