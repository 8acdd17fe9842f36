"""Files named by a URL. They are believed, not fetched: the emulator works offline."""

import mimetypes
from typing import NamedTuple
from urllib.parse import urlsplit

from ..http.errors import invalid_param

# The port that discards all it is sent, and so the customary address of what nobody serves.
_DISCARD = 9


class Remote(NamedTuple):
    """What is known of a remote file. The size is -1: nobody told it."""

    name: str
    mime_type: str
    size: int = -1


def remote_file(url: str) -> Remote:
    """The file at ``url``, by its name. At the discard port there is none."""
    name = url.split("/")[-1].split("?")[0] or "unknown_file"
    try:
        dead = urlsplit(url).port == _DISCARD
    except ValueError:
        dead = True
    if dead:
        raise invalid_param(f"Reached maximum retries (3) for URL {url}")
    return Remote(name, mimetypes.guess_type(name)[0] or "application/octet-stream")
