"""What is left of a stream whose parsers a signal handler's exception has cut through."""

from __future__ import annotations

import re

from .._http.polled import StreamResponse
from ..errors import DifyException
from .reader import EventReader

_TASK_ID = re.compile(rb'"task_id": ?"([\w-]+)"')
_KEPT = 1024  # bytes, for an id may come in two blocks
_LAST_CHUNK = b"\r\n0\r\n\r\n"


class TornStream:
    """Looks for nothing but the task's id, in the bytes as they are: parsers have lost some."""

    def __init__(self, reader: EventReader) -> None:
        self._reader = reader
        self._bytes = b""

    @property
    def is_over(self) -> bool:
        return self._bytes.endswith(_LAST_CHUNK)

    def read(self, response: StreamResponse) -> bool:
        """Take what has come; False where no more will."""
        try:
            block = response.read_raw()
        except DifyException:
            return False
        if block is not None:
            self.look(block)
        return block != b"" and not self.is_over

    def look(self, block: bytes) -> None:
        self._bytes = (self._bytes + block)[-_KEPT:]
        found = _TASK_ID.search(self._bytes)
        if found is not None:
            self._reader.task_id = found[1].decode()
