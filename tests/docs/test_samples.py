"""Every Python sample of README.md and docs/ runs, and prints what the page says it prints.

A page is one session: its samples run in order and share their names, as a reader would type
them. Each page has an emulator of its own, which stands for the `http://localhost:5001` that the
samples name. A `text` block directly below a sample is its output, `...` in it for anything. The
web applications that a page shows are then driven through their framework's test tools. Blocks of
other languages are not run.
"""

import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import pytest

from dify_java_compat.emulator import DifyEmulator

from .pages import DOCS, ROOT, all_pages, blocks
from .running import WRITTEN, close_clients, run_page
from .web import DRIVERS

SAMPLE_PAGES = [
    page for page in all_pages() if any(block.language == "python" for block in blocks(page))
]


@pytest.fixture(autouse=True)
def reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A reader in an empty directory, with no proxy and no server in the environment.

    What a sample does to the environment or to the package's logger ends with its page, and so do
    the modules that are files of it.
    """
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    logger = logging.getLogger("dify_java_compat")
    level = logger.level
    monkeypatch.setattr(logger, "handlers", [*logger.handlers])
    with mock.patch.dict(os.environ):
        for name in list(os.environ):
            if name.upper().endswith("_PROXY") or name.startswith("DIFY_"):
                del os.environ[name]
        yield
    logger.setLevel(level)
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]


@pytest.mark.parametrize("page", SAMPLE_PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_samples_run(page: Path) -> None:
    with DifyEmulator(token_pause=0.004) as dify:
        namespace = run_page(page, dify.base_url)
        if drive := DRIVERS.get(page.name):
            drive(namespace)
        close_clients(namespace)


def test_samples_name_no_other_server() -> None:
    """A sample that asked elsewhere would find nothing there, or worse."""
    for page in SAMPLE_PAGES:
        for block in blocks(page):
            if block.language == "python":
                rest = block.text.replace(WRITTEN, "").replace("https://dify.example.org", "")
                rest = rest.replace("redis://localhost:6379/0", "")  # which no sample connects to
                assert "://" not in rest, f"{page}:{block.line}"


def test_every_driver_has_its_pages() -> None:
    for name in DRIVERS:
        assert {page.parent.name for page in SAMPLE_PAGES if page.name == name} == {"en", "zh"}
    assert DOCS / "README.md" not in SAMPLE_PAGES
