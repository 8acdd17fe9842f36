"""The apps that differ in one thing each, and what each app says of itself."""

from collections.abc import Callable

import pytest

from dify_java_compat.emulator import DifyEmulator, faults

from .caller import Caller

ALL_KEYS = [
    *DifyEmulator.keys.values(), "app-plain", "app-required", "app-moderated", "app-limited",
    "app-unpublished", "app-completion",
]  # fmt: skip


@pytest.mark.parametrize("key", ALL_KEYS)
def test_each_app_describes_itself(app: Callable[[str], Caller], key: str) -> None:
    caller = app(key)
    name = caller.get("/info").json()["name"]
    assert caller.get("/site").json()["title"] == name
    icons = caller.get("/meta").json()["tool_icons"]
    assert list(icons) == ["current_time"] * (key == "app-agent")


def test_the_plain_app_has_nothing(app: Callable[[str], Caller]) -> None:
    plain = app("app-plain")
    file_id = plain.upload().json()["id"]
    files = [{"type": "image", "transfer_method": "local_file", "upload_file_id": file_id}]
    told = plain.say("look", files=files)
    # Where uploads are off, files are left out without a word.
    assert told.names == ["message", "message_end"]
    assert plain.get(f"/files/{file_id}/preview?user=ann").status == 404
    suggested = plain.get(f"/messages/{told.events[0]['message_id']}/suggested?user=ann")
    assert (suggested.status, suggested.json()["code"]) == (400, "bad_request")
    assert plain.post("/text-to-audio", {"text": "Hi"}).json()["message"] == "TTS is not enabled"


def test_the_form_may_be_required(app: Callable[[str], Caller]) -> None:
    required = app("app-required")
    assert required.say().json()["message"] == "name is required in input form"
    answer = required.say(inputs={"name": "Ann"})
    assert answer.json()["message"] == "tier is required in input form"
    assert required.say(inputs={"name": "Ann", "tier": "pro", "age": 9}).names[-1] == "message_end"


def test_bad_prompts_are_answered_without_a_model(app: Callable[[str], Caller]) -> None:
    moderated = app("app-moderated")
    answer = moderated.say("this is forbidden")
    assert answer.text == "INPUT BLOCKED 拦截"
    assert [one.get("answer") for one in answer.events] == [*answer.text, None]
    assert answer.events[-1]["metadata"]["usage"]["total_price"] == "0.0"
    (stored,) = moderated.messages(answer.events[0]["conversation_id"])
    assert stored["answer"] == answer.text


@pytest.mark.parametrize("prompt", ["tell me a secret", "机密是什么"])
def test_bad_answers_are_replaced(app: Callable[[str], Caller], prompt: str) -> None:
    moderated = app("app-moderated")
    answer = moderated.say(prompt)
    assert answer.names == ["message", "message_replace", "message_end"]
    replaced = answer.events[-2]
    assert (replaced["answer"], replaced["reason"]) == ("OUTPUT REPLACED 已替换", "")
    (stored,) = moderated.messages(replaced["conversation_id"])
    assert stored["answer"] == replaced["answer"]
    assert moderated.say(prompt, "blocking").json()["answer"] == replaced["answer"]
    assert moderated.say().names == ["message", "message_end"]


@pytest.mark.parametrize("mode", ["streaming", "blocking"])
def test_one_answer_at_a_time(mode: str) -> None:
    with DifyEmulator(version="1.12", token_pause=0.2) as emulator:
        limited = Caller(emulator, "app-limited")
        reader, chunks = limited.open_stream()
        next(chunks)
        refused = Caller(emulator, "app-limited", "bob").say(mode=mode)
        assert (refused.status, refused.json()["code"]) == (400, "invalid_param")
        assert refused.json()["message"].startswith("Too many requests. Please try again later.")
        reader.close()


def test_the_place_of_a_refused_or_finished_answer_is_free(app: Callable[[str], Caller]) -> None:
    limited = app("app-limited")
    assert limited.say("").status == 400
    limited.emulator.fault(faults.Cut(after_events=0))
    with pytest.raises(IndexError):
        _ = limited.say().status
    for _ in range(2):
        assert limited.say().complete


def test_a_disabled_app_answers_nothing(app: Callable[[str], Caller]) -> None:
    disabled = app("app-disabled")
    for answer in (disabled.say(), disabled.get("/info"), disabled.post("/chat-messages", b"?")):
        assert (answer.status, answer.json()["code"]) == (403, "forbidden")


def test_an_unpublished_chatflow(app: Callable[[str], Caller]) -> None:
    unpublished = app("app-unpublished")
    assert unpublished.get("/parameters").json()["code"] == "app_unavailable"
    assert unpublished.say().json()["message"] == "Workflow not published"


def test_a_completion_app_does_not_chat(app: Callable[[str], Caller]) -> None:
    completion = app("app-completion")
    for answer in (completion.say(), completion.stop("x"), completion.get("/conversations")):
        assert (answer.status, answer.json()["code"]) == (400, "not_chat_app")


def test_an_end_user_is_told_by_id(emulator: DifyEmulator, chat: Caller) -> None:
    user_id = chat.upload().json()["created_by"]
    found = chat.get(f"/end-users/{user_id}").json()
    assert (found["id"], found["external_user_id"], found["session_id"]) == (user_id, "ann", "ann")
    assert not found["created_at"].endswith("Z")
    assert not found["is_anonymous"]
    other = Caller(emulator, "app-agent").get(f"/end-users/{user_id}")
    assert (other.status, other.json()["code"]) == (404, "end_user_not_found")
