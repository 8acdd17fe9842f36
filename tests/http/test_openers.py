"""Threads that open streams: as few as keep up, and no job is lost."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from dify_java_compat._http.openers import Openers
from tests.support import TIMEOUT
from tests.support.watching import wait_until


def opener_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "dify-opener"]


@pytest.fixture
def openers() -> Iterator[Openers]:
    wait_until(lambda: not opener_threads())
    pool = Openers()
    yield pool
    pool.close()
    wait_until(lambda: not opener_threads())


def test_each_job_runs_once_and_in_order_while_one_thread_keeps_up(openers: Openers) -> None:
    ran: list[int] = []
    done = threading.Event()
    for number in range(200):
        openers.submit(lambda number=number: ran.append(number))  # type: ignore[misc]
    openers.submit(done.set)
    assert done.wait(TIMEOUT)
    assert sorted(ran) == list(range(200))


def test_jobs_that_wait_for_something_get_more_threads(openers: Openers) -> None:
    """All 20 must be at work at once to end."""
    together = threading.Barrier(20)
    done = threading.Semaphore(0)

    def job() -> None:
        together.wait(TIMEOUT)
        done.release()

    for _ in range(20):
        openers.submit(job)
    for _ in range(20):
        assert done.acquire(timeout=TIMEOUT)


def test_a_job_may_submit_another_and_wait_for_it(openers: Openers) -> None:
    inner, outer = threading.Event(), threading.Event()

    def job() -> None:
        openers.submit(inner.set)
        assert inner.wait(TIMEOUT)
        outer.set()

    openers.submit(job)
    assert outer.wait(TIMEOUT)


def test_where_no_thread_can_be_started_the_submitter_works(
    openers: Openers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As at the interpreter's exit, or in a container that is full."""

    def refuse(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    ran: list[int] = []
    monkeypatch.setattr(threading.Thread, "start", refuse)
    openers.submit(lambda: ran.append(threading.get_ident()))
    assert ran == [threading.get_ident()]
    assert not openers._jobs


def test_a_closed_pool_ends_its_threads_and_starts_anew(openers: Openers) -> None:
    for _ in range(2):
        done = threading.Event()
        openers.submit(done.set)
        assert done.wait(TIMEOUT)
        openers.close()
        wait_until(lambda: not opener_threads())


def test_after_a_fork_there_is_neither_a_thread_nor_a_job() -> None:
    """The child's half of a fork: locks that a thread held are new, jobs are the parent's."""
    pool = Openers()
    pool._jobs.append((0.0, lambda: None))
    pool._changed.acquire()  # by a thread that the child does not have
    pool.renew()
    done = threading.Event()
    pool.submit(done.set)
    assert done.wait(TIMEOUT)
    pool.close()
