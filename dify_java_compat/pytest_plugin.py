"""What pytest gains by this package: a Dify per test, and a client of it.

Nothing of it is imported before a test asks for it: pytest loads this module at every start,
in every project of the environment.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from . import RequestsDifyChat
    from .emulator import DifyEmulator

_MARKER = "dify_emulator"


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known, also where unknown ones are errors."""
    about = f"{_MARKER}(**options): options of the DifyEmulator of this test, such as quirks=True."
    config.addinivalue_line("markers", about)


@pytest.fixture
def dify_emulator(request: pytest.FixtureRequest) -> Iterator[DifyEmulator]:
    """A local Dify without memory of other tests, which answers without delay.

    ``@pytest.mark.dify_emulator(token_pause=0.01)`` on the test, its class or its module gives it
    options of ``DifyEmulator``; the nearest mark wins.
    """
    try:
        from .emulator import DifyEmulator
    except ImportError as missing:
        raise pytest.fail.Exception(f"dify_emulator: {missing}", pytrace=False) from None
    with DifyEmulator(**_options(request.node, DifyEmulator)) as running:
        yield running


@pytest.fixture
def dify_chat(dify_emulator: DifyEmulator) -> Iterator[RequestsDifyChat]:
    """A client of the chat app of this test's ``dify_emulator``."""
    from . import ClientConfig, RequestsDifyChat

    key = dify_emulator.keys["chat"]
    here = ClientConfig(proxies={"http": ""})  # a proxy of the environment cannot reach it
    with RequestsDifyChat(dify_emulator.base_url, here, api_key=key) as client:
        yield client


def _options(node: pytest.Item, emulator: type[DifyEmulator]) -> dict[str, Any]:
    """The options of a test's marks, on top of an emulator that takes no time."""
    known = inspect.signature(emulator).parameters
    options: dict[str, Any] = {"token_pause": 0.0, "linger_seconds": 0.0}
    for mark in reversed(list(node.iter_markers(_MARKER))):  # the nearest comes first
        unknown = [repr(value) for value in mark.args]
        unknown += [name for name in mark.kwargs if name not in known]
        if unknown:
            pytest.fail(
                f"@pytest.mark.{_MARKER} does not take {', '.join(unknown)}, "
                f"but by name: {', '.join(known)}",
                pytrace=False,
            )
        options |= mark.kwargs
    return options
