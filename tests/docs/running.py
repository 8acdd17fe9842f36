"""Runs the Python samples of a page against an emulator."""

from __future__ import annotations

import contextlib
import doctest
import io
import subprocess
import sys
from pathlib import Path
from typing import Any

from dify_java_compat import RequestsDifyChat, RequestsDifyWorkflow
from tests.support.watching import join_streams

from .pages import ROOT, Block, blocks

WRITTEN = "http://localhost:5001"
"""The server as the pages write it; the emulator's own default."""

Namespace = dict[str, Any]


def run_page(page: Path, base_url: str) -> Namespace:
    """Run the page's samples in order, in one namespace, and compare what they print.

    A sample whose first line is a comment with a file name is that file, which those that follow
    may import: a test module is run by pytest.
    """
    namespace: Namespace = {"__name__": f"sample_{page.stem}"}
    for block in blocks(page):
        if block.language == "python":
            text = block.text.replace(WRITTEN, base_url.removesuffix("/v1"))
            if name := block.file_name:
                compile(text, name, "exec")
                Path(name).write_text(text, encoding="utf-8")
                if name.startswith("test_"):
                    _run_tests(name)
            else:
                _run(page, block, text, namespace)
    return namespace


def close_clients(namespace: Namespace) -> None:
    for value in namespace.values():
        if isinstance(value, (RequestsDifyChat, RequestsDifyWorkflow)):
            value.close()


def wait_for_streams() -> None:
    """Return once no stream is read any more, in the open or unseen."""
    join_streams()


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
    if not printed.endswith("\n"):  # a page cannot show that the last line is open
        printed += "\n"
    checker, example = doctest.OutputChecker(), doctest.Example("", expected)
    if not checker.check_output(expected, printed, doctest.ELLIPSIS):
        difference = checker.output_difference(example, printed, doctest.ELLIPSIS)
        raise AssertionError(f"{where} prints something else.\n{difference}")


def _run_tests(name: str) -> None:
    """The page's own tests, in a process of their own, warnings as errors."""
    # What a reader has by installing the package.
    plugin = "dify_java_compat.pytest_plugin"
    command = [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", plugin]
    command += ["-p", "no:cacheprovider", name]
    environment = {"PYTHONPATH": str(ROOT), "PATH": ""}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0, ended.stdout + ended.stderr
