"""Every recorded error becomes the exception of its status, with Dify's own code and message."""

from __future__ import annotations

import json
import pickle
from typing import Any

import pytest

from dify_java_compat import HttpClientException
from tests.support.facade import KEY, METHODS, call

from .asking import operation_of, replayed
from .library import Recording, named, recordings, recordings_1_14
from .refusals import class_of

# who asks where the facade has no method of its own for the recorded path
BY_VERB = {
    "GET": "parameters",
    "POST": "stopMessagesStream",
    "PUT": "renameConversation",
    "DELETE": "deleteConversation",
}

# what the recorded server refused nobody
NEVER_REFUSED = {"info", "meta", "site", "feedbacks"}

ERRORS = [
    recording
    for recording in (*recordings(), *recordings_1_14())
    if recording.status >= 300 and recording.method in BY_VERB
]


def raised_by(recording: Recording, **how: Any) -> HttpClientException:
    operation = operation_of(recording) or BY_VERB[recording.method]
    with replayed(recording, **how) as (chat, server):
        with pytest.raises(HttpClientException) as raised:
            call(chat, operation)
        assert len(server.requests) == 1
    assert raised.value.operation == operation
    return raised.value


def test_there_are_errors_of_every_kind() -> None:
    statuses = {recording.status for recording in ERRORS}
    assert statuses >= {308, 400, 401, 403, 404, 405, 413, 415, 500, 504}
    refused = {operation_of(recording) for recording in ERRORS}
    wanted = {None, *METHODS} - NEVER_REFUSED
    assert refused == wanted, (
        f"{refused ^ wanted}: a method that no recorded server has belongs in UNRECORDED of "
        "tests/support/facade.py, "
        "one that it never refused in NEVER_REFUSED"
    )
    assert len([error for error in ERRORS if error.content_type == "text/html"]) >= 14
    assert len(ERRORS) >= 127


@pytest.mark.parametrize("recording", ERRORS, ids=repr)
def test_an_error(recording: Recording) -> None:
    error = raised_by(recording)
    text = recording.body.decode()
    said = json.loads(text) if recording.content_type == "application/json" else {}
    assert type(error) is class_of(recording.status, said.get("code"))
    assert (error.status_code, error.response_body) == (recording.status, text)
    assert error.code == said.get("code")
    assert error.message == (said.get("message") or None)
    assert str(recording.status) in str(error)
    assert (error.code or "") in str(error)
    assert KEY not in str(error)
    assert vars(pickle.loads(pickle.dumps(error))).items() >= vars(error).items()


@pytest.mark.parametrize("recording", ERRORS, ids=repr)
def test_an_error_byte_by_byte(recording: Recording) -> None:
    assert raised_by(recording, piece=1).response_body == recording.body.decode()


def test_a_page_of_a_proxy_is_told_in_plain_text() -> None:
    error = raised_by(named("proxy-err-504"))
    assert (error.code, error.message) == (None, None)
    assert "504 Gateway Time-out" in str(error)
    assert "<" not in str(error)


def test_a_redirect_to_another_origin_says_where_and_is_not_followed() -> None:
    assert "http://127.0.0.1:5001/v1/parameters" in str(raised_by(named("double-slash")))


def test_dify_s_code_is_kept_where_the_status_is_common() -> None:
    assert raised_by(named("audio-to-text-no-file")).code == "bad_request_key_error"
    assert raised_by(named("audio-to-text-webm")).code == "unsupported_audio_type"
    assert raised_by(named("err-conversation-unknown-chat")).message is not None
