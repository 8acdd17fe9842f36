"""Made-up bytes on what reads them; `python -m tests.faults.fuzz` does so with a fuzzer's help."""

from __future__ import annotations

import random
import time

from tests.property.targets import SEEDS, TARGETS, Cuts, hold

from .table import Seen, case, rows

NAMES = {
    "sse": ("the decoder of events", "事件解码器"),
    "reader": ("the reader of streams", "流的读取"),
    "chunks": ("chunked bodies", "分块的响应体"),
    "wire": ("whole answers", "整个响应"),
    "event": ("the JSON of events", "事件的 JSON"),
    "body": ("the JSON of answers", "响应的 JSON"),
}
BITS = (
    *(b"\n", b"\r\n", b"\r", b":", b"data:", b"data: ", b"\n\n", b"\xef\xbb\xbf", b"\0", b"\xff"),
    *(b"{", b"}", b"[", b"]", b'"', b",", b"-", b"1e999", b"null", b"\\ud800", b"\xed\xa0\x80"),
    *(b"ffffffff\r\n", b"0\r\n\r\n", b";", b"\xe2\x80\xa8", b"\x85", b"x" * 5000),
)


def made_up(dice: random.Random, seed: bytes) -> tuple[bytes, Cuts]:
    """A good one, or two, with odd bits put in and others taken out; where to cut it."""
    data = seed * dice.randrange(1, 3) if dice.random() < 0.9 else dice.randbytes(60)
    for _ in range(dice.randrange(6)):
        start = dice.randrange(len(data) + 1)
        end = min(len(data), start + dice.choice((0, 0, 1, 2, 8)))
        bits = dice.choice(BITS) if dice.random() < 0.8 else dice.randbytes(2)
        data = data[:start] + bits + data[end:]
    return data, [dice.randrange(1, 50) for _ in range(dice.randrange(1, 40))]


assert set(NAMES) == set(TARGETS)


@rows(
    "fuzz",
    [
        case(
            f"made-up bytes, cut anywhere: {what}",
            f"随机拼凑、随机切分的字节：{chinese}",
            target=target,
        )
        for target, (what, chinese) in NAMES.items()
    ],
)
def test_made_up_bytes(seen: Seen, *, target: str) -> None:
    dice, inputs = random.Random(time.time_ns()), 0
    until = time.monotonic() + (0.3 if seen.short else 20.0)
    while time.monotonic() < until:
        data, cuts = made_up(dice, SEEDS[target])
        try:
            hold(target, data, cuts)
        except Exception as error:
            seen.check(False, f"{data!r}, cut at {cuts}: {error!r:.300}")
        inputs += 1
    seen.figures["inputs"] = inputs
