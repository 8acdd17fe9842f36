"""An emulator that answers at once, and callers of its apps."""

from collections.abc import Callable, Iterator
from pathlib import Path

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
    with DifyEmulator(version="1.12", token_pause=0.0, quirks=True) as emulator:
        yield Caller(emulator)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The tests of this folder are of a Dify 1.12, where they do not say of which.

    What 1.14 does otherwise is in test_versions and in the comparison with its recordings.
    """
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            item.add_marker(pytest.mark.dify_emulator(version="1.12"))
