"""Annotations, and the answers given from them."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest

from dify_java_compat.emulator import DifyEmulator

from .caller import Caller

SETTINGS = {
    "score_threshold": 0.9,
    "embedding_provider_name": "some/some/some",
    "embedding_model_name": "some-embedding",
}


def add(caller: Caller, question: str, answer: str = "A 答") -> dict[str, Any]:
    made = caller.post("/apps/annotations", {"question": question, "answer": answer})
    assert made.status == 201
    return dict(made.json())


def test_annotations_live_and_die(emulator: DifyEmulator, chat: Caller) -> None:
    made = add(chat, "Q?")
    path = f"/apps/annotations/{made['id']}"
    changed = chat.put(path, {"question": "Q!", "answer": "A!"}).json()
    assert changed == {**made, "question": "Q!", "answer": "A!"}
    assert chat.get("/apps/annotations").json()["data"] == [changed]
    other = Caller(emulator, "app-agent")
    assert other.get("/apps/annotations").json()["total"] == 0
    assert other.delete(path).status == 404
    assert (chat.delete(path).status, chat.delete(path).status) == (204, 404)
    assert chat.put(path, {"question": "Q!", "answer": "A!"}).status == 404


def test_pages_and_keywords(chat: Caller) -> None:
    for number in range(3):
        add(chat, f"Question {number}")
    page = chat.get("/apps/annotations?limit=2").json()
    assert [one["question"] for one in page["data"]] == ["Question 2", "Question 1"]
    assert (page["has_more"], page["total"], page["limit"], page["page"]) == (True, 3, 2, 1)
    last = chat.get("/apps/annotations?limit=2&page=2").json()
    assert ([one["question"] for one in last["data"]], last["has_more"]) == (["Question 0"], False)
    found = chat.get("/apps/annotations?keyword=QUESTION%201&limit=abc&page=0").json()
    assert (found["total"], found["limit"], found["page"]) == (1, 20, 0)


@pytest.mark.parametrize("body", [{"answer": "a"}, {"question": None, "answer": "a"}])
def test_both_texts_are_needed(chat: Caller, body: dict[str, Any]) -> None:
    answer = chat.post("/apps/annotations", body)
    assert answer.status == 400
    assert answer.json()["message"].startswith("1 validation error for AnnotationCreatePayload\nq")
    assert chat.post("/apps/annotations", b"x=1").status == 415


@pytest.mark.parametrize(
    ("key", "pieces"), [("app-chat", 4), ("app-agent", 4), ("app-chatflow", 1)]
)
def test_an_annotation_answers_where_that_is_enabled(
    app: Callable[[str], Caller], key: str, pieces: int
) -> None:
    caller = app(key)
    made = add(caller, "Why?", "因为 4")
    assert caller.say("Why?").text != "因为 4"
    caller.post("/apps/annotation-reply/enable", SETTINGS)
    answer = caller.say("Why?")
    assert answer.names == ["message", "message_end"]
    assert (answer.text, len(answer.events)) == ("因为 4", pieces + 1)
    assert answer.events[-1]["metadata"]["annotation_reply"]["id"] == made["id"]
    assert caller.get("/apps/annotations").json()["data"][0]["hit_count"] == 1
    published = caller.get("/parameters").json()["annotation_reply"]
    assert (published["enabled"], published["score_threshold"]) == (True, 0.9)
    caller.post("/apps/annotation-reply/disable", SETTINGS)
    assert caller.say("Why?").text != "因为 4"
    assert caller.get("/parameters").json()["annotation_reply"] == {"enabled": False}


def test_a_job_waits_and_is_done(chat: Caller) -> None:
    made = chat.post("/apps/annotation-reply/enable", SETTINGS).json()
    assert made["job_status"] == "waiting"
    path = f"/apps/annotation-reply/enable/status/{made['job_id']}"
    states = [chat.get(path).json()["job_status"] for _ in range(3)]
    assert states == ["waiting", "completed", "completed"]
    for unknown in (path.replace("enable", "disable"), path[:-36] + str(uuid.uuid4())):
        answer = chat.get(unknown)
        assert (answer.status, answer.json()["message"]) == (400, "The job does not exist.")


def test_what_is_refused(chat: Caller) -> None:
    path = "/apps/annotation-reply/enable"
    message = chat.post(path, {}).json()["message"]
    assert message.startswith("3 validation errors for AnnotationReplyActionPayload\n")
    nonsense: list[Any] = ["high", []]
    for threshold in nonsense:
        answer = chat.post(path, {**SETTINGS, "score_threshold": threshold})
        assert "Input should be a valid number" in answer.json()["message"]
    answer = chat.post("/apps/annotation-reply/banana", SETTINGS)
    assert (answer.status, answer.json()["code"]) == (400, "invalid_param")
