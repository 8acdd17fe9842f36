"""The audio of a response, for the caller or for a web framework's response."""

from __future__ import annotations

from collections.abc import AsyncIterator, Generator, Iterator
from typing import Any

from .._http.response import HttpResponse, redacted_type
from ..errors import DecodeException, IllegalArgumentException

# what Dify names the speech that a model gives; mp3 is the usual
_EXTENSIONS = {
    "audio/aac": "aac",
    "audio/flac": "flac",
    "audio/ogg": "ogg",
    "audio/opus": "opus",
    "audio/wav": "wav",
    "audio/webm": "webm",
}


_TEXTS = ("application/json", "application/xml", "text/")
_SIGNS = (b"{", b"[", b"<", b"null")  # no audio begins so


def audio_blocks(response: HttpResponse) -> Iterator[bytes]:
    """The audio, block by block. DecodeException where it is something else, mostly JSON `null`."""
    kind = response.content_type
    blocks = _closing(response)
    is_audio = not (kind.startswith(_TEXTS) or kind.endswith(("+json", "+xml")))
    first = next(blocks, b"") if is_audio else b""
    if is_audio and first and not first.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(_SIGNS):
        return _from(first, blocks)
    if first:
        response.unread(first)
    body = response.read_text()
    named = redacted_type(response.headers, response.redact)
    text = f"audio was expected, but {named} came: {body[:200]!r}"
    raise DecodeException(text, response_body=body, **response.context())


def _from(first: bytes, blocks: Generator[bytes, None, None]) -> Iterator[bytes]:
    try:
        yield first
        yield from blocks
    finally:
        blocks.close()


def _closing(response: HttpResponse) -> Generator[bytes, None, None]:
    try:
        yield from response.blocks()
    finally:
        response.close()


def check_target(target: Any) -> None:
    """IllegalArgumentException where `write_audio` could not write into `target`."""
    takes_blocks = any(
        hasattr(target, name) for name in ("streaming_content", "body_iterator", "raw_headers")
    ) or (hasattr(target, "response") and hasattr(target, "call_on_close"))
    if not takes_blocks and not callable(getattr(target, "write", None)):
        raise IllegalArgumentException(
            "response must be a web framework's response, or have a method `write`,"
            f" not {type(target).__name__}"
        )


def write_audio(source: HttpResponse, target: Any) -> None:
    """Put a response's type, disposition and audio into `target`, a web framework's response.

    One that streams by itself (Werkzeug's, Django's and Starlette's streaming ones) gets the blocks
    to fetch as it sends; a plain one of Starlette gets the whole as its body; any other has its
    `write` called block by block.
    """
    blocks = audio_blocks(source)
    headers = getattr(target, "headers", None)
    if headers is None and hasattr(target, "__setitem__"):
        headers = target
    if headers is not None:
        headers["Content-Type"] = source.headers.get("Content-Type") or "audio/mpeg"
        disposition = source.headers.get("Content-Disposition")
        name = f"audio.{_EXTENSIONS.get(source.content_type, 'mp3')}"
        headers["Content-Disposition"] = disposition or f"attachment; filename={name}"
    if hasattr(target, "streaming_content"):
        target.streaming_content = blocks
    elif hasattr(target, "response") and hasattr(target, "call_on_close"):
        target.response = blocks
        target.headers.pop("Content-Length", None)
        target.call_on_close(source.close)
    elif hasattr(target, "body_iterator"):
        target.body_iterator = _in_threads(blocks)
    elif hasattr(target, "raw_headers"):
        target.body = b"".join(blocks)
        target.headers["Content-Length"] = str(len(target.body))
    else:
        for block in blocks:
            target.write(block)


async def _in_threads(blocks: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Each block by a thread, for an event loop that must not wait for it."""
    import asyncio  # by those alone who have a loop

    try:
        while (block := await asyncio.to_thread(next, blocks, None)) is not None:
            yield block
    finally:
        close: Any = getattr(blocks, "close", None)
        if close is not None:
            close()
