"""The faults that a test lets happen to a response."""

from .kinds import (
    CloseDelimited,
    Cut,
    Delay,
    Fault,
    Garbage,
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
    "Delay",
    "Fault",
    "Garbage",
    "Pings",
    "Proxied",
    "Reset",
    "Slow",
    "Stall",
    "Status",
]
