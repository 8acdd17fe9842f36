"""An HTTP response: its body block by block, or the exception that its status is."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import urllib3

from ..errors import DifyException, HttpClientException, http_error
from .errors import READ_FAILURES, code_and_message, plain_text, read_failure, retry_after
from .log import RequestLog

if TYPE_CHECKING:
    from .deadline import Deadline
    from .transport import Exchange

_BLOCK = 65536
_MAX_ERROR_BODY, _MAX_ERROR_SECONDS = 1024 * 1024, 10.0


class HttpResponse:
    """Status, headers and body of one response; must be read to its end or closed."""

    def __init__(
        self, exchange: Exchange, raw: urllib3.BaseHTTPResponse, log: RequestLog | None = None
    ) -> None:
        self._exchange = exchange
        self._raw = raw
        self.status = raw.status
        self.headers: Mapping[str, str] = raw.headers
        self.content_type = raw.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        self._seconds: float | None = -1.0  # a read may take: what the request was sent with
        self._encoded = "Content-Encoding" in raw.headers
        self._log = log.on_response(self.status, self.content_type) if log else None

    def context(self) -> dict[str, Any]:
        """What an exception says of the request."""
        return self._exchange.context()

    def redact(self, text: str) -> str:
        """`text` without the API key."""
        return self._exchange.redact(text)

    @property
    def path(self) -> str:
        """The path of the request, without its query."""
        return self._exchange.request.path.partition("?")[0]

    @property
    def deadline(self) -> Deadline:
        """The clock of the call."""
        return self._exchange.deadline

    def blocks(self) -> Iterator[bytes]:
        """The body as it arrives, each block as soon as it is there; raises as `read_block`."""
        deadline = self.deadline
        seconds = deadline.limit("read") if deadline.is_total else self._seconds
        while block := self.read_block(seconds):
            yield block

    def read_block(self, seconds: float | None) -> bytes:
        """The next bytes of the body, waiting for them no longer than `seconds`; b"" at its end.

        None for no limit. Raises ConnectionException where the body is cut, TimeoutException where
        nothing comes, whose phase is `total` if the time of the whole call is over.
        """
        exchange, encoded = self._exchange, self._encoded
        if seconds != self._seconds or exchange.deadline.is_total:
            exchange.limit_read(seconds)
            self._seconds = seconds
        try:
            # given a size, older urllib3 copies all that is unpacked for each piece of it
            block = self._raw.read1(None if encoded else _BLOCK, decode_content=encoded)
        except READ_FAILURES as error:
            raise read_failure(error, exchange.request, exchange.deadline) from error
        if block and self._log is not None:
            self._log.on_block(block)
        return block

    def read(self) -> bytes:
        """The whole body; raises as `blocks` does."""
        try:
            return b"".join(self.blocks())
        finally:
            self.close()

    def read_text(self) -> str:
        """The beginning of the body, for an exception, without a key that came back in it.

        A body that is cut, endless or slow is no exception of its own: what came of it will do.
        """
        body = b""
        end = time.monotonic() + _MAX_ERROR_SECONDS
        try:
            for block in self.blocks():
                body += block
                if len(body) > _MAX_ERROR_BODY or time.monotonic() > end:
                    break
        except DifyException:
            pass
        finally:
            self.close()
        return self.redact(body.decode("utf-8", "replace"))

    def close(self) -> None:
        """Free the connection, closing it where the body was not read to its end. Never raises."""
        try:  # noqa: SIM105 (suppress would be paid for by every call)
            self._raw.close()
        except OSError:
            pass
        self._exchange.release()
        if self._log is not None:
            self._log.end()

    def error(self) -> HttpClientException:
        """The exception for this status, with Dify's code and message where the body has them."""
        text = self.read_text()
        code, message = code_and_message(text)
        location = self.headers.get("Location") if 300 <= self.status < 400 else None
        if location:
            location = self.redact(location)
            reason = f"a redirect to {location}: set that as base_url; the key is not sent there"
        elif code or message:
            reason = f"{code or ''}: {message or ''}".strip(": ")
        else:
            kind = self.content_type or "no content type"
            reason = f"{kind}: {plain_text(text)[:200] or 'an empty body'}"
        return http_error(self.status, code)(
            f"status {self.status}, {reason}",
            status_code=self.status,
            response_body=text,
            code=code,
            message=message,
            retry_after=retry_after(self.headers.get("Retry-After")),
            **self.context(),
        )
