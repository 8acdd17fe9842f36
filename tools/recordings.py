"""The archives of the recordings that the emulator ships, one a version of Dify."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

from . import PACKAGE, ROOT

_DATA = ROOT / "tests" / "recordings"
_SHIPPED = PACKAGE / "emulator" / "faults"
ARCHIVES = {
    _SHIPPED / "recordings.tar.xz": _DATA / "data",
    _SHIPPED / "recordings-1.14.tar.xz": _DATA / "data-1.14",
}


def generated() -> dict[Path, bytes]:
    """The archives; each as it is, where it holds the recordings already.

    Another version of the compressor may give other bytes for the same files.
    """
    made = {}
    for archive, data in ARCHIVES.items():
        files = contents(data)
        fresh = archive.exists() and unpacked(archive) == files
        made[archive] = archive.read_bytes() if fresh else packed(files)
    return made


def contents(data: Path) -> dict[str, bytes]:
    """The files of all recordings of a folder, by their paths in the archive."""
    paths = sorted(path for path in data.rglob("*") if path.is_file())
    kept = [path for path in paths if not path.name.startswith(".")]
    return {path.relative_to(data).as_posix(): path.read_bytes() for path in kept}


def packed(files: dict[str, bytes]) -> bytes:
    """A compressed archive of these files, without times, owners and modes of their own."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:xz", format=tarfile.USTAR_FORMAT) as tar:
        for name, content in files.items():
            about = tarfile.TarInfo(name)
            about.size = len(content)
            tar.addfile(about, io.BytesIO(content))
    return archive.getvalue()


def unpacked(archive: Path) -> dict[str, bytes]:
    with tarfile.open(archive) as tar:
        return {one.name: source.read() for one in tar if (source := tar.extractfile(one))}
