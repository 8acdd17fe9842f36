"""The clock that the emulator waits by: that of the machine, also in a test that freezes time.

freezegun and its like replace `time.monotonic` wherever it is; by that one, a pause between two
words would never end.
"""

import time
from collections.abc import Callable


def _machine_clock() -> float:
    return time.clock_gettime(time.CLOCK_MONOTONIC)


# Windows has no clock_gettime
monotonic: Callable[[], float] = (
    _machine_clock if hasattr(time, "CLOCK_MONOTONIC") else time.monotonic
)
