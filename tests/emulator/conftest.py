"""An emulator that answers at once, and callers of its apps."""

from collections.abc import Callable, Iterator

import pytest

from dify_java_compat.emulator import DifyEmulator

from .wire import Caller


@pytest.fixture
def emulator() -> Iterator[DifyEmulator]:
    with DifyEmulator(token_pause=0.0) as running:
        yield running


@pytest.fixture
def chat(emulator: DifyEmulator) -> Caller:
    return Caller(emulator)


@pytest.fixture
def app(emulator: DifyEmulator) -> Callable[[str], Caller]:
    """A caller of the app with that key."""
    return lambda key: Caller(emulator, key)
