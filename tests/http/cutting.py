"""Bytes as a wire may bring them: cut anywhere."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from hypothesis import strategies as st

Positions = Sequence[int]


def cuts(length: int) -> st.SearchStrategy[Positions]:
    """Positions at which to cut what is about so long; often few, sometimes each."""
    few: st.SearchStrategy[Positions] = st.lists(st.integers(0, length), max_size=5).map(sorted)
    return few | st.just(range(length))


def cut(data: bytes, positions: Positions) -> list[bytes]:
    """`data` in pieces, none of which is empty."""
    edges = [0, *(position for position in positions if position < len(data)), len(data)]
    return [data[begin:end] for begin, end in pairwise(edges) if begin < end]
