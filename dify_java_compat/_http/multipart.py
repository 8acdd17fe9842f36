"""A form with a file, sent from where it lies."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from urllib3.fields import RequestField

from ..errors import IllegalArgumentException

Progress = Callable[[int, int], object]


class FilePart(NamedTuple):
    """A file as it goes into a form: `size` bytes of `stream`, from `start` on."""

    name: str
    content_type: str
    stream: Any
    start: int
    size: int
    opened_here: bool
    progress: Progress | None = None


class _Aborted(Exception):
    """The file, or who is told of its progress, failed: nothing that the network could explain."""


class MultipartForm:
    """A form with one file, read from disk as it is sent; can be sent again."""

    _failure: tuple[Exception, BaseException | None] | None = None

    def __init__(self, fields: dict[str, str], part: FilePart) -> None:
        self._part = part
        boundary = os.urandom(16).hex()
        self.content_type = f"multipart/form-data; boundary={boundary}"
        head = io.BytesIO()
        for name, value in fields.items():
            field = RequestField(name, value)
            field.make_multipart()
            head.write(f"--{boundary}\r\n{field.render_headers()}{value}\r\n".encode())
        # urllib3 escapes no backslash, and Dify's parser then loses it, or even the file
        field = RequestField("file", b"", filename=part.name.replace("\\", "\\\\"))
        field.make_multipart(content_type=part.content_type)
        head.write(f"--{boundary}\r\n{field.render_headers()}".encode("utf-8", "replace"))
        self._head = head.getvalue()
        self._tail = f"\r\n--{boundary}--\r\n".encode()
        self.rewind()

    def __len__(self) -> int:
        return len(self._head) + self._part.size + len(self._tail)

    def __iter__(self) -> Iterator[bytes]:
        while block := self.read(65536):
            yield block

    def close(self) -> None:
        """Raises what went wrong with the file, which requests might take for the network's."""
        if self._part.opened_here:
            self._part.stream.close()
        if self._failure is not None:
            error, context = self._failure
            try:
                raise error
            finally:
                error.__context__ = context

    def rewind(self) -> None:
        self._part.stream.seek(self._part.start)
        self._left, self._told = self._part.size, -1
        self._before, self._after = io.BytesIO(self._head), io.BytesIO(self._tail)

    def read(self, size: int = -1) -> bytes:
        try:
            return self._read(len(self) if size is None or size < 0 else size)
        except Exception as error:
            self._failure = error, error.__context__
            raise _Aborted from None

    def _read(self, size: int) -> bytes:
        if block := self._before.read(size):
            return block
        sent = self._part.size - self._left  # whoever asks for more has sent what he had
        if self._part.progress is not None and sent != self._told:
            self._told = sent
            self._part.progress(sent, self._part.size)
        if self._left:
            block = self._part.stream.read(min(size, self._left))
            if not block:
                raise IllegalArgumentException("file became shorter while it was sent")
            self._left -= len(block)
            return bytes(block)
        return self._after.read(size)
