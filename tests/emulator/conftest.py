"""An emulator that answers at once, and callers of its apps."""

from collections.abc import Callable, Iterator

import pytest

from dify_java_compat.emulator import DifyEmulator

from .caller import Caller


@pytest.fixture
def emulator(dify_emulator: DifyEmulator) -> DifyEmulator:
    return dify_emulator


@pytest.fixture
def chat(emulator: DifyEmulator) -> Caller:
    return Caller(emulator)


@pytest.fixture
def app(emulator: DifyEmulator) -> Callable[[str], Caller]:
    """A caller of the app with that key."""
    return lambda key: Caller(emulator, key)


@pytest.fixture
def faithful() -> Iterator[Caller]:
    """A caller of an emulator with the real server's own faults."""
    with DifyEmulator(token_pause=0.0, quirks=True) as emulator:
        yield Caller(emulator)
