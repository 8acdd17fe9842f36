"""Packs the recordings as the emulator ships them: ``python -m tests.recordings.pack``.

The same recordings give the same bytes.
"""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import dify_java_compat.emulator

from .library import DATA

ARCHIVE = Path(dify_java_compat.emulator.__file__).parent / "faults" / "recordings.tar.xz"


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


if __name__ == "__main__":
    ARCHIVE.write_bytes(packed(contents()))
    print(f"{ARCHIVE}: {ARCHIVE.stat().st_size} bytes")
