"""python -m tests.faults: runs the table of bad days and exits with 1 where a row misses."""

from __future__ import annotations

import argparse
import logging
import sys

from . import page
from .table import GROUPS, all_rows


def main() -> int:
    parser = argparse.ArgumentParser("python -m tests.faults", description=__doc__)
    parser.add_argument("--short", action="store_true", help="smaller rows, for CI")
    parser.add_argument("--group", action="append", choices=list(GROUPS), help="only this group")
    parser.add_argument("--match", default="", help="only rows with this in their English name")
    parser.add_argument("--write", action="store_true", help="put the groups into docs")
    options = parser.parse_args()
    if options.write and (options.short or options.match):
        parser.error("--write is for whole groups, in full")
    logging.getLogger("dify_java_compat").addHandler(logging.NullHandler())
    rows = [
        row
        for row in all_rows()
        if (not options.group or row.group in options.group)
        and options.match in row.name
        and not (options.short and row.takes_long)
    ]
    results = []
    for row in rows:
        results.append((row, row.run(short=options.short)))
        print(page.line(*results[-1]), flush=True)
    if options.write:
        page.write(results)
    missed = sum(bool(seen.misses) for _, seen in results)
    print(f"\n{len(rows)} rows, {missed} missed")
    return 1 if missed or not rows else 0


if __name__ == "__main__":
    sys.exit(main())
