"""Runs that wait for a person, runs that are resumed, and what a chatflow's errors look like."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from dify_java_compat import (
    DifyException,
    HttpClientException,
    HumanInputSubmitRequest,
    RequestsDifyChat,
    WorkflowPausedData,
    collect,
)

from .live import LONG, Live, NotTried
from .proxy import CuttingProxy


def _reason(answer: Any) -> dict[str, Any]:
    assert answer.event == "workflow_paused", f"the run did not pause: {answer.event}"
    assert answer.workflow_status == "paused"
    assert isinstance(answer.data, WorkflowPausedData)
    assert answer.workflow_run_id
    return dict((answer.data.reasons or [{}])[0])


def paused_send(live: Live) -> str:
    with live.chat("human") as chat:
        return f"token: {bool(_reason(chat.send(live.question())).get('form_token'))}"


def paused_collect(live: Live) -> str:
    with live.chat("human") as chat:
        answer = collect(chat.sendChatMessageStream(live.question()))
    return f"token: {bool(_reason(answer).get('form_token'))}"


def _values(form: Any) -> dict[str, Any]:
    """A value for each field of a form."""
    values: dict[str, Any] = {}
    for field in form.inputs or []:
        options = (field.get("option_source") or {}).get("value")
        if field["type"] in ("file", "file-list"):
            raise NotTried("the form wants a file")
        values[field["output_variable_name"]] = options[0] if options else "fine 好"
    return values


def _submit(live: Live, chat: RequestsDifyChat, token: str) -> None:
    form = chat.humanInputForm(token)
    action = (form.user_actions or [])[0]["id"]
    request = HumanInputSubmitRequest(
        user_id=live.user, form_token=token, inputs=_values(form), action=action
    )
    chat.submitHumanInputForm(request)
    with pytest.raises(HttpClientException) as twice:
        chat.submitHumanInputForm(request)
    assert twice.value.status_code == 412, twice.value


def answered(live: Live) -> str:
    """The order that loses nothing: a snapshot, and each form once."""
    submitted: set[str] = set()
    with live.chat("human", call_timeout=live.wait) as chat:
        answer = collect(chat.sendChatMessageStream(live.question()))
        _reason(answer)
        status: Any = None
        for item in chat.workflowEvents(
            answer.workflow_run_id,
            user_id=live.user,
            include_state_snapshot=True,
            continue_on_pause=True,
        ):
            token = getattr(item.data, "form_token", None)
            if item.event == "human_input_required" and token not in submitted:
                assert token, "a form without a token: it goes by e-mail"
                submitted.add(token)
                _submit(live, chat, token)
            if item.event == "workflow_finished":
                status = getattr(item.data, "status", None)
        assert status is not None, "the run did not end"
        assert chat.workflowRun(answer.workflow_run_id).status == "succeeded"
    return f"{len(submitted)} forms, {status}"


def resumed(live: Live) -> str:
    """A stream that a proxy cuts in its midst is taken up again, and is whole."""
    with CuttingProxy(live.url, after_bytes=6000) as proxy:
        with live.chat("chatflow", proxy.url, resume_streams=True) as chat:
            answer = collect(chat.sendChatMessageStream(live.question(LONG)))
        if not proxy.cuts:
            raise NotTried("the answer was too short to be cut")
    assert answer.workflow_status == "succeeded", answer.workflow_status
    with live.chat("chatflow") as chat:
        run = chat.workflowRun(answer.workflow_run_id)
    outputs = run.outputs if isinstance(run.outputs, dict) else {}
    assert answer.answer == outputs.get("answer"), "the answer is another than the run's"
    return f"{proxy.cuts} cut, {len(answer.answer or '')} characters"


def unknown_conversation(live: Live) -> str:
    """404 on 1.12; a new conversation, and a word about it, on 1.14."""
    question = live.question(conversation_id=str(uuid.uuid4()))
    with live.chat("chatflow", strict_conversation=True) as chat:
        try:
            collect(chat.sendChatMessageStream(question))
        except DifyException as error:
            return f"{type(error).__name__}: {str(error)[:120]}"
    raise AssertionError("an unknown conversation was taken without a word")


HUMAN = {
    "send says that it is paused": paused_send,
    "collect says that it is paused": paused_collect,
    "humanInputForm, submitHumanInputForm, workflowEvents": answered,
}
RUNS = {
    "resumed behind a proxy that cuts": resumed,
    "an unknown conversation of a chatflow": unknown_conversation,
}
