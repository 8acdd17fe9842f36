"""The files that a host of repositories, dependabot, pre-commit and PyPI read."""

from __future__ import annotations

import configparser
import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement

import dify_java_compat
from tools import ROOT

FORMS = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))
YAML_FILES = [
    ROOT / ".pre-commit-config.yaml",
    *sorted((ROOT / ".github").glob("*.yml")),
    *FORMS,
    *sorted((ROOT / ".github" / "workflows").glob("*.yml")),
]


def loaded(file: Path) -> Any:
    return yaml.safe_load(file.read_text(encoding="utf-8"))


def setup(section: str) -> configparser.SectionProxy:
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg", encoding="utf-8")
    return parser[section]


def pythons() -> list[str]:
    """The versions among the classifiers."""
    classifiers = setup("metadata")["classifiers"]
    return re.findall(r"^Programming Language :: Python :: (3\.\d+)$", classifiers, re.MULTILINE)


@pytest.mark.parametrize("file", YAML_FILES, ids=lambda file: file.name)
def test_it_parses(file: Path) -> None:
    assert isinstance(loaded(file), dict)


def test_the_workflow_runs_the_gate_on_each_python() -> None:
    job = loaded(ROOT / ".github" / "workflows" / "ci.yml")["jobs"]["gate"]
    assert job["strategy"]["matrix"]["python"] == pythons()
    assert job["steps"][-1] == {"run": ".ci/run"}
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o111


def test_the_classifiers_are_sorted_and_begin_with_what_is_required() -> None:
    lines = setup("metadata")["classifiers"].split("\n")[1:]
    assert len(lines) == len(set(lines))
    minors = [int(version.partition(".")[2]) for version in pythons()]
    assert minors == list(range(minors[0], minors[-1] + 1))
    assert setup("options")["python_requires"] == f">={pythons()[0]}"


def floors(lines: str, operator: str, python: str) -> dict[str, tuple[int, ...]]:
    """The version after `operator` for each requirement that holds on a Python, the highest."""
    found: dict[str, tuple[int, ...]] = {}
    for line in lines.splitlines():
        if line and not line.startswith("#"):
            requirement = Requirement(line)
            if not requirement.marker or requirement.marker.evaluate({"python_version": python}):
                (version,) = (s.version for s in requirement.specifier if s.operator == operator)
                parts = tuple(int(part) for part in version.split("."))
                name = requirement.name.lower()
                found[name] = max(parts, found.get(name, ()))
    return found


@pytest.mark.parametrize("python", pythons())
def test_the_oldest_versions_are_the_floors(python: str) -> None:
    """On each Python, and of the extras that are pinned too."""
    lines = "\n".join(
        setup("options.extras_require")[name] for name in ("emulator", "redis", "cluster")
    )
    required = floors(setup("options")["install_requires"] + "\n" + lines, ">=", python)
    text = (ROOT / "tests" / "constraints-oldest.txt").read_text(encoding="utf-8")
    pinned = floors(text, "==", python)
    for name, floor in required.items():
        if name != "typing_extensions":  # of which the test tools need a newer one
            assert pinned.pop(name)[: len(floor)] == floor, name
    assert pinned.keys() <= {"kombu"}  # which a test tool brings


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_page_has_a_row_for_each_python(language: str) -> None:
    page = (ROOT / "docs" / language / "pythons.md").read_text(encoding="utf-8")
    rows = [line.split("|")[1] for line in page.splitlines() if line.startswith("| 3.")]
    assert re.findall(r"3\.\d+", "".join(rows)) == pythons()


@pytest.mark.parametrize("form", [form for form in FORMS if form.stem != "config"])
def test_a_form_asks_for_something(form: Path) -> None:
    form_fields = [part for part in loaded(form)["body"] if part["type"] != "markdown"]
    assert all(field["attributes"]["label"] and field["id"] for field in form_fields)
    assert any(field.get("validations", {}).get("required") for field in form_fields)


def test_pre_commit_runs_what_is_installed_here() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for repo in loaded(ROOT / ".pre-commit-config.yaml")["repos"]:
        assert repo["repo"] == "local"
        for hook in repo["hooks"]:
            assert hook["language"] == "system"
            path, _, arguments = hook["entry"].partition(" ")
            tool, first = Path(path).name, arguments.replace(" --force-exclude", "")
            called = f"$(PYTHON) {first}" if tool == "python" else f"$(BIN){tool} {first}"
            assert f"\t{called}" in makefile


def test_the_changelog_has_unreleased_first_and_a_day_for_each_version() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    first, *heads = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert first == "Unreleased"
    released = [re.fullmatch(r"(\d+\.\d+\.\d+) \((\d{4}-\d\d-\d\d)\)", head) for head in heads]
    assert all(released), heads
    days = [date.fromisoformat(match[2]) for match in released if match]
    assert days == sorted(days, reverse=True)
    assert dify_java_compat.__version__ in [match[1] for match in released if match]
