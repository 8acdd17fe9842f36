"""Variables of conversations, runs of workflows, feedback on an app, files of messages."""

import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from dify_java_compat.emulator import DifyEmulator

from .caller import Caller


def variables(flow: Caller, conversation_id: str, query: str = "") -> dict[str, Any]:
    found = flow.get(f"/conversations/{conversation_id}/variables?user={flow.user}{query}")
    assert found.status == 200, found
    return dict(found.json())


@pytest.fixture
def flow(app: Callable[[str], Caller]) -> Caller:
    return app("app-chatflow")


def test_values_are_strings_in_the_spelling_of_python(flow: Caller) -> None:
    first = flow.say("one").events[0]
    flow.say("two 二", conversation_id=first["conversation_id"])
    found = variables(flow, first["conversation_id"])["data"]
    assert [(one["name"], one["value_type"], one["value"]) for one in found] == [
        ("last_query", "string", "two 二"),
        ("turns", "number", "2"),
        ("items", "array[string]", "['a']"),
        ("obj", "object", "{'k': 1}"),
    ]


def test_variables_come_page_by_page_and_by_name(flow: Caller) -> None:
    own_id = flow.say().events[0]["conversation_id"]
    page = variables(flow, own_id, "&limit=3")
    assert page["has_more"]
    rest = variables(flow, own_id, f"&limit=3&last_id={page['data'][-1]['id']}")
    assert ([one["name"] for one in rest["data"]], rest["has_more"]) == (["obj"], False)
    named = variables(flow, own_id, "&variable_name=turns")
    assert [one["name"] for one in named["data"]] == ["turns"]
    path = f"/conversations/{own_id}/variables?user=ann"
    assert flow.get(f"{path}&last_id={uuid.uuid4()}").json() == {
        "code": "invalid_param", "message": "", "status": 400,
    }  # fmt: skip
    assert "can only contain letters" in flow.get(f"{path}&variable_name=a%20b").json()["message"]


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("last_query", "新", "新"), ("turns", 1.5, "1.5"), ("items", ["x", "中"], "['x', '中']"),
        ("items", [], "[]"), ("obj", {"a": {"b": None}}, "{'a': {'b': None}}"),
    ],
)  # fmt: skip
def test_a_variable_is_set(flow: Caller, name: str, value: Any, shown: str) -> None:
    own_id = flow.say().events[0]["conversation_id"]
    ids = {one["name"]: one["id"] for one in variables(flow, own_id)["data"]}
    path = f"/conversations/{own_id}/variables/{ids[name]}"
    assert flow.put(path, {"value": value, "user": "ann"}).json()["value"] == shown
    assert shown in [one["value"] for one in variables(flow, own_id)["data"]]


@pytest.mark.parametrize(
    ("name", "value", "kind"),
    [
        ("turns", "1", "string"), ("turns", None, "none"), ("turns", True, "boolean"),
        ("turns", [], "array[any]"), ("last_query", 1, "integer"), ("items", [1, 2.0],
        "array[number]"), ("items", ["x", 1], "array[any]"), ("obj", ["x"], "array[string]"),
    ],
)  # fmt: skip
def test_a_value_must_be_of_the_type(flow: Caller, name: str, value: Any, kind: str) -> None:
    own_id = flow.say().events[0]["conversation_id"]
    ids = {one["name"]: one["id"] for one in variables(flow, own_id)["data"]}
    answer = flow.put(
        f"/conversations/{own_id}/variables/{ids[name]}", {"value": value, "user": "ann"}
    )
    assert (answer.status, answer.json()["code"]) == (400, "bad_request")
    assert answer.json()["message"].endswith(f", but got {kind} type")


def test_variables_are_the_users_own(emulator: DifyEmulator, flow: Caller) -> None:
    own_id = flow.say().events[0]["conversation_id"]
    variable_id = variables(flow, own_id)["data"][0]["id"]
    path = f"/conversations/{own_id}/variables"
    assert flow.get(f"{path}?user=bob").status == 404
    assert flow.put(f"{path}/{variable_id}", {"value": "x", "user": "bob"}).status == 404
    unknown = flow.put(f"{path}/{uuid.uuid4()}", {"value": "x", "user": "ann"})
    assert unknown.json()["message"] == "Conversation Variable Not Exists."
    assert flow.put(f"{path}/{variable_id}", {"user": "ann"}).status == 400
    chat = Caller(emulator)
    assert variables(chat, chat.say().events[0]["conversation_id"])["data"] == []


def test_a_run_is_shown_in_strings(flow: Caller) -> None:
    answer = flow.say("Hi", inputs={"topic": "茶"})
    found = flow.get(f"/workflows/run/{answer.events[0]['workflow_run_id']}").json()
    assert (found["status"], found["error"], found["total_steps"]) == ("succeeded", None, 3)
    assert json.loads(found["inputs"])["topic"] == "茶"
    assert json.loads(found["outputs"]) == {"answer": answer.text, "files": []}


def test_unknown_runs(emulator: DifyEmulator, flow: Caller) -> None:
    unknown = flow.get(f"/workflows/run/{uuid.uuid4()}")
    assert unknown.status == 200
    assert set(unknown.json().values()) == {None}
    assert flow.get("/workflows/run/zz").status == 404
    assert Caller(emulator).get("/workflows/run/zz").json()["code"] == "not_workflow_app"


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("", 200), ("status=failed&created_at__before=2026-01-01T00:00:00Z", 200),
        ("page=0", 400), ("status=odd", 400), ("created_at__after=2026-99", 400),
        ("created_by_account=a@b.c", 400), ("keyword=a&created_by_end_user_session_id=b", 200),
    ],
)  # fmt: skip
def test_logs_are_empty_but_checked(flow: Caller, query: str, status: int) -> None:
    flow.say()
    answer = flow.get(f"/workflows/logs?{query}")
    assert answer.status == status
    if status == 200:
        assert answer.json()["data"] == []


def test_feedback_of_all_users_is_listed(emulator: DifyEmulator, chat: Caller) -> None:
    for user, rating in (("ann", "like"), ("bob", "dislike")):
        caller = Caller(emulator, user=user)
        message_id = caller.say().events[0]["message_id"]
        for given in ("like", rating):
            body = {"rating": given, "user": user, "content": f"by {user}"}
            caller.post(f"/messages/{message_id}/feedbacks", body)
    found = chat.get("/app/feedbacks").json()["data"]
    assert [(one["rating"], one["content"]) for one in found] == [
        ("dislike", "by bob"),
        ("like", "by ann"),
    ]
    assert [one["content"] for one in chat.get("/app/feedbacks?limit=1&page=2").json()["data"]] == [
        "by ann"
    ]
    assert Caller(emulator, "app-agent").get("/app/feedbacks").json() == {"data": []}
    assert chat.get("/app/feedbacks?limit=102").status == 400


def test_a_file_is_shown_once_it_was_used(emulator: DifyEmulator, chat: Caller) -> None:
    file_id = chat.upload("猫 1.png").json()["id"]
    path = f"/files/{file_id}/preview"
    assert chat.get(path).json()["code"] == "file_not_found"
    files = [{"type": "image", "transfer_method": "local_file", "upload_file_id": file_id}]
    said = chat.say("look", files=files).events[0]
    shown = Caller(emulator, user="bob").get(f"{path}?user=bob")
    assert (shown.body, shown.header("Content-Type")) == (b"\x89PNG1", "image/png")
    attached = chat.get(f"{path}?as_attachment=true")
    assert attached.header("Content-Type") == "application/octet-stream"
    assert (
        attached.header("Content-Disposition") == "attachment; filename*=UTF-8''%E7%8C%AB%201.png"
    )
    denied = Caller(emulator, "app-agent").get(path)
    assert (denied.status, denied.json()["code"]) == (403, "file_access_denied")
    chat.delete(f"/conversations/{said['conversation_id']}", {"user": "ann"})
    assert chat.get(path).status == 404


def test_a_page_is_not_shown_but_downloaded(chat: Caller) -> None:
    file_id = chat.upload("a.html", "text/html").json()["id"]
    files = [{"type": "document", "transfer_method": "local_file", "upload_file_id": file_id}]
    chat.say("look", files=files)
    shown = chat.get(f"/files/{file_id}/preview")
    assert shown.header("Content-Type") == "application/octet-stream"
