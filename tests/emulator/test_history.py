"""Messages, conversations, feedback, suggestions: pages, owners, order."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest

from dify_java_compat.emulator import DifyEmulator
from tests.support.client import Response

from .caller import Caller


def ids(answer: Response) -> list[str]:
    return [one["id"] for one in answer.json()["data"]]


def talk(caller: Caller, count: int) -> tuple[str, list[str]]:
    """A conversation of ``count`` messages: its id, and theirs in order."""
    conversation_id, found = "", []
    for number in range(count):
        first = caller.say(f"message {number}", conversation_id=conversation_id).events[0]
        conversation_id = first["conversation_id"]
        found.append(first["message_id"])
    return conversation_id, found


def test_messages_come_page_by_page_backwards(chat: Caller) -> None:
    conversation_id, written = talk(chat, 5)
    path = f"/messages?user=ann&conversation_id={conversation_id}&limit=2"
    newest = chat.get(path)
    middle = chat.get(f"{path}&first_id={ids(newest)[0]}")
    oldest = chat.get(f"{path}&first_id={ids(middle)[0]}")
    assert [ids(page) for page in (oldest, middle, newest)] == [
        written[:1],
        written[1:3],
        written[3:],
    ]
    assert [page.json()["has_more"] for page in (newest, middle, oldest)] == [True, True, False]


def test_messages_of_no_conversation_are_none(chat: Caller) -> None:
    answer = chat.get("/messages?user=ann&conversation_id=")
    assert answer.json() == {"limit": 20, "has_more": False, "data": []}


def test_a_first_message_must_be_of_the_conversation(chat: Caller) -> None:
    conversation_id, _ = talk(chat, 1)
    _, (other,) = talk(chat, 1)
    for first_id in (other, str(uuid.uuid4())):
        answer = chat.get(
            f"/messages?user=ann&conversation_id={conversation_id}&first_id={first_id}"
        )
        assert answer.status == 404
        assert answer.json()["message"].startswith("First Message Not Exists.")


@pytest.mark.parametrize("query", ["", "conversation_id=zz"])
def test_messages_need_a_conversation(chat: Caller, query: str) -> None:
    answer = chat.get(f"/messages?{query}")
    assert answer.status == 400
    assert answer.json()["message"].startswith("1 validation error for MessageListQuery\nconvers")


def test_conversations_come_last_written_first(chat: Caller) -> None:
    told = [talk(chat, 1)[0] for _ in range(3)]
    chat.say("again", conversation_id=told[0])
    assert ids(chat.get("/conversations?user=ann")) == [told[0], told[2], told[1]]
    assert ids(chat.get("/conversations?user=ann&sort_by=-created_at")) == told[::-1]
    assert ids(chat.get("/conversations?user=ann&sort_by=created_at")) == told
    page = chat.get(f"/conversations?user=ann&sort_by=created_at&limit=1&last_id={told[0]}")
    assert (ids(page), page.json()["has_more"]) == ([told[1]], True)
    last = chat.get(f"/conversations?user=ann&sort_by=created_at&last_id={told[2]}")
    assert (ids(last), last.json()["has_more"]) == ([], False)


def test_an_unknown_last_conversation_is_not_found(chat: Caller) -> None:
    answer = chat.get(f"/conversations?user=ann&last_id={uuid.uuid4()}")
    assert answer.json()["message"].startswith("Last Conversation Not Exists.")


def test_users_and_apps_are_apart(emulator: DifyEmulator, chat: Caller) -> None:
    conversation_id, (message_id,) = talk(chat, 1)
    for other in (Caller(emulator, user="bob"), Caller(emulator, "app-chatflow")):
        assert other.get(f"/conversations?user={other.user}").json()["data"] == []
        path = f"/messages?user={other.user}&conversation_id={conversation_id}"
        assert other.get(path).status == 404
        assert other.say(conversation_id=conversation_id).status == 404
        name = {"name": "mine", "user": other.user}
        assert other.post(f"/conversations/{conversation_id}/name", name).status == 404
        rating = {"rating": "like", "user": other.user}
        assert other.post(f"/messages/{message_id}/feedbacks", rating).status == 404
        assert other.get(f"/messages/{message_id}/suggested?user={other.user}").status == 404


def test_without_a_user_it_is_the_default_user(emulator: DifyEmulator) -> None:
    default = Caller(emulator, user="DEFAULT-USER")
    conversation_id, _ = talk(default, 1)
    assert ids(default.get("/conversations")) == [conversation_id]


@pytest.mark.parametrize("quirks", [False, True])
@pytest.mark.parametrize("key", ["app-chat", "app-agent"])
def test_only_the_real_server_lets_a_thief_delete(key: str, quirks: bool) -> None:
    with DifyEmulator(version="1.12", token_pause=0.0, quirks=quirks) as emulator:
        owner = Caller(emulator)
        conversation_id, (message_id,) = talk(owner, 1)
        path = f"/conversations/{conversation_id}"
        answer = Caller(emulator, key, "thief").delete(path, {"user": "thief"})
        assert (answer.status, answer.header("Content-Length")) == (204, None)
        kept = owner.get("/conversations?user=ann").json()["data"]
        assert len(kept) == (not quirks)
        assert owner.delete(path, {"user": "ann"}).status == 204
        assert owner.get("/conversations?user=ann").json()["data"] == []
        assert owner.get(f"/messages/{message_id}/suggested?user=ann").status == 404


def test_renaming(chat: Caller) -> None:
    conversation_id, _ = talk(chat, 2)
    talk(chat, 1)
    path = f"/conversations/{conversation_id}/name"
    assert chat.post(path, {"name": "茶 / tea", "user": "ann"}).json()["name"] == "茶 / tea"
    # A new name counts as writing.
    assert ids(chat.get("/conversations?user=ann"))[0] == conversation_id
    generated = chat.post(path, {"auto_generate": True, "user": "ann"}).json()
    assert generated["name"] == "message 0"


@pytest.mark.parametrize("body", [{"name": 5}, {"auto_generate": "maybe", "name": "x"}, {}])
def test_bad_names(chat: Caller, body: dict[str, Any]) -> None:
    conversation_id, _ = talk(chat, 1)
    answer = chat.post(f"/conversations/{conversation_id}/name", {**body, "user": "ann"})
    assert answer.status == 400
    assert answer.json()["message"].startswith("1 validation error for ConversationRenamePayload\n")


def test_feedback_is_kept_changed_and_taken_back(chat: Caller) -> None:
    conversation_id, (message_id,) = talk(chat, 1)
    path = f"/messages/{message_id}/feedbacks"
    for rating, kept in (
        ("like", {"rating": "like"}),
        ("dislike", {"rating": "dislike"}),
        (None, None),
    ):
        given = {"rating": rating, "user": "ann", "content": "so"}
        assert chat.post(path, given).json() == {"result": "success"}
        assert chat.messages(conversation_id)[0]["feedback"] == kept
    assert chat.post(path, {"rating": None, "user": "ann"}).status == 400
    assert (
        "'like' or 'dislike'" in chat.post(path, {"rating": "so", "user": "ann"}).json()["message"]
    )


def test_suggestions_are_in_the_language_of_the_message(app: Callable[[str], Caller]) -> None:
    for key, query, word in (("app-chat", "Hi", "example"), ("app-chatflow", "你好", "例子")):
        caller = app(key)
        message_id = caller.say(query).events[0]["message_id"]
        found = caller.get(f"/messages/{message_id}/suggested?user=ann").json()
        assert found["result"] == "success"
        assert len(found["data"]) == 3
        assert word in "".join(found["data"])
