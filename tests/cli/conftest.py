"""Emulators that stand for a real server."""

import signal
from collections.abc import Callable, Iterator

import pytest

from dify_java_compat.emulator import DifyEmulator

from .history import as_server
from .processes import Ended, run

Ask = Callable[..., Ended]


@pytest.fixture(autouse=True)
def _interruptible() -> Iterator[None]:
    """A shell starts what runs in the background deaf to Ctrl-C, and so would be the commands."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="module")
def slow() -> Iterator[DifyEmulator]:
    """Takes many seconds for an answer, so that whatever a test does comes before its end."""
    with DifyEmulator(token_pause=0.3) as running:
        yield running


@pytest.fixture
def ask(dify_emulator: DifyEmulator) -> Ask:
    """Run the command against the emulator's chat app, as against a server."""
    return lambda *args: run(*args, env=as_server(dify_emulator, dify_emulator.keys["chat"]))
