"""What kind of file it is, by Dify's names for kinds and types."""

from __future__ import annotations

import functools
import mimetypes
from typing import Any

UNKNOWN = "application/octet-stream"

# the extensions Dify knows, by its own kinds of file
_KINDS = {
    "image": "jpg jpeg png gif webp svg",
    "video": "mp4 mov mpeg webm",
    "audio": "mp3 m4a wav amr mpga",
    "document": "txt markdown md mdx pdf html htm xlsx xls vtt properties doc docx csv eml msg"
    " pptx ppt xml epub json",
}
_KIND_OF = {extension: kind for kind, names in _KINDS.items() for extension in names.split()}

# what Python's own table has by another name than Dify, or not at all
_TYPE_OF = {
    "amr": "audio/amr",
    "csv": "text/csv",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "eml": "message/rfc822",
    "epub": "application/epub+zip",
    "m4a": "audio/m4a",
    "markdown": "text/markdown",
    "md": "text/markdown",
    "mdx": "text/markdown",
    "mpga": "audio/mpga",
    "msg": "application/vnd.ms-outlook",
    "pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "properties": "text/plain",
    "vtt": "text/vtt",
    "wav": "audio/wav",
    "webp": "image/webp",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
# audio-to-text takes five types by these names alone, whatever the file holds
_AUDIO_NAMES = {
    "mp3": "mp3 mpeg mpeg3 x-mp3 x-mpeg x-mpeg-3",
    "mpga": "mpga",
    "m4a": "m4a x-m4a mp4 x-mp4 mp4a-latm",
    "wav": "wav wave x-wav x-pn-wav vnd.wave",
    "amr": "amr amr-wb amr-nb",
}
_CODECS = ("aac", "aacp", "x-aac", "mpeg4-generic", "basic", "pcm", "x-m4p")
_AUDIO_NAME_OF = {
    alias: name for name, aliases in _AUDIO_NAMES.items() for alias in aliases.split()
}
_AUDIO_STARTS = ((0, b"ID3", "mp3"), (0, b"RIFF", "wav"), (0, b"#!AMR", "amr"), (4, b"ftyp", "m4a"))


def message_file_type(mime_type: str | None, url: str | None) -> str:
    """Dify's kind of a file; where neither type nor name is known: image, Java's default."""
    extension = extension_of((url or "").partition("?")[0].partition("#")[0].rpartition("/")[2])
    if extension not in _KIND_OF and mime_type:
        mime_type = without_parameters(mime_type)
        family = mime_type.partition("/")[0]
        if family in ("image", "audio", "video"):
            return family
        extension = _usual_extensions().get(mime_type, "txt" if family == "text" else family)
    return _KIND_OF.get(extension, "custom") if extension else "image"


def audio_type(declared: str | None, extension: str, stream: Any, start: int) -> str:
    """The MIME name Dify accepts for it; where there is none, the real one, which gets a 415."""
    family, _, subtype = without_parameters(declared or "").partition("/")
    known = _AUDIO_NAME_OF.get(extension)
    if family == "audio":
        codec = known if subtype in _CODECS else None  # the name says what it is packed in
        return f"audio/{_AUDIO_NAME_OF.get(subtype) or codec or subtype}"
    if extension:
        return f"audio/{known}" if known else declared or mime_type_of(extension) or UNKNOWN
    return f"audio/{_sniffed(stream, start)}"


def without_parameters(mime_type: str) -> str:
    """`audio/mp4` of `Audio/MP4; codecs=...`: recorders and libmagic add parameters."""
    return mime_type.partition(";")[0].partition(",")[0].strip().lower()


def extension_of(name: str) -> str:
    return name.rpartition(".")[2].lower() if "." in name else ""


def mime_type_of(extension: str) -> str | None:
    return _TYPE_OF.get(extension) or _python_types().guess_type(f"file.{extension}")[0]


def _sniffed(stream: Any, start: int) -> str:
    head = stream.read(12)
    stream.seek(start)
    return next((name for at, mark, name in _AUDIO_STARTS if head.startswith(mark, at)), "mp3")


@functools.cache  # not on import: mimetypes would read the system's files
def _python_types() -> mimetypes.MimeTypes:
    """Python's own table, without the machine's files: the same everywhere."""
    return mimetypes.MimeTypes()


@functools.cache
def _usual_extensions() -> dict[str, str]:
    """An extension for each MIME type."""
    return {mime_type: ext for ext in _KIND_OF if (mime_type := mime_type_of(ext))}
