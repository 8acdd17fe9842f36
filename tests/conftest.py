"""Settings that every test shares."""

from hypothesis import settings

from tests.secrecy import (  # noqa: F401
    pytest_configure,
    pytest_runtest_logreport,
    pytest_runtest_logstart,
    pytest_sessionfinish,
    pytest_terminal_summary,
)

# no deadline: a busy machine is not a defect
settings.register_profile("here", deadline=None)
settings.load_profile("here")
