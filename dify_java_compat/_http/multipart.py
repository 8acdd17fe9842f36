"""A form with a file, read from where it lies while it is sent."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from urllib3.fields import RequestField

from ..errors import IllegalArgumentException

Progress = Callable[[int, int], object]


class FilePart(NamedTuple):
    """A file as it goes into a form: `size` bytes of `stream`, from `start` on.

    `opened_here`: the stream is ours to close. `progress(sent, total)` counts in bytes.
    """

    name: str
    content_type: str
    stream: Any
    start: int
    size: int
    opened_here: bool
    progress: Progress | None = None


class _UploadFailed(Exception):
    """The file or the progress callback raised; `raise_failure` says what.

    In its place, for requests and urllib3 would take an OSError of the file for the network's.
    """


class MultipartForm:
    """A form with one file, as the body of a request; can be sent again after `rewind`."""

    _failure: tuple[Exception, BaseException | None] | None = None

    def __init__(self, fields: dict[str, str], part: FilePart) -> None:
        self._part = part
        boundary = os.urandom(16).hex()
        self.content_type: str = f"multipart/form-data; boundary={boundary}"
        head = io.BytesIO()
        for name, value in fields.items():
            field = RequestField(name, value)
            field.make_multipart()
            head.write(
                f"--{boundary}\r\n{field.render_headers()}{value}\r\n".encode("utf-8", "replace")
            )
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

    def rewind(self) -> None:
        """Begin again, for a retry or after a redirect."""
        self._part.stream.seek(self._part.start)
        self._unread, self._reported = self._part.size, -1
        self._before, self._after = io.BytesIO(self._head), io.BytesIO(self._tail)

    def read(self, size: int = -1) -> bytes:
        """The next bytes to send; http.client calls this as it sends. Without a size all of them,
        as of any file: test doubles read so.
        """
        if size is None or size < 0:
            return b"".join(self)
        try:
            return self._read(size)
        except Exception as error:
            self._failure = error, error.__context__
            raise _UploadFailed from None

    def raise_failure(self) -> None:
        """Raise what the file or the progress callback raised, as it was, if one of them did."""
        if self._failure is None:
            return
        error, context = self._failure
        try:
            raise error
        finally:
            error.__context__ = context  # and not what the caller is handling

    def close(self) -> None:
        """Close the file if it was opened here. Never raises."""
        if self._part.opened_here:
            with contextlib.suppress(OSError):  # of a file that was only read, nothing is lost
                self._part.stream.close()

    def _read(self, size: int) -> bytes:
        if block := self._before.read(size):
            return block
        sent = self._part.size - self._unread  # when more is read, what was read before is sent
        if self._part.progress is not None and sent != self._reported:
            self._reported = sent
            self._part.progress(sent, self._part.size)
        if self._unread:
            block = self._part.stream.read(min(size, self._unread))
            if not block:
                raise IllegalArgumentException("file became shorter while it was sent")
            if not isinstance(block, (bytes, bytearray, memoryview)):
                raise IllegalArgumentException(
                    f"file must give bytes when it is read, not {type(block).__name__}"
                )
            self._unread -= len(block)
            return bytes(block)
        return self._after.read(size)
