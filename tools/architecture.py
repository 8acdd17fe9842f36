"""The map in ARCHITECTURE.md: rows of rooms, and what each room imports.

The rows are those that a test holds (`layers.py`), the arrows are counted in the sources.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from . import ROOT
from .layers import CLIENT, EMULATOR, House
from .marked import replaced

PAGE = ROOT / "ARCHITECTURE.md"
START = "<!-- map of {}: written by `make generate` -->"
END = "<!-- end of the map of {} -->"


def generated() -> dict[Path, str]:
    """The page with both maps as they should be."""
    text = PAGE.read_text(encoding="utf-8")
    for name, house in (("the client", CLIENT), ("the emulator", EMULATOR)):
        text = replaced(text, START.format(name), END.format(name), f"```text\n{drawn(house)}```\n")
    return {PAGE: text}


def drawn(house: House) -> str:
    """The rows from top to bottom; a room may import what is in a row below its own."""
    return "\n".join(_lines(house)) + "\n"


def _lines(house: House) -> Iterator[str]:
    arrows = house.map()
    for room in arrows:
        if room not in house.level:
            raise ValueError(f"give {room} of {house.package} its row in tools/layers.py")
    rows = [row.replace("|", " ").split() for row in house.rows.strip().splitlines()]
    rows = [kept for row in rows if (kept := [room for room in row if room in arrows])]
    order = [room for row in rows for room in row]
    order += sorted({each for targets in arrows.values() for each in targets} - set(order))
    width = max(map(len, arrows)) + 2
    count = sum(map(len, arrows.values()))
    yield f"{len(arrows)} rooms, {count} arrows"
    yield ""
    for index, row in enumerate(rows):
        if index:
            yield "─" * width
        for room in row:
            targets = sorted(arrows[room], key=order.index)
            yield f"{room:{width}}→ {'  '.join(targets)}" if targets else room


if __name__ == "__main__":
    for each in (CLIENT, EMULATOR):
        print(f"{each.package}: {drawn(each)}")
