"""Java's facades and types, from frozen lists of the SDK's own: none is missing, none differs."""

from __future__ import annotations

import inspect
import json
import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

import dify_java_compat
from dify_java_compat import (
    DifyChat,
    DifyWorkflow,
    RequestsDifyChat,
    RequestsDifyWorkflow,
    models,
)
from dify_java_compat._dto.names import names_of
from tests.support.facade import METHODS
from tools.names import FORM_PARTS


def manifest(name: str) -> Any:
    return json.loads(Path(__file__).with_name(name).read_text("utf-8"))


MANIFEST = manifest("java_manifest.json")  # of chat apps
WORKFLOW = manifest("java_workflow_manifest.json")  # of workflow apps
METHODS_OF_JAVA = [
    (facade, client, name, facts["parameters"])
    for of, facade, client in (
        (MANIFEST, DifyChat, RequestsDifyChat),
        (WORKFLOW, DifyWorkflow, RequestsDifyWorkflow),
    )
    for name, facts in of["methods"].items()
]
CLASSES = [
    (name, cls["extends"]) for of in (MANIFEST, WORKFLOW) for name, cls in of["classes"].items()
]
ENUMS = [(name, names) for of in (MANIFEST, WORKFLOW) for name, names in of["enums"].items()]

# Deliberate: what Java defaults to silently is worked out from the file's type or name, and a page
# can be looped over.
OTHER_DEFAULTS: dict[tuple[str, str], Any] = {
    ("DifyPageResult", "data"): [],
    ("WorkflowRunRequest.WorkflowFile", "type"): None,
    ("WorkflowRunRequest.WorkflowFile", "transferMethod"): None,
    ("ChatMessageSendRequest.ChatMessageFile", "type"): None,
    ("ChatMessageSendRequest.ChatMessageFile", "transferMethod"): None,
}
FIELDS = [
    (name, field, facts)
    for of in (MANIFEST, WORKFLOW)
    for name, cls in of["classes"].items()
    for field, facts in cls["fields"].items()
]


def snake(name: str) -> str:
    return re.sub("[A-Z]", lambda letter: "_" + letter[0].lower(), name)


def python_class(name: str) -> Any:
    found: Any = models
    for part in name.split("."):
        found = getattr(found, part)
    return found


def test_the_list_is_whole() -> None:
    assert len(MANIFEST["methods"]) == 26
    assert len(MANIFEST["classes"]) + len(MANIFEST["enums"]) == 78
    assert len(WORKFLOW["methods"]) == 5
    assert len(WORKFLOW["classes"]) + len(WORKFLOW["enums"]) == 23


@pytest.mark.parametrize(("of", "client", "name", "java"), METHODS_OF_JAVA)
def test_a_method_has_javas_parameters_in_javas_order(
    of: type, client: type, name: str, java: list[str]
) -> None:
    for facade in (of, client):
        parameters = inspect.signature(getattr(facade, name)).parameters
        python = [p.name for p in parameters.values() if p.kind == p.POSITIONAL_OR_KEYWORD][1:]
        expected = ["api_key" if each == "apikey" else snake(each) for each in java]
        assert python[: len(expected)] == expected
        assert python[len(expected) :] in ([], ["response"])  # textToAudio's older form
        if not java[0].lower().endswith("request"):
            assert set(java) <= parameters.keys()


@pytest.mark.parametrize("name", MANIFEST["methods"])
def test_a_method_says_its_chapter_in_chinese(name: str) -> None:
    summary = (inspect.getdoc(getattr(DifyChat, name)) or "").partition("\n")[0]
    assert re.match(r"\d\.\d [一-鿿]+( WebApp 设置)?: ", summary), summary


@pytest.mark.parametrize("name", sorted(set(METHODS) - set(dir(DifyChat))))
def test_what_java_lacks(name: str) -> None:
    assert name not in MANIFEST["methods"]
    assert callable(getattr(RequestsDifyChat, name))


@pytest.mark.parametrize(("name", "base"), CLASSES)
def test_a_class_is_there_and_extends_what_javas_does(name: str, base: str | None) -> None:
    cls = python_class(name)
    assert cls.__name__ == name.rpartition(".")[2]
    assert base is None or issubclass(cls, python_class(base))


@pytest.mark.parametrize(("name", "field", "facts"), FIELDS)
def test_a_field_has_javas_names_and_default(name: str, field: str, facts: dict[str, Any]) -> None:
    cls = python_class(name)
    mine = next((each for each in fields(cls) if each.name == snake(field)), None)
    assert mine, f"Java's {name} has a field {field}: add {snake(field)} to {cls.__module__}"
    assert names_of(cls).java[mine.name] == facts["java"]
    # a request has no wire names: `_api/operations.py` says where each of its values goes
    assert names_of(cls).wire[mine.name] == facts.get("wire", mine.name)
    assert getattr(cls(), mine.name) == OTHER_DEFAULTS.get((name, field), facts.get("default"))
    assert inspect.getattr_static(cls, field, None) is not None or field == mine.name


@pytest.mark.parametrize(("name", "members"), ENUMS)
def test_an_enum_has_javas_members(name: str, members: list[str]) -> None:
    assert set(members) <= set(python_class(name).__members__)


def test_what_javas_workflow_lacks() -> None:
    ours = {name for name in dir(DifyWorkflow) if not name.startswith("_")}
    forms = {"humanInputForm", "submitHumanInputForm"}
    assert ours - set(WORKFLOW["methods"]) == {"workflowEvents", *forms}


def test_every_type_can_be_imported_from_the_top_or_is_a_part_of_a_form() -> None:
    for name, _ in [*CLASSES, *ENUMS]:
        top = name.partition(".")[0]
        assert top in dify_java_compat.__all__ or top in FORM_PARTS
        assert top in models.__all__
