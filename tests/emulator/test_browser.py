"""The page in a browser, where one can be had: Chromium, its driver and Selenium."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dify_java_compat.emulator import DifyEmulator

from .caller import Caller

webdriver = pytest.importorskip("selenium.webdriver")
BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
pytestmark = pytest.mark.skipif(
    BROWSER is None or DRIVER is None, reason="needs chromium and chromedriver"
)

SECONDS = 60
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-dev-shm-usage", "--accept-lang=en",
)  # fmt: skip
SENTENCE = "Why <b>not</b>? <img src=x onerror=alert(1)> 为什么"


class Browser:
    """A Chromium that is looked at through the ids of the page's elements."""

    def __init__(self, profile: Path) -> None:
        options = webdriver.ChromeOptions()
        options.binary_location = BROWSER
        for flag in (*FLAGS, f"--user-data-dir={profile}"):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        service = webdriver.ChromeService(executable_path=DRIVER)
        self.driver = webdriver.Chrome(options=options, service=service)

    def open(self, emulator: DifyEmulator) -> None:
        self.driver.get("about:blank")  # the page before may still ask its own emulator
        self.logs()
        self.driver.get(f"{emulator.recoup_url}/")
        self.wait_until("document.querySelectorAll('#apps li').length > 0")

    def wait_until(self, condition: str) -> None:
        """Wait, within the page, for what holds in the end."""
        self.driver.set_script_timeout(SECONDS)
        self.driver.execute_async_script(
            f"const done = arguments[0]; (function look() {{"
            f" if ({condition}) done(); else setTimeout(look, 20); }})()"
        )

    def wait_for_status(self, status: str) -> None:
        self.wait_until(f"document.getElementById('status').dataset.state === '{status}'")

    def run(self, script: str) -> Any:
        return self.driver.execute_script(script)

    def find(self, selector: str) -> Any:
        return self.driver.find_element("css selector", selector)

    def text(self, selector: str) -> str:
        return str(self.run(f"return document.querySelector('{selector}').textContent"))

    def texts(self, selector: str) -> list[str]:
        asked = f"return [...document.querySelectorAll('{selector}')].map(e => e.textContent)"
        return [str(text) for text in self.run(asked)]

    def type(self, selector: str, text: str) -> None:
        field = self.find(selector)
        field.clear()
        field.send_keys(text)

    def ask(self, prompt: str, app: str = "app-chat") -> None:
        [key] = [one for one in self.driver.find_elements("css selector", "#apps button")
                 if one.text == app]  # fmt: skip
        key.click()
        self.type("#prompt", prompt)
        self.find("#send").click()

    def logs(self) -> tuple[list[str], list[str]]:
        """The console's messages and the addresses asked for, since the last look."""
        said = [str(entry["message"]) for entry in self.driver.get_log("browser")]
        told = [json.loads(entry["message"])["message"] for entry in
                self.driver.get_log("performance")]  # fmt: skip
        return said, [
            one["params"]["request"]["url"]
            for one in told
            if one["method"] == "Network.requestWillBeSent"
        ]


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    browser = Browser(tmp_path_factory.mktemp("profile"))
    yield browser
    browser.driver.quit()


@pytest.fixture
def page(chromium: Browser, emulator: DifyEmulator) -> Iterator[Browser]:
    """The page, on which nothing may go wrong and from which nothing may leave the machine."""
    chromium.open(emulator)
    yield chromium
    said, asked = chromium.logs()
    assert said == []
    assert asked
    within = (emulator.recoup_url, "data:", "chrome:")
    assert [url for url in asked if not url.startswith(within)] == []


def test_a_prompt_its_events_and_its_conversation(page: Browser, emulator: DifyEmulator) -> None:
    assert page.texts("#apps button")[:2] == ["app-chat", "app-agent"]
    assert page.text("#base") == emulator.base_url
    page.type("#user", "ann")
    page.ask(SENTENCE)
    page.wait_for_status("done")
    assert page.text("#talk .said") == SENTENCE
    [conversation] = Caller(emulator).get("/conversations?user=ann").json()["data"]
    [message] = Caller(emulator).messages(conversation["id"])
    assert page.text("#talk .answered") == message["answer"]
    names = page.texts("#events .name")
    assert names[-1] == "message_end"
    assert set(names[:-1]) == {"message"}
    assert page.text("#events pre").startswith('data: {"event":"message"')
    page.wait_until("document.querySelectorAll('#conversations li').length === 1")
    assert page.texts("#conversations .title") == [conversation["name"]]
    page.wait_until("document.querySelectorAll('#requests li').length > 0")
    assert "chat-messages" in " ".join(page.texts("#requests .gist"))
    assert not page.run("return document.querySelectorAll('#talk b, #talk img').length")


def test_a_conversation_goes_on(page: Browser, emulator: DifyEmulator) -> None:
    begun = Caller(emulator, "app-chatflow", user="bob")
    conversation = begun.say("One").events[0]["conversation_id"]
    page.wait_until("document.querySelectorAll('#conversations li').length === 1")
    page.find("#conversations button").click()
    page.wait_until("document.querySelectorAll('#talk .said').length === 1")
    page.type("#prompt", "Two")
    page.find("#send").click()
    page.wait_for_status("done")
    assert page.texts("#talk .said") == ["One", "Two"]
    assert [one["query"] for one in begun.messages(conversation)] == ["One", "Two"]
    assert "workflow_finished" in page.texts("#events .name")


@pytest.mark.dify_emulator(token_pause=0.5)
@pytest.mark.parametrize("by", ["button", "key"])
def test_a_stop_ends_the_answer_and_keeps_what_was_said(
    page: Browser, emulator: DifyEmulator, by: str
) -> None:
    page.ask("Hello")
    page.wait_until("document.querySelector('#talk .answered').textContent !== ''")
    if by == "button":
        page.find("#stop").click()
    else:
        page.find("#prompt").send_keys("\ue00c")  # Escape
    page.wait_for_status("stopped")
    assert page.run("return document.getElementById('stop').disabled")
    chat = Caller(emulator, user="someone")
    [conversation] = chat.get("/conversations?user=someone").json()["data"]
    [message] = chat.messages(conversation["id"])
    assert page.text("#talk .answered") == message["answer"]
    assert page.texts("#events .name")[-1] == "message_end"
    stops = [seen.path for seen in emulator.requests if seen.path.endswith("/stop")]
    assert len(stops) == 1


def test_inputs_go_along(page: Browser, emulator: DifyEmulator) -> None:
    page.find("#apps li:nth-child(6) button").click()
    assert page.text("#app option:checked").startswith("app-required")
    page.type("#inputs [name=name]", "Ann")
    page.type("#inputs [name=age]", "7")
    page.find("#inputs [name=tier] option:nth-child(3)").click()
    page.type("#prompt", "Hello")
    page.find("#send").click()
    page.wait_for_status("done")
    [asked] = [seen for seen in emulator.requests if seen.path == "/v1/chat-messages"]
    assert asked.body["inputs"] == {"name": "Ann", "tier": "pro", "age": 7}


def test_what_is_refused_is_told(chromium: Browser, emulator: DifyEmulator) -> None:
    chromium.open(emulator)
    chromium.ask("Hello", app="app-required")
    chromium.wait_for_status("refused")
    assert "name is required" in chromium.text("#talk .failed")
    said, _ = chromium.logs()
    assert [text for text in said if "400" not in text] == []


def test_it_speaks_chinese(page: Browser) -> None:
    page.find("#language").click()
    assert page.text("#send") == "发送"
    assert page.run("return document.documentElement.lang") == "zh"
    page.ask("你好")
    page.wait_for_status("done")
    assert "你好" in page.text("#talk .answered")


def test_everything_that_is_filled_in_or_pressed_has_a_name(page: Browser) -> None:
    page.ask("Hello")
    page.wait_for_status("done")
    nameless = page.run(
        "return [...document.querySelectorAll('input, select, textarea, button, summary')]"
        ".filter(one => !(one.labels && one.labels.length) && !one.textContent.trim())"
        ".map(one => one.outerHTML)"
    )
    assert nameless == []


@pytest.mark.parametrize("width", [320, 390, 800, 1400])
def test_nothing_is_cut_off_at_any_width(page: Browser, width: int) -> None:
    """Once with the longest word that a prompt can have."""
    page.driver.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": False},
    )
    try:
        page.ask("wide" * 100)
        page.wait_for_status("done")
        assert page.run("return document.documentElement.scrollWidth <= innerWidth")
    finally:
        page.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
