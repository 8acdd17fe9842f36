"""python -m tests.benchmarks: measure, print the tables and, with --write, renew the pages.

A part alone, in a minute or two: `--only many,short,relay --quick
--contenders observable,aiterate,aiohttp,asyncio`, or shorter still with `--levels 500x10`.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tests.support.processes import ROOT

from . import plans, report, rounds
from .environments import BY_KEY, JAVA, Environments
from .results import Results, beside_java

DATA = ROOT / "docs" / "benchmarks" / "results.json"
PAGES = {False: ROOT / "docs/en/benchmarks.md", True: ROOT / "docs/zh/benchmarks.md"}


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("--quick", action="store_true", help="fewer events: a first impression")
    parser.add_argument(
        "--only", type=_names, default=(), help=f"sections, of {', '.join(plans.SECTIONS)}"
    )
    parser.add_argument(
        "--contenders", type=_names, default=(), help=f"of {', '.join(BY_KEY)}; relays take no part"
    )
    parser.add_argument(
        "--levels", type=_names, default=(), help="of many and tls, as 500x10,2000x5"
    )
    parser.add_argument("--rounds", type=int, help="of many, tls, short and relay")
    parser.add_argument(
        "--write", action="store_true", help="write the pages and charts of docs/; needs matplotlib"
    )
    parser.add_argument(
        "--redraw", action="store_true", help="measure nothing: use the last figures written"
    )
    parser.add_argument(
        "--cache",
        type=Path,
        default=Path(tempfile.gettempdir()) / "dify-java-compat-benchmarks",
        help="where the other clients are installed (default: %(default)s)",
    )
    parser.add_argument(
        "--maven-repository", type=Path, help="Maven's local repository, where not its own"
    )
    options = parser.parse_args(given)
    if options.write and (options.only or options.contenders or options.levels):
        parser.error("the pages are written from whole runs")
    try:
        options.plan = _plan(options)
    except ValueError as error:
        parser.error(str(error))
    return options


def _names(text: str) -> tuple[str, ...]:
    return tuple(filter(None, text.split(",")))


def _plan(options: argparse.Namespace) -> plans.Plan:
    plan = plans.QUICK if options.quick else plans.FULL
    plan = plan.chosen(options.only, options.contenders, options.levels)
    return replace(plan, load_rounds=options.rounds or plan.load_rounds)


def main() -> None:
    options = arguments()
    if options.redraw:
        results = Results.from_json(DATA.read_text(encoding="utf-8"))
    else:
        command = "python -m tests.benchmarks" + (" --quick" if options.quick else "")
        environments = Environments(options.cache, options.maven_repository)
        results = rounds.measure(options.plan, environments, command)
    print(report.terminal(results))
    if options.write:
        write(results)


def write(results: Results) -> None:
    from . import charts  # matplotlib is needed for this alone

    if JAVA in results.left_out:
        results.last_java = beside_java(Results.from_json(DATA.read_text(encoding="utf-8")))
    charts.write(results, DATA.parent)
    DATA.write_text(results.to_json(), encoding="utf-8")
    # read back: the pages say what the file says, to its last digit
    written = Results.from_json(DATA.read_text(encoding="utf-8"))
    for chinese, path in PAGES.items():
        path.write_text(report.page(written, chinese=chinese), encoding="utf-8")


if __name__ == "__main__":
    main()
