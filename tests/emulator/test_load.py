"""Many streams at once. How fast they are is measured by ``load.py``, by hand."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from dify_java_compat.emulator import DifyEmulator
from tests.support.client import request_bytes
from tests.support.watching import wait_for_threads

from .caller import Caller

STREAMS = 40
NUMBERS = [f"{number} " for number in range(120)]


def together(work: Callable[[int], None]) -> None:
    with ThreadPoolExecutor(STREAMS) as pool:
        list(pool.map(work, range(STREAMS)))


@pytest.mark.parametrize("key", ["app-chat", "app-chatflow"])
def test_nothing_is_lost_or_out_of_order(key: str) -> None:
    with DifyEmulator(version="1.12", token_pause=0.005) as emulator:
        emulator.reply(answer=NUMBERS)

        def talk(number: int) -> None:
            answer = Caller(emulator, key, f"user-{number}").say(f"prompt {number}")
            assert answer.complete
            assert [one["answer"] for one in answer.events if one.get("answer")] == NUMBERS
            assert len({one["task_id"] for one in answer.events}) == 1

        together(talk)


@pytest.mark.parametrize("key", ["app-chat", "app-chatflow"])
def test_each_is_stopped_by_its_own_stop(key: str) -> None:
    """The even ones are stopped over other connections, the odd ones come whole."""
    with DifyEmulator(version="1.12", token_pause=0.02) as emulator:
        emulator.reply("odd", answer=NUMBERS)
        emulator.reply("even", answer=NUMBERS * 50)

        def talk(number: int) -> None:
            caller = Caller(emulator, key, f"user-{number}")
            reader, chunks = caller.open_stream("odd" if number % 2 else "even")
            events = [json.loads(next(chunks).removeprefix(b"data: "))]
            if number % 2 == 0:
                caller.stop(events[0]["task_id"])
            events += [json.loads(chunk.removeprefix(b"data: ")) for chunk in chunks]
            reader.close()
            said = [one["answer"] for one in events if one.get("answer")]
            assert said == (NUMBERS if number % 2 else NUMBERS * 50)[: len(said)]
            assert (len(said) == len(NUMBERS)) if number % 2 else (len(said) < 6000)
            assert events[-1]["event"] == "message_end"

        together(talk)


@pytest.mark.parametrize("key", ["app-chat", "app-chatflow"])
def test_clients_that_leave_in_silence_free_their_streams(key: str) -> None:
    with DifyEmulator(version="1.12", ping_seconds=60.0) as emulator:
        emulator.reply(delay=60.0)

        def leave(number: int) -> None:
            caller = Caller(emulator, key, f"user-{number}")
            reader = caller.connect()
            reader.send(request_bytes("POST", "/v1/chat-messages", key, caller.message()))
            reader.close()

        together(leave)
        wait_for_threads("dify-emulator-connection")
