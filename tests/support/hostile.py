"""Arguments that no number is, or none that can be waited for, counted or shown."""

from __future__ import annotations

from typing import Any


class Unprintable:
    """Raises where it is to be shown."""

    def __repr__(self) -> str:
        raise AssertionError


NO_NUMBERS: dict[str, Any] = {
    "a text": "15",
    "bytes": b"1",
    "a list": [1],
    "a bool": True,
    "NaN": float("nan"),
    "endless": float("inf"),
    "longer than any clock": 1e300,
    "of more digits than Python writes": 10**5000,
    "that, negative": -(10**5000),
    "unprintable": Unprintable(),
}
