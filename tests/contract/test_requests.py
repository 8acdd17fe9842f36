"""What the client sends, built from a recorded request's own values, is that request again.

Method, path, query and body are compared as they came over a socket; the differences that are meant
are the tables below, and there is no other.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl, unquote

import pytest

from dify_java_compat import DifyException, IllegalArgumentException
from tests.recordings.asking import operation_of, replayed
from tests.recordings.library import DATA, Recording, recordings, recordings_1_14
from tests.support.facade import KEY
from tests.support.server import RecordedRequest

from .calls import Call, Unlike, call_of, parts_of, recorded_json

# what is sent, as the Java SDK does, where the recorded request has no such key
ADDED: dict[str, dict[str, Any]] = {
    "send": {"inputs": {}, "response_mode": "blocking", "auto_generate_name": True},
    "sendChatMessageStream": {"inputs": {}, "auto_generate_name": True},
    "messageFeedback": {"content": "", "rating": None},
    "messages": {"limit": "20"},
    "conversations": {"limit": "20", "sort_by": "-updated_at"},
    "renameConversation": {"name": "", "auto_generate": False},
    "feedbacks": {"page": "1", "limit": "20"},
    "pageAppAnnotation": {"page": "1", "limit": "20"},
    "workflowLogs": {"page": "1", "limit": "20"},
}
ADDED_TO_A_FILE_WITH_A_URL = {"transfer_method": "remote_url"}

# what counts as not given
LEFT_OUT: dict[str, dict[str, Any]] = {
    "send": {"response_mode": None},
    "messages": {"first_id": ""},
}

# Dify takes five audio types by these names alone: an alias is renamed, any other type gives way to
# a filename that tells one of the five
AUDIO = ("mp3", "m4a", "wav", "amr", "mpga")
AUDIO_ALIASES = {"audio/mpeg": "mp3", "audio/x-wav": "wav", "audio/mp4": "m4a"}

# what is refused before anything is sent where it is empty: the key, and the field it is
MUST_BE_GIVEN = {
    "send": ("query", "content"),
    "sendChatMessageStream": ("query", "content"),
    "messages": ("conversation_id", "conversation_id"),
    "fileUpload": ("user", "user_id"),
    "updateConversationVariable": ("value", "value"),
    "submitHumanInputForm": ("action", "action"),
}
REFUSED = {
    "err-empty-query-chat-blocking",
    "err-empty-query-chatflow",
    "err-missing-query-chat",
    "err-missing-query-chatflow",
    "err-query-null-chat",
    "variables-put-null",
}

# recorded requests that no call of the facade can make
IMPOSSIBLE = {
    "annotation-reply-bad-action": "action banana, which is no action",
    "audio-to-text-no-file": "no file",
    "audio-to-text-too-large": "recorded in part",
    "chat-stop-no-body": "no JSON body",
    "delete-conversation-no-body": "no JSON body",
    "err-empty-body-chatflow": "no JSON body",
    "err-files-string-chat": "files is not a list",
    "err-form-content-type-chatflow": "a form",
    "err-invalid-json-chatflow": "half a JSON body",
    "err-json-array-chat": "an array",
    "err-json-array-chatflow": "an array",
    "err-response-mode-chat": "response_mode banana",
    "err-upload-two-files": "two files",
    "err-upload-wrong-field": "a file under another name",
    "nginx-err-413": "recorded in part",
    "parameters-with-user": "a user, which parameters does not take",
    "text-to-audio-streaming": "streaming, which no DTO has",
    "unknown-body-field-chat": "banana, which no DTO has",
}


def sent_by(recording: Recording, call: Call) -> RecordedRequest:
    with replayed(recording) as (chat, server):
        try:
            call(chat)
        except IllegalArgumentException:
            assert server.requests == []
            raise
        except DifyException:
            pass  # what the recorded answer becomes is not the question here
        (request,) = server.requests
    return request


def with_known_differences(operation: str, given: dict[str, Any]) -> dict[str, Any]:
    left_out = LEFT_OUT.get(operation, {})
    kept = {k: v for k, v in given.items() if k not in left_out or left_out[k] != v}
    if isinstance(kept.get("files"), list):
        kept["files"] = [
            {**ADDED_TO_A_FILE_WITH_A_URL, **file} if "url" in file else file
            for file in kept["files"]
        ]
    return {**ADDED.get(operation, {}), **kept}


def audio_type(given: str, filename: str) -> str:
    extension = filename.rpartition(".")[2]
    if given.startswith("audio/"):
        return f"audio/{AUDIO_ALIASES.get(given, given.removeprefix('audio/'))}"
    return f"audio/{extension}" if extension in AUDIO else given


def check_body(operation: str, recording: Recording, request: RecordedRequest) -> None:
    kind = request.headers.get("content-type", "")
    if kind.startswith("multipart/form-data"):
        expected = parts_of(recording.request_headers["content-type"], recording.request_body)
        for part in expected:
            if operation == "audioToText" and part.filename:
                part.type = audio_type(part.type or "", part.filename)
        assert parts_of(kind, request.body) == expected
    elif recording.request_body:
        assert kind == "application/json"
        given = recorded_json(recording)
        assert json.loads(request.body) == with_known_differences(operation, given)
    else:
        assert (kind, request.body) == ("", b"")


def is_possible(recording: Recording) -> bool:
    try:
        call_of(recording)
    except Unlike:
        return False
    return True


def is_refused(recording: Recording) -> bool:
    operation = operation_of(recording) or ""
    key, _ = MUST_BE_GIVEN.get(operation, ("", ""))
    if not key:
        return False
    if operation == "fileUpload":
        return b'name="user"' not in recording.request_body
    if operation == "messages":
        return f"{key}=" not in recording.target
    given = recorded_json(recording).get(key)
    return given is None if operation == "updateConversationVariable" else not given


OURS = [one for one in (*recordings(), *recordings_1_14()) if operation_of(one)]
POSSIBLE = [recording for recording in OURS if is_possible(recording)]
SENT = [recording for recording in POSSIBLE if not is_refused(recording)]
NOT_SENT = [recording for recording in POSSIBLE if is_refused(recording)]


def test_the_tables_of_requests_that_are_not_sent_are_whole() -> None:
    def copied(given: list[Recording]) -> set[str]:
        return {recording.name for recording in given if (DATA / recording.name).exists()}

    assert copied(NOT_SENT) == REFUSED
    assert copied(OURS) - copied(POSSIBLE) == set(IMPOSSIBLE)
    assert len(SENT) >= 272


@pytest.mark.parametrize("recording", SENT, ids=repr)
def test_a_request(recording: Recording) -> None:
    operation = operation_of(recording) or ""
    request = sent_by(recording, call_of(recording))
    path, _, query = request.target.partition("?")
    recorded_path, _, recorded_query = recording.target.partition("?")
    assert request.method == recording.method
    assert unquote(path) == unquote(recorded_path)
    pairs = parse_qsl(query, keep_blank_values=True)
    assert len(dict(pairs)) == len(pairs)
    recorded_pairs = dict(parse_qsl(recorded_query, keep_blank_values=True))
    if recording.method == "GET":
        assert dict(pairs) == with_known_differences(operation, recorded_pairs)
    else:
        assert pairs == []
    check_body(operation, recording, request)
    assert request.headers["authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize("recording", NOT_SENT, ids=repr)
def test_a_request_without_what_it_needs_is_refused(recording: Recording) -> None:
    _, field = MUST_BE_GIVEN[operation_of(recording) or ""]
    with pytest.raises(IllegalArgumentException, match=field):
        sent_by(recording, call_of(recording))
