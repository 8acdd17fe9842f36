"""The table of what Dify keeps of an answer that is left, on recorded servers and emulated ones."""

from __future__ import annotations

import re
from typing import NamedTuple

import pytest

from dify_java_compat import ClientConfig, MessagesRequest, RequestsDifyChat
from dify_java_compat.emulator import DifyEmulator
from tests.recordings.library import Recording, recordings, recordings_1_14
from tests.support import TIMEOUT
from tests.support.watching import Watcher, join_streams, request, wait_for_threads, wait_until

from .pages import DOCS

APPS = {
    "chat": "chat", "agent": "agent", "chatflow": "chatflow",
    "聊天助手": "chat", "Agent": "agent", "Chatflow": "chatflow",
}  # fmt: skip
KEYS = {"chat": "app-chat", "agent": "app-agent", "chatflow": "app-chatflow-plain"}
# what the words of a cell say is stored, the first that fits
WORDS = {
    "or nothing": "part or nothing", "或者什么也不保存": "part or nothing",
    "nothing is stored": "nothing", "什么也不保存": "nothing",
    "the whole answer is stored": "whole", "保存完整的回答": "whole",
    "the part received is stored": "part", "保存已收到的部分": "part",
}  # fmt: skip


class Kept(NamedTuple):
    app: str
    version: str
    stops: bool
    stored: str


def table(language: str) -> list[Kept]:
    page = (DOCS / language / "streams.md").read_text(encoding="utf-8")
    (head,) = re.finditer(r"^\|.*\| [^|]*`stop_on_dispose`[^|]*\|\n\|[-|]+\|\n", page, re.MULTILINE)
    rows = page[head.end() :].partition("\n\n")[0].splitlines()
    return [
        Kept(APPS[app], version, stops, next(WORDS[each] for each in WORDS if each in cell))
        for apps, versions, *cells in (row.strip("| ").split(" | ") for row in rows)
        for app in re.split(", |、", apps)
        for version in re.split(", |、", versions)
        for stops, cell in zip((False, True), cells, strict=True)
    ]


TABLE = table("en")
each_cell = pytest.mark.parametrize("kept", TABLE, ids=lambda kept: "-".join(map(str, kept)))


def test_both_languages_say_the_same_of_each_app_on_each_version() -> None:
    assert table("zh") == TABLE
    assert len(TABLE) == len({kept[:3] for kept in TABLE}) == 12


def left(emulator: DifyEmulator, kept: Kept) -> tuple[str, str]:
    """Leave an answer behind its third word: what was heard of it, and what is stored at last."""
    config = ClientConfig(stop_on_dispose=kept.stops, stop_drain_seconds=TIMEOUT)
    with RequestsDifyChat(emulator.base_url, config, api_key=KEYS[kept.app]) as chat:
        watcher = Watcher(chat.sendChatMessageStream(request()))
        wait_until(lambda: sum(bool(item.answer) for item in list(watcher.items)) >= 3)
        watcher.subscription.dispose()
        join_streams()
    wait_for_threads("dify-emulator-connection")  # where the run is the connection's own
    first = watcher.items[0]
    with RequestsDifyChat(emulator.base_url, api_key=KEYS[kept.app]) as chat:
        if first.workflow_run_id and kept[:3] == ("chatflow", "1.14", False):
            wait_until(lambda: chat.workflowRun(first.workflow_run_id).status != "running")
        asked = MessagesRequest(user_id="u-1", conversation_id=first.conversation_id)
        (message,) = chat.messages(asked).data or []
    return watcher.text, message.answer or ""


@each_cell
def test_the_emulator_keeps_what_the_table_says(kept: Kept) -> None:
    with DifyEmulator(version=kept.version, token_pause=0.03) as emulator:
        with RequestsDifyChat(emulator.base_url, api_key="app-chatflow-plain") as chat:
            whole = chat.send(request()).answer or ""
        heard, stored = left(emulator, kept)
        assert heard
        if kept.stored == "nothing":
            assert stored == ""
            return
        assert stored.startswith(heard.strip())
        assert (stored == whole) == (kept.stored == "whole")
        if kept.stored == "part or nothing":  # the emulator's runs take turns at losing the race
            assert left(emulator, kept)[1] == ""


RECORDED = {
    ("chat", "1.12", False): "chat-client-disconnect.messages-late",
    ("agent", "1.12", False): "agent-client-disconnect.messages-late",
    ("chatflow", "1.12", False): "chatflow-client-disconnect.messages-late",
    ("chatflow", "1.14", False): "chatflow-client-disconnect.messages-late",
    ("chat", "1.12", True): "chat-stop-messages",
    ("chatflow", "1.12", True): "chatflow-stop-messages",
    ("chatflow", "1.14", True): "chatflow-stop-messages",
}


def recorded(version: str, name: str) -> Recording:
    have = recordings() if version == "1.12" else recordings_1_14()
    return next(recording for recording in have if recording.name == name)


@pytest.mark.parametrize("kept", [kept for kept in TABLE if kept[:3] in RECORDED], ids=str)
def test_a_recorded_server_kept_what_the_table_says(kept: Kept) -> None:
    name = RECORDED[kept[:3]]
    (message,) = recorded(kept.version, name).json["data"]
    heard = recorded(kept.version, name.removesuffix(".messages-late").removesuffix("-messages"))
    if kept.stored == "nothing":
        assert message["answer"] == ""
    elif kept.stored == "whole":
        assert message["answer"].startswith(heard.answer)
        assert len(message["answer"]) > len(heard.answer)
    else:  # all that came until the end that the stop brought
        assert message["answer"] == heard.answer.strip() or message["answer"] == heard.answer
