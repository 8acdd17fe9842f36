"""Recorded exchanges with a real Dify, whose responses are sent again byte by byte."""

import difflib
import os
import re
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from ..http.ids import without_ids
from ..http.reply import Reply
from ..http.response_writer import ResponseWriter
from .kinds import Fault

# By version of Dify; a name that one of them lacks is looked for in the next.
_ARCHIVES = {
    "1.14": ("recordings-1.14.tar.xz", "recordings.tar.xz"),
    "1.12": ("recordings.tar.xz",),
}
_PARTS = ("request.http", "response.raw")


@dataclass(frozen=True)
class Replay(Fault):
    """A recorded response in place of the app's, for a request of the same operation.

    ``complete``: whether a client knows where the response ends, so that another may follow.
    """

    name: str
    method: str
    path: str
    response: bytes
    complete: bool

    def __repr__(self) -> str:
        return f"Replay({self.name!r})"

    def matches(self, method: str, path: str, body: Mapping[str, Any]) -> bool:
        return method == self.method and without_ids(path) == self.path

    def replacement(self, writer: ResponseWriter) -> Reply | None:
        writer.recorded = self.response
        writer.closes = writer.closes or not self.complete
        return Reply(200, b"")


@cache
def _archived(archive_name: str) -> dict[str, bytes]:
    """The parts of the recordings in an archive of the package, by path."""
    with files("dify_java_compat.emulator.faults").joinpath(archive_name).open("rb") as archive:
        with tarfile.open(fileobj=archive, mode="r:xz") as tar:
            return {
                member.name: source.read()
                for member in tar
                if member.name.endswith(_PARTS) and (source := tar.extractfile(member))
            }


def _parts(name: str, version: str) -> tuple[bytes, ...]:
    """The request and the response of that name, of the nearest version that has it."""
    found = next(one for one in map(_archived, _ARCHIVES[version]) if f"{name}/{_PARTS[0]}" in one)
    return tuple(found[f"{name}/{part}"] for part in _PARTS)


def names(version: str, folder: str | os.PathLike[str] | None = None) -> list[str]:
    """The names of the recordings of the package, or of those in a folder."""
    if folder is None:
        paths = [path for archive in _ARCHIVES[version] for path in _archived(archive)]
        return sorted({path.partition("/")[0] for path in paths})
    return sorted(file.parent.name for file in Path(folder).glob("*/response.raw"))


def load(name: str, version: str, folder: str | os.PathLike[str] | None = None) -> Replay:
    """The recording of that name; ``ValueError`` where there is none."""
    known = names(version, folder)
    if name not in known:
        near = difflib.get_close_matches(name, known, 1, 0.0)
        hint = f"did you mean {near[0]!r}?" if near else "there is none at all"
        raise ValueError(f"no recording is called {name!r}: {hint}")
    request, response = (
        _parts(name, version)
        if folder is None
        else (Path(folder, name, part).read_bytes() for part in _PARTS)
    )
    method, target, _ = request.split(b"\r\n", 1)[0].decode().split(" ")
    path = without_ids(target.partition("?")[0])
    return Replay(name, method, path, response, _is_complete(method, response))


def _is_complete(method: str, response: bytes) -> bool:
    head, _, body = response.partition(b"\r\n\r\n")
    while head.startswith(b"HTTP/1.1 1"):
        head, _, body = body.partition(b"\r\n\r\n")
    if re.search(rb"(?im)^transfer-encoding: chunked", head):
        return body.endswith(b"0\r\n\r\n")
    if method == "HEAD" or head.startswith((b"HTTP/1.1 204", b"HTTP/1.1 304")):
        return True
    sized = re.search(rb"(?im)^content-length: (\d+)", head)
    return sized is not None and len(body) == int(sized[1])
