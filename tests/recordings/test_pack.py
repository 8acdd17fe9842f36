"""The archive that the emulator ships holds the recordings as they are here."""

import tarfile

from tools.recordings import ARCHIVE, contents, packed, unpacked


def test_the_archive_is_up_to_date() -> None:
    kept = unpacked(ARCHIVE)
    assert kept == contents(), "run `make generate`"
    assert sum(name.endswith("/response.raw") for name in kept) == 311


def test_packing_again_gives_the_same_bytes() -> None:
    few = dict(list(contents().items())[:9])
    assert packed(few) == packed(few)
    with tarfile.open(ARCHIVE) as tar:
        assert all((one.mtime, one.uid, one.uname) == (0, 0, "") for one in tar)
