"""The benchmarks measure and count what they say. Nothing here depends on how fast anything is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from .__main__ import DATA, PAGES
from .environments import (
    BY_KEY,
    ENTRIES,
    FLOOR,
    JAVA,
    OFFICIAL,
    SESSION,
    Environments,
    Unavailable,
)
from .payloads import STREAMS
from .report import page, terminal
from .results import Loss, Results
from .rounds import DEPENDENCIES, FIRST_CALL, Level, Plan, loss, measure
from .targets import TYPED_PEER, Verdict, verdicts

FACES = [entry.key for entry in ENTRIES if entry.is_ours]
OURS = FACES[0]
TINY = Plan(
    rounds=2,
    events=dict.fromkeys(STREAMS, 12),
    calls=2,
    step_seconds=0.001,
    imports=1,
    uploads=1,
    paced_rounds=1,
    levels=(Level(3, 50, 1),),
    paced=(FLOOR, OURS, "aiterate"),
    contenders=(FLOOR, *FACES, SESSION, JAVA),
)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    """Of a tiny run on a machine without Java."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", "")
        return measure(TINY, Environments(tmp_path_factory.mktemp("cache")), "a test")


def test_every_contender_is_measured(results: Results) -> None:
    everyone = {FLOOR, *FACES, SESSION}
    for name in ("messages", "nodes", "4kb"):
        assert results.streams[name].keys() == everyone
    for name in ("parameters", "messages"):
        assert results.calls[name].keys() == {FLOOR, OURS, SESSION}
    assert results.uploads.keys() == {OURS, SESSION}
    assert results.imports.keys() == {DEPENDENCIES, FIRST_CALL, OURS, SESSION}
    assert {key for row in results.paced.values() for key in row} == set(TINY.paced)


def test_nothing_is_lost_or_altered(results: Results) -> None:
    """By us and by the floor; what `requests` loses to pings and separators is counted."""
    for row in results.losses.values():
        for key in {FLOOR, *FACES} & row.keys():
            assert (row[key].lost, row[key].wrong, row[key].failed) == (0, 0, None)
            assert row[key].expected > 0
    assert results.losses["messages"][SESSION].lost == 0
    assert results.losses["separators"][SESSION].lost > 0
    assert all(found.lost == 0 for row in results.paced.values() for found in row.values())


def test_what_cannot_be_installed_is_left_out_and_named(results: Results) -> None:
    assert results.left_out.keys() == {JAVA}
    assert BY_KEY[JAVA].title in terminal(results)


def test_a_failing_installation_leaves_nothing_that_looks_made(tmp_path: Path) -> None:
    environments = Environments(tmp_path)
    missing = Path("/does/not/exist")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.executable", str(missing))
        for _ in range(2):
            with pytest.raises(Unavailable):
                environments.command(BY_KEY["pydify"])


def test_a_run_becomes_json_and_comes_back(results: Results) -> None:
    once = Results.from_json(results.to_json())
    assert Results.from_json(once.to_json()) == once
    assert terminal(once) == terminal(Results.from_json(once.to_json()))


def test_every_target_is_judged() -> None:
    """But those beside a client that was left out."""
    results = Results.from_json(DATA.read_text(encoding="utf-8"))
    judged = verdicts(results)
    beside = {JAVA, OFFICIAL, TYPED_PEER} - results.left_out.keys()
    assert len({verdict.english for verdict in judged}) == len(judged) == 14 + len(beside)


@pytest.mark.parametrize(
    ("found", "strictly", "met"),
    [(1.9, False, True), (2.0, False, True), (2.0, True, False), (2.1, False, False)],
)
def test_a_target_is_met_up_to_its_bound(found: float, strictly: bool, met: bool) -> None:
    assert Verdict("a", "甲", 2.0, found, strictly=strictly).met is met


@pytest.mark.parametrize(
    ("got", "expected"),
    [
        (["a", "b", "c"], Loss(3, 0, 0)),
        (["a", "c"], Loss(3, 1, 0)),
        (["a", "B", "c"], Loss(3, 1, 1)),
        (["a", "b", "b", "c"], Loss(3, 0, 1)),
        (["b", "a", "c"], Loss(3, 0, 2)),
        ([], Loss(3, 3, 0)),
    ],
)
def test_what_is_lost_or_wrong_is_counted(got: list[str], expected: Loss) -> None:
    assert loss(["a", "b", "c"], got, None) == expected


@pytest.mark.parametrize("chinese", [False, True])
def test_the_pages_say_what_the_figures_say(chinese: bool) -> None:
    results = Results.from_json(DATA.read_text(encoding="utf-8"))
    written = PAGES[chinese].read_text(encoding="utf-8")
    assert written == page(results, chinese=chinese)
    charts = re.findall(r"\]\((\S+\.svg)\)", written)
    assert charts
    assert all((PAGES[chinese].parent / chart).is_file() for chart in charts)
