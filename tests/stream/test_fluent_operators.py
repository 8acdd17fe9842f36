"""Every operator that RxPY has as a method gives an EventStream, and a loop over that ends."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import reactivex
from reactivex import ConnectableObservable, Observable
from reactivex import operators as ops
from reactivex.observable import mixins
from reactivex.scheduler import EventLoopScheduler
from reactivex.subject import Subject

from dify_java_compat import EventStream, RequestsDifyChat
from tests.support.frames import MESSAGE_END, message, stream
from tests.support.server import ScriptedServer, always
from tests.support.watching import request

BODY = stream(message("1"), message("2"), message("3"), MESSAGE_END)
NUMBERS = [1, 2, 3]

Stream = EventStream[Any]


def later() -> Observable[Any]:
    return reactivex.timer(0.01)


# What stands for an argument, by the name of the parameter.
ARGUMENTS: dict[str, Any] = {
    "accumulator": lambda total, value: total + value,
    "action": lambda: None,
    "attr": "real",
    "boundaries": reactivex.empty(),
    "closing_mapper": lambda *_: later(),
    "condition": lambda _: False,
    "count": 2,
    "duetime": 0.001,
    "duration": 0.001,
    "duration_mapper": lambda _: later(),
    "element_mapper": lambda value: value,
    "end_time": 5.0,
    "handler": reactivex.of(4),
    "index": 1,
    "initial_value": 0,
    "key": "key",
    "key_mapper": lambda value: value,
    "left_duration_mapper": lambda _: later(),
    "mapper": lambda value: value,
    "mapper_indexed": lambda value, index: value + index,
    "openings": reactivex.of(1),
    "other": reactivex.never(),
    "predicate": lambda *_: True,
    "predicate_indexed": lambda *_: True,
    "project": lambda value: reactivex.of(value),
    "right": reactivex.of(4),
    "right_duration_mapper": lambda _: later(),
    "right_source": reactivex.never(),
    "sampler": 0.001,
    "scheduler": EventLoopScheduler(exit_if_empty=True),
    "second": [4, 5, 6],
    "start_time": 0.0,
    "subject": None,
    "throttle_duration_mapper": lambda _: later(),
    "timespan": 0.001,
    "value": 2,
    "window_duration": 0.001,
}
# Calls whose arguments are others than those of their names, and what the items are first.
CALLS: dict[str, Callable[[Stream], Any]] = {
    "buffer_with_count": lambda s: s.buffer_with_count(2),
    "concat_all": lambda s: s.map(reactivex.of).concat_all(),
    "delay_with_mapper": lambda s: s.delay_with_mapper(later(), lambda _: later()),
    "dematerialize": lambda s: s.materialize().dematerialize(),
    "exclusive": lambda s: s.map(reactivex.of).exclusive(),
    "expand": lambda s: s.expand(lambda _: reactivex.empty()),
    "find": lambda s: s.find(lambda value, index, source: value == 2),
    "flat_map": lambda s: s.flat_map(reactivex.of),
    "flat_map_indexed": lambda s: s.flat_map_indexed(lambda value, _: reactivex.of(value)),
    "flat_map_latest": lambda s: s.flat_map_latest(reactivex.of),
    "merge_all": lambda s: s.map(reactivex.of).merge_all(),
    "on_error_resume_next": lambda s: s.on_error_resume_next(reactivex.of(4)),
    "pluck": lambda s: s.map(lambda value: {"key": value}).pluck("key"),
    "ref_count": lambda s: s.publish().ref_count(),
    "repeat": lambda s: s.repeat(2),
    "retry": lambda s: s.retry(2),
    "single": lambda s: s.take(1).single(),
    "single_or_default": lambda s: s.take(1).single_or_default(),
    "single_or_default_async": lambda s: s.take(1).single_or_default_async(),
    # one that ends before the other begins has no end in RxPY
    "skip_until": lambda s: s.delay_subscription(0.01).skip_until(reactivex.of(0)),
    "starmap": lambda s: s.pairwise().starmap(lambda one, two: one + two),
    "starmap_indexed": lambda s: s.pairwise().starmap_indexed(lambda pair, index: pair),
    "switch_latest": lambda s: s.map(reactivex.of).switch_latest(),
    "switch_map_indexed": lambda s: s.switch_map_indexed(lambda value, _: reactivex.of(value)),
    "timeout": lambda s: s.timeout(5.0),
    "timeout_with_mapper": lambda s: s.timeout_with_mapper(
        reactivex.never(), lambda _: reactivex.never()
    ),
    "take_with_time": lambda s: s.take_with_time(5.0),
    "zip_with_iterable": lambda s: s.zip_with_iterable([4, 5, 6]),
}
# Those whose stream may be over, or has been cut, before the first item.
MAY_BE_EMPTY = {"ignore_elements", "skip_last_with_time", "skip_until_with_time", "skip_with_time"}
MAY_BE_EMPTY |= {
    "buffer",
    "buffer_toggle",
    "skip_while",
    "skip_while_indexed",
    "while_do",
    "window",
}
MAY_BE_EMPTY |= {"window_toggle", "throttle_first", "join", "sample"}
# What gives something else, which is tried below.
OTHERS = {"multicast", "partition", "partition_indexed", "publish", "publish_value", "replay"}
OTHERS |= {"to_future"}


def names() -> list[str]:
    classes = [value for name, value in vars(mixins).items() if name.endswith("Mixin")]
    return sorted({n for cls in classes for n in vars(cls) if not n.startswith("_")})


def applied(name: str, source: Stream) -> Any:
    """What the method `name` gives of `source`, whose items are the numbers from 1."""
    if name in CALLS:
        return CALLS[name](source)
    method = getattr(source, name)
    needed = [
        parameter
        for parameter in inspect.signature(method).parameters.values()
        if parameter.default is parameter.empty and parameter.kind is not parameter.VAR_KEYWORD
    ]
    various = [p for p in needed if p.kind is p.VAR_POSITIONAL]
    arguments = [ARGUMENTS[p.name] for p in needed if p not in various]
    return method(*arguments, *(reactivex.of(4, 5, 6) for _ in various))


@pytest.fixture
def numbers() -> Iterator[Stream]:
    """1, 2, 3, by way of a server."""
    with (
        ScriptedServer(always(BODY)) as server,
        RequestsDifyChat(server.url, api_key="app-test") as chat,
    ):
        items = chat.sendChatMessageStream(request())
        yield items.filter(lambda item: item.event == "message").map(
            lambda item: int(item.answer or "")
        )


def test_the_methods_are_those_of_rxpy() -> None:
    assert len(names()) >= 130
    assert {*CALLS, *OTHERS} <= {*names(), "concat_all"}  # which came with 6.1


@pytest.mark.parametrize("name", sorted({*names()} - OTHERS))
def test_an_operator_gives_a_stream_whose_loop_ends(name: str, numbers: Stream) -> None:
    result = applied(name, numbers)
    assert type(result) is EventStream
    items = list(result)
    if name not in MAY_BE_EMPTY:
        assert items


@pytest.mark.parametrize(
    "operator",
    [ops.map(lambda value: value), ops.to_list(), ops.share(), ops.concat_map(reactivex.of)],
)
def test_pipe_gives_a_stream_whose_loop_ends(operator: Any, numbers: Stream) -> None:
    assert type(numbers.pipe(operator)) is EventStream
    assert len(list(numbers.pipe(operator))) in (1, 3)
    assert numbers.pipe() is numbers


def test_slices_sums_and_indices_are_streams(numbers: Stream) -> None:
    fours = reactivex.of(4)
    cases: dict[str, tuple[Any, list[int]]] = {
        "slice": (numbers[1:], [2, 3]),
        "index": (numbers[1], [2]),
        "sum": (numbers + fours, [1, 2, 3, 4]),
        "sum with a stream on the right": (fours + numbers, [4, 1, 2, 3]),
    }
    added = numbers
    added += fours
    cases["augmented"] = (added, [1, 2, 3, 4])
    for case, (result, items) in cases.items():
        assert type(result) is EventStream, case
        assert list(result) == items, case


@pytest.mark.parametrize(
    "share",
    [
        lambda s: s.publish(),
        lambda s: s.replay(),
        lambda s: s.publish_value(0),
        lambda s: s.multicast(Subject()),
        lambda s: s.pipe(ops.publish()),
    ],
)
def test_what_can_be_connected_stays_so_and_is_a_stream(
    share: Callable[[Stream], Any], numbers: Stream
) -> None:
    shared = share(numbers)
    assert isinstance(shared, ConnectableObservable)
    assert isinstance(shared, EventStream)
    seen: list[int] = []
    shared.subscribe(seen.append)
    counted = shared.auto_connect(1)
    assert type(counted) is EventStream
    assert counted.run() == 3
    assert seen[-3:] == NUMBERS


def test_a_mapper_of_publish_gives_a_stream(numbers: Stream) -> None:
    doubled = numbers.publish(lambda shared: shared.map(lambda value: 2 * value))
    assert type(doubled) is EventStream
    assert list(doubled) == [2, 4, 6]


@pytest.mark.parametrize("indexed", [False, True])
def test_partition_gives_a_list_of_streams(indexed: bool, numbers: Stream) -> None:
    source = numbers.delay_subscription(0.05)  # for the parts share it, and the second is in time
    parts: list[Any] = (
        source.partition_indexed(lambda value, index: index == 1)
        if indexed
        else source.partition(lambda value: value == 2)
    )
    assert [type(part) for part in parts] == [EventStream, EventStream]
    assert parts[0].to_list().zip(parts[1].to_list()).run() == ([2], [1, 3])


@pytest.mark.parametrize(
    "ask", [lambda s: s.to_future(), lambda s: s.pipe(ops.map(str), ops.map(int), ops.to_future())]
)
@pytest.mark.parametrize("debug", [False, True])
def test_to_future_gives_a_future_of_the_running_loop(
    debug: bool, ask: Callable[[Stream], Any], numbers: Stream
) -> None:
    async def last() -> tuple[bool, int]:
        future = ask(numbers)
        return isinstance(future, asyncio.Future), await future

    assert asyncio.run(last(), debug=debug) == (True, 3)
