"""How pytest runs a row of the table."""

from collections.abc import Iterator

import pytest

from tests.support.facades import CHAT, WORKFLOW, Facade

from . import playing
from .measuring import IN_FULL, pytest_pyfunc_call

__all__ = ["pytest_pyfunc_call"]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """What is played with a stream is played with both facades, where it is not measured."""
    if "facade" in metafunc.fixturenames:
        facades = [CHAT] if metafunc.config.stash.get(IN_FULL, False) else [CHAT, WORKFLOW]
        ids = [facade.client.__name__ for facade in facades]
        metafunc.parametrize("facade", facades, ids=ids, indirect=True)


@pytest.fixture
def facade(request: pytest.FixtureRequest) -> Iterator[Facade]:
    playing.facade = request.param
    yield request.param
    playing.facade = CHAT
