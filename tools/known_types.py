"""python -m tools.known_types: how much of the public interface pyright knows the type of.

What it does not know is Any to whoever uses the package. It prints the share, and exits with 1
where that is less than `LEAST`, with what is unknown.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from . import PACKAGE, ROOT

LEAST = 98.0  # percent


def report() -> str:
    """What pyright says of the package, as of one that was installed."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    with tempfile.TemporaryDirectory() as elsewhere:  # the project's own settings are not read
        return subprocess.run(
            [sys.executable, "-m", "pyright", "--verifytypes", PACKAGE.name, "--ignoreexternal"],
            cwd=elsewhere,
            env={**os.environ, "PATH": path, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        ).stdout


def main() -> int:
    found = report()
    score = re.search(r"^Type completeness score: ([\d.]+)%", found, re.MULTILINE)
    if score is None:
        print(found, file=sys.stderr)
        return 1
    share = float(score[1])
    print(f"pyright knows the types of {share} % of the public interface")
    if share < LEAST:
        print(found, file=sys.stderr)
        print(f"at least {LEAST} % must be known: annotate what is named above", file=sys.stderr)
    return 0 if share >= LEAST else 1


if __name__ == "__main__":
    sys.exit(main())
