"""A batch on a Dask cluster: blocks of questions to its workers, and what becomes of them."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import uuid
from collections import deque
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field, replace
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from distributed import Client

from .._stream.driver import monotonic
from ..errors import DifyException
from ._result import Answered, AnyResult
from ._worker import ClientOfWorker, Numbered, ask_block

if TYPE_CHECKING:
    from ._run import IterableSource

BLOCKS_A_WORKER = 4  # of half its concurrency: so that it always has something to send
MOST_DEATHS = 3  # of workers, before their block is given up
_LOOK_SECONDS = 0.5  # how often it looks which workers there are


@dataclass(eq=False)
class Block:
    """Some questions, and where they are."""

    questions: list[Numbered]
    deaths: int = 0
    worker: str = ""
    future: Any = field(default=None, repr=False)


class Cluster:
    """The workers there are by now, and the blocks that each of them has."""

    def __init__(self, dask: Any, name: str, per_second: float | None) -> None:
        self.ended: SimpleQueue[Block] = SimpleQueue()
        self.open: set[Block] = set()
        self._dask = dask
        self._name = name
        self._per_second = per_second
        self._workers: set[str] = set()
        self._look_at = 0.0

    def free_worker(self) -> str | None:
        """The one with the fewest blocks, where it may have one more."""
        counts = dict.fromkeys(sorted(self._workers), 0)
        for block in self.open:
            counts[block.worker] = counts.get(block.worker, 0) + 1
        worker = min(self._workers, key=lambda each: counts[each], default=None)
        return worker if worker is not None and counts[worker] < BLOCKS_A_WORKER else None

    def send(self, block: Block, worker: str) -> None:
        block.worker = worker
        share = self._per_second and self._per_second / len(self._workers)
        arguments = self._name, block.questions, share
        block.future = self._dask.submit(
            ask_block, *arguments, workers=[worker], pure=False, key=f"{self._name}-{uuid.uuid4()}"
        )
        self.open.add(block)
        block.future.add_done_callback(lambda _: self.ended.put(block))

    def dead_blocks(self) -> Iterator[Block]:
        """The blocks whose workers are gone, taken from those that are open; looks at times."""
        now = monotonic()
        if now < self._look_at:
            return
        self._look_at = now + _LOOK_SECONDS
        self._workers = set(self._dask.nthreads())
        for block in [each for each in self.open if each.worker not in self._workers]:
            self.drop(block)
            yield block

    def drop(self, block: Block) -> None:
        """Have no more of a block."""
        self.open.discard(block)
        block.future.cancel()

    def drop_all(self) -> None:
        for block in list(self.open):
            self.drop(block)

    def results(self, block: Block) -> list[AnyResult] | None:
        """Those of a block that has ended; None where its worker died with them.

        Raises what failed in the worker beside the questions, as where the package is missing.
        """
        try:
            results: list[AnyResult] = block.future.result(timeout=_LOOK_SECONDS * 4)
        except (TimeoutError, asyncio.TimeoutError):  # two classes in Python 3.10
            return None
        self.open.discard(block)
        return results


def ask_on(
    dask: Any,
    settings: tuple[Any, ...],
    source: IterableSource,
    concurrency: int,
    per_second: float | None,
) -> Generator[AnyResult, None, None]:
    """The results of all questions of `source`, as blocks of them end."""
    name = f"dify-batch-{uuid.uuid4()}"
    with contextlib.ExitStack() as stack:
        if isinstance(dask, str):
            dask = stack.enter_context(Client(dask))  # type: ignore[no-untyped-call]
        dask.register_plugin(ClientOfWorker(name, *settings), name=name)
        stack.callback(dask.unregister_worker_plugin, name)
        cluster = Cluster(dask, name, per_second)
        stack.callback(cluster.drop_all)
        yield from _ask(cluster, source, max(1, concurrency // 2))


def _ask(cluster: Cluster, source: IterableSource, size: int) -> Generator[AnyResult, None, None]:
    numbers = itertools.count()
    again: deque[Block] = deque()
    while True:
        for block in cluster.dead_blocks():
            block.deaths += 1
            if block.deaths < MOST_DEATHS:
                again.append(block)
            else:
                yield from _abandoned(block)
        while (worker := cluster.free_worker()) is not None:
            next_block = again.popleft() if again else _next_block(source, numbers, size)
            if next_block is None:
                break
            cluster.send(next_block, worker)
        if not cluster.open and not again and source.is_over:
            break
        try:
            ended = cluster.ended.get(timeout=_LOOK_SECONDS)
        except Empty:
            continue
        if ended in cluster.open and ended.future.done():
            for result in cluster.results(ended) or ():
                yield replace(result, repeated=ended.deaths > 0)
    if source.error is not None:
        raise source.error


def _next_block(source: IterableSource, numbers: Iterator[int], size: int) -> Block | None:
    questions: list[Numbered] = []
    while not source.is_over and len(questions) < size:
        request = source.take()
        if request is not None:
            questions.append((next(numbers), request))
    return Block(questions) if questions else None


def _abandoned(block: Block) -> Iterator[AnyResult]:
    for number, request in block.questions:
        error = DifyException(f"{block.deaths} workers died while they had this question")
        yield Answered(number, request, None, error, 0.0, block.deaths, repeated=True)
