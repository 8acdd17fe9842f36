"""What must hold for any bytes, cut anywhere: for Hypothesis here, and for the fuzzer of
`python -m tests.faults.fuzz`.
"""

from __future__ import annotations

import functools
import http.client
import inspect
import io
import json
import zlib
from collections.abc import Callable
from typing import Any

import urllib3

from dify_java_compat import ClientConfig, DifyException, models
from dify_java_compat._api.codec import decode, decode_page, decode_run, event_decoder
from dify_java_compat._dto.dto import ResponseDto
from dify_java_compat._http.chunked_response import ChunkedResponse
from dify_java_compat._http.request import ApiKey, HttpRequest
from dify_java_compat._http.response import HttpResponse
from dify_java_compat._http.transport import Transport
from dify_java_compat._stream.blocking import read
from dify_java_compat._stream.reader import EventReader
from dify_java_compat._stream.sse import EventTooLargeError, SSEDecoder

LARGEST = 4096
RESPONSES = sorted(
    (
        cls
        for cls in vars(models).values()
        if inspect.isclass(cls) and issubclass(cls, ResponseDto) and cls is not ResponseDto
    ),
    key=lambda cls: cls.__name__,
)
TRANSPORT = Transport("http://localhost", ClientConfig())
REQUEST = HttpRequest("sendChatMessageStream", "POST", "/", ApiKey("k"), streams=True)
Cuts = list[int]


class Pieces(io.BytesIO):
    """Bytes that come in pieces: how many at most, one after the other, and then all the rest."""

    def __init__(self, data: bytes, cuts: Cuts) -> None:
        super().__init__(data)
        self._cuts = iter(cuts)

    def peek(self, size: int = 0, /) -> bytes:
        return self.getvalue()[self.tell() :]

    def read1(self, size: int | None = -1, /) -> bytes:
        size = -1 if size is None else size
        cut = max(1, next(self._cuts, len(self.getvalue())))
        return super().read(cut if size < 0 else min(cut, size))


def sse(data: bytes, cuts: Cuts) -> object:
    """The decoder: its events, up to one that is too large."""
    decoder, source = SSEDecoder(LARGEST), Pieces(data, cuts)
    events: list[bytes] = []
    try:
        while block := source.read1():
            events += decoder.feed(block)
    except EventTooLargeError:
        return "too large"
    return events, decoder.flush()


def reader(data: bytes, cuts: Cuts) -> object:
    """A body read as a stream: its items, and how it ends: well, or in the tree of exceptions."""
    raw = urllib3.HTTPResponse(
        Pieces(data, cuts), {"Content-Type": "text/event-stream"}, 200, preload_content=False
    )
    items = []
    response = HttpResponse(TRANSPORT.exchange(REQUEST), raw)
    try:
        for item in read(EventReader(event_decoder(), ClientConfig(), {}), response):
            items.append((item.to_json(), repr(item), repr(item.raw)))
    except DifyException as error:
        return items, type(error), [vars(error)[name] for name in sorted(vars(error))]
    return items


class _Socket:
    def __init__(self, file: Pieces) -> None:
        self._file = file

    def gettimeout(self) -> float | None:
        return None

    def settimeout(self, seconds: float | None) -> None:
        pass

    def makefile(self, *_: object, **__: object) -> Pieces:
        return self._file


def wire(data: bytes, cuts: Cuts) -> object:
    """Bytes of a server: an answer's body, or an exception of HTTP's."""
    response = ChunkedResponse(_Socket(Pieces(data, cuts)))  # type: ignore[arg-type]
    body = b""
    try:
        response.begin()
        while block := response.read1(65536):
            body += block
    except (http.client.HTTPException, ValueError) as error:
        return body if isinstance(error, http.client.IncompleteRead) else (body, type(error))
    finally:
        response.close()
    return body


def chunks(data: bytes, cuts: Cuts) -> object:
    """The same for the body of a chunked answer."""
    return wire(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + data, cuts)


def event(data: bytes, cuts: Cuts) -> object:
    """One event: an item that can be shown and written, or a ValueError."""
    return _shown(event_decoder(), data)


def body(data: bytes, cuts: Cuts) -> object:
    """The same for the body of any answer, as one of the classes there are."""
    cls = RESPONSES[zlib.crc32(data) % len(RESPONSES)]
    return [
        _shown(functools.partial(read, cls), data) for read in (decode, decode_page, decode_run)
    ]


def _shown(read: Callable[[bytes], Any], data: bytes) -> object:
    try:
        value = read(data)
    except ValueError:
        return None
    json.loads(value.to_json())
    return repr(value), value.to_dict(), repr(value.raw)


TARGETS: dict[str, Callable[[bytes, Cuts], object]] = {
    "sse": sse,
    "reader": reader,
    "chunks": chunks,
    "wire": wire,
    "event": event,
    "body": body,
}
SEEDS = {
    "sse": b'data: {"a":1}\n\n: x\r\nevent: ping\r\rdata:b\ndata: c\n\n\xef\xbb\xbf',
    "reader": b'data: {"event":"message","answer":"a"}\n\ndata: {"event":"message_end"}\n\n',
    "chunks": b"3;x=y\r\nabc\r\n0\r\nT: x\r\n\r\n",
    "wire": b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc",
    "event": b'{"event":"node_finished","data":{"id":"x","outputs":{"a":[1.5,null]}}}',
    "body": b'{"data":[{"id":"x","inputs":"{}"}],"has_more":false,"limit":20,"answer":"a"}',
}


def hold(name: str, data: bytes, cuts: Cuts) -> None:
    """The same result however the bytes are cut."""
    target = TARGETS[name]
    whole, cut = target(data, []), target(data, cuts)
    # of what breaks, more or less may have come before it is seen
    if name in ("sse", "chunks", "wire") and _broken(whole) and _broken(cut):
        return
    assert cut == whole, (name, data, cuts)


def _broken(result: object) -> bool:
    return result == "too large" or (isinstance(result, tuple) and isinstance(result[1], type))
