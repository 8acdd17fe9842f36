"""How much is measured: the levels, the plans, and what of them is chosen on the command line."""

from __future__ import annotations

from dataclasses import dataclass, replace

from .environments import AIOHTTP, ASYNCIO, BY_KEY, FLOOR, OFFICIAL, OURS, SESSION

_OF_CALLS = ("streams", "calls", "losses", "uploads", "imports")
_OF_LOAD = ("paced", "many", "tls", "short", "relay")
SECTIONS = (*_OF_CALLS, *_OF_LOAD)


@dataclass(frozen=True)
class Level:
    """So many streams at once, each with so many events a second, for so long.

    `late`: the head comes with the first event, as from Dify. `slow`: so many of the streams have
    readers that sleep at each event, and are not counted; it is the others that are measured.
    """

    streams: int
    rate: int
    seconds: float
    late: bool = False
    tls: bool = False
    slow: int = 0

    @property
    def pace(self) -> str:
        return f"{self.streams:,} × {self.rate}/s"

    @property
    def name(self) -> str:
        more = {"late": self.late, "TLS": self.tls, f"{self.slow} slow": self.slow}
        return ", ".join([self.pace, *(what for what, is_so in more.items() if is_so)])


@dataclass(frozen=True)
class Plan:
    """How much is measured. `events` is by stream; only three of them are timed too.

    `paced`, `many` and `short` name the contenders of these sections, as far as they are among
    `contenders`. `delays` are the seconds from the last request of a level to its first event,
    where the head is sent at once and where it is late. `short_streams` is how many short streams
    a figure is the mean of.
    """

    rounds: int
    events: dict[str, int]
    calls: int
    step_seconds: float
    imports: int
    uploads: int
    paced_rounds: int
    levels: tuple[Level, ...]
    paced: tuple[str, ...]
    load_rounds: int
    delays: tuple[float, float]
    many_levels: tuple[Level, ...]
    many: tuple[str, ...]
    short_rounds: int
    short_streams: int
    short: tuple[str, ...]
    relays: tuple[Level, ...]
    contenders: tuple[str, ...] = tuple(BY_KEY)
    sections: tuple[str, ...] = SECTIONS

    @property
    def started(self) -> tuple[str, ...]:
        """The contenders that the sections have a use for."""
        if any(section in _OF_CALLS for section in self.sections):
            return self.contenders
        used = set(self.among(self.paced, "paced")) | set(self.among(self.many, "many", "tls"))
        used |= set(self.among(self.short, "short"))
        return tuple(key for key in self.contenders if key in used)

    def among(self, keys: tuple[str, ...], *sections: str) -> tuple[str, ...]:
        """Those of `keys` that take part, if one of these sections does."""
        if not any(section in self.sections for section in sections):
            return ()
        return tuple(key for key in keys if key in self.contenders)

    def chosen(
        self,
        sections: tuple[str, ...] = (),
        contenders: tuple[str, ...] = (),
        levels: tuple[str, ...] = (),
    ) -> Plan:
        """A part of it; nothing chosen is everything. Raises ValueError for an unknown name."""
        known = {level.pace.replace(",", ""): level.pace for level in self.many_levels}
        paces = [level.replace("x", " × ") + "/s" for level in levels]
        for asked, names in ((sections, SECTIONS), (contenders, BY_KEY), (paces, known)):
            for name in asked:
                if name not in names:
                    raise ValueError(f"{name!r} is none of {', '.join(names)}")
        plan = replace(
            self,
            sections=sections or self.sections,
            contenders=contenders or self.contenders,
        )
        if paces:
            kept = [level for level in self.many_levels if level.pace.replace(",", "") in paces]
            plan = replace(plan, many_levels=tuple(kept))
        return plan


_MANY = (OURS, "aiterate", ASYNCIO, AIOHTTP, "httpx_sse")
_SHORT = (OURS, "iterate", "aiterate", ASYNCIO, AIOHTTP, SESSION)

FULL = Plan(
    rounds=9,
    events={
        "messages": 20_000,
        "nodes": 10_000,
        "4kb": 5_000,
        "pings": 500,
        "separators": 500,
        "huge": 50,
    },
    calls=200,
    step_seconds=0.3,
    imports=15,
    uploads=3,
    paced_rounds=3,
    levels=(Level(1, 50, 5), Level(100, 50, 5), Level(500, 20, 5)),
    paced=(FLOOR, OURS, "aiterate", OFFICIAL, "httpx_sse"),
    load_rounds=3,
    delays=(1.0, 3.0),
    many_levels=(
        Level(100, 50, 5),
        Level(500, 10, 5),
        Level(500, 10, 5, late=True),
        Level(2000, 5, 5),
        Level(2000, 5, 5, late=True),
        Level(5000, 5, 5),
        Level(5000, 5, 5, late=True),
        Level(500, 10, 5, tls=True),
        Level(2000, 5, 5, tls=True),
        Level(500, 10, 3, slow=20),
    ),
    many=_MANY,
    short_rounds=5,
    short_streams=2_000,
    short=_SHORT,
    relays=(Level(400, 10, 5),),
)
QUICK = replace(
    FULL,
    rounds=5,
    events={
        "messages": 4_000,
        "nodes": 2_000,
        "4kb": 1_000,
        "pings": 100,
        "separators": 100,
        "huge": 20,
    },
    calls=40,
    step_seconds=0.05,
    imports=5,
    uploads=1,
    paced_rounds=1,
    levels=(Level(1, 50, 2), Level(100, 50, 3), Level(500, 20, 3)),
    paced=(FLOOR, OURS),
    load_rounds=1,
    many_levels=(
        Level(500, 10, 3),
        Level(2000, 5, 3),
        Level(2000, 5, 3, late=True),
        Level(500, 10, 3, tls=True),
        Level(500, 10, 3, slow=20),
    ),
    many=_MANY[:-1],
    short_rounds=3,
    short_streams=500,
    relays=(Level(400, 10, 3),),
)
