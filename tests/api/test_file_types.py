"""A file's type is the same on every machine, and its name comes through."""

from __future__ import annotations

import io
import mimetypes
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.formparser import FormDataParser

from dify_java_compat import FileUploadRequest, RequestsDifyChat
from dify_java_compat._api.file_types import _KIND_OF
from dify_java_compat._api.files import file_part
from dify_java_compat._http.multipart import MultipartForm
from tests.support.frames import response
from tests.support.server import ScriptedServer, always

OFFICE = "application/vnd.openxmlformats-officedocument"
TYPES = {
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "png": "image/png",
    "gif": "image/gif",
    "webp": "image/webp",
    "svg": "image/svg+xml",
    "mp4": "video/mp4",
    "mov": "video/quicktime",
    "mpeg": "video/mpeg",
    "webm": "video/webm",
    "mp3": "audio/mpeg",
    "m4a": "audio/m4a",
    "wav": "audio/wav",
    "amr": "audio/amr",
    "mpga": "audio/mpga",
    "txt": "text/plain",
    "markdown": "text/markdown",
    "md": "text/markdown",
    "mdx": "text/markdown",
    "pdf": "application/pdf",
    "html": "text/html",
    "htm": "text/html",
    "xlsx": f"{OFFICE}.spreadsheetml.sheet",
    "xls": "application/vnd.ms-excel",
    "vtt": "text/vtt",
    "properties": "text/plain",
    "doc": "application/msword",
    "docx": f"{OFFICE}.wordprocessingml.document",
    "csv": "text/csv",
    "eml": "message/rfc822",
    "msg": "application/vnd.ms-outlook",
    "pptx": f"{OFFICE}.presentationml.presentation",
    "ppt": "application/vnd.ms-powerpoint",
    "xml": "text/xml",
    "epub": "application/epub+zip",
    "json": "application/json",
}


def test_every_extension_of_dify_is_in_the_table() -> None:
    assert set(_KIND_OF) == set(TYPES)


@pytest.mark.parametrize("extension", TYPES)
def test_a_type_is_the_same_on_every_machine(
    extension: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    mimetypes.init()  # before it, these are Python's own tables
    for name in ("types_map", "common_types"):
        monkeypatch.setitem(getattr(mimetypes, name), f".{extension}", "x-machine/own")
    for name in (f"a.{extension}", f"报告.{extension.upper()}", f"a.b.{extension}"):
        assert file_part((name, b"x")).content_type == TYPES[extension]


NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60)


@given(NAMES.filter(lambda name: "/" not in name))
def test_any_file_name_survives(name: str) -> None:
    form = MultipartForm({"user": "用户"}, file_part((name, b"content")))
    body = form.read()
    while block := form.read():
        body += block
    assert len(body) == len(form)
    _, fields, files = FormDataParser().parse(
        io.BytesIO(body),
        "multipart/form-data",
        len(body),
        {"boundary": form.content_type.partition("boundary=")[2]},
    )
    file = files["file"]
    sent, content = file.filename or "", file.read()
    file.close()
    assert content == b"content"
    escaped = name.translate({10: "%0A", 13: "%0D", 34: "%22"})
    assert sent.translate({10: "%0A", 13: "%0D", 34: "%22"}) == escaped
    assert fields["user"] == "用户"


def test_a_file_name_that_is_no_text_is_no_obstacle(tmp_path: Path) -> None:
    path = os.path.join(os.fsencode(tmp_path), b"\xff\xfe.txt")
    Path(os.fsdecode(path)).write_bytes(b"content")
    with (
        ScriptedServer(always(response(b'{"id":"f-1"}'))) as server,
        RequestsDifyChat(server.url, api_key="app-test") as client,
    ):
        client.fileUpload(FileUploadRequest(file=os.fsdecode(path), user_id="u"))
    assert b'filename="??.txt"' in server.requests[0].body
