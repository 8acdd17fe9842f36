"""Files attached to a message, as requests name them and as events and the history show them."""

import base64
import json
import posixpath
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..http.errors import invalid_param
from ..http.ids import as_uuid
from ..store.database import new_id
from ..store.state import State
from ..version import Version
from .app import App
from .remote import remote_file

# The workspace all apps belong to; it shows in the descriptions of files.
TENANT_ID = "5c0d8f1e-6a27-4b94-8e3f-d19a72c6b005"
_KINDS = ("image", "document", "audio", "video", "custom")
_EXTENSIONS = {
    "image": ("jpg", "jpeg", "png", "webp", "gif", "svg"),
    "video": ("mp4", "mov", "mpeg", "webm"),
    "audio": ("mp3", "m4a", "wav", "amr", "mpga"),
    "document": (
        "txt", "markdown", "md", "mdx", "pdf", "html", "htm", "xlsx", "xls", "vtt", "properties",
        "doc", "docx", "csv", "eml", "msg", "ppt", "pptx", "xml", "epub",
    ),
}  # fmt: skip
_MIME_WORDS = {
    "image": ("image",),
    "video": ("video",),
    "audio": ("audio",),
    "document": ("text", "pdf"),
}


def signed_url(host_url: str, file_id: str) -> str:
    """A preview address as Dify signs it, a new one at each call."""
    sign = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode().replace("=", "%3D")
    query = f"timestamp={int(time.time())}&nonce={secrets.token_hex(16)}&sign={sign}"
    return f"{host_url}files/{file_id}/file-preview?{query}"


@dataclass(frozen=True)
class Attachment:
    """One file of a message, uploaded before or named by a URL. ``size`` is in bytes."""

    kind: str
    file_id: str | None
    url: str | None
    name: str
    mime_type: str
    size: int

    @property
    def method(self) -> str:
        return "local_file" if self.file_id else "remote_url"

    def in_event(self, host_url: str, version: Version) -> dict[str, Any]:
        """The file as the inputs of a chatflow show it."""
        url = signed_url(host_url, self.file_id) if self.file_id else self.url
        if version.references_files:
            return self._referenced(url)
        return {
            "dify_model_identity": "__dify__file__",
            "id": None,
            "tenant_id": TENANT_ID,
            "type": self.kind,
            "transfer_method": self.method,
            "remote_url": url,
            "related_id": self.file_id,
            "filename": self.name,
            "extension": posixpath.splitext(self.name)[1],
            "mime_type": self.mime_type,
            "size": self.size,
            "url": url,
        }

    def _referenced(self, url: str | None) -> dict[str, Any]:
        record = json.dumps({"record_id": self.file_id}, separators=(",", ":")).encode()
        reference = f"dify-file-ref:{base64.urlsafe_b64encode(record).decode()}"
        return {
            "dify_model_identity": "__dify__file__",
            "id": None,
            "type": self.kind,
            "transfer_method": self.method,
            "remote_url": self.url or "",
            "reference": reference if self.file_id else None,
            "filename": self.name,
            "extension": posixpath.splitext(self.name)[1],
            "mime_type": self.mime_type,
            "size": self.size,
            "related_id": self.file_id,
            "url": url,
        }

    def in_message_end(self, host_url: str) -> dict[str, Any]:
        """The file as the end of a chat's message lists it."""
        return {
            "related_id": new_id(),
            "extension": posixpath.splitext(self.name)[1],
            "filename": self.name,
            "size": self.size,
            "mime_type": self.mime_type,
            "transfer_method": self.method,
            "type": self.kind,
            "url": signed_url(host_url, self.file_id) if self.file_id else self.url,
            "upload_file_id": self.file_id,
            "remote_url": self.url or "",
        }

    def in_message(self, host_url: str) -> dict[str, Any]:
        """The file as the history shows it."""
        return {
            "id": new_id(),
            "filename": self.name,
            "type": self.kind,
            "url": signed_url(host_url, self.file_id) if self.file_id else self.url,
            "mime_type": self.mime_type,
            "size": self.size,
            "transfer_method": self.method,
            "belongs_to": "user",
            "upload_file_id": self.file_id,
        }


def attachment(
    state: State,
    app: App,
    uploads: Mapping[str, Any],
    spec: Mapping[str, Any],
    owner_id: str | None = None,
) -> Attachment:
    """The file that ``spec`` of a request names; ``ApiError`` unless ``uploads`` allows it.

    ``owner_id``: the user whose file an uploaded one must be; None for anybody's.
    """
    method = str(spec.get("transfer_method"))
    if method == "tool_file":
        raise invalid_param(f"ToolFile {spec.get('tool_file_id')} not found")
    if method == "datasource_file":
        raise invalid_param(f"DatasourceFile {spec.get('datasource_file_id')} not found")
    if method not in ("local_file", "remote_url"):
        raise invalid_param(f"No matching enum found for value '{method}'")
    if method == "local_file" or spec.get("upload_file_id"):
        found = _uploaded(state, spec, owner_id)
    else:
        url = str(spec.get("url") or spec.get("remote_url") or "")
        if not url:
            raise invalid_param("Invalid file url")
        found = Attachment("", None, url, *remote_file(url))
    kind = str(spec.get("type") or "custom")
    detected = kind_of(found.name, found.mime_type)
    # Only a workflow app insists on the type that the request names.
    if app.mode == "workflow" and detected != kind:
        raise invalid_param(
            "Detected file type does not match the specified type. Please verify the file."
        )
    if kind not in _KINDS:
        raise invalid_param(f"'{kind}' is not a valid FileType")
    if not _is_allowed(uploads, kind, posixpath.splitext(found.name)[1]):
        raise invalid_param(f"File validation failed for file: {found.name}")
    return replace(found, kind=detected if kind == "custom" else kind)


def _uploaded(state: State, spec: Mapping[str, Any], owner_id: str | None) -> Attachment:
    file_id = spec.get("upload_file_id")
    if not file_id:
        raise invalid_param("Invalid upload file id")
    known = as_uuid(file_id)
    if known is None:
        raise invalid_param("Invalid upload file id format")
    row = state.file(known)
    if row is None or owner_id not in (None, row["user_id"]):
        raise invalid_param("Invalid upload file")
    return Attachment("", row["id"], None, row["name"], row["mime_type"], row["size"])


def kind_of(name: str, mime_type: str) -> str:
    """What Dify takes a file for, by its extension and else by its MIME type."""
    extension = posixpath.splitext(name)[1].lstrip(".").lower()
    for kind, extensions in _EXTENSIONS.items():
        if extension in extensions:
            return kind
    for kind, words in _MIME_WORDS.items():
        if any(word in mime_type for word in words):
            return kind
    return "custom"


def _is_allowed(uploads: Mapping[str, Any], kind: str, extension: str) -> bool:
    if kind == "custom":
        return extension in uploads["allowed_file_extensions"]
    return kind in uploads["allowed_file_types"]


def attachments(
    state: State, app: App, specs: list[dict[str, Any]], owner_id: str | None = None
) -> list[Attachment]:
    """The files of a message; ``ApiError`` where the app does not take them.

    As in Dify those without a transfer method are ignored, and all where the app takes no files.
    """
    if not app.enabled("file_upload"):
        return []
    uploads = app.parameters["file_upload"]
    named = [spec for spec in specs if spec.get("transfer_method")]
    files = [attachment(state, app, uploads, spec, owner_id) for spec in named]
    if sum(file.kind == "image" for file in files) > app.file_limit:
        raise invalid_param(f"Number of image files exceeds the maximum limit {app.file_limit}")
    if len(files) > app.file_limit:
        raise invalid_param(f"Number of files exceeds the maximum limit {app.file_limit}")
    return files
