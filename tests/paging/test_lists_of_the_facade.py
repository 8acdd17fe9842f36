"""Conversations and messages, page by page, of the emulator and of a server that lies."""

from __future__ import annotations

import json
from urllib.parse import parse_qs, urlsplit

import pytest

from dify_java_compat import (
    MessageConversationsRequest,
    MessagesRequest,
    NotFoundException,
    RenameConversationRequest,
    RequestsDifyChat,
    pages,
)
from tests.support.frames import response
from tests.support.server import Peer, ScriptedServer, always
from tests.support.watching import request

COUNT = 7


def begun(chat: RequestsDifyChat, user: str) -> list[str | None]:
    """Conversations of one user, the newest first."""
    sent = [chat.send(request(user_id=user)).conversation_id for _ in range(COUNT)]
    return sent[::-1]


@pytest.mark.parametrize("limit", [1, 3, COUNT, 20])
def test_conversations(dify_chat: RequestsDifyChat, limit: int) -> None:
    user = f"lists-{limit}"
    expected = begun(dify_chat, user)
    listed = pages(dify_chat.conversations, MessageConversationsRequest(user_id=user, limit=limit))
    assert [each.id for each in listed] == expected


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_conversations_that_the_loop_itself_moves_up(
    dify_chat: RequestsDifyChat, limit: int
) -> None:
    user = f"renames-{limit}"
    expected = begun(dify_chat, user)
    asked = MessageConversationsRequest(user_id=user, limit=limit)
    renamed = []
    for each in pages(dify_chat.conversations, asked):
        dify_chat.renameConversation(
            RenameConversationRequest(conversation_id=each.id, name=f"{each.id}!", user_id=user)
        )
        renamed.append(each.id)
    assert renamed == expected
    assert {each.name for each in pages(dify_chat.conversations, asked)} == {
        f"{i}!" for i in expected
    }


@pytest.mark.parametrize("limit", [1, 3, COUNT, 20])
def test_messages_come_newest_first_whatever_the_page_size(
    dify_chat: RequestsDifyChat, limit: int
) -> None:
    first = dify_chat.send(request(user_id="u", content="0"))
    for number in range(1, COUNT):
        dify_chat.send(
            request(user_id="u", content=str(number), conversation_id=first.conversation_id)
        )
    asked = MessagesRequest(user_id="u", conversation_id=first.conversation_id, limit=limit)
    texts = [each.query for each in pages(dify_chat.messages, asked)]
    assert texts == [str(number) for number in reversed(range(COUNT))]
    assert asked.first_id is None


def test_what_is_not_there(dify_chat: RequestsDifyChat) -> None:
    assert list(pages(dify_chat.conversations, MessageConversationsRequest(user_id="nobody"))) == []
    unknown = MessagesRequest(user_id="u", conversation_id="5f3b7c52-9a0e-4f0c-8f6e-2f1d6f0c9b11")
    items = pages(dify_chat.messages, unknown)
    with pytest.raises(NotFoundException):
        next(items)


@pytest.mark.parametrize("body", [b'{"has_more":false}', b'{"has_more":false,"data":null}'])
def test_a_page_without_items_has_an_empty_list(body: bytes) -> None:
    with (
        ScriptedServer(always(response(body))) as server,
        RequestsDifyChat(server.url, api_key="app-test") as client,
    ):
        page = client.conversations(MessageConversationsRequest(user_id="u"))
    assert page.data == []
    assert page.raw == json.loads(body)


LIES = {
    "more is promised before nothing": [(["a", "b"], True), (["c"], True), ([], True)],
    "the whole page again": [(["a", "b"], True), (["c"], True), (["c"], True)],
    "an item that moved up": [(["a", "b"], True), (["b", "c"], False)],
    "the cursor that moved up": [(["a", "b"], True), (["b", "a"], True), (["c"], False)],
    "from the top for ever": [(["a", "b", "c"], True)] + [(["a", "b", "c"], True)] * 9,
}


@pytest.mark.parametrize("lie", LIES)
@pytest.mark.parametrize("cursor", ["last_id", "first_id"])
def test_a_server_that_lies(lie: str, cursor: str) -> None:
    told = iter(LIES[lie])

    def script(peer: Peer) -> None:
        while peer.receive():
            names, has_more = next(told)
            turned = names[::-1] if cursor == "first_id" else names
            body = {"limit": 2, "has_more": has_more, "data": [{"id": name} for name in turned]}
            peer.send(response(json.dumps(body).encode()))

    with (
        ScriptedServer(script) as server,
        RequestsDifyChat(server.url, api_key="app-test") as client,
    ):
        got: list[str | None]
        if cursor == "last_id":
            listed = pages(client.conversations, MessageConversationsRequest(user_id="u", limit=2))
            got = [each.id for each in listed]
        else:
            asked = MessagesRequest(user_id="u", conversation_id="c-1", limit=2)
            got = [each.id for each in pages(client.messages, asked)]
    assert got == ["a", "b", "c"]
    queries = [parse_qs(urlsplit(received.target).query) for received in server.requests]
    assert [query.get(cursor) for query in queries[:2]] == [
        None,
        [LIES[lie][0][0][-1]],
    ]
    assert all(query["limit"] == ["2"] for query in queries)
