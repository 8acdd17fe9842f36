"""An HTTP answer: its body block by block, or the exception that its status is."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import urllib3

from ..errors import (
    ConnectionException,
    DifyException,
    HttpClientException,
    TimeoutException,
    http_error,
)
from .errors import code_and_message, plain_text, retry_after, root_cause_text
from .log import Line

_BLOCK = 65536
_MAX_ERROR_BODY, _MAX_ERROR_SECONDS = 1024 * 1024, 10.0


class Asker(Protocol):
    """Who asked: its clock, and what its exceptions say of it."""

    def bound_next_read(self) -> None: ...

    def timed_out(self, phase: str) -> TimeoutException: ...

    def context(self) -> dict[str, Any]: ...

    def redact(self, text: str) -> str: ...

    def closed(self) -> None: ...


class HttpResponse:
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
            text = f"the answer was cut: {root_cause_text(error)}"
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
        return self.redact(body.decode("utf-8", "replace"))

    def redact(self, text: str) -> str:
        return self._asker.redact(text)

    def close(self) -> None:
        """Free the connection; closes it where the body was not read to its end."""
        self._raw.close()
        self._asker.closed()
        if self._line is not None:
            self._line.end()

    def error(self) -> HttpClientException:
        """The exception for this status, with Dify's code and message where the body has them."""
        text = self.read_text()
        code, message = code_and_message(text)
        location = self.headers.get("Location") if 300 <= self.status < 400 else None
        if location:
            location = self.redact(location)
            says = f"a redirect to {location}: set that as base_url; the key is not sent there"
        elif code or message:
            says = f"{code or ''}: {message or ''}".strip(": ")
        else:
            kind = self.content_type or "no content type"
            says = f"{kind}: {plain_text(text)[:200] or 'an empty body'}"
        return http_error(self.status, code)(
            f"status {self.status}, {says}",
            status_code=self.status,
            response_body=text,
            code=code,
            message=message,
            retry_after=retry_after(self.headers.get("Retry-After")),
            **self._asker.context(),
        )
