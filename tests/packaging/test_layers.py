"""Imports point one way, down."""

from pathlib import Path

import pytest

import dify_java_compat

from .layers import LEVEL, wrong_imports

ROOT = Path(dify_java_compat.__file__).parent
FILES = sorted(file for file in ROOT.rglob("*.py") if "emulator" not in file.parts)


def module_of(file: Path) -> str:
    return ".".join(file.relative_to(ROOT).with_suffix("").parts)


@pytest.mark.parametrize("file", FILES, ids=module_of)
def test_a_module_imports_only_what_is_below_it(file: Path) -> None:
    module = module_of(file)
    if module == "__init__":  # above all: it gathers the public names
        return
    assert module.partition(".")[0] in LEVEL, "give the new module its place in layers.py"
    assert wrong_imports(module, file.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("module", "line", "wrong"),
    [
        ("errors", "from .config import ClientConfig", "config"),
        ("models.events", "from ..codec import decode", "codec"),
        ("models.events", "from dify_java_compat.client import RequestsDifyChat", "client"),
        ("models.events", "import dify_java_compat.transport", "transport"),
        ("sse", "from . import _dto", "_dto"),
        ("sse", "import json", "json"),
        ("_dto", "from .sse import SSEDecoder", "sse"),
        ("transport", "from .models.requests import DifyFile", "models"),
        ("transport", "from .sse import SSEDecoder", "sse"),
        ("stream", "from ._operations import SEND", "_operations"),
        ("codec", "from ._answers import Answer", "_answers"),
        ("client", "import requests", "requests"),
        ("client", "from requests.auth import AuthBase", "requests"),
        ("interface", "def f():\n    from reactivex import Observable", "reactivex"),
        ("client", "from .emulator import DifyEmulator", "emulator"),
        ("client", "from . import DifyChat", "DifyChat"),
        ("client", "import dify_java_compat", "dify_java_compat"),
    ],
)
def test_a_wrong_import_is_seen(module: str, line: str, wrong: str) -> None:
    assert wrong_imports(module, line) == [f"{module} imports {wrong}"]


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("cli", "from .emulator import DifyEmulator"),
        ("transport", "import requests\nfrom ._answers import Answer"),
        ("models.responses", "from .events import CompletionData\nfrom .._dto import dto"),
        ("client", "from . import _operations\nfrom .stream import Observable"),
        ("stream", "from reactivex.abc import ObserverBase"),
    ],
)
def test_a_right_import_passes(module: str, line: str) -> None:
    assert wrong_imports(module, line) == []
