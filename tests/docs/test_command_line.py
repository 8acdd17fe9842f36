"""The doctor's reports on the page are what it prints."""

from __future__ import annotations

import re

import pytest

from dify_java_compat.emulator import DifyEmulator
from tests.cli.processes import run

from .pages import DOCS, LANGUAGES, blocks

LOCALE = {"en": "C.UTF-8", "zh": "zh_CN.UTF-8"}


def samples(language: str) -> list[str]:
    texts = [b.text for b in blocks(DOCS / language / "command-line.md") if b.language == "text"]
    return [text.strip() for text in texts if "Emulator" in text]


def without_figures(text: str) -> str:
    return re.sub(r"\d+", "0", text).strip()


@pytest.mark.parametrize("language", LANGUAGES)
def test_reports_of_the_doctor(language: str) -> None:
    works, fails = samples(language)
    printed = []
    with DifyEmulator(token_pause=0.04) as emulator:
        url = emulator.base_url.removesuffix("/v1")
        for app in ("chat", "workflow"):
            env = {"DIFY_API_KEY": emulator.keys[app], "LC_ALL": LOCALE[language]}
            printed.append(without_figures(run("doctor", "--url", url, env=env).out))
    assert without_figures(works) == printed[0]
    assert printed[1].endswith(without_figures(fails))
