"""Writes every generated file: `python -m tools.generate`, or `make generate`.

`--check` writes nothing: it names what is stale and exits with 1. Running twice changes nothing.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from . import ROOT

# The public names come first: what follows imports the package by them.
GENERATORS = (
    "names",
    "aio",
    "fluent",
    "stubs",
    "options",
    "pages",
    "recordings",
    "architecture",
    "claims",
    "terminal",
)


def generated(generator: str) -> dict[Path, str | bytes]:
    """What a generator of this folder writes: each file and what it must hold."""
    make: Callable[[], dict[Path, str | bytes]] = importlib.import_module(
        f".{generator}", __package__
    ).generated
    return make()


def stale(generator: str) -> Iterator[tuple[Path, bytes]]:
    """The files that hold something else than they must, and what that is."""
    for path, content in generated(generator).items():
        wanted = content.encode() if isinstance(content, str) else content
        if not path.exists() or path.read_bytes() != wanted:
            yield path, wanted


def main() -> int:
    parser = argparse.ArgumentParser("python -m tools.generate", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, name what is stale")
    check = parser.parse_args().check
    found = 0
    for generator in GENERATORS:
        for path, wanted in stale(generator):
            found += 1
            print(f"{'stale' if check else 'written'}: {path.relative_to(ROOT)}")
            if not check:
                path.write_bytes(wanted)
    if check and found:
        print("run `make generate`", file=sys.stderr)
    return 1 if check and found else 0


if __name__ == "__main__":
    sys.exit(main())
