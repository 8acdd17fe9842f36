"""A line a request on the logger `dify_java_compat`. Costs one look at the level when it is off."""

from __future__ import annotations

import contextlib
import logging
from typing import Any

from ..config import ClientConfig
from .clock import monotonic
from .request import HttpRequest


class PackageLogger:
    """The logger of that name. What a filter or a handler of the user's raises ends no call."""

    def __init__(self, name: str) -> None:
        self._logger = logging.getLogger(name)
        self._logger.addHandler(logging.NullHandler())

    def isEnabledFor(self, level: int) -> bool:
        return self._logger.isEnabledFor(level)

    def debug(self, text: str, *args: object) -> None:
        self.log(logging.DEBUG, text, *args)

    def warning(self, text: str, *args: object) -> None:
        self.log(logging.WARNING, text, *args)

    def exception(self, text: str, *args: object) -> None:
        with contextlib.suppress(Exception):
            self._logger.exception(text, *args, stacklevel=2)

    def log(self, level: int, text: str, *args: object) -> None:
        with contextlib.suppress(Exception):
            self._logger.log(level, text, *args, stacklevel=2)


logger = PackageLogger("dify_java_compat")

_STREAM = "text/event-stream"
_TEXT = ("json", "xml", "html", "javascript", "x-www-form-urlencoded")


def start(request: HttpRequest, config: ClientConfig) -> RequestLog | None:
    """The log of a request that is about to be sent; None where nobody would read it."""
    if config.logging and logger.isEnabledFor(logging.DEBUG):
        if _urls_filter not in _urllib3.filters:
            _urllib3.addFilter(_urls_filter)
        return RequestLog(request, config)
    return None


class _UrlsFilter(logging.Filter):
    """Masks the paths that urllib3 logs beside our own line, of our requests alone."""

    def filter(self, record: logging.LogRecord) -> bool:
        from . import connection  # which is loaded by now, and imports nothing of this

        exchange = connection._current.exchange
        if exchange is not None and isinstance(record.args, tuple):
            from .masking import mask_path

            record.args = tuple(
                mask_path(exchange.request.redact(value), True)
                if isinstance(value, str) and "/" in value
                else value
                for value in record.args
            )
        return True


_urllib3 = logging.getLogger("urllib3.connectionpool")
_urls_filter = _UrlsFilter()


class RequestLog:
    """Collects what one line says of a request, and writes it once: when the response is closed.

    ::

        start() ─▶ on_response() ─▶ on_block() ... ─▶ end()      a stream: written at once, on
            └────▶ failed()                                      on_response(), without its body
    """

    def __init__(self, request: HttpRequest, config: ClientConfig) -> None:
        from . import masking  # most programs never log

        self._masking = masking
        self._request = request
        self._config = config
        self._started = monotonic()
        self._outcome: str | None = None
        self._content_type = ""
        self._is_text = False
        self._size = 0
        self._kept: list[bytes] = []
        self._bytes_to_keep = config.log_body_max_bytes or None
        # of a text; a stream of an odd type has no end
        self._most = max(self._bytes_to_keep or config.max_body_bytes, masking.MAX_JSON)

    def on_response(self, status: int, content_type: str) -> RequestLog | None:
        """Note a response. None where no more is wanted of it, as of a stream: it costs nothing."""
        self._outcome = f"-> {status}, {self._milliseconds()}"
        self._content_type = content_type
        self._is_text = content_type[:5] == "text/" or content_type.endswith(_TEXT)
        self._is_text = self._is_text or not content_type
        if content_type == _STREAM:
            self.end()
            return None
        return self

    def failed(self, error: BaseException) -> None:
        """Note that there was no response, and write the line."""
        text = error.args[0] if error.args else ""
        self._outcome = f"failed after {self._milliseconds()}: {type(error).__name__}: {text}"
        self.end()

    def on_block(self, block: bytes) -> None:
        """Note a block of the body; keeps of it what `end` will need."""
        self._size += len(block)
        if self._is_text:  # whole: only then it can be read as JSON
            if self._size - len(block) <= self._most:
                self._kept.append(block)
        elif self._config.log_binary_body and self._bytes_to_keep != 0:
            block = block[: self._bytes_to_keep]
            self._kept.append(block)
            if self._bytes_to_keep is not None:
                self._bytes_to_keep -= len(block)

    def end(self) -> None:
        """Write the line, unless it was written."""
        if self._outcome is None:
            return
        try:
            text = self._text()
        except Exception:  # a log may fail, the call that it is about may not
            text = f"{self._request.method} {self._outcome} (this request cannot be shown)"
        self._outcome = None
        self._kept.clear()
        logger.debug("%s", text)

    def _milliseconds(self) -> str:
        return f"{(monotonic() - self._started) * 1000:.0f} ms"

    def _text(self) -> str:
        request = self._request
        path = self._masking.mask_path(
            request.redact(request.path), self._config.logging_mask_enabled
        )
        text = f"{request.method} {path} {self._masked(self._outcome or '')}"
        if request.ids:
            ids = (f"{name}={self._masked(value)}" for name, value in request.ids.items())
            text += f" [{', '.join(ids)}]"
        if request.body:
            text += f"; sent {self._request_text(request.body)}"
        if self._size:
            text += f"; got {self._response_text()}"
        return self._masking.one_line(text)

    def _request_text(self, body: Any) -> str:
        if isinstance(body, bytes):
            return self._body(body, len(body))
        return f"a form of {len(body)} bytes"  # read here, it would not be sent

    def _response_text(self) -> str:
        body = b"".join(self._kept)
        if self._is_text:
            return self._body(body, self._size)
        size = f"{self._size} bytes of {self._content_type}"
        if not self._config.log_binary_body:
            return size
        return f"{size}: {self._masked(repr(body))}"

    def _body(self, body: bytes, size: int) -> str:
        config, redact = self._config, self._request.redact
        return self._masking.mask_body(
            body, config.log_body_max_bytes, config.logging_mask_enabled, redact, size
        )

    def _masked(self, text: str) -> str:
        redact = self._request.redact  # before, so that no mask splits the key; after, to be sure
        return redact(self._masking.mask_text(redact(text), self._config.logging_mask_enabled))
