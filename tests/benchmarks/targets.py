"""What is aimed at, and whether the figures of a run reach it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from .environments import (
    AIOHTTP,
    ENTRIES,
    FLOOR,
    JAVA,
    OFFICIAL,
    OURS,
    RELAY_BY_HAND,
    RELAY_OURS,
    SESSION,
)
from .results import ByContender, Load, Paced, Results
from .rounds import DEPENDENCIES, FIRST_CALL

TYPED_PEER = "dify_client_python"
_OUR_FACES = {entry.key for entry in ENTRIES if entry.is_ours}
_OURS = {*_OUR_FACES, RELAY_OURS}
_NO_PEERS = {FLOOR, JAVA, *_OUR_FACES}
_FACES = {OURS: "Observable", "aiterate": "aiterate"}


@dataclass(frozen=True)
class Verdict:
    """A target in words, in English and Chinese, its bound, and what was found."""

    english: str
    chinese: str
    bound: float
    found: float
    unit: str = "×"
    strictly: bool = False

    @property
    def met(self) -> bool:
        return self.found < self.bound if self.strictly else self.found <= self.bound


def verdicts(results: Results) -> list[Verdict]:
    """Of each target whose figures are there: a contender may have been left out."""
    return [
        *_streams(results),
        *_calls(results),
        *_load(results),
        *_many(results),
        *_short(results),
        *_relay(results),
        *_loss(results),
    ]


def _streams(results: Results) -> Iterator[Verdict]:
    message, node = results.streams.get("messages", {}), results.streams.get("nodes", {})
    for face, bound in ((OURS, 1.8), ("iterate", 1.8), ("aiterate", 2.2)):
        name, chinese = ("", "") if face == OURS else (f" by {face}", f"（{face}）")
        yield from _beside(
            f"event{name} / floor", f"事件{chinese} / 下限", bound, message, face, FLOOR
        )
    yield from _beside("event / dify-client", "事件 / dify-client", 0.5, message, OURS, OFFICIAL)
    typed = "dify-client-python"
    yield from _beside(f"event / {typed}", f"事件 / {typed}", 0.17, message, OURS, TYPED_PEER)
    yield from _beside("node event / floor", "节点事件 / 下限", 3.0, node, OURS, FLOOR)
    yield from _beside(
        "event / Java SDK, warm", "事件 / 预热后的 Java SDK", 1.5, message, OURS, JAVA
    )


def _beside(
    english: str, chinese: str, bound: float, row: ByContender, ours: str, other: str
) -> Iterator[Verdict]:
    """The ratio of two contenders that both took part."""
    if ours in row and other in row:
        yield Verdict(english, chinese, bound, row[ours] / row[other])


def _calls(results: Results) -> Iterator[Verdict]:
    calls = results.calls.get("parameters", {})
    if OURS in calls and SESSION in calls:
        ours = calls[OURS]
        yield Verdict(
            "call / requests.Session", "调用 / requests.Session", 0.45, ours / calls[SESSION]
        )
        peers = [us for key, us in calls.items() if key not in _NO_PEERS]
        yield Verdict(
            "call / cheapest Python client",
            "调用 / 开销最小的 Python 客户端",
            1.0,
            ours / min(peers),
            strictly=True,
        )
        reading = results.steps["json.loads of the page"]
        found = (results.calls["messages"][OURS] - ours) / reading
        yield Verdict(
            "page of 100, beyond a call / json.loads of it",
            "100 条一页，减去一次调用 / 对该页的 json.loads",
            1.5,
            found,
        )
    for kind, chinese in (("message", "消息"), ("node", "节点")):
        steps = results.steps
        if f"to_json of a {kind} event" in steps:
            found = steps[f"to_json of a {kind} event"] / steps[f"json.dumps of a {kind} event"]
            title = f"to_json of a {kind} event / json.dumps of its dict"
            yield Verdict(title, f"{chinese}事件的 to_json / 其字典的 json.dumps", 1.0, found)
    if OURS in results.imports:
        alone = results.imports[DEPENDENCIES]
        found = results.imports[OURS] / alone
        yield Verdict("import / its dependencies alone", "导入 / 仅导入其依赖", 1.1, found)
        found = results.imports[FIRST_CALL] / alone
        title = "import of what a first call needs / the dependencies"
        yield Verdict(title, "导入首次调用所需的全部模块 / 仅导入其依赖", 1.1, found)


def _load(results: Results) -> Iterator[Verdict]:
    hundred = results.paced.get("100 × 50/s", {}).get(OURS)
    if hundred:
        yield Verdict("100 streams × 50/s, p99", "100 条流 × 50/s，p99", 10.0, hundred.p99_ms, "ms")
        yield Verdict(
            "100 streams × 50/s, CPU",
            "100 条流 × 50/s，CPU",
            50.0,
            hundred.core * 100,
            "% of a core",
            strictly=True,
        )
    many = results.paced.get("500 × 20/s", {}).get(OURS)
    if many:
        yield Verdict(
            "500 streams × 20/s, latest event",
            "500 条流 × 20/s，最晚事件的延迟",
            250.0,
            many.max_ms,
            "ms",
        )
        yield Verdict(
            "500 streams × 20/s, memory", "500 条流 × 20/s，内存", 150.0, many.rss_kb, "KB"
        )


def _many(results: Results) -> Iterator[Verdict]:
    """Ours in an event loop and out of it, beside what one writes by hand."""
    for level in ("500 × 10/s", "2,000 × 5/s"):
        cpu = {key: load.cpu_us for key, load in results.many.get(level, {}).items()}
        streams = level.replace(" ×", " streams ×")
        for face, bound in ((OURS, 0.6), ("aiterate", 1.0)):
            title = f"{streams}, CPU of {_FACES[face]} / aiohttp"
            chinese = f"{level.replace(' ×', ' 条流 ×')}，{_FACES[face]} 的 CPU / aiohttp"
            yield from _beside(title, chinese, bound, cpu, face, AIOHTTP)
    most = results.many.get("5,000 × 5/s", {})
    p99 = {key: load.p99_ms for key, load in most.items()}
    for face in (OURS, "aiterate"):
        if face in most:
            title = f"5,000 streams × 5/s by {_FACES[face]}, time taken / time due"
            chinese = f"{_FACES[face]} 读 5,000 条流 × 5/s，实际用时 / 应有用时"
            yield Verdict(title, chinese, 1.05, 1 / most[face].pace)
        title = f"5,000 streams × 5/s, p99 of {_FACES[face]} / aiohttp"
        chinese = f"5,000 条流 × 5/s，{_FACES[face]} 的 p99 / aiohttp"
        yield from _beside(title, chinese, 1.0, p99, face, AIOHTTP)
    for row in results.many.values():
        if OURS in row and row[OURS].slow:
            load = row[OURS]
            title = f"{load.streams} streams, {load.slow} slow: p99 of the others"
            chinese = f"{load.streams} 条流，其中 {load.slow} 条慢：其余的 p99"
            yield Verdict(title, chinese, 50.0, load.p99_ms, "ms")
    yield from _size(results)


def _size(results: Results) -> Iterator[Verdict]:
    """The worst of all levels from 500 streams on: fewer share what is there once."""
    ours = [
        load
        for row in results.many.values()
        for key, load in row.items()
        if key in (OURS, "aiterate") and load.streams >= 500 and not load.slow
    ]
    plain = [load.open_kb for load in ours if load.open_kb and not load.tls]
    if plain:
        yield Verdict("a stream's memory", "每条流的内存", 14.0, max(plain), "KB")
    if ours:
        threads = max(load.threads for load in ours)
        title = "threads, whether the heads have come or not"
        yield Verdict(title, "线程数，无论响应头是否已到", 16.0, threads, "")


def _short(results: Results) -> Iterator[Verdict]:
    cpu = {key: short.cpu_us for key, short in results.short.get("http", {}).items()}
    for face in (OURS, "aiterate"):
        title = f"a whole short stream by {_FACES[face]} / aiohttp"
        chinese = f"{_FACES[face]} 读完一条短流 / aiohttp"
        yield from _beside(title, chinese, 1.3, cpu, face, AIOHTTP)


def _relay(results: Results) -> Iterator[Verdict]:
    for row in results.relay.values():
        cpu = {key: load.cpu_us for key, load in row.items()}
        title, chinese = (
            "a relay in Starlette / by hand with aiohttp",
            "在 Starlette 中转发 / 用 aiohttp 手写",
        )
        yield from _beside(title, chinese, 1.0, cpu, RELAY_OURS, RELAY_BY_HAND)


def _loss(results: Results) -> Iterator[Verdict]:
    if results.losses:
        of_ours = [row[key] for row in results.losses.values() for key in row if key in _OUR_FACES]
        found = sum(loss.lost + loss.wrong for loss in of_ours)
        loaded: list[Mapping[str, Paced | Load]] = [
            *results.paced.values(),
            *results.many.values(),
            *results.relay.values(),
        ]
        found += sum(row[key].lost for row in loaded for key in row if key in _OURS)
        yield Verdict("events lost or altered", "丢失或出错的事件", 0.0, float(found), "")
