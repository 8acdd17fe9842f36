"""A script that replays one recorded response, head and framing included, to every connection."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from .server import Peer, Script


def replay(
    raw: bytes,
    *,
    piece: int | None = None,
    timeline: list[dict[str, Any]] | None = None,
    time_scale: float = 50.0,
) -> Script:
    """Send `raw` once the request is there, then close, as the recorded connection ended.

    piece: at most so many bytes a write; None for one write.
    timeline: the recorded reads, `{"ms": ..., "bytes": ...}` each; their bytes are written apart,
        and the pauses between them kept, divided by `time_scale`. `piece` then cuts these further.
    """
    reads = timeline or [{"ms": 0.0, "bytes": len(raw)}]
    if sum(read["bytes"] for read in reads) != len(raw):
        raise ValueError("the timeline is not of these bytes")

    def script(peer: Peer) -> None:
        if peer.receive() is None:
            return
        for pause, block in _paused_blocks(raw, reads, piece, time_scale):
            if pause and peer.closing.wait(pause):
                return
            peer.send(block)

    return script


def _paused_blocks(
    raw: bytes, reads: list[dict[str, Any]], piece: int | None, time_scale: float
) -> Iterator[tuple[float, bytes]]:
    """Each write and the seconds to wait before it."""
    at, milliseconds = 0, 0.0
    for read in reads:
        pause = max(0.0, read["ms"] - milliseconds) / 1000 / time_scale
        milliseconds = read["ms"]
        block = raw[at : at + read["bytes"]]
        at += len(block)
        for part in pieces(block, piece):
            yield pause, part
            pause = 0.0


def pieces(block: bytes, size: int | None) -> Iterable[bytes]:
    """`block` in pieces of `size` bytes, the last one shorter."""
    if size is None:
        return [block]
    return (block[at : at + size] for at in range(0, len(block), size))
