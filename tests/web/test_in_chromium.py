"""What a person sees: tokens one by one, also behind nginx, and a run that stops with its tab."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest

from dify_java_compat import MessageConversationsRequest, MessagesRequest, RequestsDifyChat
from dify_java_compat.emulator import DifyEmulator
from tests.support.frames import MESSAGE_END, message
from tests.support.nginx import NGINX, nginx
from tests.support.proxy import Gateway
from tests.support.server import ScriptedServer
from tests.support.watching import wait_until

from .servers import Upstream, serving

webdriver = pytest.importorskip("selenium.webdriver")
BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
pytestmark = pytest.mark.skipif(
    None in (BROWSER, DRIVER, NGINX), reason="needs chromium, chromedriver and nginx"
)
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-dev-shm-usage",
)  # fmt: skip


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    service = webdriver.ChromeService(executable_path=DRIVER)
    driver = webdriver.Chrome(options=options, service=service)
    driver.set_script_timeout(60)
    yield driver
    driver.quit()


@pytest.fixture(scope="module", params=["flask", "starlette-uvicorn", "django", "django-uvicorn"])
def server(request: pytest.FixtureRequest) -> Iterator[int]:
    with serving(request.param) as port:
        yield port


@pytest.fixture(scope="module", params=["alone", "behind nginx"])
def port(
    request: pytest.FixtureRequest, server: int, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[int]:
    if request.param == "alone":
        yield server
    else:
        with nginx(server, tmp_path_factory.mktemp("nginx")) as behind:
            yield behind


@pytest.fixture
def gateway(port: int) -> Iterator[Gateway]:
    """Between Chromium and the server: Chromium may take seconds to close a connection."""
    gateway = Gateway(port, b"GET /chat")
    with ScriptedServer(gateway) as server:
        gateway.url = server.url
        yield gateway


class Tab:
    """A tab with the page of the application, apart from the one that keeps Chromium open."""

    def __init__(self, driver: Any, address: str) -> None:
        self._driver = driver
        self._first = driver.current_window_handle
        driver.switch_to.new_window("tab")
        self._own = driver.current_window_handle
        driver.get(address)

    def ask(self, url: str, **query: object) -> None:
        self._driver.execute_script(f"ask({urlencode({'dify': url, **query})!r})")

    def wait_until(self, condition: str) -> None:
        self._driver.execute_async_script(
            "const done = arguments[0]; (function look() {"
            f" if ({condition}) done(); else setTimeout(look, 5); }})()"
        )

    def run(self, script: str) -> Any:
        return self._driver.execute_script(script)

    def close(self) -> None:
        if self._own in self._driver.window_handles:
            self._driver.close()
            self._driver.switch_to.window(self._first)

    def __enter__(self) -> Tab:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def test_tokens_come_one_by_one(driver: Any, gateway: Gateway) -> None:
    with Upstream() as dify, Tab(driver, gateway.url) as tab:
        tab.ask(dify.url)
        for count, piece in enumerate("一个一个地来", 1):
            dify.emit(message(piece))
            tab.wait_until(f"pieces.length === {count}")
        dify.emit(MESSAGE_END)
        dify.end()
        tab.wait_until("ended")
        assert tab.run("return pieces.map(piece => piece[0]).join('')") == "一个一个地来"
        assert dify.stops == []


def test_a_closed_tab_stops_the_run(driver: Any, gateway: Gateway) -> None:
    with DifyEmulator(token_pause=0.1) as dify, Tab(driver, gateway.url) as tab:
        tab.ask(dify.recoup_url, q="a long question " * 100, user="ann")
        tab.wait_until("pieces.length >= 2")
        tab.close()
        left_at = gateway.wait_until_left()
        wait_until(lambda: any(seen.path.endswith("/stop") for seen in dify.requests))
        assert time.monotonic() - left_at < 1.0
        with RequestsDifyChat(dify.base_url, api_key="app-chat") as chat:
            assert kept_answer(chat).startswith("You said")


def kept_answer(chat: RequestsDifyChat) -> str:
    """The part of the answer that Dify kept, once the run has been wound up."""
    of_ann = MessageConversationsRequest(user_id="ann")
    kept: list[str] = []

    def is_kept() -> bool:
        [conversation] = chat.conversations(of_ann).data or []
        history = MessagesRequest(user_id="ann", conversation_id=conversation.id)
        kept[:] = [one.answer or "" for one in chat.messages(history).data or []]
        return bool(kept and kept[0])

    wait_until(is_kept)
    return kept[0]


def test_a_tab_closed_before_the_first_event_stops_the_run(driver: Any, gateway: Gateway) -> None:
    with Upstream() as dify, Tab(driver, gateway.url) as tab:
        tab.ask(dify.url)
        dify.wait_for_question()
        tab.close()
        gateway.wait_until_left()
        dify.emit(message("a"))
        assert dify.wait_for_stop() < 1.0


def test_a_failure_reaches_the_page(driver: Any, gateway: Gateway) -> None:
    with Upstream() as dify, Tab(driver, gateway.url) as tab:
        tab.ask(dify.url)
        dify.emit(message("a"))
        dify.cut()
        tab.wait_until("failure !== null")
        assert tab.run("return failure.status") == 502
