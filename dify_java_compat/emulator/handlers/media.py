"""Speech from text, text from speech, uploads and downloads."""

import posixpath
import sqlite3
from typing import Any
from urllib.parse import quote

from werkzeug.datastructures import FileStorage

from ..apps.app import App
from ..apps.files import TENANT_ID, kind_of, signed_url
from ..http.errors import ApiError, GatewayFailure, bad_request, invalid_param
from ..http.ids import as_uuid
from ..http.reply import Reply, json_reply
from ..model.prose import speech, transcript
from .call import Call, reject_nul

_MIB = 1024 * 1024
# The types of the part; audio/mpeg, which Python's mimetypes gives to an MP3, is refused.
_AUDIO_TYPES = ("audio/mp3", "audio/m4a", "audio/wav", "audio/amr", "audio/mpga")
_MAX_AUDIO = 30 * _MIB
_MAX_NAME = 200
_SEEKABLE = (
    "audio/mpeg", "audio/wav", "audio/mp4", "audio/ogg", "audio/flac", "audio/aac", "video/mp4",
    "video/webm", "video/quicktime", "audio/x-m4a",
)  # fmt: skip
_FORBIDDEN_CHARACTERS = '/\\:*?"<>|'


def text_to_audio(call: Call) -> Reply:
    """POST /text-to-audio: an MP3 in chunks, whatever ``streaming`` is."""
    payload = call.payload("TextToAudioPayload")
    message_id = payload.string("message_id")
    payload.string("voice")
    text = payload.string("text")
    payload.optional_boolean("streaming")
    payload.check()
    if message_id:
        found = as_uuid(message_id)
        # The real server does not check whose message it reads out.
        owner = () if call.settings.quirks else (call.app.id, call.user.id)
        row = call.state.message(found, *owner) if found else None
        if row is None or not row["answer"]:
            return json_reply(None)
        text = row["answer"]
    if not text:
        raise invalid_param("Text is required")
    _require(call.app, "text_to_speech", "TTS is not enabled")
    if not call.replies.can_speak(call.body):
        raise GatewayFailure("the provider failed")
    return Reply(200, iter(speech(text)), "audio/mpeg")


def audio_to_text(call: Call) -> Reply:
    """POST /audio-to-text."""
    file = call.request.files.get("file")
    if file is None:
        raise bad_request(code="bad_request_key_error")
    _require(call.app, "speech_to_text", "Speech to text is not enabled")
    if file.mimetype not in _AUDIO_TYPES:
        raise ApiError(415, "unsupported_audio_type", "Audio type not allowed.")
    size = len(file.read())
    if size > _MAX_AUDIO:
        raise ApiError(413, "audio_too_large", "Audio size larger than 30 mb")
    return json_reply({"text": transcript(size)})


def upload(call: Call) -> Reply:
    """POST /files/upload: one file of any kind."""
    file = _uploaded(call)
    name = file.filename or ""
    extension = posixpath.splitext(name)[1].lstrip(".").lower()
    if len(name) > _MAX_NAME:
        name = f"{name.split('.')[0][:_MAX_NAME]}.{extension}"
    content = file.read()
    if len(content) > _size_limit(call.app, name):
        # The braces are the real server's: it never fills them in.
        raise ApiError(413, "file_too_large", "File size exceeded. {message}")
    row = call.state.add_file(call.user.id, name, file.mimetype, content)
    data = _file_data(row, extension, call.request.host_url)
    if call.version.references_files:
        data = {"id": data["id"], "reference": None} | data
    return json_reply(data, 201)


def _uploaded(call: Call) -> FileStorage:
    """The file of the form; ``ApiError`` where there is none, or none that Dify takes."""
    file = call.request.files.get("file")
    if file is None:
        raise bad_request("Please upload your file.", code="no_file_uploaded")
    if len(call.request.files) > 1:
        raise bad_request("Only one file is allowed.", code="too_many_files")
    if not file.mimetype:
        raise ApiError(415, "unsupported_file_type", "File type not allowed.")
    if not file.filename:
        message = "The specified filename does not exist."
        raise bad_request(message, code="filename_not_exists_error")
    if any(character in file.filename for character in _FORBIDDEN_CHARACTERS):
        raise invalid_param("Filename contains invalid characters")
    reject_nul(file.filename)
    return file


def _file_data(row: sqlite3.Row, extension: str, host_url: str) -> dict[str, Any]:
    return {
        "id": row["id"],
        "name": row["name"],
        "size": row["size"],
        "extension": extension,
        "mime_type": row["mime_type"],
        "created_by": row["user_id"],
        "created_at": int(row["created_at"]),
        "preview_url": None,
        "source_url": signed_url(host_url, row["id"]),
        "original_url": None,
        "user_id": None,
        "tenant_id": TENANT_ID,
        "conversation_id": None,
        "file_key": None,
    }


def preview(call: Call) -> Reply:
    """GET /files/{id}/preview: a file of any user that is in a message of the app."""
    query = call.query("FilePreviewQuery")
    as_attachment = query.boolean("as_attachment", False)
    query.check()
    file_id = call.ids["file_id"]
    row, apps = call.state.file(file_id), call.state.file_users(file_id)
    if row is None or not apps:
        raise ApiError(404, "file_not_found", "File not found in message context")
    if call.app.id not in apps:
        message = "File access denied: not owned by requesting app"
        raise ApiError(403, "file_access_denied", message)
    kind, headers = row["mime_type"], []
    if kind in _SEEKABLE:
        headers.append(("Accept-Ranges", "bytes"))
    if as_attachment or kind == "text/html":
        kind = "application/octet-stream"
        disposition = f"attachment; filename*=UTF-8''{quote(row['name'])}"
        headers.append(("Content-Disposition", disposition))
    headers.append(("Cache-Control", "public, max-age=3600"))
    content = call.state.content(file_id)
    # The real server sends no length for an empty file.
    return Reply(200, content or iter(()), kind, tuple(headers))


def _require(app: App, feature: str, message: str) -> None:
    if not app.enabled(feature):
        raise invalid_param(message)


def _size_limit(app: App, name: str) -> int:
    """How many bytes a file of that name may have."""
    limits = app.parameters["system_parameters"]
    kind = kind_of(name, "")
    limit = f"{kind}_file_size_limit" if kind in ("image", "video", "audio") else "file_size_limit"
    return int(limits[limit]) * _MIB
