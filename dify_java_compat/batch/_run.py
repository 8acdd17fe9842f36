"""A batch in the making: what is open, what is to be sent again, what is over."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from .._stream.driver import monotonic
from .._stream.subscription import without_waiting
from ..errors import DifyException, StreamErrorException
from ._pace import Pace
from ._result import Answered, AnyResult

if TYPE_CHECKING:
    from reactivex.abc import DisposableBase, SchedulerBase

    from .._stream.answer import Builder
    from .._stream.observable import EventStream

# how far an ordered batch runs ahead of a slow question, in multiples of its concurrency
AHEAD = 4


Q = TypeVar("Q", contravariant=True)
R = TypeVar("R", covariant=True)


class Asks(Protocol[Q, R]):
    """A client, of any kind of app."""

    def _question(self, request: Q, /) -> tuple[EventStream[Any], Builder[R]]:
        """A stream, and what makes one response of its items.

        IllegalArgumentException for what cannot be asked.
        """
        ...

    def _was_not_seen(self, error: Exception, /) -> bool:
        """Whether a question that failed so has cost nothing, and may be sent again."""
        ...


class AsksAsync(Protocol[Q, R]):
    """The coroutines of a client."""

    @property
    def _client(self) -> Asks[Q, R]: ...


@dataclass
class Question:
    """One request, and how often it was sent."""

    index: int
    request: Any
    tries: int = 0


class Source(Protocol):
    """Where the requests come from."""

    is_over: bool
    error: BaseException | None  # what the iterable raised; it is over then

    @property
    def is_waiting(self) -> bool:
        """Whether the next one is not there yet, nor the end; the run is woken for it."""
        ...

    def take(self) -> Any:
        """The next one; None where there is none, or none yet."""
        ...

    def close(self) -> None:
        """No more are wanted."""
        ...


class IterableSource:
    """The requests of a plain iterable, taken one by one when there is room for them."""

    is_waiting = False

    def __init__(self, requests: Iterable[Any]) -> None:
        self._requests: Iterator[Any] = iter(requests)
        self.is_over = False
        self.error: BaseException | None = None

    def take(self) -> Any:
        try:
            return next(self._requests)
        except StopIteration:
            self.is_over = True
        except Exception as error:  # raised in the end: what is open is not lost by it
            self.is_over, self.error = True, error
        return None

    def close(self) -> None:
        self.is_over = True


class Try:
    """A question that is open: its subscriber, which makes the one answer of the events."""

    def __init__(self, question: Question, on_end: Callable[[Try], None]) -> None:
        self.question = question
        self.builder: Builder[Any] | None = None
        self.error: Exception | None = None
        self.subscription: DisposableBase | None = None
        self._on_end = on_end
        self.started_at = self.ended_at = monotonic()

    def on_error(self, error: Exception) -> None:
        if isinstance(error, DifyException) and self.builder is not None:
            error.add_context(partial=self.builder.build())
        self.error = error
        self.on_completed()

    def on_completed(self) -> None:
        self.ended_at = monotonic()
        self._on_end(self)

    @property
    def seconds(self) -> float:
        return self.ended_at - self.started_at


class Run:
    """The bookkeeping of one batch. It neither waits nor has a thread: its consumer drives it.

    ::

        source ──▶ open ──ended──▶ results ──▶ the consumer
                    ▲  │
                    └──┘ again, by the rule of `ask_again` and as often as `retries` says

    All happens in the consumer's thread, but for `ended`, into which the streams put themselves,
    and `stop`, which any thread may call.
    """

    def __init__(
        self,
        client: Asks[Any, Any],
        pace: Pace,
        source: Source,
        *,
        retries: int,
        ask_again: Callable[[Exception], bool] | None,
        ahead: int | None,
        wake: Callable[[], None] | None = None,
        scheduler: SchedulerBase | None = None,
    ) -> None:
        self.ended: SimpleQueue[Try | None] = SimpleQueue()  # None: to wake who waits
        self.is_stopped = False
        self._client = client
        self.pace = pace
        self._source = source
        self._retries = retries
        self._ask_again = ask_again
        self._ahead = ahead  # None: results come in the order of their ends
        self._wake = wake
        self._scheduler = scheduler
        self._open: set[Try] = set()
        self._again: deque[Question] = deque()
        self._taken = 0  # requests
        self._emitted = 0  # results
        self._results: deque[AnyResult] = deque()
        self._later: dict[int, AnyResult] = {}  # of an ordered batch, by index

    def step(self) -> AnyResult | None:
        """Send one more where there is room, and give a result where there is one."""
        while not self.ended.empty():
            self.settle(self.ended.get())
        if self._delay() == 0:
            self._start_next()
        if not self._results:
            return None
        self._emitted += 1
        return self._results.popleft()

    def wait_seconds(self) -> float | None:
        """How long nothing can be done unless a stream ends; None for any time."""
        return 0.0 if self._results else self._delay()

    @property
    def is_over(self) -> bool:
        """Whether every question that there was has given its result, and been taken."""
        pending = self._open or self._again or self._results or self._later
        return self._source.is_over and not pending

    def raise_failure(self) -> None:
        """Raise what the iterable of the requests raised."""
        if self._source.error is not None:
            raise self._source.error

    def stop(self) -> None:
        """Leave what is open, so that it is stopped on the server; from any thread."""
        self.is_stopped = True
        self._source.close()
        with without_waiting():
            for each in list(self._open):
                if each.subscription is not None:
                    each.subscription.dispose()
        self.ended.put(None)

    # -- sending -------------------------------------------------------------------------------

    def _delay(self) -> float | None:
        """Seconds until the next may be sent; None where only the end of another makes room."""
        if len(self._open) >= self.pace.limit or self.is_stopped:
            return None
        if not self._again:
            is_too_far = self._ahead is not None and self._taken >= self._emitted + self._ahead
            if self._source.is_over or self._source.is_waiting or is_too_far:
                return None
        return self.pace.delay(monotonic())

    def _start_next(self) -> None:
        if self._again:
            question = self._again.popleft()
        else:
            request = self._source.take()
            if request is None:
                return
            question = Question(self._taken, request)
            self._taken += 1
        self._start(question)

    def _start(self, question: Question) -> None:
        opened = Try(question, self._on_end)
        try:
            stream, builder = self._client._question(question.request)
        except DifyException as error:
            self._emit(opened, error)
            return
        opened.builder = builder
        question.tries += 1
        self.pace.on_start(opened.started_at)
        self._open.add(opened)
        opened.subscription = stream.subscribe(
            builder.add, opened.on_error, opened.on_completed, scheduler=self._scheduler
        )
        if self.is_stopped:  # meanwhile, by another thread, which did not see this one
            opened.subscription.dispose()

    def _on_end(self, ended: Try) -> None:
        self.ended.put(ended)
        if self._wake is not None:
            self._wake()

    # -- what ends -----------------------------------------------------------------------------

    def settle(self, ended: Try | None) -> None:
        """Take what came from `ended`."""
        if ended is None:
            return
        self._open.discard(ended)
        error, question = ended.error, ended.question
        if error is None:
            self.pace.on_success(ended.started_at)
        elif self._is_to_be_sent_again(ended, error) and question.tries <= self._retries:
            self._again.append(question)
            return
        self._emit(ended, error)

    def _is_to_be_sent_again(self, ended: Try, error: Exception) -> bool:
        """By the rule of money, else by the caller's word; the pace learns of it."""
        now, retry_after = monotonic(), getattr(error, "retry_after", None)
        was_not_seen = self._client._was_not_seen(error)
        if was_not_seen:
            self.pace.on_refused(ended.started_at, now, retry_after)
        elif is_busy(error):
            self.pace.on_busy(ended.started_at, now)
            self.pace.on_retry_after(retry_after, now)
        return was_not_seen or (self._ask_again is not None and self._ask_again(error))

    def _emit(self, ended: Try, error: Exception | None) -> None:
        question = ended.question
        builder = ended.builder
        response = builder.build() if error is None and builder is not None else None
        seconds = ended.seconds
        result = Answered(
            question.index, question.request, response, error, seconds, question.tries
        )
        if self._ahead is None:
            self._results.append(result)
            return
        self._later[question.index] = result
        expected = self._emitted + len(self._results)
        while expected in self._later:
            self._results.append(self._later.pop(expected))
            expected += 1


def is_busy(error: Any) -> bool:
    """Whether the server, or the model's provider, says that this is too much at once."""
    if isinstance(error, StreamErrorException):
        return error.status == 429
    return getattr(error, "status_code", None) == 429
