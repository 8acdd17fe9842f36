"""What EventStream leans on below RxPY's public line, as in ARCHITECTURE.md: is it still there?"""

from __future__ import annotations

from typing import Any

import pytest
import reactivex
from reactivex import ConnectableObservable, Observable
from reactivex import operators as ops
from reactivex.disposable import Disposable
from reactivex.internal.exceptions import SequenceContainsNoElementsError
from reactivex.observable.mixins import FilteringMixin
from reactivex.scheduler.periodicscheduler import PeriodicScheduler
from reactivex.subject import Subject

from dify_java_compat._stream.caller import CallerLoop
from dify_java_compat._stream.schedulers import CallerScheduler


def test_an_observable_is_known_by_its_subscribe_core() -> None:
    """Moved, this breaks: what `pipe` gives is no EventStream, and a loop over it never ends."""
    seen: list[int] = []
    plain = reactivex.of(1, 2).pipe(ops.map(lambda value: value))
    assert type(plain) is Observable
    again: Observable[int] = Observable(plain._subscribe_core)
    again.subscribe(seen.append)
    assert seen == [1, 2]


def test_a_connectable_is_its_source_and_its_subject() -> None:
    """Moved, this breaks: `publish` and `replay` give something that cannot be connected."""
    subject: Subject[int] = Subject()
    shared = reactivex.of(1, 2).pipe(ops.multicast(subject))
    assert type(shared) is ConnectableObservable
    assert shared.subject is subject
    seen: list[int] = []
    again = ConnectableObservable(shared.source, shared.subject)
    again.subscribe(seen.append)
    again.connect()
    assert seen == [1, 2]


def test_methods_go_through_pipe() -> None:
    """Moved, this breaks: the fluent form gives a plain Observable."""

    class Counting(Observable[int]):
        piped = 0

        def pipe(self, *operators: object) -> Observable[int]:  # type: ignore[override]
            type(self).piped += 1
            return self

    Counting().filter(bool).take(1)
    assert Counting.piped == 2
    assert issubclass(Observable, FilteringMixin)


def test_an_exception_of_on_next_reaches_the_source() -> None:
    """Where RxPY catches it itself, the guards have nothing to do, and may go."""
    source: Subject[int] = Subject()
    errors: list[Exception] = []
    source.pipe(ops.map(lambda value: value)).subscribe(lambda value: 1 // value, errors.append)
    with pytest.raises(ZeroDivisionError):
        source.on_next(0)
    assert errors == []


def test_to_future_is_known_by_its_module() -> None:
    """Moved, this breaks: in asyncio the future of `to_future` wakes nobody."""
    assert ops.to_future().__module__ == "reactivex.operators._tofuture"


def test_the_error_of_an_empty_stream_has_its_name() -> None:
    with pytest.raises(SequenceContainsNoElementsError):
        reactivex.empty().run()


def test_a_periodic_scheduler_invokes_an_action() -> None:
    """Moved, this breaks: timers of a pipeline that its caller's thread reads."""
    seen: list[tuple[object, object]] = []
    scheduler = CallerScheduler(CallerLoop())
    assert isinstance(scheduler, PeriodicScheduler)

    def act(used: object, state: object = None) -> None:
        seen.append((used, state))

    scheduler.invoke_action(act, state=7)
    scheduler.driver.close()
    assert seen == [(scheduler, 7)]


@pytest.mark.parametrize(
    "operator",
    [
        ops.map(lambda item: item),
        ops.filter(lambda item: True),
        ops.flat_map(lambda item: reactivex.of(item)),
        ops.concat_map(lambda item: reactivex.of(item)),
        ops.retry(2),
        ops.repeat(2),
        ops.catch(reactivex.of(1)),
        ops.concat(reactivex.of(1)),
        ops.merge(reactivex.of(1)),
        ops.start_with(1),
        ops.buffer_with_count(2),
        ops.take_until(reactivex.never()),
        ops.delay(0.01),
        ops.timeout(5.0),
        ops.share(),
        ops.to_list(),
    ],
)
def test_operators_hand_the_scheduler_down(operator: Any) -> None:
    """Moved, this breaks: a piped stream is read by the shared loop, not where it is waited for."""
    handed: list[object] = []

    def subscribe(observer: Any, scheduler: object = None) -> Disposable:
        handed.append(scheduler)
        observer.on_completed()
        return Disposable()

    scheduler = CallerScheduler(CallerLoop())
    plain: Observable[int] = Observable(subscribe)
    subscription = plain.pipe(operator).subscribe(scheduler=scheduler)
    for _ in range(3):  # what is scheduled at once
        scheduler.driver.call(lambda: None)
        scheduler.driver.run_once()
    subscription.dispose()
    scheduler.driver.close()
    assert handed
    assert all(each is scheduler for each in handed)
