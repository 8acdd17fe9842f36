"""The archive of the recordings that the emulator ships."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

from . import PACKAGE, ROOT

DATA = ROOT / "tests" / "recordings" / "data"
ARCHIVE = PACKAGE / "emulator" / "faults" / "recordings.tar.xz"


def generated() -> dict[Path, bytes]:
    """The archive; as it is, where it holds the recordings already.

    Another version of the compressor may give other bytes for the same files.
    """
    files = contents()
    fresh = ARCHIVE.exists() and unpacked(ARCHIVE) == files
    return {ARCHIVE: ARCHIVE.read_bytes() if fresh else packed(files)}


def contents() -> dict[str, bytes]:
    """The files of all recordings, by their paths in the archive."""
    paths = sorted(path for path in DATA.rglob("*") if path.is_file())
    kept = [path for path in paths if not path.name.startswith(".")]
    return {path.relative_to(DATA).as_posix(): path.read_bytes() for path in kept}


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
