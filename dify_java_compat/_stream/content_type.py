"""Whether a response is an event stream: by its type, and else by its first bytes."""

from __future__ import annotations

EVENT_STREAM = "text/event-stream"

_BOM = b"\xef\xbb\xbf"
_LINES = (b"data:", b"event:", b"id:", b"retry:", b":")
_MAX_BLANK = 1024  # bytes before the first line that says something
_NEVER = ("text/html", "application/xhtml+xml")


def is_event_stream(
    content_type: str, start: bytes = b"", *, is_whole: bool = False
) -> bool | None:
    """True or False once it is certain; None while more of the body is needed.

    `content_type` has no parameters; `start` is what has come of the body, `is_whole`: nothing
    more comes. A type that says event stream, JSON or HTML is believed. Servers and gateways give
    a stream other types, or none: then it is one if it begins with a line of one.
    """
    if content_type == EVENT_STREAM:
        return True
    content_type = content_type.partition(",")[0].strip()  # two headers of a proxy's, made one
    if content_type in _NEVER or content_type.endswith(("/json", "+json")):
        return False
    text = start.removeprefix(_BOM).lstrip(b"\r\n")
    if text.startswith(_LINES):
        return True
    is_open = len(start) <= _MAX_BLANK and (
        any(line.startswith(text) for line in _LINES) or _BOM.startswith(start)
    )
    return None if is_open and not is_whole else False
