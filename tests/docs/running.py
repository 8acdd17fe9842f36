"""Runs the Python samples of a page against an emulator."""

from __future__ import annotations

import contextlib
import doctest
import io
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from dify_java_compat import RequestsDifyChat

from .pages import ROOT, Block, blocks

WRITTEN = "http://localhost:5001"
"""The server as the pages write it; the emulator's own default."""

Namespace = dict[str, Any]


def run_page(page: Path, base_url: str) -> Namespace:
    """Run the page's samples in order, in one namespace, and compare what they print.

    A sample whose first line is a comment with a file name is that file: a test module is run by
    pytest.
    """
    namespace: Namespace = {"__name__": f"sample_{page.stem}"}
    for block in blocks(page):
        if block.language == "python":
            text = block.text.replace(WRITTEN, base_url.removesuffix("/v1"))
            if text.startswith("# test_"):
                _run_tests(text)
            else:
                _run(page, block, text, namespace)
    return namespace


def close_clients(namespace: Namespace) -> None:
    for value in namespace.values():
        if isinstance(value, RequestsDifyChat):
            value.close()


def wait_for_streams() -> None:
    """Return once no stream is read any more, in the open or unseen."""
    give_up = time.monotonic() + 10.0
    while running := [t for t in threading.enumerate() if t.name in ("dify-stream", "dify-stop")]:
        for thread in running:
            if thread.is_alive():  # else it is about to start, or has just ended
                thread.join(max(0.0, give_up - time.monotonic()))
        assert time.monotonic() < give_up, f"still there: {running}"


def _run(page: Path, block: Block, text: str, namespace: Namespace) -> None:
    # as many empty lines before it as make a traceback show the page's own line
    code = compile("\n" * block.line + text, str(page), "exec")
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(code, namespace)
        wait_for_streams()  # what they call may print too
    if block.output is not None:
        _compare(block.output, printed.getvalue(), f"{page}:{block.line}")


def _compare(expected: str, printed: str, where: str) -> None:
    checker, example = doctest.OutputChecker(), doctest.Example("", expected)
    if not checker.check_output(expected, printed, doctest.ELLIPSIS):
        difference = checker.output_difference(example, printed, doctest.ELLIPSIS)
        raise AssertionError(f"{where} prints something else.\n{difference}")


def _run_tests(text: str) -> None:
    """The page's own tests, in a process of their own, warnings as errors."""
    name = text.partition("\n")[0].removeprefix("# ").strip()
    Path(name).write_text(text, encoding="utf-8")
    # What a reader has by installing the package.
    plugin = "dify_java_compat.pytest_plugin"
    command = [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", plugin]
    command += ["-p", "no:cacheprovider", name]
    environment = {"PYTHONPATH": str(ROOT), "PATH": ""}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0, ended.stdout + ended.stderr
