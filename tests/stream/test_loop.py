"""The drivers without a stream: what each does with tasks, sockets, timers and threads."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from dify_java_compat._stream.caller import CallerLoop
from dify_java_compat._stream.eventloop import EventLoopDriver
from dify_java_compat._stream.loop import Loop
from dify_java_compat._stream.poll import Poll
from tests.support import TIMEOUT
from tests.support.watching import wait_until


def loop_threads() -> list[threading.Thread]:
    names = ("dify-stream", "dify-watch")
    return [thread for thread in threading.enumerate() if thread.name in names]


@pytest.fixture
def loop() -> Iterator[Loop]:
    wait_until(lambda: not loop_threads())
    made = Loop()
    yield made
    made.close()
    wait_until(lambda: not loop_threads())


class Counter:
    """A task that counts its steps, and reads what its socket has."""

    def __init__(self, driver: Any, then: Callable[[Counter], object] = lambda task: None) -> None:
        self.steps = 0
        self.at_once = 0
        self.data = b""
        self.threads: set[int] = set()
        self.sock: socket.socket | None = None
        self._inside = threading.Lock()
        self._then = then
        self.handle = driver.attach(self.step, lambda handle: self.step(True))

    def step(self, is_scheduled: bool) -> None:
        if not self._inside.acquire(blocking=False):
            self.at_once += 1
            return
        try:
            self.steps += 1
            self.threads.add(threading.get_ident())
            if self.sock is not None and self.handle.is_closed is False:
                with contextlib.suppress(BlockingIOError):
                    self.data += self.sock.recv(65536)
            self._then(self)
        finally:
            self._inside.release()


def closes(task: Counter) -> None:
    task.handle.close()


def test_a_task_is_stepped_by_one_thread_at_a_time_and_misses_no_call(loop: Loop) -> None:
    """Each call is followed by a step that begins after it, however many threads call."""
    called, seen = [0] * 8, [0] * 8

    def look(task: Counter) -> None:
        seen[:] = called

    task = Counter(loop, look)

    def call(number: int) -> None:
        for _ in range(300):
            called[number] += 1
            assert task.handle.schedule()

    threads = [threading.Thread(target=call, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wait_until(lambda: seen == [300] * 8)
    assert task.at_once == 0
    finished = Counter(loop, closes)
    finished.handle.schedule()
    task._then = closes
    task.handle.schedule()
    wait_until(lambda: not loop.tasks)
    assert not task.handle.schedule()


def test_tasks_that_block_hold_up_no_other(loop: Loop) -> None:
    free = threading.Event()
    blocked = [Counter(loop, lambda task: free.wait(TIMEOUT)) for _ in range(10)]
    for task in blocked:
        task.handle.schedule()
    quick = [Counter(loop, closes) for _ in range(50)]
    for task in quick:
        task.handle.schedule()
    wait_until(lambda: all(task.steps == 1 for task in quick))
    free.set()
    for task in blocked:
        task._then = closes
        task.handle.schedule()
    wait_until(lambda: not loop.tasks)
    assert all(task.at_once == 0 for task in blocked)


def test_quick_tasks_share_a_thread(loop: Loop) -> None:
    tasks = [Counter(loop) for _ in range(20)]
    for _ in range(10):
        for task in tasks:
            before = task.steps
            task.handle.schedule()
            wait_until(lambda task=task, before=before: task.steps > before)  # type: ignore[misc]
    assert len([t for t in loop_threads() if t.name == "dify-stream"]) <= 3
    for task in tasks:
        task._then = closes
        task.handle.schedule()
    wait_until(lambda: not loop.tasks)


def test_what_a_task_raises_goes_to_the_hook_and_the_loop_goes_on(
    loop: Loop, monkeypatch: pytest.MonkeyPatch
) -> None:
    hooked: list[Any] = []
    monkeypatch.setattr(threading, "excepthook", lambda args: hooked.append(args.exc_value))
    errors = [KeyError("a bug"), SystemExit(1), KeyboardInterrupt()]

    def fail(task: Counter) -> None:
        task.handle.close()
        raise errors[len(hooked)]

    for _ in errors:
        count = len(hooked)
        Counter(loop, fail).handle.schedule()
        wait_until(lambda count=count: len(hooked) > count)  # type: ignore[misc]
    assert hooked == errors
    last = Counter(loop, closes)
    last.handle.schedule()
    wait_until(lambda: last.steps)


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        yield ours, theirs


def test_a_socket_is_read_whenever_it_has_something_and_until_it_is_not_watched(
    loop: Loop, pair: tuple[socket.socket, socket.socket]
) -> None:
    ours, theirs = pair

    def watch(task: Counter) -> None:
        if task.sock is None:
            task.sock = ours
            task.handle.watch(ours)
        if b"end" in task.data:
            task.handle.unwatch()
            task.handle.close()

    task = Counter(loop, watch)
    task.handle.schedule()
    for number in range(20):
        theirs.send(b"%d " % number)
        wait_until(lambda number=number: b"%d " % number in task.data)  # type: ignore[misc]
    theirs.send(b"end")
    wait_until(lambda: task.handle.is_closed)
    wait_until(lambda: not loop.tasks)
    steps = task.steps
    theirs.send(b"more")
    other = Counter(loop, closes)
    other.handle.schedule()
    wait_until(lambda: other.steps)
    assert task.steps == steps


@pytest.mark.parametrize("driver", ["loop", "caller", "asyncio"])
def test_a_timer_is_due_once_and_the_last_one_that_was_set(driver: str) -> None:
    """Not before its time; `due` says when, and None once it was."""
    begun = time.monotonic()
    times: list[float] = []
    dues: list[float | None] = []

    def on_step(task: Counter) -> None:
        dues.append(task.handle.due)
        if task.steps == 1:
            task.handle.call_at(begun + 30)
            task.handle.call_at(begun + 0.05)
            dues.append(task.handle.due)
        else:
            times.append(time.monotonic())
            task.handle.close()

    drive(driver, on_step)
    assert dues == [None, begun + 0.05, None]
    [at] = times
    assert begun + 0.049 <= at < begun + 30


def drive(driver: str, on_step: Callable[[Counter], object]) -> None:
    """Step a task until it is closed."""
    if driver == "loop":
        made = Loop()
        task = Counter(made, on_step)
        task.handle.schedule()
        wait_until(lambda: not made.tasks)
        made.close()
    elif driver == "caller":
        caller = CallerLoop()
        task = Counter(caller, on_step)
        task.handle.schedule()
        while not task.handle.is_closed:
            caller.run_once()
        caller.close()
    else:

        async def main() -> None:
            task = Counter(EventLoopDriver(asyncio.get_running_loop()), on_step)
            task.handle.schedule()
            while not task.handle.is_closed:
                await asyncio.sleep(0.001)

        asyncio.run(main())


def test_a_loop_that_was_closed_goes_on_for_its_tasks_and_for_new_ones(loop: Loop) -> None:
    open_one = Counter(loop)
    open_one.handle.schedule()
    wait_until(lambda: open_one.steps)
    loop.close()
    open_one.handle.schedule()
    wait_until(lambda: open_one.steps == 2)
    open_one._then = closes
    open_one.handle.schedule()
    wait_until(lambda: not loop_threads())
    again = Counter(loop, closes)
    again.handle.schedule()
    wait_until(lambda: again.steps)


def test_a_loop_begins_anew_in_a_forked_process() -> None:
    """Its locks may be held by a thread that is not there; its tasks are the parent's."""
    made, poll = Loop(), Poll()
    Counter(made)
    made.sockets = poll

    def hold() -> None:
        made.lock.acquire()
        poll._lock.acquire()

    holder = threading.Thread(target=hold)
    holder.start()
    holder.join()
    made.renew()
    assert not made.tasks
    task = Counter(made, closes)
    task.handle.schedule()
    wait_until(lambda: task.steps)
    made.close()
    wait_until(lambda: not loop_threads())


# -- the loop of a caller --------------------------------------------------------------------------


def test_a_callers_loop_is_woken_by_another_thread() -> None:
    caller = CallerLoop()
    ran: list[int] = []

    def call() -> None:
        for _ in range(100):
            caller.call(lambda: ran.append(threading.get_ident()))

    thread = threading.Thread(target=call)
    thread.start()
    while len(ran) < 100:
        caller.run_once()
    thread.join()
    caller.close()
    assert set(ran) == {threading.get_ident()}


def test_what_lies_ready_comes_before_a_timer_that_is_due(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    """A slow loop body makes no clock run out falsely."""
    ours, theirs = pair
    caller = CallerLoop()
    order: list[str] = []

    def on_step(task: Counter) -> None:
        if task.sock is None:
            task.sock = ours
            task.handle.watch(ours)
        elif task.data:
            order.append("data")
            task.data = b""

    task = Counter(caller, on_step)
    task.handle.schedule()
    caller.run_once()
    caller.call_at(time.monotonic() - 1, lambda: order.append("timer"))
    theirs.send(b"x")
    while len(order) < 2:
        caller.run_once()
    assert order == ["data", "timer"]
    task.handle.unwatch()
    task.handle.close()
    caller.close()


@pytest.mark.parametrize("driver", ["caller", "asyncio"])
def test_a_task_whose_driver_is_gone_is_stepped_once_to_look_for_another(driver: str) -> None:
    dead: list[bool] = []

    def on_step(task: Counter) -> None:
        if not task.handle.is_dead:
            task.handle.call_at(time.monotonic() + 30)
            return
        dead.append(task.handle.is_dead)
        task.handle.close()

    if driver == "caller":
        caller = CallerLoop()
        task = Counter(caller, on_step)
        task.handle.schedule()
        caller.run_once()
        caller.close()
    else:
        events = asyncio.new_event_loop()
        task = Counter(EventLoopDriver(events), on_step)
        events.call_soon(task.handle.schedule)
        events.run_until_complete(asyncio.sleep(0.01))
        task.handle.schedule()  # in a turn that the loop does not take any more
        events.close()
        task.handle.schedule()
    assert dead == [True]
    assert not task.handle.schedule()


def test_an_event_loop_that_is_held_back_reads_nothing_till_it_goes_on(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    ours, theirs = pair

    def on_step(task: Counter) -> None:
        if task.sock is None:
            task.sock = ours
            task.handle.watch(ours)

    async def main() -> None:
        driver = EventLoopDriver(asyncio.get_running_loop())
        task = Counter(driver, on_step)
        task.handle.schedule()
        await asyncio.sleep(0.01)
        driver.pause()
        late = Counter(driver)
        assert task.handle.is_paused
        assert late.handle.is_paused
        steps = task.steps
        theirs.send(b"x")
        await asyncio.sleep(0.02)
        assert task.steps == steps
        driver.resume()
        while task.data != b"x":
            await asyncio.sleep(0.001)
        task.handle.unwatch()
        for each in (task, late):
            each.handle.close()
        assert not driver.handles

    asyncio.run(main())


@pytest.mark.parametrize("kind", ["loop", "caller"])
def test_timers_of_tasks_that_are_over_do_not_pile_up(kind: str, loop: Loop) -> None:
    """As those of streams that were opened, waited a minute at most, and were left at once."""
    driver: Any = loop if kind == "loop" else CallerLoop()
    poll: Any = None

    def turn() -> None:
        if kind == "caller":
            driver.run_once()

    def later(task: Counter) -> None:
        task.handle.call_at(time.monotonic() + 60)

    quiet = Counter(driver, later)
    quiet.handle.schedule()
    turn()
    for _ in range(5):
        tasks = [Counter(driver, later) for _ in range(2000)]
        for steps, then in ((1, later), (2, closes)):
            for task in tasks:
                task._then = then
                task.handle.schedule()
            turn()
            wait_until(lambda: {task.steps for task in tasks} == {steps})  # noqa: B023
    quiet.handle.schedule()
    turn()
    poll = loop.sockets if kind == "loop" else driver.poll
    wait_until(lambda: len(poll._timers) < 200)
    quiet._then = closes
    quiet.handle.schedule()
    turn()
    if kind == "caller":
        driver.close()
    else:
        wait_until(lambda: not loop.tasks)
