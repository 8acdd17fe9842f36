"""The four claims on the front pages, with the figures that the benchmarks and the faults gave.

The words stand in `claims.toml`.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

from dify_java_compat.interface import DifyChat

from . import ROOT
from .fields import JAVA_TYPES
from .marked import replaced

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PAGES = {"en": ROOT / "README.md", "zh": ROOT / "README.zh-CN.md"}
START = "<!-- the claims: written by `make generate` -->"
END = "<!-- end of the claims -->"


def generated() -> dict[Path, str]:
    """Both front pages, with their claims as they should be."""
    found = figures()
    words = tomllib.loads((ROOT / "tools" / "claims.toml").read_text(encoding="utf-8"))
    texts = {}
    for language, path in PAGES.items():
        block = f"\n{words[language].format(**found)}\n"
        texts[path] = replaced(path.read_text(encoding="utf-8"), START, END, block)
    return texts


def figures() -> dict[str, Any]:
    """By their names in the texts."""
    results = json.loads((ROOT / "docs/benchmarks/results.json").read_text(encoding="utf-8"))
    page = (ROOT / "docs/en/reliability.md").read_text(encoding="utf-8")
    rows = re.findall(r"^(\d+) rows, (\d+) missed;", page, re.MULTILINE)
    event = results["streams"]["messages"]
    ours, java = event["observable"], event.get("java")
    if java is None:  # the run before it that had the Java SDK
        ours, java = results["last_java"]["ours"], results["last_java"]["theirs"]
    name, paced = _most_streams(results["paced"])
    return {
        "methods": sum(not name.startswith("_") for name in vars(DifyChat)),
        "types": len(JAVA_TYPES),
        "rows": sum(int(count) for count, _ in rows),
        "missed": sum(int(missed) for _, missed in rows),
        "event": f"{event['observable']:.2g}",
        "of_java": f"{ours / java:.2f}",
        "of_client": f"{event['observable'] / event['dify_client']:.2f}",
        "client": results["versions"]["dify_client"]["dify-client"],
        "streams": f"{paced['streams']:,}",
        "rate": re.sub(r".*× (\d+)/s", r"\1", name),
        "core": f"{paced['core'] * 100:.0f}",
        "p99": f"{paced['p99_ms']:.2g}",
        "lost": paced["lost"],
    }


def _most_streams(paced: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The load with the most streams at once, and how we bore it."""
    found = [(name, load["observable"]) for name, load in paced.items() if "observable" in load]
    return max(found, key=lambda pair: pair[1]["streams"])
