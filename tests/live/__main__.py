"""python -m tests.live --url URL --keys KEYS: the client against a real Dify, as a table.

Exits with 1 where a check failed, with 2 where the options do not work.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from .leaving import LEAVING
from .live import ROLES, Live, Outcome, outcome
from .methods import METHODS
from .runs import HUMAN, RUNS

GROUPS = {"methods": METHODS, "leaving": LEAVING, "human": HUMAN, "runs": RUNS}


def keys_of(text: str) -> dict[str, str]:
    """Keys by role: `chat=app-…,chatflow=app-…`, or the path of a JSON file with them."""
    if "=" in text:
        pairs = [pair.partition("=")[::2] for pair in text.split(",")]
        keys = {role.strip(): key.strip() for role, key in pairs}
    else:
        try:
            keys = json.loads(Path(text).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise argparse.ArgumentTypeError(f"no file of keys: {type(error).__name__}") from None
    if not isinstance(keys, dict) or not keys.keys() <= ROLES.keys():
        raise argparse.ArgumentTypeError(f"keys are of {', '.join(ROLES)}")
    return keys


def arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m tests.live", description=__doc__)
    add = parser.add_argument
    add("--url", required=True, help="the server, with or without /v1")
    add("--keys", required=True, type=keys_of, help="role=key,… or a JSON file; better the file")
    add("--only", action="append", choices=GROUPS, help="a group of checks; may be repeated")
    add("--match", default="", help="only checks with this in their names")
    add("--embedding", metavar="PROVIDER:MODEL", help="tries annotation replies with it")
    add("--wait", type=float, default=60.0, metavar="SECONDS", help="for a run, a job (60)")
    add(
        "--settle", type=float, default=4.0, metavar="SECONDS", help="until a message is stored (4)"
    )
    return parser.parse_args(argv)


def outcomes(live: Live, groups: Iterable[str], match: str = "") -> Iterator[Outcome]:
    for group in groups:
        for name, check in GROUPS[group].items():
            if match in name:
                yield outcome(group, name, check, live)


def main(argv: list[str] | None = None) -> int:
    options = arguments(argv)
    embedding = None
    if options.embedding:
        provider, _, model = options.embedding.rpartition(":")
        embedding = (provider, model)
    live = Live(options.url, options.keys, options.wait, options.settle, embedding)
    counts: dict[str, int] = {}
    print(f"| group | check | result | s | detail |\n{'|---' * 5}|")
    for one in outcomes(live, options.only or GROUPS, options.match):
        counts[one.result] = counts.get(one.result, 0) + 1
        detail = one.detail.replace("|", "\\|")
        print(
            f"| {one.group} | {one.name} | {one.result} | {one.seconds:.1f} | {detail} |",
            flush=True,
        )
    print(f"\nuser {live.user}; {', '.join(f'{n} {name}' for name, n in sorted(counts.items()))}")
    return 1 if counts.get("FAILED") else 0


if __name__ == "__main__":
    sys.exit(main())
