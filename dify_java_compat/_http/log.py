"""A line a request on the logger `dify_java_compat`. Costs one look at the level when it is off."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from typing import Any, Protocol

from ..config import ClientConfig
from .masking import mask_body, mask_path, mask_text, one_line

logger = logging.getLogger("dify_java_compat")
logger.addHandler(logging.NullHandler())

_STREAM = "text/event-stream"
_TEXT = ("json", "xml", "html", "javascript", "x-www-form-urlencoded")


class Sent(Protocol):
    """The request that a line is about."""

    @property
    def method(self) -> str: ...

    @property
    def path(self) -> str: ...

    @property
    def body(self) -> Any: ...

    @property
    def ids(self) -> Mapping[str, str]: ...

    def redact(self, text: str) -> str: ...


def begin(request: Sent, config: ClientConfig) -> Line | None:
    """The line for a request that is about to be sent; None where nobody would read it."""
    if config.logging and logger.isEnabledFor(logging.DEBUG):
        return Line(request, config)
    return None


class Line:
    """What will be said of one request, at its end; of a stream, as soon as it begins."""

    def __init__(self, request: Sent, config: ClientConfig) -> None:
        self._request = request
        self._config = config
        self._started = time.monotonic()
        self._outcome: str | None = None
        self._type = ""
        self._is_text = False
        self._size = 0
        self._kept: list[bytes] = []
        self._left = config.log_body_max_bytes or None

    def answered(self, status: int, content_type: str) -> Line | None:
        """Take note of an answer. None where nothing more will be added: a stream stays unseen."""
        self._outcome = f"-> {status}, {self._milliseconds()}"
        self._type = content_type
        self._is_text = content_type[:5] == "text/" or content_type.endswith(_TEXT)
        self._is_text = self._is_text or not content_type
        if content_type == _STREAM:
            self.end()
            return None
        return self

    def failed(self, error: BaseException) -> None:
        says = error.args[0] if error.args else ""
        self._outcome = f"failed after {self._milliseconds()}: {type(error).__name__}: {says}"
        self.end()

    def saw(self, block: bytes) -> None:
        """A block of the answer has passed. Keeps what `end` will need of it."""
        self._size += len(block)
        if self._is_text:  # whole: only then it can be read as JSON
            self._kept.append(block)
        elif self._config.log_binary_body and self._left != 0:
            block = block[: self._left]
            self._kept.append(block)
            self._left = None if self._left is None else self._left - len(block)

    def end(self) -> None:
        """Write the line, once."""
        if self._outcome is None:
            return
        try:
            text = self._text()
        except Exception:  # a log may fail, the call that it tells of may not
            text = f"{self._request.method} {self._outcome} (this request cannot be shown)"
        self._outcome = None
        self._kept.clear()
        logger.debug("%s", text)

    def _milliseconds(self) -> str:
        return f"{(time.monotonic() - self._started) * 1000:.0f} ms"

    def _text(self) -> str:
        request = self._request
        path = mask_path(request.redact(request.path), self._config.logging_mask_enabled)
        text = f"{request.method} {path} {self._masked(self._outcome or '')}"
        if request.ids:
            ids = (f"{name}={self._masked(value)}" for name, value in request.ids.items())
            text += f" [{', '.join(ids)}]"
        if request.body:
            text += f"; sent {self._sent(request.body)}"
        if self._size:
            text += f"; got {self._got()}"
        return one_line(text)

    def _sent(self, body: Any) -> str:
        if isinstance(body, bytes):
            return self._body(body)
        return f"a form of {len(body)} bytes"  # to read it would be to take it from the server

    def _got(self) -> str:
        body = b"".join(self._kept)
        if self._is_text:
            return self._body(body)
        size = f"{self._size} bytes of {self._type}"
        if not self._config.log_binary_body:
            return size
        return f"{size}: {self._masked(repr(body))}"

    def _body(self, body: bytes) -> str:
        config, hide = self._config, self._request.redact
        return mask_body(body, config.log_body_max_bytes, config.logging_mask_enabled, hide)

    def _masked(self, text: str) -> str:
        hide = self._request.redact
        return hide(mask_text(hide(text), self._config.logging_mask_enabled))
