"""The archives that the emulator ships hold the recordings as they are here."""

import tarfile
from pathlib import Path

import pytest

from tools.recordings import ARCHIVES, contents, packed, unpacked

SIZES = dict(zip(ARCHIVES, (311, 91), strict=True))
each_archive = pytest.mark.parametrize("archive", ARCHIVES, ids=lambda path: path.name)


@each_archive
def test_an_archive_is_up_to_date(archive: Path) -> None:
    kept = unpacked(archive)
    assert kept == contents(ARCHIVES[archive]), "run `make generate`"
    assert sum(name.endswith("/response.raw") for name in kept) == SIZES[archive]


@each_archive
def test_packing_again_gives_the_same_bytes(archive: Path) -> None:
    few = dict(list(contents(ARCHIVES[archive]).items())[:9])
    assert packed(few) == packed(few)
    with tarfile.open(archive) as tar:
        assert all((one.mtime, one.uid, one.uname) == (0, 0, "") for one in tar)
