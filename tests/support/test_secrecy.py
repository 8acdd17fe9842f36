"""The check of the whole run's output sees a key that is shown, and fails the run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from .processes import ROOT

BEGINNING = """
import logging
import subprocess
import sys

from dify_java_compat import DifyException, RequestsDifyChat

KEY = "app-shown-by-mistake"

def test_it():
    RequestsDifyChat("http://localhost", api_key=KEY)
"""
SHOWN = {
    "by print": "    print(KEY)",
    "in a log": "    logging.getLogger('some').warning('%s', KEY)",
    "by a subprocess": "    subprocess.run([sys.executable, '-c', f'print({KEY!r})'],"
    " capture_output=True, check=True)",
    "by an exception": "    DifyException(f'not with {KEY}')",
    "by an attribute": "    DifyException('no', path=f'/{KEY}')",
    "by a cause": "    error = DifyException('no')\n    error.__cause__ = ValueError(KEY)",
}


def run(folder: Path, test: str, *options: str) -> subprocess.CompletedProcess[str]:
    (folder / "test_it.py").write_text(f"{BEGINNING}{test}\n")
    plugins = ("-p", "no:cacheprovider", "-p", "tests.support.secrecy")
    return subprocess.run(
        [sys.executable, "-m", "pytest", *plugins, *options],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


@pytest.mark.parametrize("how", SHOWN)
def test_a_key_that_is_shown_fails_the_run(how: str, tmp_path: Path) -> None:
    done = run(tmp_path, SHOWN[how])
    assert "1 passed" in done.stdout
    assert "AN API KEY IS SHOWN" in done.stdout
    assert "test_it.py::test_it" in done.stdout
    assert done.returncode == 1


def test_a_key_that_is_shown_in_a_worker_fails_the_run(tmp_path: Path) -> None:
    done = run(tmp_path, SHOWN["by an attribute"], "-n", "2")
    assert "1 passed" in done.stdout
    assert "AN API KEY IS SHOWN in an exception's attributes of test_it.py::test_it" in done.stdout
    assert done.returncode == 1


def test_a_key_that_is_not_shown_does_not_and_nothing_is_said(tmp_path: Path) -> None:
    done = run(tmp_path, "    print('nothing')")
    assert done.returncode == 0, done.stdout
    assert "secrets check" not in done.stdout


@pytest.mark.parametrize("workers", [(), ("-n", "2")])
def test_what_was_checked_is_counted(tmp_path: Path, workers: tuple[str, ...]) -> None:
    done = run(tmp_path, "    print('nothing')\n    DifyException('no')", "-v", *workers)
    assert done.returncode == 0, done.stdout
    assert re.search(r"^secrets check: no key in 1 exceptions, \d outputs$", done.stdout, re.M)
