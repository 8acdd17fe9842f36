"""Ours against the Java SDK's recorded doings, scenario by scenario; needs no Java.

Each scenario runs on `RequestsDifyChat` against a server of plain bytes. What differs from the
vector that the Java SDK gave must be listed in `differences.toml`, and nothing else may be.
"""

from __future__ import annotations

import functools
import json
import re
from collections import Counter
from typing import Any

import pytest

from dify_java_compat import models
from dify_java_compat._dto.dto import names_of
from tests.contract.test_java_api import MANIFEST, WORKFLOW

from .answers import is_made
from .comparing import VECTORS, compare, compared, named, vectors
from .listed import TEXTS, covering, listed, places
from .scenarios import scenarios

TYPES: dict[str, list[str]] = json.loads((VECTORS / "types.json").read_bytes())["types"]


def test_every_method_has_its_vectors() -> None:
    of = Counter(vector["method"] for vector in vectors().values())
    of_workflows = {f"DifyWorkflow.{name}" for name in WORKFLOW["methods"]}
    assert of.keys() == MANIFEST["methods"].keys() | of_workflows
    assert min(of.values()) >= 5
    assert sum(of.values()) >= 800


def test_every_event_is_in_a_stream() -> None:
    items = [item for vector in vectors().values() for item in vector.get("items", ())]
    events = {item["event"] for item in items if "event" in item}
    assert events >= set(MANIFEST["enums"]["StreamEventEnum"])
    assert len(events) >= 31


def test_the_vectors_are_of_these_scenarios() -> None:
    """But for recordings: there may be more of them by now, and the SDK is not here to be asked."""
    made = {
        scenario.name: scenario
        for found in scenarios().values()
        for scenario in found
        if is_made(scenario.answer) or not scenario.name.endswith(f"/answer-{scenario.answer}")
    }
    assert made.keys() <= vectors().keys()
    assert {name: named(name) for name in made} == made
    assert len(vectors().keys() - made) >= 100


def test_the_vectors_are_of_one_sdk() -> None:
    files = [json.loads(file.read_bytes()) for file in VECTORS.glob("*.json")]
    assert {file["sdk"] for file in files if "sdk" in file} == {MANIFEST["sdk"]}
    assert sum("sdk" not in file for file in files) == 1, "the answers alone are not the SDK's"


@pytest.mark.parametrize("name", vectors())
def test_a_scenario(name: str) -> None:
    unlisted = {path for path in compared(name) if not covering(name, path)}
    assert unlisted == set(), "ours is not as Java's: mend it, or say why in differences.toml"


def test_a_listed_difference_still_differs() -> None:
    found = [(name, path) for name in vectors() for path in compared(name)]
    stale = [place for place in places() if not any(place.covers(*each) for each in found)]
    assert stale == [], "ours is as Java's by now: remove these from differences.toml"


def test_a_difference_is_told_in_both_languages() -> None:
    told = listed()["difference"]
    assert listed()["anchor"] == "deliberate-differences"
    assert len({difference["id"] for difference in told}) == len(told)
    for difference in told:
        assert re.fullmatch("[a-z]+(-[a-z]+)*", difference["id"])
        assert set(difference) == {"id", "where", *TEXTS}
        for text in TEXTS:
            is_chinese = re.search("[一-鿿]", difference[text]) is not None
            assert is_chinese == text.endswith("_zh"), (difference["id"], text)


def python_class(name: str) -> Any:
    return functools.reduce(getattr, name.split("."), models)


@pytest.mark.parametrize("name", TYPES)
def test_a_type_has_every_name_that_jackson_writes(name: str) -> None:
    assert set(TYPES[name]) <= set(names_of(python_class(name)).java.values())


@pytest.mark.parametrize("name", [name for name in TYPES if TYPES[name]])
def test_a_renamed_field_is_a_difference(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    spellings = names_of(python_class(name))
    planted = {field: f"{java}X" for field, java in spellings.java.items()}
    monkeypatch.setattr(spellings, "java", planted)
    monkeypatch.setitem(spellings.blank, "java", dict.fromkeys(planted.values()))
    assert any(
        path.endswith("X") and not covering(scenario, path)
        for scenario in vectors()
        if "/answer-whole-" in scenario
        for path in compare(named(scenario))
    )
