"""Files named by a URL. They are not fetched, as the emulator works offline."""

import mimetypes
from typing import NamedTuple
from urllib.parse import urlsplit

from ..http.errors import invalid_param

# The discard port, where no web server listens.
_DISCARD_PORT = 9


class RemoteFile(NamedTuple):
    """A remote file. The size of -1 stands for an unknown one."""

    name: str
    mime_type: str
    size: int = -1


def remote_file(url: str) -> RemoteFile:
    """The file that ``url`` names; ``ApiError`` for one at the discard port."""
    name = url.split("/")[-1].split("?")[0] or "unknown_file"
    try:
        dead = urlsplit(url).port == _DISCARD_PORT
    except ValueError:
        dead = True
    if dead:
        raise invalid_param(f"Reached maximum retries (3) for URL {url}")
    return RemoteFile(name, mimetypes.guess_type(name)[0] or "application/octet-stream")
