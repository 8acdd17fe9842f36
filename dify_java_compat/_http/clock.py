"""The clock that waits are measured by: that of the machine, also in a test that freezes time.

freezegun and its like replace `time.monotonic` wherever it is; by that one, a time that began
before is over at once, or never.
"""

import functools
import time
from collections.abc import Callable

# Windows has no clock_gettime
monotonic: Callable[[], float] = (
    functools.partial(time.clock_gettime, time.CLOCK_MONOTONIC)
    if hasattr(time, "CLOCK_MONOTONIC")
    else time.monotonic
)
