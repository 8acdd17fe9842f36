"""What the operations say to wrong values: of a message, files, inputs, variables, uploads.

The texts are the real server's, as in `test_rules`.
"""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

from .caller import Caller, fails

UUID = "00000000-0000-4000-8000-000000000000"

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
