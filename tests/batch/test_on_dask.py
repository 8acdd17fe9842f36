"""A batch on the workers of a cluster, each a process of its own."""

from __future__ import annotations

import contextlib
import copyreg
import json
import os
import pickle
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dify_java_compat import (
    ChatMessageSendRequest,
    RequestsDifyChat,
    RequestsDifyWorkflow,
    WorkflowRunRequest,
)
from dify_java_compat.batch import on_dask
from dify_java_compat.emulator import DifyEmulator, faults
from dify_java_compat.errors import (
    ConnectionException,
    IllegalArgumentException,
    ServerErrorException,
)
from tests.batch.service import Service, answer, questions
from tests.cli.processes import run
from tests.support import TIMEOUT


@pytest.fixture(scope="module")
def dask() -> Iterator[Any]:
    """Two workers of one thread each; how exceptions are pickled ends as it began."""
    before = dict(copyreg.dispatch_table)
    from distributed import Client, LocalCluster  # registers its own way for each class

    with (
        LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address="127.0.0.1:0"
        ) as cluster,
        Client(cluster) as client,
    ):
        yield client
    copyreg.dispatch_table.clear()
    copyreg.dispatch_table.update(before)


@contextlib.contextmanager
def chat_of(emulator: DifyEmulator, app: str = "chat") -> Iterator[RequestsDifyChat]:
    with RequestsDifyChat(emulator.base_url, api_key=emulator.keys[app]) as chat:
        yield chat


@pytest.mark.parametrize("app", ["chat", "agent-chat", "advanced-chat"])
def test_every_question_has_its_result(dask: Any, dify_emulator: DifyEmulator, app: str) -> None:
    with chat_of(dify_emulator, app) as chat:
        results = sorted(on_dask(dask, chat, questions(50), concurrency=4), key=lambda r: r.index)
    assert [each.index for each in results] == list(range(50))
    for each in results:
        assert each.error is None
        assert f"q{each.index}" in (each.answer or "")
        assert not each.repeated
    assert len(dify_emulator.requests) == 50


def test_runs_of_a_workflow(dask: Any, dify_emulator: DifyEmulator) -> None:
    requests = [WorkflowRunRequest(user_id="u", inputs={"query": f"q{n}"}) for n in range(12)]
    url, key = dify_emulator.base_url, dify_emulator.keys["workflow"]
    with RequestsDifyWorkflow(url, api_key=key) as workflow:
        results = sorted(on_dask(dask, workflow, requests, concurrency=4), key=lambda r: r.index)
    for number, each in enumerate(results):
        assert (each.index, each.error) == (number, None)
        assert each.response is not None
        assert each.response.data is not None
        assert f"q{number}" in str(each.response.data.outputs)
    assert len(results) == len(dify_emulator.requests) == 12


def test_a_failure_is_a_result(dask: Any, dify_emulator: DifyEmulator) -> None:
    dify_emulator.fault(faults.Status(502, html=True), when="q3")
    with chat_of(dify_emulator) as chat:
        results = list(on_dask(dask, chat, questions(8)))
    failed = [each for each in results if each.error]
    assert [each.index for each in failed] == [3]
    assert isinstance(failed[0].error, ServerErrorException)


def test_an_error_is_still_pickled_without_its_cause(
    dask: Any, dify_emulator: DifyEmulator
) -> None:
    with chat_of(dify_emulator) as chat:
        list(on_dask(dask, chat, questions(1)))
    error = ConnectionException("no Dify here")
    error.__cause__ = OSError(threading.Lock())
    copy = pickle.loads(pickle.dumps(error))
    assert str(copy) == str(error)
    assert str(copy.__cause__).startswith("OSError: ")


def test_the_concurrency_is_that_of_each_worker(dask: Any) -> None:
    both = threading.Barrier(8)

    def respond(text: str, before: int) -> bytes:
        both.wait(TIMEOUT)
        return answer(text)

    service = Service(respond)
    with service.chat() as chat:
        assert len(list(on_dask(dask, chat, questions(32), concurrency=4))) == 32
    assert service.peak == 8


def test_a_worker_that_dies_has_its_questions_asked_again(dask: Any) -> None:
    held, seen = threading.Event(), threading.Semaphore(0)

    def respond(text: str, before: int) -> bytes:
        seen.release()
        assert held.wait(TIMEOUT)
        return answer(text)

    service = Service(respond)
    pids = dask.run(os.getpid)

    def requests() -> Iterator[ChatMessageSendRequest]:
        for number, each in enumerate(questions(40)):
            if number == 14:  # both workers have blocks, of which 4 questions are open
                assert all(seen.acquire(timeout=TIMEOUT) for _ in range(8))
                os.kill(next(iter(pids.values())), signal.SIGKILL)
                held.set()
            yield each

    with service.chat() as chat:
        results = list(on_dask(dask, chat, requests(), concurrency=4))
    assert sorted(each.index for each in results) == list(range(40))
    assert all(each.error is None for each in results)
    repeated = {f"q{each.index}" for each in results if each.repeated}
    twice = {text for text, times in service.times.items() if times > 1}
    assert len(twice) >= 4
    assert twice <= repeated


def test_an_iterable_that_raises_loses_nothing(dask: Any, dify_emulator: DifyEmulator) -> None:
    def broken() -> Iterator[ChatMessageSendRequest]:
        yield from questions(5)
        raise KeyError("torn")

    results = []
    with chat_of(dify_emulator) as chat:
        found = on_dask(dask, chat, broken())
        with pytest.raises(KeyError, match="torn"):
            results.extend(found)
    assert len(dify_emulator.requests) == 5


def ask_again(error: Exception) -> bool:
    raise KeyError("mine")


def test_what_the_caller_s_function_raises_reaches_the_caller(
    dask: Any, dify_emulator: DifyEmulator
) -> None:
    dify_emulator.fault(faults.Status(502), when="q3")
    with chat_of(dify_emulator) as chat, pytest.raises(KeyError, match="mine"):
        list(on_dask(dask, chat, questions(8), ask_again=ask_again))


def test_per_second_is_for_the_cluster(dask: Any) -> None:
    service = Service()
    with service.chat() as chat:
        assert len(list(on_dask(dask, chat, questions(21), per_second=20, concurrency=2))) == 21
    took = service.sent_at[-1] - service.sent_at[0]
    assert took >= 8 / 10  # each worker has 10 a second, and at most 11 of them


def test_arguments_that_cannot_work(dask: Any, dify_emulator: DifyEmulator) -> None:
    with chat_of(dify_emulator) as chat:
        with pytest.raises(IllegalArgumentException, match="concurrency"):
            on_dask(dask, chat, [], concurrency=0)
        with pytest.raises(IllegalArgumentException, match="requests"):
            on_dask(dask, chat, 3)  # type: ignore[arg-type]


def test_on_the_command_line(dask: Any, dify_emulator: DifyEmulator, tmp_path: Path) -> None:
    source = tmp_path / "q.jsonl"
    source.write_text("".join(json.dumps({"content": f"q{n}"}) + "\n" for n in range(20)))
    env = {"DIFY_URL": dify_emulator.base_url, "DIFY_API_KEY": dify_emulator.keys["chat"]}
    address = dask.scheduler.address
    ended = run("--batch", str(source), "--dask", address, env={**env, "PYTHONWARNINGS": ""})
    assert ended.code == 0, ended.err
    assert sorted(json.loads(line)["index"] for line in ended.out.splitlines()) == list(range(20))
