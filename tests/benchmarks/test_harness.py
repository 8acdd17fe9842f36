"""The benchmarks measure and count what they say. Nothing here depends on how fast anything is."""

from __future__ import annotations

import re
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from .__main__ import DATA, PAGES, arguments
from .environments import (
    AIOHTTP,
    ASYNCIO,
    BY_KEY,
    ENTRIES,
    FLOOR,
    JAVA,
    OFFICIAL,
    RELAY_BY_HAND,
    RELAY_OURS,
    SESSION,
    Environments,
    Unavailable,
)
from .payloads import STREAMS
from .plans import FULL, QUICK, SECTIONS, Level, Plan
from .processes import PacedServer
from .report import page, terminal
from .results import Beside, Load, Loss, Results, Short, beside_java
from .rounds import DEPENDENCIES, FIRST_CALL, FIRST_STREAM, loss, measure
from .targets import TYPED_PEER, Verdict, verdicts
from .wording import CHINESE, ENGLISH

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
    levels=(Level(3, 50, 0.2),),
    paced=(FLOOR, OURS, "aiterate"),
    load_rounds=1,
    delays=(0.1, 0.2),
    many_levels=(
        Level(3, 50, 0.2),
        Level(3, 50, 0.2, late=True),
        Level(3, 50, 0.2, tls=True),
        Level(3, 5, 0.4, slow=1),
    ),
    many=(OURS, "aiterate", ASYNCIO),
    short_rounds=1,
    short_streams=4,
    short=(OURS, "iterate", "aiterate", ASYNCIO, SESSION),
    relays=(Level(3, 50, 0.2),),
    contenders=(FLOOR, *FACES, ASYNCIO, SESSION, JAVA),
)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    """Of a tiny run on a machine without Java."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", "")
        return measure(TINY, Environments(tmp_path_factory.mktemp("cache")), "a test")


def test_every_contender_is_measured(results: Results) -> None:
    everyone = {FLOOR, *FACES, ASYNCIO, SESSION}
    for name in ("messages", "nodes", "4kb"):
        assert results.streams[name].keys() == everyone
    for name in ("parameters", "messages"):
        assert results.calls[name].keys() == {FLOOR, OURS, SESSION}
    assert results.uploads.keys() == {OURS, SESSION}
    assert results.imports.keys() == {DEPENDENCIES, FIRST_CALL, FIRST_STREAM, OURS, SESSION}
    assert {key for row in results.paced.values() for key in row} == set(TINY.paced)


def test_load_is_measured_at_every_level(results: Results) -> None:
    assert results.many.keys() == {level.name for level in TINY.many_levels}
    slow = results.many[TINY.many_levels[-1].name]
    assert slow.keys() == {OURS}
    assert all(row.keys() == set(TINY.many) for row in results.many.values() if row is not slow)
    assert results.short.keys() == {"http", "https"}
    assert all(row.keys() == set(TINY.short) for row in results.short.values())
    (relays,) = results.relay.values()
    assert RELAY_OURS in relays
    loads = [load for row in (*results.many.values(), relays) for load in row.values()]
    assert {(load.streams, load.lost) for load in loads} == {(3, 0)}
    for load in loads:
        assert load.cpu_us > 0
        assert 0 <= load.p50_ms <= load.p99_ms <= load.max_ms
        assert 1 <= load.threads <= load.threads_opening


def test_a_late_stream_sends_its_head_with_its_first_event() -> None:
    with PacedServer().process as process:
        address = ("127.0.0.1", int(process.first_line))
        body = b'{"query": "paced 100 2 1 0.05 1"}'
        with socket.create_connection(address) as sock:
            sock.sendall(b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
            first = sock.recv(65536)
    assert first.startswith(b"HTTP/1.1 200")
    assert b'"answer"' in first


def test_nothing_is_lost_or_altered(results: Results) -> None:
    """By us and by the floor; what `requests` loses to pings and separators is counted."""
    for row in results.losses.values():
        for key in {FLOOR, *FACES} & row.keys():
            assert (row[key].lost, row[key].wrong, row[key].failed) == (0, 0, None)
            assert row[key].expected > 0
    assert results.losses["messages"][SESSION].lost == 0
    assert results.losses["separators"][SESSION].lost > 0
    for found in (results.paced, results.many, results.relay):
        assert all(load.lost == 0 for row in found.values() for load in row.values())


def test_what_cannot_be_installed_is_left_out_and_named(results: Results) -> None:
    by_hand = {key for key in results.left_out if key.startswith(RELAY_BY_HAND)}
    assert results.left_out.keys() - by_hand == {JAVA}  # aiohttp may be here or not
    assert BY_KEY[JAVA].title in terminal(results)


def test_a_java_sdk_that_is_left_out_is_named_with_its_last_figures(results: Results) -> None:
    earlier = replace(results, date="2026-11-20", left_out={})
    earlier.streams = {"messages": {OURS: 7.0, JAVA: 28.0}}
    last = beside_java(earlier)
    now = replace(results, last_java=last)
    assert last == Beside("2026-11-20", 7.0, 28.0) == beside_java(now)
    assert Results.from_json(now.to_json()).last_java == last
    for chinese in (False, True):
        assert all(text in page(now, chinese=chinese) for text in ("2026-11-20", "7.00", "28.0"))


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
    assert len({verdict.english for verdict in judged}) == len(judged) == 30 + len(beside)


def _load(level: Level, cpu_us: float) -> Load:
    """Of a level that was read in time."""
    return Load(
        streams=level.streams,
        rate=level.rate,
        late=level.late,
        tls=level.tls,
        slow=level.slow,
        cpu_us=cpu_us,
        p50_ms=1.0,
        p99_ms=2.0,
        max_ms=3.0,
        open_kb=40.0 if level.tls else 10.0,
        rss_kb=50.0,
        threads=2,
        threads_opening=20,
        pace=1.0,
        lost=0,
        server_core=0.3,
        server_p99_ms=1.0,
    )


def test_every_target_of_load_is_judged() -> None:
    results = Results("today", "a test", "here", 1, {}, {})
    for level in FULL.many_levels:
        results.many[level.name] = {OURS: _load(level, 30.0), "aiterate": _load(level, 50.0)}
        results.many[level.name][AIOHTTP] = _load(level, 50.0)
    for level in FULL.relays:
        relays = {RELAY_OURS: _load(level, 120.0), RELAY_BY_HAND: _load(level, 100.0)}
        results.relay[level.name] = relays
    results.short["http"] = {
        key: Short(us, us, 1, 0.1) for key, us in ((OURS, 130.0), ("aiterate", 90), (AIOHTTP, 100))
    }
    judged = verdicts(results)
    assert len({verdict.english for verdict in judged}) == len(judged) == 14
    assert [verdict.found for verdict in judged if not verdict.met] == [1.2]


def test_a_part_of_a_plan_starts_those_who_take_part() -> None:
    plan = QUICK.chosen(("short", "relay"), (OURS, FLOOR, ASYNCIO))
    assert plan.sections == ("short", "relay")
    assert set(plan.started) == {OURS, ASYNCIO}
    (level, late) = FULL.chosen(("many",), levels=("2000x5",)).many_levels[:2]
    assert (level.name, late.name) == ("2,000 × 5/s", "2,000 × 5/s, late")
    assert QUICK.chosen() == QUICK
    assert QUICK.sections == SECTIONS


@pytest.mark.parametrize(
    "wrong",
    ["--only=many,nothing", "--contenders=curl", "--levels=7x7", "--write --only=many"],
)
def test_what_does_not_exist_is_said(wrong: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        arguments(wrong.split())
    assert "error:" in capsys.readouterr().err


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
def test_a_page_has_every_section_that_was_measured(results: Results, chinese: bool) -> None:
    words = CHINESE if chinese else ENGLISH
    written = page(results, chinese=chinese)
    for section in ("streams", "calls", "losses", "paced", "many", "short", "relay", "uploads"):
        assert f"\n## {words[section]}\n" in written
    assert f"3 × 50/s{words['comma']}{words['late']} |" in written


@pytest.mark.parametrize("chinese", [False, True])
def test_the_pages_say_what_the_figures_say(chinese: bool) -> None:
    results = Results.from_json(DATA.read_text(encoding="utf-8"))
    written = PAGES[chinese].read_text(encoding="utf-8")
    assert written == page(results, chinese=chinese)
    charts = re.findall(r"\]\((\S+\.svg)\)", written)
    assert charts
    assert all((PAGES[chinese].parent / chart).is_file() for chart in charts)
