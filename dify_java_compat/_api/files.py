"""Files on their way out, audio on its way in; neither is ever whole in memory."""

from __future__ import annotations

import io
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from urllib3.fields import RequestField

from .._http.response import Answer
from ..errors import DecodeException, IllegalArgumentException
from ..models.requests import DifyFile
from .file_types import UNKNOWN, audio_type, extension_of, mime_type_of

_IN_MEMORY = 512 * 1024  # it is twice in memory while it moves to disk
Progress = Callable[[int, int], object]


@dataclass(frozen=True)
class Upload:
    """A file to send, in any form, and whom to tell how far it is: `FileUploadRequest(file=...)`.

    `progress(sent, total)` counts the file's bytes, from 0 to `total`, in the thread that sends; it
    begins again at 0 where the call is sent again. What it raises ends the call and comes out of
    it as it is.
    """

    file: Any
    progress: Progress | None = None


class FilePart(NamedTuple):
    """A file as it goes into a form: `size` bytes of `stream`, from `start` on."""

    name: str
    content_type: str
    stream: Any
    start: int
    size: int
    opened_here: bool
    progress: Progress | None = None


def file_part(file: Any, *, audio: bool = False) -> FilePart:
    """Whatever a caller has as a file; IllegalArgumentException says what it may be.

    A DifyFile, a path, bytes, a file opened in binary mode, `(filename, content, type)`, or the
    upload object of a web framework (Werkzeug, Django, Starlette); or any of them in an Upload.
    """
    progress = None
    if isinstance(file, Upload):
        file, progress = file.file, file.progress
        if progress is not None and not callable(progress):
            raise IllegalArgumentException("progress of the file's Upload must be callable")
    name, content_type, stream, opened_here = _opened(file)
    start = stream.tell()
    size = stream.seek(0, io.SEEK_END) - start
    stream.seek(start)
    extension = extension_of(name or "")
    if audio:
        content_type = audio_type(content_type, extension, stream, start)
        name = name or f"audio.{content_type.partition('/')[2]}"
    content_type = content_type or mime_type_of(extension) or UNKNOWN
    return FilePart(name or "file", content_type, stream, start, size, opened_here, progress)


def _opened(file: Any) -> tuple[str | None, str | None, Any, bool]:
    """Name, type, a seekable binary stream, and whether it is ours to close."""
    if isinstance(file, Upload):
        raise IllegalArgumentException("an Upload holds the file, and nothing holds the Upload")
    if isinstance(file, DifyFile):
        return _declared(file.filename, file.content, file.content_type)
    if isinstance(file, tuple) and len(file) in (2, 3):
        return _declared(*file)
    if isinstance(file, (bytes, bytearray, memoryview)):
        return None, None, io.BytesIO(file), True
    if isinstance(file, (str, os.PathLike)):
        path = os.fspath(file)
        try:
            opened = open(path, "rb")  # noqa: SIM115
        except OSError as error:
            raise IllegalArgumentException(f"file cannot be opened: {error}") from error
        return os.path.basename(path), None, *_seekable(opened, ours=True)
    inner = (getattr(file, "stream", None), getattr(file, "file", None), file)
    stream: Any = next((each for each in inner if each is not None), None)
    if not callable(getattr(stream, "read", None)) or isinstance(stream, io.TextIOBase):
        raise IllegalArgumentException(
            "file must be a DifyFile, a path, bytes, a file opened in binary mode,"
            f" (filename, content, type) or a framework's upload, not {type(file).__name__}"
        )
    name = getattr(file, "filename", None) or getattr(file, "name", None)
    name = os.path.basename(name) if isinstance(name, str) else None
    content_type = getattr(file, "content_type", None)
    return name, content_type, *_seekable(stream, ours=False)


def _seekable(stream: Any, *, ours: bool) -> tuple[Any, bool]:
    """`stream`, or a copy of one whose size cannot be known beforehand; whether it is ours."""
    try:
        stream.seek(stream.tell())
    except (AttributeError, OSError):
        spool: Any = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115
        shutil.copyfileobj(stream, spool)
        spool.seek(0)
        if ours:
            stream.close()
        return spool, True
    return stream, ours


def _declared(
    filename: str | None, content: Any, content_type: str | None = None
) -> tuple[str | None, str | None, Any, bool]:
    name, its_type, stream, opened_here = _opened(content)
    return filename or name, content_type or its_type, stream, opened_here


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


def audio_blocks(answer: Answer) -> Iterator[bytes]:
    """The audio of an answer; DecodeException where it is something else, JSON `null` mostly."""
    if answer.content_type.startswith(("application/json", "text/")):
        body = answer.read_text()
        text = f"audio was expected, but {answer.content_type} came: {body[:200]!r}"
        raise DecodeException(text, response_body=body, **answer.context())
    return _closing(answer)


def _closing(answer: Answer) -> Iterator[bytes]:
    try:
        yield from answer.blocks()
    finally:
        answer.close()


def write_audio(answer: Answer, response: Any) -> None:
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
