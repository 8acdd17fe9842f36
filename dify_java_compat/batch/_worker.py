"""The part of a batch that runs in a worker of a Dask cluster."""

from __future__ import annotations

import copyreg
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from distributed import WorkerPlugin, get_worker, secede

from ..errors import DifyException
from ._ask import _results, _Settings
from ._result import AnyResult
from ._run import Run

Numbered = tuple[int, Any]


def _pickle_by_themselves(exception: type[DifyException] = DifyException) -> None:
    """Take back what `distributed` registers, at its import, for every class of exceptions.

    Its way takes the causes along, which may hold a lock or a socket; ours tells them as text.
    """
    copyreg.dispatch_table.pop(exception, None)
    for each in exception.__subclasses__():
        _pickle_by_themselves(each)


_pickle_by_themselves()


class _Block:
    """The questions of one task, until all have their results."""

    def __init__(self, questions: Sequence[Numbered]) -> None:
        self.numbers = [number for number, _ in questions]
        self.results: list[AnyResult] = []
        self.is_whole = threading.Event()
        if not questions:
            self.is_whole.set()

    def add(self, result: AnyResult) -> None:
        self.results.append(result)
        if len(self.results) == len(self.numbers):
            self.is_whole.set()


class _BlockSource:
    """The questions of all blocks that are here, one after the other."""

    error: BaseException | None = None

    def __init__(self) -> None:
        self.is_over = False
        self._requests: deque[Any] = deque()

    @property
    def is_waiting(self) -> bool:
        return not self._requests

    def add(self, requests: Sequence[Any]) -> None:
        self._requests.extend(requests)

    def take(self) -> Any:
        return self._requests.popleft() if self._requests else None

    def close(self) -> None:
        self.is_over = True


class Engine:
    """One batch without an end in a thread of its own, which all blocks of a worker share.

    So the worker's concurrency holds over all of them, and the end of a block, where few of its
    questions are open, is filled by the next.
    """

    def __init__(self, settings: _Settings) -> None:
        self._source = _BlockSource()
        self._run: Run = settings.run(self._source)
        self._by_index: dict[int, tuple[_Block, int]] = {}
        self._error: BaseException | None = None
        self._count = 0
        self._lock = threading.Lock()
        threading.Thread(target=self._work, name="dify-batch", daemon=True).start()

    def ask(self, questions: Sequence[Numbered], per_second: float | None) -> list[AnyResult]:
        """The results of the questions; at most `per_second` of this worker are sent by now."""
        block = _Block(questions)
        with self._lock:
            self._check()
            for number in block.numbers:
                self._by_index[self._count] = block, number
                self._count += 1
            self._source.add([request for _, request in questions])
        self._run.pace.set_rate(per_second)
        self._run.ended.put(None)  # it may wait
        block.is_whole.wait()
        self._check()
        return block.results

    def stop(self) -> None:
        """Stop what is open on the server; blocks that wait fail."""
        self._run.stop()
        self._end(RuntimeError("the batch is over"))

    def _check(self) -> None:
        if self._error is not None:
            raise self._error

    def _work(self) -> None:
        try:
            for result in _results(self._run):
                with self._lock:
                    block, number = self._by_index.pop(result.index)
                block.add(replace(result, index=number))
        except BaseException as error:  # of `ask_again`: it is the caller's, who waits for blocks
            self._end(error)

    def _end(self, error: BaseException) -> None:
        with self._lock:
            self._error = self._error or error
            for block, _ in self._by_index.values():
                block.is_whole.set()


class ClientOfWorker(WorkerPlugin):
    """Keeps one client and its connections in each worker, as long as the batch lasts."""

    def __init__(self, name: str, *settings: Any) -> None:
        self.name = name
        self._arguments = settings
        self._engine: Engine | None = None

    def setup(self, worker: Any) -> None:
        self._engine = Engine(_Settings(*self._arguments))

    def teardown(self, worker: Any) -> None:
        if self._engine is not None:
            self._engine.stop()
            self._arguments[0].close()

    def ask(self, questions: Sequence[Numbered], per_second: float | None) -> list[AnyResult]:
        assert self._engine is not None
        return self._engine.ask(questions, per_second)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_engine": None}


def ask_block(
    name: str, questions: Sequence[Numbered], per_second: float | None
) -> list[AnyResult]:
    """The task: the questions of a block to its results."""
    plugin: Any = get_worker().plugins[name]
    secede()  # type: ignore[no-untyped-call]  # it waits: others may have the thread
    results: list[AnyResult] = plugin.ask(questions, per_second)
    return results
