"""HTTP as gunicorn speaks it: keep-alive with a short timeout, one chunk per piece of the body.

Werkzeug's own handler closes every connection and writes a chunk in three pieces. Here each event
is one write, and the head is sent with the first piece of the body, not before.
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
from typing import Any, cast

from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler

from .request_body import read_body
from .response_writer import Headers, ResponseWriter

logger: logging.Logger = logging.getLogger("dify_java_compat.emulator")


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
            while not self.close_connection and self._has_next_request():
                self.handle_one_request()
        except OSError as error:
            logger.debug("connection lost: %s", error)

    def _has_next_request(self) -> bool:
        """Whether another request begins within ``keep_alive_seconds``."""
        self.connection.settimeout(cast("Server", self.server).keep_alive_seconds)
        try:
            return bool(cast(io.BufferedReader, self.rfile).peek(1))
        except TimeoutError:
            return False
        finally:
            self.connection.settimeout(None)

    def client_gone(self, within: float = 0.0) -> bool:
        """Whether the client has closed its side, now or ``within`` so many seconds.

        May be called from any thread.
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
        body = read_body(self.rfile, self.headers)
        if body is None:
            self.close_connection = True
            return
        # The whole body is read before the request is handled, so that the next request is
        # found where it begins.
        environ["wsgi.input"] = io.BytesIO(body)
        environ["CONTENT_LENGTH"] = str(len(body))
        environ.pop("HTTP_TRANSFER_ENCODING", None)
        environ["emulator.client_gone"] = self.client_gone
        writer = ResponseWriter(
            self.wfile.write, self.client_gone, http10=self.request_version != "HTTP/1.1"
        )
        environ["emulator.writer"] = writer
        head: list[tuple[str, Headers]] = []

        def start_response(status: str, headers: Headers, *_: Any) -> Callable[[bytes], object]:
            head.append((status, headers))
            return self.wfile.write

        pieces: Iterable[bytes] = self.server.app(environ, start_response)
        try:
            self._send(writer, *head[0], pieces)
        except BaseException:
            # After a part of a response no other one can follow on this connection.
            self.close_connection = True
            if writer.reset:
                self._reset()
            raise
        finally:
            close = getattr(pieces, "close", None)
            if close is not None:
                close()

    def _send(
        self, writer: ResponseWriter, status: str, headers: Headers, pieces: Iterable[bytes]
    ) -> None:
        head_only = self.command == "HEAD" or status.startswith("204")
        sized = head_only or any(name == "Content-Length" for name, _ in headers)
        if writer.http10 and (writer.without_length or not sized):
            self.close_connection = True
        writer.closes = self.close_connection = self.close_connection or writer.closes
        writer.send(status, headers, pieces, head_only=head_only)

    def _reset(self) -> None:
        """Close with an RST: nothing that is still buffered is sent."""
        linger = struct.pack("hh" if os.name == "nt" else "ii", 1, 0)
        with suppress(OSError):
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            # The file objects made of the socket would keep it open.
            socket.close(self.connection.detach())

    def log(self, type: str, message: str, *args: Any) -> None:
        # Called for malformed requests only; the others are logged by the app.
        logger.debug(message, *args)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        pass


class Server(ThreadedWSGIServer):
    """A server with a thread per connection; ``hang_up`` ends them all.

    ``keep_alive_seconds``: how long an idle connection is kept.
    """

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
                # For example out of file descriptors: wait until some are free again.
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
        """Make ``serve`` return at once; the base class's ``shutdown`` waits for a poll."""
        self._closing.set()
        host, port = self.server_address[:2]
        try:
            socket.create_connection((loopback(str(host)), int(port)), timeout=0.2).close()
        except OSError as error:
            # The backlog is full then, and each of its connections wakes ``serve`` as well.
            logger.debug("cannot connect to stop serving: %s", error)

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
        """Shut all connections down; their threads, which end when they notice."""
        with self._lock:
            connections = dict(self._connections)
        for request in connections.values():
            try:
                request.shutdown(socket.SHUT_RDWR)
            except OSError:
                # Its own thread or the client has closed it meanwhile.
                continue
        return list(connections)
