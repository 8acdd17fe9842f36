"""An emulator that answers at once, and callers of its apps."""

from collections.abc import Callable

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


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The share of the recordings that agree, and those that do not."""
    compared: dict[str, str] = {}
    for reports in terminalreporter.stats.values():
        for report in reports:
            compared.update(
                (str(value), name)
                for name, value in getattr(report, "user_properties", ())
                if name in ("agrees", "differs")
            )
    if not compared:
        return
    differing = sorted(name for name, outcome in compared.items() if outcome == "differs")
    share = len(compared) - len(differing)
    terminalreporter.section("recordings of a real server")
    terminalreporter.write_line(f"{share} of {len(compared)} agree")
    for name in differing:
        terminalreporter.write_line(f"  {name} does not")
