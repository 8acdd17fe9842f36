"""Settings that every test shares."""

import os

import pytest
from hypothesis import settings

pytest.register_assert_rewrite("tests.support", "tests.emulator.caller")

# The package's own plugin is there already where the package is installed.
pytest_plugins = ("dify_java_compat.pytest_plugin", "pytester", "tests.support.secrecy")

# no deadline: a busy machine is not a defect
settings.register_profile("here", deadline=None)
settings.load_profile("here")


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Two for each processor: half of a test's time is a wait for a socket or a process."""
    return 2 * (os.cpu_count() or 1)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The share of the emulator's recordings that agree, and those that do not.

    It stands here, for with pytest-xdist the controller reads no conftest below this one.
    """
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
