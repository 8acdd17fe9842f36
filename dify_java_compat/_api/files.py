"""What a caller may give as a file, and the part of a form that it becomes."""

from __future__ import annotations

import io
import os
import shutil
import tempfile
from dataclasses import dataclass
from typing import Any

from .._http.multipart import FilePart, Progress
from ..errors import IllegalArgumentException
from ..models.requests import DifyFile
from .file_types import UNKNOWN, audio_type, extension_of, mime_type_of

__all__ = ["Upload"]

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
