"""Two hundred streams at a time with faults, for ten minutes: nothing grows."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from tests.support.processes import ROOT

from . import soak
from .table import Seen, row


@row(
    "fuzz",
    "soak: 200 streams at a time with faults, 10 minutes",
    "长时间运行：200 个流同时进行，带故障，10 分钟",
    seconds=800,
)
def test_nothing_grows_over_many_streams_with_faults(seen: Seen) -> None:
    """In a process of its own, whose memory is that of the streams alone.

    Its free memory lies in one place instead of one a processor, else its size is luck. That it
    falls is no miss: the C library gives back what the first minutes took.
    """
    size, minutes, minute = (30, 3, 1.5) if seen.short else (200, 10, 60.0)
    command = [sys.executable, "-m", soak.__name__, str(size), str(minutes), str(minute)]
    environment = {**os.environ, "MALLOC_ARENA_MAX": "1"}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode or done.stderr:
        raise AssertionError(done.stderr)
    result = json.loads(done.stdout)
    ends = result["ends"]
    seen.equal("wrong ends", [end for end in ends if end.startswith("wrong")], [])
    seen.equal("ended", sum(ends.values()), result["started"])
    seen.equal("threads and descriptors left", result["after"], result["before"])
    second, last = result["memory"]
    if not seen.short:  # too little to be told from noise
        change = f"memory went from {second:.1f} to {last:.1f} MB"
        seen.check(last <= second * 1.05, change)
        for what in ("threads", "descriptors"):
            before, after = result[what]
            seen.check(after <= before * 1.05, f"{what} grew from {before} to {after}")
    seen.events = result["events"]
    seen.figures |= {"streams": result["started"], "completed": ends["completed"]}
    seen.figures |= {"left": ends["disposed"], "MB": f"{second:.1f} → {last:.1f}"}
    seen.figures |= {what: result[what][-1] for what in ("threads", "descriptors")}
