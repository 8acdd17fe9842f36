"""What is aimed at, and whether the figures of a run reach it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from .environments import ENTRIES, FLOOR, JAVA, OFFICIAL, OURS, SESSION
from .results import Results
from .rounds import DEPENDENCIES, FIRST_CALL

TYPED_PEER = "dify_client_python"
_OUR_FACES = {entry.key for entry in ENTRIES if entry.is_ours}
_NO_PEERS = {FLOOR, JAVA, *_OUR_FACES}


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
    return [*_streams(results), *_calls(results), *_load(results), *_loss(results)]


def _streams(results: Results) -> Iterator[Verdict]:
    message, node = results.streams.get("messages", {}), results.streams.get("nodes", {})
    if message:
        ours = message[OURS]
        yield Verdict("event / floor", "事件 / 下限", 2.0, ours / message[FLOOR])
        if OFFICIAL in message:
            found = ours / message[OFFICIAL]
            yield Verdict("event / dify-client", "事件 / dify-client", 0.5, found)
        if TYPED_PEER in message:
            found = ours / message[TYPED_PEER]
            yield Verdict("event / dify-client-python", "事件 / dify-client-python", 0.17, found)
    if node:
        yield Verdict("node event / floor", "节点事件 / 下限", 3.0, node[OURS] / node[FLOOR])
    if JAVA in message:
        found = ours / message[JAVA]
        yield Verdict("event / Java SDK, warm", "事件 / 预热后的 Java SDK", 1.5, found)


def _calls(results: Results) -> Iterator[Verdict]:
    calls = results.calls.get("parameters", {})
    if SESSION in calls:
        ours = calls[OURS]
        yield Verdict(
            "call / requests.Session", "调用 / requests.Session", 0.6, ours / calls[SESSION]
        )
        peers = [us for key, us in calls.items() if key not in _NO_PEERS]
        yield Verdict(
            "call / cheapest Python client",
            "调用 / 最省的 Python 客户端",
            1.0,
            ours / min(peers),
            strictly=True,
        )
        reading = results.steps["json.loads of the page"]
        found = (results.calls["messages"][OURS] - ours) / reading
        yield Verdict(
            "page of 100, beyond a call / json.loads of it",
            "100 条一页，除去调用 / 对它的 json.loads",
            1.5,
            found,
        )
    for kind, chinese in (("message", "消息"), ("node", "节点")):
        steps = results.steps
        if f"to_json of a {kind} event" in steps:
            found = steps[f"to_json of a {kind} event"] / steps[f"json.dumps of a {kind} event"]
            title = f"to_json of a {kind} event / json.dumps of its dict"
            yield Verdict(title, f"{chinese}事件的 to_json / 其字典的 json.dumps", 3.0, found)
    if DEPENDENCIES in results.imports:
        alone = results.imports[DEPENDENCIES]
        found = results.imports[OURS] / alone
        yield Verdict("import / its dependencies alone", "导入 / 仅导入其依赖", 1.1, found)
        found = results.imports[FIRST_CALL] / alone
        title = "import of what a first call needs / the dependencies"
        yield Verdict(title, "导入首次调用所需的一切 / 其依赖", 1.1, found)


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
            "500 条流 × 20/s，最迟的事件",
            250.0,
            many.max_ms,
            "ms",
        )
        yield Verdict(
            "500 streams × 20/s, memory", "500 条流 × 20/s，内存", 150.0, many.rss_kb, "KB"
        )


def _loss(results: Results) -> Iterator[Verdict]:
    if results.losses:
        of_ours = [row[key] for row in results.losses.values() for key in row if key in _OUR_FACES]
        found = sum(loss.lost + loss.wrong for loss in of_ours)
        found += sum(
            row[key].lost for row in results.paced.values() for key in row if key in _OUR_FACES
        )
        yield Verdict("events lost or altered", "丢失或改变的事件", 0.0, float(found), "")
