"""The two ways of a request: directly, and as requests sends it where somebody looks."""

from __future__ import annotations

import pytest

from dify_java_compat._http import adapter


@pytest.fixture(params=["directly", "as requests does"])
def each_way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "as requests does":
        monkeypatch.setattr(adapter, "_is_looked_at", lambda: True)
