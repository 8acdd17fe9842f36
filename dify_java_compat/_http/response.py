"""An HTTP response: its body block by block, or the exception that its status is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from ..errors import DecodeException, DifyException, HttpClientException, http_error
from .charset import text_of
from .clock import monotonic
from .decoding import BodyDecoder, body_decoder
from .errors import READ_FAILURES, code_and_message, plain_text, read_failure, retry_after
from .log import RequestLog

if TYPE_CHECKING:
    from .deadline import Deadline
    from .exchange import Exchange

_BLOCK = 65536
MAX_ERROR_BODY, MAX_ERROR_SECONDS = 1024 * 1024, 10.0


class RawResponse(Protocol):
    """What is needed of a response below: urllib3's has it."""

    @property
    def status(self) -> int: ...

    @property
    def headers(self) -> Mapping[str, str]: ...

    def read1(self, amt: int = ..., decode_content: bool = ...) -> bytes:
        """What comes next of the body, b"" at its end; raises urllib3's exceptions."""
        ...

    def close(self) -> None: ...


class HttpResponse:
    """Status, headers and body of one response; must be read to its end or closed."""

    def __init__(self, exchange: Exchange, raw: RawResponse, log: RequestLog | None = None) -> None:
        self._exchange = exchange
        self._raw = raw
        self.status = raw.status
        self.headers: Mapping[str, str] = raw.headers
        self.content_type = content_type_of(raw.headers)
        self._seconds: float | None = -1.0  # a read may take: what the request was sent with
        self._is_packed = "Content-Encoding" in raw.headers
        self._decoder: BodyDecoder | None = None
        self._unread: bytes | None = None
        self._log = log.on_response(self.status, self.content_type) if log else None

    def context(self) -> dict[str, Any]:
        """What an exception says of the request."""
        return self._exchange.request.context()

    def redact(self, text: str) -> str:
        """`text` without the API key."""
        return self._exchange.request.redact(text)

    @property
    def path(self) -> str:
        """The path of the request, without its query."""
        return self._exchange.request.path.partition("?")[0]

    @property
    def deadline(self) -> Deadline:
        """The clock of the call."""
        return self._exchange.deadline

    def blocks(self) -> Iterator[bytes]:
        """The body as it arrives, each block as soon as it is there.

        Raises as `read_block` does, and DecodeException for more than `max_body_bytes` of it.
        """
        deadline, limit = self.deadline, self._exchange.config.max_body_bytes
        seconds = deadline.limit("read") if deadline.is_total else self._seconds
        size = 0
        while block := self.read_block(seconds):
            size += len(block)
            if size > limit:
                text = f"a body of more than {limit} bytes (max_body_bytes)"
                raise DecodeException(text, **self.context())
            yield block

    def read_block(self, seconds: float | None) -> bytes:
        """The next bytes of the body, waiting for them no longer than `seconds`; b"" at its end.

        None for no limit. Raises ConnectionException where the body is cut, TimeoutException where
        nothing comes, whose phase is `total` if the time of the whole call is over.
        """
        exchange = self._exchange
        if self._unread is not None:
            block, self._unread = self._unread, None
            return block
        if seconds != self._seconds or exchange.deadline.is_total:
            exchange.limit_read(seconds)
            self._seconds = seconds
        try:
            if self._is_packed:
                self._decoder = body_decoder(self.headers)
                self._is_packed = False
            if self._decoder is None:
                block = self._raw.read1(_BLOCK, decode_content=False)
            else:
                block = self._decoded_block(self._decoder, seconds)
        except READ_FAILURES as error:
            raise read_failure(error, exchange.request, exchange.deadline) from error
        if not block and exchange.is_out_of_time:  # no end of the server's
            raise exchange.deadline.timed_out("total")
        if block and self._log is not None:
            self._log.on_block(block)
        return block

    def unread(self, block: bytes) -> None:
        """Have the next `read_block` give `block`."""
        self._unread = block

    def _decoded_block(self, decoder: BodyDecoder, seconds: float | None) -> bytes:
        """The next bytes that are unpacked, however little of them each read brings."""
        clock = self.deadline.clock
        end = None if seconds is None else clock() + seconds
        while True:
            data = b"" if decoder.has_more else self._raw.read1(_BLOCK, decode_content=False)
            if not data and not decoder.has_more:
                self._decoder = None
                return decoder.end()
            block = decoder.decode(data)
            if block:
                return block
            if end is not None and clock() > end:
                raise self.deadline.timed_out("read")

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
        end = monotonic() + MAX_ERROR_SECONDS
        try:
            while len(body) <= MAX_ERROR_BODY and (seconds := end - monotonic()) > 0:
                block = self.read_block(seconds)
                if not block:
                    break
                body += block
        except DifyException:
            pass
        finally:
            self.close()
        return self.redact(text_of(body, self.headers.get("Content-Type")))

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
        return status_error(self.status, self.headers, self.read_text(), self._exchange)


def content_type_of(headers: Mapping[str, str]) -> str:
    """The type alone, in small letters; empty where there is none."""
    return headers.get("Content-Type", "").partition(";")[0].strip().lower()


def redacted_type(headers: Mapping[str, str], redact: Callable[[str], str]) -> str:
    """The type of a body and how it is packed, in an exception's words, without the key."""
    redacted = redact(headers.get("Content-Type", ""))
    kind = content_type_of({"Content-Type": redacted}) or "no content type"
    encoding = redact(headers.get("Content-Encoding", "")).strip()
    return f"{kind} packed with {encoding}" if encoding else kind


def status_error(
    status: int, headers: Mapping[str, str], text: str, exchange: Exchange
) -> HttpClientException:
    """The exception for a status that is no success; `text` is the body, without the key."""
    request = exchange.request
    code, message = code_and_message(text)
    location = headers.get("Location") if 300 <= status < 400 else None
    if location:
        location = request.redact(location)
        reason = f"a redirect to {location}: set that as base_url; the key is not sent there"
    elif code or message:
        reason = f"{code or ''}: {message or ''}".strip(": ")
    else:
        kind = redacted_type(headers, request.redact)
        nothing = "nothing that can be read" if "Content-Encoding" in headers else "an empty body"
        reason = f"{kind}: {plain_text(text)[:200] or nothing}"
        if status == 404:  # Dify itself says so in JSON
            reason += f"; base_url is {exchange.transport.base_url}"
    return http_error(status, code)(
        f"status {status}, {reason}",
        status_code=status,
        response_body=text,
        code=code,
        message=message,
        retry_after=retry_after(headers.get("Retry-After")),
        **request.context(),
    )
