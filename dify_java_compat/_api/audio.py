"""Audio on its way into the caller's hands or a web framework's response."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .._http.response import HttpResponse
from ..errors import DecodeException


def audio_blocks(answer: HttpResponse) -> Iterator[bytes]:
    """The audio of an answer; DecodeException where it is something else, JSON `null` mostly."""
    if answer.content_type.startswith(("application/json", "text/")):
        body = answer.read_text()
        text = f"audio was expected, but {answer.content_type} came: {body[:200]!r}"
        raise DecodeException(text, response_body=body, **answer.context())
    return _closing(answer)


def _closing(answer: HttpResponse) -> Iterator[bytes]:
    try:
        yield from answer.blocks()
    finally:
        answer.close()


def write_audio(answer: HttpResponse, response: Any) -> None:
    """Put an answer's type, disposition and audio into a web framework's response.

    A response that streams by itself (Werkzeug's, Django's StreamingHttpResponse) is given the
    blocks to fetch as it sends; any other has `write` called block by block.
    """
    blocks = audio_blocks(answer)
    headers = {
        "Content-Type": answer.headers.get("Content-Type") or "audio/mpeg",
        "Content-Disposition": answer.headers.get("Content-Disposition")
        or "attachment; filename=audio.mp3",
    }
    target = getattr(response, "headers", None)
    if target is None and hasattr(response, "__setitem__"):
        target = response
    if target is not None:
        for name, value in headers.items():
            target[name] = value
    if hasattr(response, "streaming_content"):
        response.streaming_content = blocks
    elif hasattr(response, "response") and hasattr(response, "call_on_close"):
        response.response = blocks
        response.headers.pop("Content-Length", None)
        response.call_on_close(answer.close)
    else:
        for block in blocks:
            response.write(block)
