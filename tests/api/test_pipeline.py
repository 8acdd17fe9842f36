"""Java's chat events: processes that see, and may change, each item."""

from __future__ import annotations

from typing import Any

import pytest

from dify_java_compat import (
    ChatMessagePipelineModel,
    IllegalArgumentException,
    PipelineContext,
    PipelineException,
    PipelineProcess,
    RequestsDifyChat,
    collect,
)
from tests.support.frames import MESSAGE_END, message, stream
from tests.support.server import ScriptedServer, always
from tests.support.watching import Watcher, join_streams, request

Context = PipelineContext[ChatMessagePipelineModel]
ANSWER = always(stream(message("one "), message("two"), MESSAGE_END))


class Note(PipelineProcess[ChatMessagePipelineModel]):
    """Puts its letter behind each piece of text, and can end the round."""

    def __init__(self, letter: str, place: int = 0, ends: bool = False) -> None:
        self._letter, self._place, self._ends = letter, place, ends

    def support(self, context: Context) -> bool:
        return context.model.answer is not None

    def order(self) -> int:
        return self._place

    def process(self, context: Context) -> None:
        context.model.answer = f"{context.model.answer}{self._letter}"
        context.needBreak = self._ends


class Replace(PipelineProcess[ChatMessagePipelineModel]):
    def process(self, context: Context) -> None:
        context.model = ChatMessagePipelineModel(event="mine", answer="!")


class Fail(PipelineProcess[ChatMessagePipelineModel]):
    def process(self, context: Context) -> None:
        raise KeyError("a bug")


class FailToSupport(Fail):
    def support(self, context: Context) -> bool:
        raise KeyError("a bug")


def watched(*processes: PipelineProcess[ChatMessagePipelineModel]) -> Watcher:
    with ScriptedServer(ANSWER) as server, RequestsDifyChat(server.url, api_key="app-k") as chat:
        for process in processes:
            chat.addProcess(process)
        watcher = Watcher(chat.sendChatMessageStream(request())).wait()
        join_streams()
        return watcher


def test_they_run_in_order_and_their_changes_count() -> None:
    watcher = watched(Note("b", 2), Note("a", 1), Note("c", 2))
    assert watcher.text == "one abctwoabc"
    assert [item.event for item in watcher.items] == ["message", "message", "message_end"]
    assert isinstance(watcher.items[0], ChatMessagePipelineModel)
    assert watcher.items[0].raw["answer"] == "one "


def test_need_break_ends_the_round_for_an_item() -> None:
    assert watched(Note("a", 1, ends=True), Note("b", 2)).text == "one atwoa"


def test_an_item_can_be_replaced() -> None:
    assert [item.event for item in watched(Replace()).items] == ["mine"] * 3


@pytest.mark.parametrize("process", [Fail(), FailToSupport()])
def test_one_that_raises_is_named_to_the_subscriber(process: Fail) -> None:
    error = watched(process).error
    assert isinstance(error, PipelineException)
    assert error.process == type(process).__name__
    assert type(process).__name__ in str(error)
    assert isinstance(error.__cause__, KeyError)


def test_they_change_what_is_collected_and_need_no_container() -> None:
    with ScriptedServer(ANSWER) as server, RequestsDifyChat(server.url, api_key="app-k") as chat:
        before = chat.sendChatMessageStream(request())
        chat.addProcess(Note("!"))
        assert collect(chat.sendChatMessageStream(request())).answer == "one !two!"
        assert collect(before).answer == "one two"


@pytest.mark.parametrize("process", [None, 5, "p", object(), lambda context: None])
def test_what_is_no_process_is_refused(process: Any) -> None:
    with RequestsDifyChat("http://127.0.0.1:9", api_key="app-1") as chat:
        with pytest.raises(IllegalArgumentException, match="process must be"):
            chat.addProcess(process)
