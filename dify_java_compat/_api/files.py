"""What a caller may give as a file, and the part of a form that it becomes."""

from __future__ import annotations

import inspect
import io
import os
import re
import shutil
import sys
import tempfile
from dataclasses import dataclass
from typing import Any

from .._http.multipart import FilePart, Progress
from ..errors import IllegalArgumentException, excerpt
from ..models.requests import DifyFile
from .file_types import UNKNOWN, audio_type, extension_of, mime_type_of

__all__ = ["Upload"]

_LONGEST_PATH, _LONGEST_REASON = 100, 300  # characters of a text, which may be a whole file
# what a file that is closed, of another kind or out of order raises
_UNREADABLE = (
    *(OSError, ValueError, TypeError, AttributeError, BufferError),
    *(LookupError, ArithmeticError, RuntimeError, EOFError),  # of a caller's own
)
_IN_MEMORY = 512 * 1024  # it is twice in memory while it moves to disk


@dataclass(frozen=True)
class Upload:
    """A file to send, in any form, with a progress callback: `FileUploadRequest(file=...)`.

    `progress(sent, total)` counts the file's bytes, from 0 to `total`, in the thread that sends; it
    begins again at 0 where the call is sent again. What it raises ends the call and comes out of
    it as it is.
    """

    file: Any
    progress: Progress | None = None


def file_part(file: Any, *, audio: bool = False) -> FilePart:
    """Whatever a caller has as a file; IllegalArgumentException says what it may be.

    A DifyFile, a path, bytes, a file opened in binary mode, `(filename, content, type)`, or the
    upload object of a web framework (Werkzeug, Django, Starlette, Sanic); or any of them in an
    Upload. It is sent whole, also one that was read or written before.
    """
    progress = None
    if isinstance(file, Upload):
        file, progress = file.file, file.progress
        if progress is not None and not callable(progress):
            raise IllegalArgumentException("progress of the file's Upload must be callable")
    try:
        name, content_type, stream, opened_here = _opened(file)
        size = stream.seek(0, io.SEEK_END)
        stream.seek(0)
        if not 0 <= size < sys.maxsize // 2:
            raise ValueError(f"it cannot be of {excerpt(size)} bytes")
        name, content_type = _file_name(name), _content_type(content_type)
        extension = extension_of(name or "")
        if audio:
            content_type = audio_type(content_type, extension, stream, 0)
    except _UNREADABLE as error:
        if isinstance(error, IllegalArgumentException):
            raise
        reason = f"{type(error).__name__}: {error}"[:_LONGEST_REASON]
        raise IllegalArgumentException(f"file cannot be read: {reason}") from error
    if audio:
        name = name or f"audio.{(content_type or '').partition('/')[2]}"
    content_type = content_type or mime_type_of(extension) or UNKNOWN
    return FilePart(name or "file", content_type, stream, 0, size, opened_here, progress)


def _file_name(name: Any) -> str | None:
    if isinstance(name, os.PathLike):
        name = os.path.basename(os.fspath(name))
    if name is None or isinstance(name, str):
        return name
    raise IllegalArgumentException(f"filename must be a text, not {type(name).__name__}")


def _content_type(content_type: Any) -> str | None:
    """A line break in it would begin another header of the part, or the file's content."""
    if content_type is None:
        return None
    if isinstance(content_type, str) and re.fullmatch(r"[\t\x20-\x7e]*", content_type):
        return content_type
    raise IllegalArgumentException(
        "content_type must be a MIME type in ASCII, without line breaks"
        if isinstance(content_type, str)
        else f"content_type must be a text, not {type(content_type).__name__}"
    )


def _opened(file: Any) -> tuple[Any, Any, Any, bool]:
    """Name, type, a seekable binary stream, and whether it is ours to close."""
    if isinstance(file, Upload):
        raise IllegalArgumentException("an Upload holds the file, and nothing holds the Upload")
    if isinstance(file, DifyFile):
        return _declared(file.filename, file.content, file.content_type)
    if isinstance(file, tuple):
        if all(hasattr(file, field) for field in ("type", "body", "name")):  # Sanic's
            return _declared(file.name, file.body, file.type)  # type: ignore[attr-defined]
        if len(file) in (2, 3):
            return _declared(*file)
    if isinstance(file, (bytes, bytearray, memoryview)):
        return None, None, io.BytesIO(bytes(file)), False  # a test double may read it again
    if isinstance(file, (str, os.PathLike)):
        return _opened_path(os.fspath(file))
    inner = (getattr(file, "stream", None), getattr(file, "file", None), file)
    stream: Any = next((each for each in inner if callable(getattr(each, "read", None))), None)
    if stream is None or isinstance(stream, io.TextIOBase):
        raise IllegalArgumentException(
            "file must be a DifyFile, a path, bytes, a file opened in binary mode,"
            f" (filename, content, type) or a framework's upload, not {type(file).__name__}"
        )
    name = getattr(file, "filename", None) or getattr(file, "name", None)
    name = os.path.basename(name) if isinstance(name, str) else None
    content_type = getattr(file, "content_type", None)
    content_type = content_type if isinstance(content_type, str) else None
    return name, content_type, *_seekable(stream, ours=False)


def _opened_path(path: str | bytes) -> tuple[Any, Any, Any, bool]:
    try:
        opened = open(path, "rb")  # noqa: SIM115
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        excerpt = repr(path) if len(path) <= _LONGEST_PATH else f"{path[:_LONGEST_PATH]!r}..."
        raise IllegalArgumentException(f"file cannot be opened: {reason}: {excerpt}") from None
    return os.path.basename(os.fsdecode(path)), None, *_seekable(opened, ours=True)


def _seekable(stream: Any, *, ours: bool) -> tuple[Any, bool]:
    """`stream`, or a copy of one whose size cannot be known beforehand; whether it is ours."""
    if inspect.iscoroutinefunction(stream.read):
        raise IllegalArgumentException("file must be one that is read without await")
    try:
        stream.seek(stream.tell())
    except (AttributeError, OSError):
        spool: Any = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115
        shutil.copyfileobj(stream, spool)
        if ours:
            stream.close()
        return spool, True
    return stream, ours


def _declared(filename: Any, content: Any, content_type: Any = None) -> tuple[Any, Any, Any, bool]:
    _file_name(filename)
    _content_type(content_type)
    name, its_type, stream, opened_here = _opened(content)
    return filename or name, content_type or its_type, stream, opened_here
