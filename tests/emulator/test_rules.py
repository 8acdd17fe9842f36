"""What each operation answers to each kind of mistake, by tables.

The texts are the real server's: those of its recordings, of pydantic 2.11, and of its own checks.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import pytest

from dify_java_compat.emulator import DifyEmulator
from dify_java_compat.emulator.routes import ROUTES
from tests.support.client import Response, request_bytes

from .caller import Caller

UUID = "00000000-0000-4000-8000-000000000000"
JSON = "Content-Type: application/json"


@pytest.fixture
def faithful() -> Iterator[Caller]:
    """A caller of an emulator with the real server's own faults."""
    with DifyEmulator(token_pause=0.0, quirks=True) as emulator:
        yield Caller(emulator)


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


def fails(answer: Response, status: int, code: str, message: str) -> None:
    """Handled errors have one shape and one order of keys."""
    assert answer.status == status, answer
    body = answer.json()
    assert list(body) == ["code", "message", "status"]
    assert (body["code"], body["status"]) == (code, status)
    assert message in body["message"]


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


CHAT_FAULTS = {
    '{"inputs": {}}': ["query\n  Field required [type=missing"],
    '{"query": "x"}': ["inputs\n  Field required [type=missing"],
    '{"inputs": "x", "query": 1}': [
        "2 validation errors for ChatRequestPayload\ninputs\n  Input should be a valid dictionary"
        " [type=dict_type, input_value='x', input_type=str]",
        "query\n  Input should be a valid string [type=string_type, input_value=1, input_type=int]",
    ],
    '{"files": {}}': ["files\n  Input should be a valid list [type=list_type"],
    '{"files": ["x", {}, 1]}': [
        "2 validation errors",
        "files.0\n  Input should be a valid dictionary [type=dict_type, input_value='x'",
        "files.2\n  Input should be a valid dictionary [type=dict_type, input_value=1",
    ],
    '{"response_mode": "STREAMING"}': ["Input should be 'blocking' or 'streaming' [type=literal_"],
    '{"conversation_id": "x"}': [
        "conversation_id\n  Value error, conversation_id must be a valid UUID [type=value_error"
    ],
    '{"retriever_from": null}': ["retriever_from\n  Input should be a valid string [type=string_t"],
    '{"auto_generate_name": null}': ["Input should be a valid boolean [type=bool_type"],
    '{"auto_generate_name": "maybe"}': [
        "Input should be a valid boolean, unable to interpret input [type=bool_parsing"
    ],
    '{"auto_generate_name": 2}': ["unable to interpret input [type=bool_parsing"],
    '{"auto_generate_name": 1.5}': ["Input should be a valid boolean [type=bool_type"],
    '{"workflow_id": 1}': ["workflow_id\n  Input should be a valid string [type=string_type"],
}


@pytest.mark.parametrize("changed", CHAT_FAULTS)
@pytest.mark.parametrize("key", ["app-chat", "app-agent", "app-chatflow"])
def test_the_faults_of_a_message(app: Callable[[str], Caller], key: str, changed: str) -> None:
    given = json.loads(changed)
    whole = {"inputs": {}, "query": "x"} if set(given).isdisjoint({"inputs", "query"}) else {}
    answer = app(key).post("/chat-messages", whole | given | {"user": "ann"})
    for text in CHAT_FAULTS[changed]:
        fails(answer, 400, "invalid_param", text)


@pytest.mark.parametrize("value", [1, True, [1], {"a": 1}])
def test_an_id_that_is_no_text(chat: Caller, faithful: Caller, value: Any) -> None:
    body = chat.message(conversation_id=value)
    fails(chat.post("/chat-messages", body), 400, "invalid_param", "must be a valid UUID")
    assert faithful.post("/chat-messages", body).json()["code"] == "unknown"


@pytest.mark.parametrize("empty", ["", "  ", None, 0, [], {}, False])
def test_an_empty_id_is_none(chat: Caller, empty: Any) -> None:
    assert chat.say(conversation_id=empty).names == ["message", "message_end"]


FILES = {
    '{"transfer_method": "banana"}': "No matching enum found for value 'banana'",
    '{"transfer_method": "tool_file"}': "ToolFile None not found",
    '{"transfer_method": "local_file"}': "Invalid upload file id",
    '{"transfer_method": "local_file", "upload_file_id": "x"}': "Invalid upload file id format",
    f'{{"transfer_method": "local_file", "upload_file_id": "{UUID}"}}': "Invalid upload file",
    '{"transfer_method": "remote_url"}': "Invalid file url",
    '{"transfer_method": "remote_url", "url": "http://a/cat.png", "type": "banana"}':
        "'banana' is not a valid FileType",
    '{"transfer_method": "remote_url", "url": "http://a/cat.mp4", "type": "video"}':
        "File validation failed for file: cat.mp4",
    '{"transfer_method": "remote_url", "url": "http://a/cat.exe", "type": "custom"}':
        "File validation failed for file: cat.exe",
    '{"transfer_method": "remote_url", "url": "http://a:9/x.png", "type": "image"}':
        "Reached maximum retries (3) for URL http://a:9/x.png",
}  # fmt: skip


@pytest.mark.parametrize("given", FILES)
def test_files_nobody_can_have(chat: Caller, given: str) -> None:
    answer = chat.say(files=[json.loads(given)])
    fails(answer, 400, "invalid_param", FILES[given])
    assert chat.get("/conversations?user=ann").json()["data"] == []


def test_only_a_workflow_insists_on_the_type_of_a_file(app: Callable[[str], Caller]) -> None:
    file = {"transfer_method": "remote_url", "url": "http://a/cat.png", "type": "document"}
    body = {"inputs": {"query": "x"}, "files": [file], "user": "ann"}
    text = "Detected file type does not match the specified type. Please verify the file."
    fails(app("app-workflow").post("/workflows/run", body), 400, "invalid_param", text)
    assert app("app-chat").say(files=[file]).status == 200


@pytest.mark.parametrize(
    ("value", "kept"),
    [(True, True), ("yes", True), (" OFF ", False), (1, True), (0.0, False), (2, 2), ("?", "?")],
)
def test_a_checkbox(chat: Caller, value: Any, kept: Any) -> None:
    first = chat.say(inputs={"agree": value}).events[0]
    (stored,) = chat.messages(first["conversation_id"])
    assert (stored["inputs"]["agree"], type(stored["inputs"]["agree"])) == (kept, type(kept))


def test_inputs_of_the_wrong_kind(chat: Caller, faithful: Caller) -> None:
    for name, value in (("agree", {"a": 1}), ("agree", [{}])):
        answer = chat.say(inputs={name: value})
        fails(answer, 400, "invalid_param", f"Invalid input type for ['{name}']")
    text = "age in input form must be a valid number"
    fails(chat.say(inputs={"age": [1]}), 400, "invalid_param", text)
    fails(faithful.say(inputs={"age": [1]}), 500, "internal_server_error", "The server encountered")
    assert chat.say(inputs={"name": "a\0b"}).status == 200


VARIABLES = {
    "": "Variable name can only contain letters, numbers, hyphens (-), underscores (_), and",
    "-_.": "Variable name can only contain letters",
    "a b": "Variable name can only contain letters",
    "a--b": "Variable name contains invalid characters: --",
    "XP_a": "Variable name contains invalid characters: xp_",
    "a" * 256: "String should have at most 255 characters [type=string_too_long",
}


@pytest.mark.parametrize("name", VARIABLES)
def test_names_of_variables(app: Callable[[str], Caller], name: str) -> None:
    flow = app("app-chatflow")
    own = flow.say().events[0]["conversation_id"]
    path = f"/conversations/{own}/variables?user=ann&variable_name="
    fails(flow.get(path + quote(name)), 400, "invalid_param", VARIABLES[name])
    assert flow.get(path + quote("名-1.x_y")).json()["data"] == []


def test_variables_behind_a_variable(faithful: Caller) -> None:
    """All are made at one moment, and the real server looks for later moments only."""
    flow = Caller(faithful.emulator, "app-chatflow")
    path = f"/conversations/{flow.say().events[0]['conversation_id']}/variables?user=ann"
    page = flow.get(f"{path}&limit=2").json()
    assert (page["has_more"], len(page["data"])) == (True, 2)
    page = flow.get(f"{path}&limit=2&last_id={page['data'][-1]['id']}").json()
    assert (page["has_more"], page["data"]) == (False, [])


def test_names_that_are_too_long(chat: Caller, faithful: Caller) -> None:
    for caller, code in ((chat, "invalid_param"), (faithful, "unknown")):
        own = caller.say().events[0]["conversation_id"]
        path = f"/conversations/{own}/name"
        assert caller.post(path, {"name": "n" * 255, "user": "ann"}).status == 200
        assert caller.post(path, {"name": "n" * 256, "user": "ann"}).json()["code"] == code
        assert caller.get(f"/conversations?user={'u' * 256}").json()["code"] == code


def test_speech_is_refused_last(app: Callable[[str], Caller]) -> None:
    plain = app("app-plain")
    fails(plain.post("/text-to-audio", {}), 400, "invalid_param", "Text is required")
    assert plain.post("/text-to-audio", {"message_id": UUID}).json() is None
    fails(plain.post("/text-to-audio", {"text": "x"}), 400, "invalid_param", "TTS is not enabled")
    answer = plain.post("/text-to-audio", {"voice": 1, "text": 2, "streaming": "x"})
    fails(answer, 400, "invalid_param", "3 validation errors for TextToAudioPayload\nvoice\n")


def test_uploads(chat: Caller) -> None:
    part = 'Content-Disposition: form-data; name="{}"; filename="{}"\r\nContent-Type: {}'
    two = chat.post_form(
        "/files/upload",
        (part.format("file", "a.png", "image/png"), b"x"),
        (part.format("other", "b.png", "image/png"), b"x"),
    )
    fails(two, 400, "too_many_files", "Only one file is allowed.")
    long = chat.upload(f"{'n' * 250}.tar.gz", "application/gzip").json()
    assert (long["name"], long["extension"]) == (f"{'n' * 200}.gz", "gz")
    # The limit is that of the extension, whatever the type says.
    eleven = bytes(11 * 1024 * 1024)
    for name, status in (("a.PNG", 413), ("a.txt", 201)):
        sent = (part.format("file", name, "image/png"), eleven)
        assert chat.post_form("/files/upload", sent).status == status


def test_previews(chat: Caller) -> None:
    for name, kind, ranges in (("a.wav", "audio/wav", "bytes"), ("a.txt", "text/plain", None)):
        file_id = chat.upload(name, kind).json()["id"]
        file = {"type": "audio" if ranges else "document", "upload_file_id": file_id}
        assert chat.say(files=[file | {"transfer_method": "local_file"}]).status == 200
        answer = chat.get(f"/files/{file_id}/preview")
        assert (answer.status, answer.header("Accept-Ranges")) == (200, ranges)


@pytest.mark.parametrize(
    ("moment", "message"),
    [("20", "ISO string too short"), ("banana", "invalid literal for int() with base 10: b'bana'"),
     ("2024-13-01", "month must be in 1..12"), ("2024", None), ("2024-05", None),
     ("2024-05-06T07:08:09Z", None)],
)  # fmt: skip
def test_moments(app: Callable[[str], Caller], moment: str, message: str | None) -> None:
    answer = app("app-chatflow").get(f"/workflows/logs?created_at__after={moment}")
    if message is None:
        assert answer.status == 200, answer
    else:
        fails(answer, 400, "invalid_param", message)
