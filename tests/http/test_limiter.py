"""Slots among the open streams: as many as the smallest bound says, in the order of asking."""

from __future__ import annotations

import threading

from hypothesis import given
from hypothesis import strategies as st

from dify_java_compat._http.limiter import Slot, StreamLimiter


def test_no_bound_is_no_slot() -> None:
    limiter = StreamLimiter(0, 0)
    assert all(limiter.acquire(lambda: None) is None for _ in range(1000))


@given(
    sizes=st.lists(st.integers(0, 4), max_size=3),
    acts=st.lists(st.integers(0, 12), max_size=40),
)
def test_slots_are_granted_in_order_and_never_too_many(sizes: list[int], acts: list[int]) -> None:
    """0 asks for a slot; any other number gives up the slot, or the place, that was so far back."""
    limiter = StreamLimiter(*sizes)
    bound = min((size for size in sizes if size), default=0)
    asked: list[Slot] = []
    told: list[int] = []
    given_up: set[int] = set()
    waited: set[int] = set()
    for act in acts:
        if act == 0:
            number = len(asked)
            slot = limiter.acquire(lambda number=number: told.append(number))  # type: ignore[misc]
            if slot is None:
                assert not bound
                continue
            asked.append(slot)
            waited |= set() if slot.is_granted else {number}
        elif len(asked) >= act:
            given_up.add(len(asked) - act)
            for _ in range(2):  # again it does nothing
                asked[-act].release()
        open_now = [n for n, slot in enumerate(asked) if slot.is_granted and n not in given_up]
        waiting = [n for n, slot in enumerate(asked) if not slot.is_granted and n not in given_up]
        assert len(open_now) <= bound or not asked
        assert not waiting or len(open_now) == bound
        assert not waiting or max(open_now) < min(waiting)
    granted = {n for n, slot in enumerate(asked) if slot.is_granted}
    assert told == sorted(granted & waited)


def test_whoever_is_granted_a_slot_may_give_it_back_at_once() -> None:
    limiter = StreamLimiter(1)
    first = limiter.acquire(lambda: None)
    assert first is not None
    slots: list[Slot | None] = []
    for _ in range(100):
        number = len(slots)
        slots.append(limiter.acquire(lambda number=number: slots[number].release()))  # type: ignore
    first.release()
    assert all(slot is not None and slot.is_granted for slot in slots)
    last = limiter.acquire(lambda: None)
    assert last is not None
    assert last.is_granted


def test_threads_that_take_and_give_lose_no_slot() -> None:
    limiter = StreamLimiter(3)
    inside, most = [0], [0]
    lock = threading.Lock()

    def work() -> None:
        for _ in range(200):
            granted = threading.Event()
            slot = limiter.acquire(granted.set)
            assert slot is not None
            assert slot.is_granted or granted.wait(30)
            with lock:
                inside[0] += 1
                most[0] = max(most[0], inside[0])
            with lock:
                inside[0] -= 1
            slot.release()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most[0] <= 3
    assert (len(limiter._queue), len(limiter._held)) == (0, 0)
