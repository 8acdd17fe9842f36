"""The audio of a response, for the caller or for a web framework's response."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .._http.response import HttpResponse
from ..errors import DecodeException


def audio_blocks(response: HttpResponse) -> Iterator[bytes]:
    """The audio, block by block. DecodeException where it is something else, mostly JSON `null`."""
    if response.content_type.startswith(("application/json", "text/")):
        body = response.read_text()
        text = f"audio was expected, but {response.content_type} came: {body[:200]!r}"
        raise DecodeException(text, response_body=body, **response.context())
    return _closing(response)


def _closing(response: HttpResponse) -> Iterator[bytes]:
    try:
        yield from response.blocks()
    finally:
        response.close()


def write_audio(source: HttpResponse, target: Any) -> None:
    """Put a response's type, disposition and audio into `target`, a web framework's response.

    One that streams by itself (Werkzeug's, Django's StreamingHttpResponse) gets the blocks to
    fetch as it sends; any other has its `write` called block by block.
    """
    blocks = audio_blocks(source)
    headers = getattr(target, "headers", None)
    if headers is None and hasattr(target, "__setitem__"):
        headers = target
    if headers is not None:
        headers["Content-Type"] = source.headers.get("Content-Type") or "audio/mpeg"
        disposition = source.headers.get("Content-Disposition")
        headers["Content-Disposition"] = disposition or "attachment; filename=audio.mp3"
    if hasattr(target, "streaming_content"):
        target.streaming_content = blocks
    elif hasattr(target, "response") and hasattr(target, "call_on_close"):
        target.response = blocks
        target.headers.pop("Content-Length", None)
        target.call_on_close(source.close)
    else:
        for block in blocks:
            target.write(block)
