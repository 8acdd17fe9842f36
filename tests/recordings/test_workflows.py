"""Every recorded exchange of a workflow app, through the facade of workflow apps."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qsl

import pytest

from dify_java_compat import (
    ClientConfig,
    CompletionData,
    DifyException,
    DifyPageResult,
    HttpClientException,
    HumanInputSubmitRequest,
    RequestsDifyWorkflow,
    WorkflowInfoResponse,
    WorkflowLogs,
    WorkflowLogsRequest,
    WorkflowRunRequest,
    WorkflowRunResponse,
    WorkflowRunStreamResponse,
    WorkflowStopResponse,
    iterate,
)
from dify_java_compat._dto.dto import ResponseDto
from dify_java_compat.models.events import EVENT_DATA
from tests.support.facade import KEY
from tests.support.replay import replay
from tests.support.server import ScriptedServer

from .comparing import differences, undeclared
from .library import Recording, recordings, recordings_1_14
from .refusals import class_of
from .test_streams import check_ending

RECORDINGS = [
    recording
    for recording in (*recordings(), *recordings_1_14())
    if recording.name.startswith("workflow-") and "bad-date" not in recording.name
]
STREAMS = [recording for recording in RECORDINGS if recording.is_stream]
ANSWERS = [recording for recording in RECORDINGS if not recording.is_stream]


@contextmanager
def replayed(
    recording: Recording, **settings: Any
) -> Iterator[tuple[RequestsDifyWorkflow, ScriptedServer]]:
    config = ClientConfig(max_retries=0, **settings)
    with (
        ScriptedServer(replay(recording.raw)) as server,
        RequestsDifyWorkflow(server.url, config, api_key=KEY) as workflow,
    ):
        yield workflow, server


def run_request(recording: Recording) -> WorkflowRunRequest:
    body = json.loads(recording.request_body)
    files = [WorkflowRunRequest.WorkflowFile.from_dict(each) for each in body.get("files", [])]
    return WorkflowRunRequest(user_id=body["user"], inputs=body["inputs"], files=files or None)


def called(workflow: RequestsDifyWorkflow, recording: Recording) -> Any:
    """What the method of the recorded request gives; of a stream, its items."""
    path = recording.path.removeprefix("/v1/").split("/")
    match (recording.method, *path):
        case ("POST", "workflows", "run"):
            body = json.loads(recording.request_body)
            if body.get("response_mode") == "streaming":
                return list(iterate(workflow.runWorkflowStream(run_request(recording))))
            return workflow.runWorkflow(run_request(recording))
        case ("GET", "workflows", "run", run_id):
            return workflow.info(run_id)
        case ("GET", "workflows", "logs"):
            query: Any = dict(parse_qsl(recording.target.partition("?")[2]))
            return workflow.logs(WorkflowLogsRequest(**query))
        case ("POST", "workflows", "tasks", task_id, "stop"):
            body = json.loads(recording.request_body)
            return workflow.stopWorkflowStream(KEY, task_id, body["user"])
        case ("POST", "form", "human_input", token):
            body = json.loads(recording.request_body)
            body["user_id"] = body.pop("user")
            return workflow.submitHumanInputForm(HumanInputSubmitRequest(form_token=token, **body))
    raise AssertionError(f"{recording}: {recording.method} {recording.path} is no method's")


def test_there_are_recordings_of_both_generations() -> None:
    assert len(STREAMS) >= 3
    assert len(ANSWERS) >= 10


@pytest.mark.parametrize("recording", STREAMS, ids=repr)
def test_a_stream(recording: Recording) -> None:
    items: list[WorkflowRunStreamResponse] = []
    error = None
    with replayed(recording) as (workflow, server):
        try:
            items.extend(iterate(workflow.runWorkflowStream(run_request(recording))))
        except DifyException as raised:
            error = raised
        (request,) = server.requests
    sent = json.loads(request.body)
    assert sent == json.loads(recording.request_body)
    assert request.target == recording.target
    assert [item.raw for item in items] == recording.events
    for item, event in zip(items, recording.events, strict=True):
        assert type(item) is WorkflowRunStreamResponse
        assert type(item.data) is EVENT_DATA.get(event["event"], CompletionData)
        assert differences(item, event) == []
        assert undeclared(item, event) == set()
    check_ending(recording, error)


@pytest.mark.parametrize("recording", STREAMS, ids=repr)
def test_a_stream_that_is_collected_is_what_a_blocking_call_gives(recording: Recording) -> None:
    with replayed(recording, blocking_via_stream=True) as (workflow, _):
        run = workflow.runWorkflow(run_request(recording))
    last = recording.events[-1]
    assert (run.workflow_run_id, run.task_id) == (last["workflow_run_id"], last["task_id"])
    assert run.data is not None
    assert run.data.status == last["data"]["status"]
    assert run.data.outputs == last["data"]["outputs"]
    assert run.data.error == last["data"].get("error")
    assert run.data.reasons == last["data"].get("reasons")


RESULTS = {
    "run": WorkflowRunResponse,
    "stop": WorkflowStopResponse,
    "logs": DifyPageResult,
}


@pytest.mark.parametrize("recording", ANSWERS, ids=repr)
def test_an_answer(recording: Recording) -> None:
    with replayed(recording) as (workflow, server):
        if recording.status >= 400:
            with pytest.raises(HttpClientException) as raised:
                called(workflow, recording)
            assert type(raised.value) is class_of(recording.status, recording.json["code"])
            assert raised.value.code == recording.json["code"]
            return
        result = called(workflow, recording)
        (request,) = server.requests
    assert (request.method, request.target) == (recording.method, recording.target)
    if recording.request_body:
        assert json.loads(request.body) == json.loads(recording.request_body)
    if recording.path.startswith("/v1/form/"):
        assert result is None
        return
    is_info = recording.method == "GET" and "/run/" in recording.path
    expected = recording.json
    if is_info:
        expected = {**expected, **{name: parsed(expected[name]) for name in ("inputs", "outputs")}}
    cls = WorkflowInfoResponse if is_info else RESULTS[recording.path.rpartition("/")[2]]
    assert type(result) is cls
    assert differences(result, expected) == []
    assert undeclared(result, expected) == set()
    if isinstance(result, DifyPageResult):
        assert all(type(entry) is WorkflowLogs for entry in result.data or [])
    assert isinstance(result, ResponseDto)
    assert result.raw == recording.json


def parsed(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value
