"""What can go wrong with an answer, on purpose."""

from .kinds import (
    CloseDelimited,
    Cut,
    Fault,
    Garbage,
    Late,
    Pings,
    Proxied,
    Reset,
    Slow,
    Stall,
    Status,
)

__all__ = [
    "CloseDelimited",
    "Cut",
    "Fault",
    "Garbage",
    "Late",
    "Pings",
    "Proxied",
    "Reset",
    "Slow",
    "Stall",
    "Status",
]
