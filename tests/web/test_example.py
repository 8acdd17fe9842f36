"""docs/examples/chat.py in Chromium: reload, a second tab, stop, several workers, kill -9."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.processes import ROOT
from tests.support.watching import wait_until

from .redis_server import redis_server
from .test_in_chromium import Tab, driver, pytestmark

__all__ = ["driver", "pytestmark"]


@contextlib.contextmanager
def example(*options: str) -> Iterator[tuple[str, int]]:
    """The address of the page, and the process."""
    command = [sys.executable, str(ROOT / "docs/examples/chat.py"), "--port", "0", *options]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, cwd=ROOT, start_new_session=True
    )
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip(), process.pid
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()


@pytest.fixture(scope="module", params=["one process", "three on redis"])
def address(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    if request.param == "one process":
        with example() as (address, _):
            yield address
    else:
        with redis_server(tmp_path_factory.mktemp("redis")) as redis:
            with example("--redis", redis.url, "--workers", "3") as (address, _):
                yield address


QUESTION = "one two three four five six seven eight nine ten"
TEXT = "document.getElementById('answer').textContent"
STATE = "document.getElementById('state').textContent"


def ask(tab: Tab) -> None:
    tab.run(f"document.getElementById('question').value = {QUESTION!r}")
    tab.run("document.querySelector('#form button').click()")
    tab.wait_until(f"{TEXT}.length > 20")


def show(tab: Tab) -> None:
    tab._driver.switch_to.window(tab._own)


def test_a_reload_in_mid_answer_and_a_second_tab(driver: Any, address: str) -> None:
    with Tab(driver, address) as tab:
        ask(tab)
        driver.refresh()
        tab.wait_until(f"{TEXT}.length > 30")
        url = driver.current_url
        with Tab(driver, url) as other:
            other.wait_until(f"{STATE} === 'completed'")
            text = other.run(f"return {TEXT}")
        show(tab)
        tab.wait_until(f"{STATE} === 'completed'")
        assert tab.run(f"return {TEXT}") == text
        assert text.startswith(f'You said: "{QUESTION}". ')
        assert text.count("You said") == 1
        assert len(text) > 200


def test_a_stop_in_one_tab_ends_both(driver: Any, address: str) -> None:
    with Tab(driver, address) as tab:
        ask(tab)
        with Tab(driver, driver.current_url) as other:
            other.wait_until(f"{TEXT}.length > 20")
            other.run("document.getElementById('stop').click()")
            other.wait_until(f"{STATE} === 'stopped'")
            text = other.run(f"return {TEXT}")
        show(tab)
        tab.wait_until(f"{STATE} === 'stopped'")
        assert tab.run(f"return {TEXT}") == text
        assert len(text) < 200


def test_what_is_not_kept_is_said(driver: Any, address: str) -> None:
    with Tab(driver, f"{address}#{'x' * 22}") as tab:
        tab.wait_until(f"{STATE} === 'not kept any longer'")


def workers_of(pid: int) -> list[int]:
    """The worker processes: those of multiprocessing that are no resource tracker."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, ValueError):
            parent = int((path / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == pid and b"spawn_main" in (path / "cmdline").read_bytes():
                found.append(int(path.name))
    return found


def test_killed_workers_lose_no_answer(driver: Any, tmp_path: Path) -> None:
    with (
        redis_server(tmp_path) as redis,
        example("--redis", redis.url, "--workers", "3") as (address, pid),
        Tab(driver, address) as tab,
    ):
        ask(tab)
        wait_until(lambda: len(workers_of(pid)) == 3)
        for worker in workers_of(pid)[:2]:  # the page goes to the third by itself
            os.kill(worker, signal.SIGKILL)
        tab.wait_until(f"{STATE} === 'completed'")
        text = tab.run(f"return {TEXT}")
        assert text.startswith(f'You said: "{QUESTION}". ')
        assert text.count("You said") == 1
        assert len(text) > 200
