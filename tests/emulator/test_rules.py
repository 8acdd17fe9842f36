"""What each operation says to a wrong key, path, body, user, app, page or id, by tables.

The texts are the real server's: those of its recordings, of pydantic 2.11, and of its own checks.
"""

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

from dify_java_compat.emulator import DifyEmulator
from dify_java_compat.emulator.routes import ROUTES
from tests.support.client import request_bytes

from .caller import Caller, fails

UUID = "00000000-0000-4000-8000-000000000000"
JSON = "Content-Type: application/json"


def path_of(rule: str) -> str:
    """A path that fits a route's rule."""
    filled = rule
    for name in ("<uuid:", "<string:"):
        while name in filled:
            before, _, rest = filled.partition(name)
            filled = before + UUID + rest.partition(">")[2]
    return filled


JSON_ROUTES = [one for one in ROUTES if one.user == "json" or one.json]
USERS_BY_JSON = [one for one in JSON_ROUTES if one.user == "json"]
PAYLOADS = [one for one in JSON_ROUTES if one.user is None]


def named(route: Any) -> str:
    return f"{route.method} {route.path}"


@pytest.mark.parametrize("route", ROUTES, ids=named)
def test_every_operation_wants_a_key(emulator: DifyEmulator, route: Any) -> None:
    for header, message in (
        ((), "Authorization header must be provided and start with 'Bearer'"),
        (("Authorization: Bearer",), "Authorization header must be provided"),
        (("Authorization: Token x",), "Authorization scheme must be 'Bearer'"),
        (("Authorization: bearer nobody",), "Access token is invalid"),
    ):
        request = request_bytes(route.method, f"/v1{path_of(route.path)}", None, None, header)
        answer = Caller(emulator).raw(request)
        fails(answer, 401, "unauthorized", message)
        assert answer.header("WWW-Authenticate") == 'Bearer realm="api"'


@pytest.mark.parametrize("route", ROUTES, ids=named)
def test_every_operation_has_its_methods_and_its_exact_path(chat: Caller, route: Any) -> None:
    path = f"/v1{path_of(route.path)}"
    methods = {one.method for one in ROUTES if one.path == route.path}
    for method in sorted({"GET", "POST", "PUT", "PATCH", "DELETE"} - methods):
        answer = chat.raw(request_bytes(method, path, chat.key))
        fails(answer, 405, "method_not_allowed", "The method is not allowed for the requested URL.")
    options = chat.raw(request_bytes("OPTIONS", path, None))
    assert options.status == 200
    allowed = set((options.header("Allow") or "").split(", "))
    assert allowed == methods | {"OPTIONS"} | ({"HEAD"} if "GET" in methods else set())
    slashed = chat.raw(request_bytes(route.method, f"{path}/", chat.key))
    assert (slashed.status, slashed.header("Content-Type")) == (404, "text/html; charset=utf-8")
    if "<uuid:" in route.path:
        bad = chat.raw(request_bytes(route.method, path.replace(UUID, "banana"), chat.key))
        assert (bad.status, bad.header("Content-Type")) == (404, "text/html; charset=utf-8")


@pytest.mark.parametrize("route", JSON_ROUTES, ids=named)
def test_a_body_must_be_json(chat: Caller, route: Any) -> None:
    path = f"/v1{path_of(route.path)}"
    for body, headers, status, code in (
        (None, (), 415, "unsupported_media_type"),
        (b"{}", (), 415, "unsupported_media_type"),
        (b"a=b", ("Content-Type: application/x-www-form-urlencoded",), 415,
         "unsupported_media_type"),
        (b"{", (JSON,), 400, "bad_request"),
        (b"", (JSON,), 400, "bad_request"),
        (b"\xff\xfe\xfd", (JSON,), 400, "bad_request"),
    ):  # fmt: skip
        answer = chat.raw(request_bytes(route.method, path, chat.key, body, headers))
        fails(answer, status, code, "")


@pytest.mark.parametrize("body", ["[]", "[1]", "null", '"x"', "0", "true"])
@pytest.mark.parametrize("route", USERS_BY_JSON, ids=named)
def test_a_body_that_is_no_object_has_no_user(faithful: Caller, route: Any, body: str) -> None:
    request = request_bytes(
        route.method, f"/v1{path_of(route.path)}", faithful.key, body.encode(), (JSON,)
    )
    answer = faithful.raw(request)
    assert answer.status == 500
    assert list(answer.json().items()) == [
        ("message", "Internal Server Error"), ("code", "unknown"), ("status", 500),
    ]  # fmt: skip


@pytest.mark.parametrize("route", PAYLOADS, ids=named)
def test_a_model_judges_what_is_no_object(chat: Caller, route: Any) -> None:
    path = f"/v1{path_of(route.path)}"
    for body in (b"[]", b"null", b"0", b'""'):
        answer = chat.raw(request_bytes(route.method, path, chat.key, body, (JSON,)))
        fails(answer, 400, "invalid_param", "Field required [type=missing, input_value={}, input")
    answer = chat.raw(request_bytes(route.method, path, chat.key, b"[1]", (JSON,)))
    fails(answer, 400, "invalid_param", "Input should be a valid dictionary or instance of Ann")
    assert "[type=model_type, input_value=[1], input_type=list]" in answer.json()["message"]


@pytest.mark.parametrize("route", [one for one in ROUTES if one.user_required], ids=named)
@pytest.mark.parametrize("user", ["absent", None, "", 0, False, [], {}])
def test_a_user_is_needed_and_may_be_anything(chat: Caller, route: Any, user: Any) -> None:
    path = f"/v1{path_of(route.path)}"
    key = "app-workflow" if "workflow" in route.path else "app-chat"
    body: Any = None
    if route.user == "json":
        body = {} if user == "absent" else {"user": user}
    elif user not in ("absent", ""):
        return
    elif user == "":
        path += "?user="
    answer = chat.raw(request_bytes(route.method, path, key, body))
    fails(answer, 400, "invalid_param", "Arg user must be provided.")


@pytest.mark.parametrize("user", [7, 1.5, True, ["a"], {"a": 1}, "名 ", "x" * 255])
def test_a_user_is_what_it_reads_as(chat: Caller, user: Any) -> None:
    body = chat.message() | {"user": user}
    conversation_id = chat.post("/chat-messages", body).events[0]["conversation_id"]
    found = chat.get(f"/conversations?user={quote(str(user))}").json()["data"]
    assert [one["id"] for one in found] == [conversation_id]


NUL = "A string literal cannot contain NUL (0x00) characters."


def test_no_text_is_stored_with_a_nul(chat: Caller) -> None:
    first = chat.say("a\0b").events[0]
    (stored,) = chat.messages(first["conversation_id"])
    assert stored["query"] == "ab"
    conversation, message = first["conversation_id"], first["message_id"]
    fails(chat.get("/conversations?user=a%00b"), 400, "invalid_param", NUL)
    for path, body in (
        (f"/conversations/{conversation}/name", {"name": "a\0", "user": "ann"}),
        (f"/messages/{message}/feedbacks", {"rating": "like", "content": "\0", "user": "ann"}),
        ("/apps/annotations", {"question": "\0", "answer": ""}),
        ("/chat-messages", chat.message() | {"user": "\0"}),
    ):
        fails(chat.post(path, body), 400, "invalid_param", NUL)


@pytest.mark.parametrize("key", ["app-completion", "app-workflow"])
@pytest.mark.parametrize("route", [one for one in ROUTES if one.chat_only], ids=named)
def test_chats_are_for_chat_apps(app: Callable[[str], Caller], key: str, route: Any) -> None:
    path = f"/v1{path_of(route.path)}?user=ann"
    body = {"user": "ann"} if route.user == "json" else None
    answer = app(key).raw(request_bytes(route.method, path, key, body))
    fails(answer, 400, "not_chat_app", "Please check if your app mode matches the right API route.")


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/completion-messages", "app_unavailable"),
        ("/completion-messages/x/stop", "app_unavailable"),
        ("/workflows/run", "not_workflow_app"),
        (f"/workflows/{UUID}/run", "not_workflow_app"),
        ("/workflows/tasks/x/stop", "not_workflow_app"),
    ],
)
@pytest.mark.parametrize("key", ["app-chat", "app-agent", "app-chatflow"])
def test_runs_and_completions_are_not_for_chats(
    app: Callable[[str], Caller], key: str, path: str, code: str
) -> None:
    fails(app(key).post(path, {"inputs": {}, "user": "ann"}), 400, code, "")


LISTS = {
    "/conversations": "ConversationListQuery",
    "/messages": "MessageListQuery",
    "/conversations/{id}/variables": "ConversationVariablesQuery",
    "/workflows/logs": "WorkflowLogQuery",
    "/app/feedbacks": "FeedbackListQuery",
}
TOO_SMALL = "Input should be greater than or equal to 1 [type=greater_than_equal, "
TOO_LARGE = "Input should be less than or equal to {most} [type=less_than_equal, "
NO_NUMBER = (
    "Input should be a valid integer, unable to parse string as an integer [type=int_parsing, "
)


@pytest.mark.parametrize("path", LISTS)
def test_the_size_of_a_page(app: Callable[[str], Caller], path: str) -> None:
    flow = app("app-chatflow")
    own = flow.say().events[0]["conversation_id"]
    found = f"{path.format(id=own)}?user=ann&conversation_id={own}&limit="
    most = 101 if path == "/app/feedbacks" else 100
    wrong = {
        "0": TOO_SMALL, "-1": TOO_SMALL, "-0.0": TOO_SMALL, str(most + 1): TOO_LARGE,
        "9" * 60: TOO_LARGE, "abc": NO_NUMBER, "": NO_NUMBER, "1.5": NO_NUMBER, "1e1": NO_NUMBER,
        "٣": NO_NUMBER, "0x1": NO_NUMBER,
    }  # fmt: skip
    for limit, text in wrong.items():
        answer = flow.get(found + quote(limit))
        shown = limit if len(limit) < 50 else f"{limit[:24]}...{limit[-23:]}"
        expected = f"1 validation error for {LISTS[path]}\nlimit\n  {text.format(most=most)}"
        fails(answer, 400, "invalid_param", expected)
        assert f"input_value='{shown}', input_type=str]" in answer.json()["message"]
    for limit, size in {"1": 1, "100": 100, "%2B7": 7, "+5": 5, "1_0": 10, "3.0": 3}.items():
        answer = flow.get(found + limit)
        assert answer.status == 200, answer
        assert answer.json().get("limit", size) == size


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/conversations?last_id={other}", "Last Conversation Not Exists."),
        ("/messages?conversation_id={other}", "Conversation Not Exists."),
        ("/messages?conversation_id={own}&first_id={other}", "First Message Not Exists."),
        ("/messages/{other}/suggested?", "Message Not Exists."),
        ("/conversations/{other}/variables?", "Conversation Not Exists."),
    ],
)
def test_ids_of_nothing_and_of_others(emulator: DifyEmulator, path: str, message: str) -> None:
    caller = Caller(emulator)
    own = caller.say().events[0]
    bobs = Caller(emulator, user="bob").say().events[0]
    foreign = Caller(emulator, "app-agent").say().events[0]
    kind = "message_id" if "essage " in message else "conversation_id"
    for other in (UUID, bobs[kind], foreign[kind]):
        found = path.format(own=own["conversation_id"], other=other)
        fails(caller.get(f"{found}&user=ann"), 404, "not_found", message)
    # In whatever spelling, an id is the same id.
    spelt = own["conversation_id"].upper()
    assert len(caller.get(f"/messages?conversation_id={spelt}&user=ann").json()["data"]) == 1
    again = caller.say(conversation_id=f" {spelt.replace('-', '')} ")
    assert again.events[0]["conversation_id"] == own["conversation_id"]
