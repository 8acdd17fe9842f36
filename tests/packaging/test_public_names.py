"""What the package offers, by name."""

import importlib
import inspect
import subprocess
import sys
import typing
from pathlib import Path
from typing import get_origin

import pytest

import dify_java_compat
from dify_java_compat import (
    ChatMessageSendCompletionResponse,
    DifyChat,
    DifyChatflow,
    EventStream,
)
from dify_java_compat._dto.dto import Dto
from dify_java_compat.emulator import DifyEmulator
from dify_java_compat.errors import DifyException
from tools.names import FORM_PARTS, MODULES, models, order

ROOT = Path(dify_java_compat.__file__).parent
# pytest reads the plugin; nobody imports a name of it
NOT_AT_THE_ROOT = {"pytest_plugin"}
# imported as a module, like `reactivex.operators`
NAMESPACES = ["operators"]
PUBLIC_MODULES = [*MODULES, *(f"models.{name}" for name in models()), *NAMESPACES]


def test_all_is_sorted_and_each_name_once() -> None:
    names = " ".join(dify_java_compat._NAMES.values()).split()
    assert dify_java_compat.__all__ == sorted(set(names))
    assert len(names) == len(set(names))


def test_the_table_is_sorted() -> None:
    assert list(dify_java_compat._NAMES) == sorted(dify_java_compat._NAMES)
    for names in dify_java_compat._NAMES.values():
        assert names.split() == sorted(names.split())


@pytest.mark.parametrize("module", PUBLIC_MODULES)
def test_a_public_module_lists_its_names_sorted(module: str) -> None:
    names = vars(importlib.import_module(f"dify_java_compat.{module}"))["__all__"]
    assert names == sorted(set(names), key=order)


@pytest.mark.parametrize("module", PUBLIC_MODULES)
def test_a_public_module_lists_all_its_exceptions_and_dtos(module: str) -> None:
    path = f"dify_java_compat.{module}"
    values = vars(importlib.import_module(path))
    classes = {
        name
        for name, value in values.items()
        if inspect.isclass(value)
        and get_origin(value) is None  # Python 3.10 takes `Callable[[int], None]` for a class
        and issubclass(value, (DifyException, Dto))
        and (value.__module__ == path or module == "models")
    }
    missing = {name for name in classes if not name.startswith("_")} - set(values["__all__"])
    assert not missing, f"add {sorted(missing)} to the __all__ of {module}; then `make generate`"


def test_the_names_of_every_public_module_are_at_the_root() -> None:
    public = {file.stem for file in ROOT.glob("[!_]*.py")} | {"models"}
    assert public - NOT_AT_THE_ROOT <= set(MODULES), "add the module to MODULES in tools/names.py"


def test_a_name_comes_when_it_is_asked_for_and_no_sooner() -> None:
    code = """
import sys
import dify_java_compat
assert not {"requests", "reactivex", "msgspec", "werkzeug"} & set(sys.modules)
assert dify_java_compat.errors.DifyException is dify_java_compat.DifyException
assert not {"requests", "reactivex"} & set(sys.modules)
from dify_java_compat import *
assert set(dify_java_compat.__all__) <= set(globals())
assert "werkzeug" not in sys.modules and "dify_java_compat.emulator" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT.parent)


def test_a_call_that_streams_nothing_needs_neither_rxpy_nor_asyncio() -> None:
    code = """
import sys
from dify_java_compat import ChatMessageSendRequest, RequestsDifyChat
with RequestsDifyChat(sys.argv[1], api_key="app-chat") as chat:
    assert chat.send(ChatMessageSendRequest(user_id="u", content="Hello")).answer
assert not {"reactivex", "asyncio", "dify_java_compat.aio"} & set(sys.modules)
"""
    with DifyEmulator(token_pause=0) as dify:
        subprocess.run([sys.executable, "-c", code, dify.base_url], check=True, cwd=ROOT.parent)


def test_annotations_of_the_facade_have_the_streams_own_type() -> None:
    for method in (DifyChat.sendChatMessageStream, DifyChatflow.workflowEvents):
        found = typing.get_type_hints(method)["return"]
        assert found == EventStream[ChatMessageSendCompletionResponse]


def test_a_name_that_there_is_not() -> None:
    with pytest.raises(AttributeError, match="'dify_java_compat' has no attribute 'DifyChta'"):
        dify_java_compat.DifyChta  # noqa: B018


def test_every_exception_is_public() -> None:
    from dify_java_compat import errors

    assert set(errors.__all__) <= set(dify_java_compat.__all__)


def test_every_model_is_public_but_for_the_parts_of_a_form() -> None:
    from dify_java_compat import models

    assert {"File", "Number", "Select", "Enabled", "Checkbox"} < FORM_PARTS < set(models.__all__)
    assert set(models.__all__) - set(dify_java_compat.__all__) == FORM_PARTS | {"EVENT_DATA"}


@pytest.mark.parametrize("name", dify_java_compat.__all__)
def test_every_public_name_has_a_docstring_of_its_own(name: str) -> None:
    value = getattr(dify_java_compat, name)
    assert value.__doc__
    assert not value.__doc__.startswith(f"{name}(")  # what a dataclass gives where none is
    if isinstance(value, type):
        assert "__doc__" in vars(value)


@pytest.mark.parametrize("module", NAMESPACES)
def test_a_namespace_keeps_its_names_and_documents_each(module: str) -> None:
    values = vars(importlib.import_module(f"dify_java_compat.{module}"))
    assert not set(values["__all__"]) & set(dify_java_compat.__all__)
    assert all(values[name].__doc__ for name in values["__all__"])


def test_every_method_of_the_facade_has_a_docstring() -> None:
    for _, method in inspect.getmembers(dify_java_compat.DifyChat, inspect.isfunction):
        assert method.__name__.startswith("_") or method.__doc__, method
