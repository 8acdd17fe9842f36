"""The matrix: all tests on each Python, with the newest dependencies and with the oldest.

`nox --report matrix.json`, then `python -m tools.matrix matrix.json` prints the table. Arguments
behind `--` go to pytest: `nox -p 3.14 -- tests/stream`.
"""

import configparser
import re

import nox

_SETUP = configparser.ConfigParser()
_SETUP.read("setup.cfg", encoding="utf-8")
PYTHONS = re.findall(r":: Python :: (3\.\d+)$", _SETUP["metadata"]["classifiers"], re.MULTILINE)

nox.options.default_venv_backend = "venv"


@nox.session(python=PYTHONS)
@nox.parametrize("dependencies", ["newest", "oldest"])
def tests(session: nox.Session, dependencies: str) -> None:
    oldest = ("-c", "tests/constraints-oldest.txt") if dependencies == "oldest" else ()
    session.install(*oldest, ".[test]")
    session.run("python", "-m", "pytest", "-q", "-n", "auto", *session.posargs)
