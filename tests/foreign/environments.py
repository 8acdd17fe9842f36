"""A virtual environment for each foreign package: their requirements are not ours.

They stay in pytest's cache for the next run.
"""

import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest


def python_with(requirement: str, cache: pytest.Cache) -> Path:
    """The interpreter of an environment with that package; skips where it cannot be had."""
    version = "{}.{}".format(*sys.version_info)
    folder = cache.mkdir(f"with-{requirement.replace('==', '-')}-on-{version}")
    interpreter = folder / "bin" / "python"
    ready = folder / "ready"
    if not ready.exists():
        shutil.rmtree(folder)
        venv.create(folder, with_pip=True)
        pip = [interpreter, "-m", "pip", "--disable-pip-version-check", "--no-input"]
        command = [*pip, "install", "-q", "--retries", "1", requirement]
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
        if ended.returncode:
            why = ended.stderr.strip().rpartition("\n")[2]
            pytest.skip(f"NOT RUN, {requirement} cannot be installed: {why}")
        ready.touch()
    return interpreter
