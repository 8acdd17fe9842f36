"""An HTTP answer: its body block by block, or the exception that its status is."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any, Protocol

import urllib3

from ..errors import (
    ConnectionException,
    DifyException,
    HttpClientException,
    TimeoutException,
    http_error,
)
from .log import Line

_BLOCK = 65536
_MAX_ERROR_BODY, _MAX_ERROR_SECONDS = 1024 * 1024, 10.0


class Asker(Protocol):
    """Who asked: its clock, and what its exceptions say of it."""

    def bound_next_read(self) -> None: ...

    def timed_out(self, phase: str) -> TimeoutException: ...

    def context(self) -> dict[str, Any]: ...

    def hide_key(self, text: str) -> str: ...

    def closed(self) -> None: ...


class Answer:
    """Status, headers and body of one answer."""

    def __init__(
        self,
        asker: Asker,
        raw: urllib3.BaseHTTPResponse,
        line: Line | None = None,
    ) -> None:
        self._asker = asker
        self._raw = raw
        self.status = raw.status
        self.headers: Mapping[str, str] = raw.headers
        self.content_type = raw.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        self._line = line.answered(self.status, self.content_type) if line else None

    def context(self) -> dict[str, Any]:
        """What an exception says of the request."""
        return self._asker.context()

    def blocks(self) -> Iterator[bytes]:
        """The body as it arrives, each block as soon as it is there.

        Raises ConnectionException where the body is cut, TimeoutException where nothing comes.
        """
        encoded = "Content-Encoding" in self.headers
        # of a given size, older urllib3 copies all that is unpacked for each piece of it
        size = None if encoded else _BLOCK
        line = self._line
        try:
            while True:
                self._asker.bound_next_read()
                block = self._raw.read1(size, decode_content=encoded)
                if not block:
                    return
                if line is not None:
                    line.saw(block)
                yield block
        except urllib3.exceptions.ReadTimeoutError as error:
            raise self._asker.timed_out("read") from error
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            text = f"the answer was cut: {reason(error)}"
            raise ConnectionException(text, **self._asker.context()) from error

    def read(self) -> bytes:
        """The whole body."""
        try:
            return b"".join(self.blocks())
        finally:
            self.close()

    def read_text(self) -> str:
        """The beginning of the body, for an exception: a cut, endless or slow one is no other.

        Without the key that a server may have sent back.
        """
        body = b""
        until = time.monotonic() + _MAX_ERROR_SECONDS
        try:
            for block in self.blocks():
                body += block
                if len(body) > _MAX_ERROR_BODY or time.monotonic() > until:
                    break
        except DifyException:
            pass
        finally:
            self.close()
        return self.hide_key(body.decode("utf-8", "replace"))

    def hide_key(self, text: str) -> str:
        return self._asker.hide_key(text)

    def close(self) -> None:
        """Free the connection; closes it where the body was not read to its end."""
        self._raw.close()
        self._asker.closed()
        if self._line is not None:
            self._line.end()

    def error(self) -> HttpClientException:
        """The exception for this status, with Dify's code and message where the body has them."""
        text = self.read_text()
        code, message = _code_and_message(text)
        location = self.headers.get("Location") if 300 <= self.status < 400 else None
        if location:
            location = self.hide_key(location)
            says = f"a redirect to {location}: set that as base_url; the key is not sent there"
        elif code or message:
            says = f"{code or ''}: {message or ''}".strip(": ")
        else:
            kind = self.content_type or "no content type"
            says = f"{kind}: {_plain_text(text)[:200] or 'an empty body'}"
        return http_error(self.status, code)(
            f"status {self.status}, {says}",
            status_code=self.status,
            response_body=text,
            code=code,
            message=message,
            retry_after=_retry_after(self.headers.get("Retry-After")),
            **self._asker.context(),
        )


def _code_and_message(text: str) -> tuple[str | None, str | None]:
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        return None, None
    if not isinstance(body, dict):
        return None, None
    code, message = body.get("code"), body.get("message") or body.get("error")
    return (
        code if isinstance(code, str) else None,
        message if isinstance(message, str) else None,
    )


def _plain_text(html: str) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", html).split())


def _retry_after(value: str | None) -> float | None:
    if not value:
        return None
    if value.strip().isdigit():
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
        return max(0.0, (moment - datetime.now(timezone.utc)).total_seconds())
    except (ValueError, TypeError):
        return None


def reason(error: BaseException) -> str:
    """The innermost cause, which says what happened without the wrapping."""
    wrapped = (getattr(error, "reason", None), *error.args[:1], *error.args[-1:], error.__cause__)
    inner = next((cause for cause in wrapped if isinstance(cause, BaseException)), None)
    return reason(inner) if inner else str(error) or type(error).__name__
