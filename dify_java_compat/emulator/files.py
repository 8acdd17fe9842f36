"""Files attached to a message: what a request names, and how it is told again."""

import base64
import posixpath
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .apps import App
from .database import new_id
from .errors import invalid_param
from .remote import look_up
from .state import State
from .validation import as_uuid

# The workspace all apps belong to; it shows in the descriptions of files.
TENANT_ID = "5c0d8f1e-6a27-4b94-8e3f-d19a72c6b005"


def signed_url(host_url: str, file_id: str) -> str:
    """A preview address as Dify signs it; new at every mention."""
    sign = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode().replace("=", "%3D")
    query = f"timestamp={int(time.time())}&nonce={secrets.token_hex(16)}&sign={sign}"
    return f"{host_url}files/{file_id}/file-preview?{query}"


@dataclass(frozen=True)
class Attachment:
    """One file of a message, uploaded before or named by URL."""

    kind: str
    file_id: str | None
    url: str | None
    name: str
    mime_type: str
    size: int

    @property
    def method(self) -> str:
        return "local_file" if self.file_id else "remote_url"

    def in_event(self, host_url: str) -> dict[str, Any]:
        """As the inputs of a chatflow show it."""
        url = signed_url(host_url, self.file_id) if self.file_id else self.url
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

    def in_message(self, host_url: str) -> dict[str, Any]:
        """As the history shows it."""
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


def attachment(state: State, given: Mapping[str, Any]) -> Attachment:
    """The file a mapping of the request names."""
    kind = str(given.get("type"))
    if given.get("transfer_method") == "local_file":
        file_id = as_uuid(given.get("upload_file_id"))
        row = state.file(file_id) if file_id else None
        if row is None:
            raise invalid_param("Invalid upload file")
        return Attachment(kind, row["id"], None, row["name"], row["mime_type"], row["size"])
    url = str(given.get("url") or "")
    if not url:
        raise invalid_param("Invalid file url")
    return Attachment(kind, None, url, *look_up(url))


def attachments(state: State, app: App, given: list[dict[str, Any]]) -> list[Attachment]:
    """The files of a message.

    Left out without a word, as in Dify: one without a transfer method, and all where the app
    takes no files.
    """
    if not app.enabled("file_upload"):
        return []
    named = [file for file in given if file.get("transfer_method")]
    files = [attachment(state, file) for file in named]
    if sum(file.kind == "image" for file in files) > app.file_limit:
        raise invalid_param(f"Number of image files exceeds the maximum limit {app.file_limit}")
    if len(files) > app.file_limit:
        raise invalid_param(f"Number of files exceeds the maximum limit {app.file_limit}")
    return files
