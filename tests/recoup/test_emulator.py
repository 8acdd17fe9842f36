"""Recoup's stop call with the emulator at the other end."""

from __future__ import annotations

import pytest

from dify_java_compat import (
    BadRequestException,
    DifyException,
    ForbiddenException,
    NotFoundException,
    RequestsRecoupChat,
    ServerErrorException,
    UnauthorizedException,
)
from dify_java_compat.emulator import DifyEmulator

UNKNOWN = "00000000-0000-4000-8000-000000000000"


def test_a_running_chat_is_stopped_once(dify_emulator: DifyEmulator) -> None:
    with RequestsRecoupChat(dify_emulator.recoup_url, api_key=dify_emulator.recoup_key) as recoup:
        running = dify_emulator.recoup_chats["running"]
        answers = [recoup.stopChat(chatId=running) for _ in range(2)]
        assert [(each.success, each.stopped) for each in answers] == [(True, True), (True, False)]
        assert recoup.stopChat(dify_emulator.recoup_chats["idle"]).stopped is False


@pytest.mark.parametrize(
    ("chat", "kind", "status"),
    [
        ("not-a-uuid", BadRequestException, 400),
        ("foreign", ForbiddenException, 403),
        (UNKNOWN, NotFoundException, 404),
        ("stuck", ServerErrorException, 502),
        ("slow", ServerErrorException, 504),
    ],
)
def test_what_it_refuses(
    dify_emulator: DifyEmulator, chat: str, kind: type[DifyException], status: int
) -> None:
    with RequestsRecoupChat(dify_emulator.recoup_url, api_key=dify_emulator.recoup_key) as recoup:
        with pytest.raises(kind) as caught:
            recoup.stopChat(dify_emulator.recoup_chats.get(chat, chat))
    assert getattr(caught.value, "status_code", None) == status
    assert getattr(caught.value, "message", None)


def test_a_wrong_key(dify_emulator: DifyEmulator) -> None:
    with RequestsRecoupChat(dify_emulator.recoup_url, api_key="wrong") as recoup:
        with pytest.raises(UnauthorizedException):
            recoup.stopChat(dify_emulator.recoup_chats["idle"])
