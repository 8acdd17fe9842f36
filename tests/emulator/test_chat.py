"""What is said, and how: languages, modes, conversations, checks."""

from collections.abc import Callable
from typing import Any

import pytest

from .caller import Caller

CHAT_KEYS = ["app-chat", "app-agent", "app-chatflow"]


@pytest.mark.parametrize("key", CHAT_KEYS)
@pytest.mark.parametrize(("query", "word"), [("Hello", "emulator"), ("你好 Dify", "模拟器")])
def test_the_answer_is_prose_about_the_prompt_in_its_language(
    app: Callable[[str], Caller], key: str, query: str, word: str
) -> None:
    answer = app(key).say(query)
    assert query in answer.text
    assert word in answer.text
    assert 30 <= sum(bool(event.get("answer")) for event in answer.events) <= 60
    assert app(key).say(query).text == answer.text


@pytest.mark.parametrize("key", ["app-chat", "app-chatflow"])
@pytest.mark.parametrize("mode", ["blocking", None])
def test_blocking_says_the_same_at_once(
    app: Callable[[str], Caller], key: str, mode: str | None
) -> None:
    whole = app(key).post("/chat-messages", app(key).message("Hi", mode or "", response_mode=mode))
    assert whole.header("Content-Type") == "application/json; charset=utf-8"
    assert whole.json()["answer"] == app(key).say("Hi").text
    used = whole.json()["metadata"]["usage"]
    assert used["total_tokens"] == used["prompt_tokens"] + used["completion_tokens"]


def test_usage_is_the_same_each_time(chat: Caller) -> None:
    counts = [
        {key: value for key, value in said.events[-1]["metadata"]["usage"].items() if key != skip}
        for said in (chat.say(), chat.say())
        for skip in ("latency",)
    ]
    for one in counts:
        one.pop("time_to_generate")
    assert counts[0] == counts[1]


def test_the_agent_thinks_its_answer(app: Callable[[str], Caller]) -> None:
    answer = app("app-agent").say()
    first, last = (event for event in answer.events if event["event"] == "agent_thought")
    assert (first["thought"], last["thought"]) == ("", answer.text)
    assert first["id"] == last["id"]


def test_the_chatflow_tells_its_answer_three_times(app: Callable[[str], Caller]) -> None:
    answer = app("app-chatflow").say("Hi", inputs={"topic": "tea", "n": "7"})
    events = {event["event"]: event for event in answer.events}
    assert events["workflow_finished"]["data"]["outputs"]["answer"] == answer.text
    told = events["workflow_started"]["data"]["inputs"]
    assert (told["topic"], told["style"], told["n"], told["sys.query"]) == ("tea", None, 7, "Hi")


def test_a_conversation_goes_on(app: Callable[[str], Caller]) -> None:
    flow = app("app-chatflow")
    first = flow.say("one").events[0]
    second = flow.say("two", conversation_id=first["conversation_id"]).events[0]
    assert second["conversation_id"] == first["conversation_id"]
    assert second["data"]["inputs"]["sys.dialogue_count"] == 2
    stored = flow.messages(first["conversation_id"])
    assert [message["query"] for message in stored] == ["one", "two"]


def test_with_a_file_all_text_of_a_chat_comes_in_file_events(app: Callable[[str], Caller]) -> None:
    chat = app("app-chat")
    file_id = chat.upload().json()["id"]
    files = [{"type": "image", "transfer_method": "local_file", "upload_file_id": file_id}]
    answer = chat.say("look", files=files)
    assert answer.names == ["message_file", "message_end"]
    assert "1 attached file" in answer.text
    kept = chat.messages(answer.events[0]["conversation_id"])[0]["message_files"]
    assert [file["upload_file_id"] for file in kept] == [file_id]
    assert app("app-agent").say("look", files=files).names[1] == "agent_message"


def test_a_file_by_url_is_believed(chat: Caller) -> None:
    files = [{"type": "image", "transfer_method": "remote_url", "url": "http://x.test/a/cat.png"}]
    answer = chat.say("look", files=files)
    kept = chat.messages(answer.events[0]["conversation_id"])[0]["message_files"][0]
    assert (kept["filename"], kept["mime_type"]) == ("cat.png", "image/png")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"query": ""}, "query is required"),
        ({"user": 0}, "Arg user must be provided."),
        ({"inputs": {"tier": "gold"}}, "tier in input form must be one of the following: "),
        ({"inputs": {"age": "old"}}, "age in input form must be a valid number"),
        ({"inputs": {"name": 5}}, "(type 'text-input') name in input form must be a string"),
        ({"inputs": {"name": "x" * 49}}, "name in input form must be less than 48 characters"),
        (
            {"files": [1]},
            "1 validation error for ChatRequestPayload\nfiles.0\n  Input should be a v",
        ),
        ({"conversation_id": "zz"}, "1 validation error for ChatRequestPayload\nconversation_id\n"),
        ({"auto_generate_name": []}, "1 validation error for ChatRequestPayload\nauto_generate_na"),
        (
            {"inputs": 1, "query": 2},
            "2 validation errors for ChatRequestPayload\ninputs\n  Input should be a valid dict",
        ),
    ],
)
def test_what_is_refused(chat: Caller, changed: dict[str, Any], message: str) -> None:
    answer = chat.say(**{"query": "Hi", **changed})
    assert answer.status == 400
    assert answer.json()["code"] == "invalid_param"
    assert answer.json()["message"].startswith(message)


def test_an_agent_streams_only(app: Callable[[str], Caller]) -> None:
    answer = app("app-agent").say(mode="blocking")
    assert answer.json()["message"] == "Agent Chat App does not support blocking mode"


def test_a_name_is_made_unless_it_is_not_wanted(chat: Caller) -> None:
    chat.say("Tell me  about\ntea")
    chat.say("Tell me more", auto_generate_name=False)
    names = [one["name"] for one in chat.get("/conversations?user=ann").json()["data"]]
    assert names == ["New conversation", "Tell me about tea"]


def test_the_introduction_greets_by_the_form(chat: Caller) -> None:
    chat.say(inputs={"name": "Ann", "banana": 1})
    (one,) = chat.get("/conversations?user=ann").json()["data"]
    assert one["introduction"] == "Hello Ann, 你好!"
    assert one["inputs"] == {"name": "Ann", "bio": None, "tier": None, "age": None, "agree": None}


@pytest.mark.parametrize(
    ("query", "user", "fault"),
    [("\\ud800", "ann", "type=string_unicode"), ("Hi", "\\ud800", "surrogates not allowed")],
)
def test_half_a_character_is_no_text(chat: Caller, query: str, user: str, fault: str) -> None:
    body = f'{{"inputs": {{}}, "query": "{query}", "user": "{user}", "response_mode": "streaming"}}'
    answer = chat.post("/chat-messages", body.encode(), "Content-Type: application/json")
    assert (answer.status, answer.json()["code"]) == (400, "invalid_param")
    assert fault in answer.json()["message"]
