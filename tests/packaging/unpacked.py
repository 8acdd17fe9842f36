"""python -m tests.packaging.unpacked: the source distribution, unpacked, passes `make quick`.

It installs, too. What the tests need is taken from this Python's environment, the package from the
unpacked folder. Needs git, or to be in such a folder itself.
"""

from __future__ import annotations

import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from .alone import run, sources


def main() -> None:
    with tempfile.TemporaryDirectory() as directory:
        folder = Path(directory)
        build = (sys.executable, "-m", "build", "-q", "--sdist", "--no-isolation")
        run(*build, "--outdir", folder, sources(folder / "clone"))
        (archive,) = folder.glob("*.tar.gz")
        pip = (sys.executable, "-m", "pip", "-q", "--disable-pip-version-check")
        run(*pip, "install", "--no-deps", "--target", folder / "site", archive)
        with tarfile.open(archive) as tar:
            tar.extractall(folder / "unpacked", filter="data")
        (unpacked,) = (folder / "unpacked").iterdir()
        where = "import dify_java_compat as d; print(d.__file__)"
        said = subprocess.run(
            [sys.executable, "-c", where], cwd=unpacked, capture_output=True, text=True, check=True
        )
        assert unpacked in Path(said.stdout.strip()).parents, said.stdout
        run("make", "quick", f"PYTHON={sys.executable}", cwd=unpacked)


if __name__ == "__main__":
    main()
