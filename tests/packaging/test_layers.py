"""Imports point one way, down."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from tools.layers import CLIENT, EMULATOR, House


@pytest.mark.parametrize(
    ("house", "module", "file"),
    [
        pytest.param(house, module, file, id=f"{house.package}.{module}")
        for house in (CLIENT, EMULATOR)
        for module, file in house.modules()
    ],
)
def test_a_module_imports_only_what_is_below_it(house: House, module: str, file: Path) -> None:
    room = module.partition(".")[0]
    assert room in house.level, f"give {room} its row in tools/layers.py, or move it into a wing"
    wrong = house.wrong_imports(module, file.read_text(encoding="utf-8"))
    assert not wrong, (
        f"{', '.join(wrong)}: tools/layers.py says which rooms lie below {room}; move what both "
        "need to one of them, or let a room above bring the two together"
    )


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
        ("operators._retry", "from ..chatflow import DifyChatflow", "chatflow"),
        ("operators._common", "import requests", "requests"),
        ("recoup", "from .client import RequestsDifyChat", "client"),
        ("client", "from .emulator import DifyEmulator", "emulator"),
        ("client", "from . import DifyChat", "public names"),
        ("web.resumable", "from .. import DifyChat", "public names"),
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
        (CLIENT, "cli.main", "from .. import DifyChat"),
        (CLIENT, "_http.transport", "import requests\nfrom .response import HttpResponse"),
        (CLIENT, "models.responses", "from .events import CompletionData\nfrom .._dto import dto"),
        (CLIENT, "client", "from ._api import operations\nfrom ._stream.iterate import iterate"),
        (CLIENT, "_stream.observable", "from reactivex.abc import ObserverBase"),
        (CLIENT, "operators._retry", "from reactivex import Observable\nfrom ._common import fail"),
        (EMULATOR, "runs.run", "from ..store.state import State\nimport werkzeug"),
    ],
)
def test_a_right_import_passes(house: House, module: str, line: str) -> None:
    assert house.wrong_imports(module, line) == []


# rooms, arrows; beyond them a reader needs more than one page
BOUNDS = [(CLIENT, 22, 60), (EMULATOR, 18, 60)]


def cycle(arrows: Mapping[str, set[str]]) -> list[str]:
    """The rooms that import each other, directly or by way of others."""
    rest = {room: targets & set(arrows) for room, targets in arrows.items()}
    while True:
        imported = {target for targets in rest.values() for target in targets}
        kept = {room: targets & set(rest) for room, targets in rest.items() if room in imported}
        kept = {room: targets for room, targets in kept.items() if targets}
        if kept == rest:
            return sorted(rest)
        rest = kept


@pytest.mark.parametrize(("house", "rooms", "arrows"), BOUNDS, ids=["client", "emulator"])
def test_the_map_stays_one_page(house: House, rooms: int, arrows: int) -> None:
    found = house.map()
    count = sum(map(len, found.values()))
    assert len(found) <= rooms, f"{len(found)} rooms: put a module into a wing, or merge two"
    assert count <= arrows, f"{count} arrows: let a room go by way of one it imports already"


def test_what_has_no_arrow_is_no_room_of_the_map() -> None:
    assert "_pyinstaller" in {module.partition(".")[0] for module, _ in CLIENT.modules()}
    assert "_pyinstaller" not in CLIENT.map()
    assert {"__main__", "errors"} <= set(CLIENT.map())  # arrows of one direction are arrows


@pytest.mark.parametrize("house", [CLIENT, EMULATOR], ids=lambda house: house.package)
def test_no_room_imports_itself_by_way_of_others(house: House) -> None:
    assert cycle(house.map()) == [], "move what both need to a room below them"


def test_a_cycle_is_seen() -> None:
    assert cycle({"a": {"b"}, "b": {"c"}, "c": {"a", "e"}, "d": {"a", "x"}}) == ["a", "b", "c"]
    assert cycle({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []
