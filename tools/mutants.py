"""`make mutants`: break rules of the client one by one, and print those that no test notices.

`tools/mutants.toml` has the rules: the file, the text that is replaced (it must be there once),
what replaces it, and the tests that should fail. Each is tried on a copy of the sources.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from . import ROOT

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

LIST = Path(__file__).with_name("mutants.toml")
COPIED = ("dify_java_compat", "tests", "tools", "docs", "setup.cfg", "pyproject.toml")
_SECONDS = 300.0  # a mutant that hangs is one that is noticed


class Mutant(NamedTuple):
    """One rule, broken: `rule` says in words what no longer holds."""

    rule: str
    file: str
    old: str
    new: str
    tests: str

    def apply(self, root: Path) -> None:
        """Break the rule in the sources below `root`."""
        path = root / "dify_java_compat" / self.file
        path.write_text(self.mutated(path.read_text(encoding="utf-8")), encoding="utf-8")

    def mutated(self, source: str) -> str:
        """`source` with the rule broken. ValueError where its text is not there once."""
        if source.count(self.old) != 1:
            raise ValueError(f"{self.file} has {source.count(self.old)} times: {self.old}")
        return source.replace(self.old, self.new)


def mutants() -> list[Mutant]:
    """All of the list, in its order."""
    with LIST.open("rb") as file:
        return [Mutant(**each) for each in tomllib.load(file)["mutant"]]


def is_noticed(mutant: Mutant, python: str = sys.executable) -> bool:
    """Whether a test fails where the rule is broken."""
    with tempfile.TemporaryDirectory(prefix="mutant-") as folder:
        root = Path(folder)
        for name in COPIED:
            source = ROOT / name
            if source.is_dir():
                ignored = shutil.ignore_patterns("__pycache__")
                shutil.copytree(source, root / name, ignore=ignored)
            elif source.exists():
                shutil.copy(source, root / name)
        mutant.apply(root)
        command = [python, "-c", _RUN, str(root), *mutant.tests.split()]
        try:
            done = subprocess.run(
                command, cwd=root, capture_output=True, timeout=_SECONDS, check=False
            )
        except subprocess.TimeoutExpired:
            return True
        if done.returncode not in (0, 1):  # no test ran: the list is wrong
            raise SystemExit(done.stdout.decode()[-2000:] + done.stderr.decode()[-2000:])
        return done.returncode == 1


# the copy goes before whatever the environment has installed
_RUN = """
import sys
sys.path.insert(0, sys.argv[1])
import pytest
sys.exit(pytest.main(["-x", "-q", "-n", "0", "-p", "no:cacheprovider", *sys.argv[2:]]))
"""


def main(argv: list[str] | None = None) -> int:
    """Try all, or those whose rule has `--only` in it; 1 where a test is missing."""
    parser = argparse.ArgumentParser("python -m tools.mutants", description=__doc__)
    parser.add_argument("--only", default="", metavar="WORDS")
    only = parser.parse_args(argv).only
    chosen = [mutant for mutant in mutants() if only in mutant.rule]
    survivors = []
    for mutant in chosen:
        noticed = is_noticed(mutant)
        print("noticed " if noticed else "SURVIVES", mutant.file, mutant.rule, sep="  ", flush=True)
        if not noticed:
            survivors.append(mutant)
    print(f"{len(chosen)} rules broken, {len(survivors)} not noticed")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
