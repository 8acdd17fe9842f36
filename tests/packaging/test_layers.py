"""Imports point one way, down."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import dify_java_compat
from tools.layers import CLIENT, EMULATOR, House

ROOT = Path(dify_java_compat.__file__).parent


def modules_of(house: House) -> Iterator[tuple[str, Path]]:
    """The modules of a house but for its `__init__`, which gathers the public names."""
    root = ROOT.joinpath(*house.package.split(".")[1:])
    for file in sorted(root.rglob("*.py")):
        parts = file.relative_to(root).with_suffix("").parts
        if house is CLIENT and parts[0] == "emulator":
            continue
        if parts != ("__init__",):
            yield ".".join(parts), file


@pytest.mark.parametrize(
    ("house", "module", "file"),
    [
        pytest.param(house, module, file, id=f"{house.package}.{module}")
        for house in (CLIENT,)
        for module, file in modules_of(house)
    ],
)
def test_a_module_imports_only_what_is_below_it(house: House, module: str, file: Path) -> None:
    room = module.partition(".")[0]
    assert room in house.level, f"give {room} its place in tools/layers.py"
    assert house.wrong_imports(module, file.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("module", "line", "wrong"),
    [
        ("errors", "from .config import ClientConfig", "config"),
        ("models.events", "from .._api.codec import decode", "_api"),
        ("models.events", "from dify_java_compat.client import RequestsDifyChat", "client"),
        ("models.events", "import dify_java_compat._http.transport", "_http"),
        ("_stream.sse", "import json", "json"),
        ("_stream.reader", "from .._api.codec import decode", "_api"),
        ("_stream.iterate", "import urllib3", "urllib3"),
        ("_stream.reader", "from reactivex import Observable", "reactivex"),
        ("_dto.dto", "from .._stream.sse import SSEDecoder", "_stream"),
        ("_http.transport", "from ..models.requests import DifyFile", "models"),
        ("_http.transport", "from .._stream.sse import SSEDecoder", "_stream"),
        ("_http.request", "from .._dto.dto import Dto", "_dto"),
        ("_stream.observable", "from .._api.operations import SEND", "_api"),
        ("_api.codec", "from .._stream.reader import EventReader", "_stream"),
        ("_api.files", "import msgspec", "msgspec"),
        ("_settings.binder", "from ..models import DifyFile", "models"),
        ("client", "import requests", "requests"),
        ("client", "from requests.auth import AuthBase", "requests"),
        ("client", "from .cli.main import main", "cli"),
        ("interface", "def f():\n    from reactivex import Observable", "reactivex"),
        ("interface", "from .chatflow import DifyChatflow", "chatflow"),
        ("recoup", "from .client import RequestsDifyChat", "client"),
        ("client", "from .emulator import DifyEmulator", "emulator"),
        ("client", "from . import DifyChat", "DifyChat"),
        ("client", "import dify_java_compat", "dify_java_compat"),
    ],
)
def test_a_wrong_import_of_the_client_is_seen(module: str, line: str, wrong: str) -> None:
    assert CLIENT.wrong_imports(module, line) == [f"{module} imports {wrong}"]


@pytest.mark.parametrize(
    ("module", "line", "wrong"),
    [
        ("http.reply", "from ..store.state import State", "store"),
        ("rules", "from .http.errors import ApiError", "http"),
        ("faults.kinds", "from ..handlers.call import Call", "handlers"),
        ("script.base", "from ..runs.run import Run", "runs"),
        ("handlers.media", "from ..server import DifyEmulator", "server"),
        ("server", "import requests", "requests"),
        ("apps.files", "from ...models import DifyFile", "dify_java_compat"),
        ("apps.files", "from dify_java_compat.errors import DifyException", "dify_java_compat"),
    ],
)
def test_a_wrong_import_of_the_emulator_is_seen(module: str, line: str, wrong: str) -> None:
    assert EMULATOR.wrong_imports(module, line) == [f"{module} imports {wrong}"]


@pytest.mark.parametrize(
    ("house", "module", "line"),
    [
        (CLIENT, "cli.main", "from ..emulator import DifyEmulator"),
        (CLIENT, "_http.transport", "import requests\nfrom .response import HttpResponse"),
        (CLIENT, "models.responses", "from .events import CompletionData\nfrom .._dto import dto"),
        (CLIENT, "client", "from ._api import operations\nfrom ._stream.iterate import iterate"),
        (CLIENT, "_stream.observable", "from reactivex.abc import ObserverBase"),
        (EMULATOR, "runs.run", "from ..store.state import State\nimport werkzeug"),
    ],
)
def test_a_right_import_passes(house: House, module: str, line: str) -> None:
    assert house.wrong_imports(module, line) == []
