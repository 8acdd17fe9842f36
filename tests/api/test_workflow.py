"""The facade of workflow apps, with the emulator of both versions at the other end."""

from __future__ import annotations

import asyncio
import inspect
import json
import pickle
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask

from dify_java_compat import (
    AsyncDifyWorkflow,
    BadRequestException,
    Call,
    ClientConfig,
    DifyClient,
    DifyWorkflow,
    DifyWorkflowBuilder,
    HumanInputData,
    HumanInputSubmitRequest,
    IllegalArgumentException,
    NotFoundException,
    RequestsDifyChat,
    RequestsDifyWorkflow,
    StreamErrorException,
    StreamInterruptedException,
    TextChunkData,
    WorkflowFinishedData,
    WorkflowLogsRequest,
    WorkflowRunRequest,
    WorkflowRunStreamResponse,
    WorkflowStartedData,
    iterate,
)
from dify_java_compat.aio.workflow import AsyncDifyWorkflowCalls
from dify_java_compat.emulator import DifyEmulator
from dify_java_compat.web.flask import event_stream
from tests.support import TIMEOUT
from tests.support.facade import KEY
from tests.support.frames import STREAM_HEAD, chunk, data_frame, event, response, stream
from tests.support.server import Peer, RecordedRequest, ScriptedServer, always
from tests.support.watching import join_streams, wait_until

USER = "u-1"
METHODS = [name for name in dir(DifyWorkflow) if not name.startswith("_")]
both_versions = pytest.mark.parametrize(
    "version",
    [
        pytest.param(version, marks=pytest.mark.dify_emulator(version=version))
        for version in ("1.12", "1.14")
    ],
)


@pytest.fixture
def workflow(dify_emulator: DifyEmulator) -> Iterator[RequestsDifyWorkflow]:
    with RequestsDifyWorkflow(dify_emulator.base_url, api_key="app-workflow") as client:
        yield client


def request(query: str = "tea", **values: Any) -> WorkflowRunRequest:
    return WorkflowRunRequest(**{"user_id": USER, "inputs": {"query": query}, **values})


@both_versions
@pytest.mark.usefixtures("version")
def test_javas_five_methods(workflow: RequestsDifyWorkflow) -> None:
    run = workflow.runWorkflow(request())
    assert run.data is not None
    assert run.data.status == "succeeded"
    assert run.data.id == run.workflowRunId
    items = list(iterate(workflow.runWorkflowStream(request())))
    assert isinstance(items[0].data, WorkflowStartedData)
    text = "".join(item.data.text or "" for item in items if isinstance(item.data, TextChunkData))
    finished = items[-1].data
    assert isinstance(finished, WorkflowFinishedData)
    assert run.data.outputs == finished.outputs == {"text": text}
    info = workflow.info(workflowRunId=items[-1].workflow_run_id)
    assert (info.status, info.outputs) == ("succeeded", {"text": text})
    assert isinstance(info.inputs, dict)
    stopped = workflow.stopWorkflowStream(None, items[-1].task_id, USER)
    assert stopped.result == "success"
    page = workflow.logs(WorkflowLogsRequest(keyword="tea", status="succeeded", limit=1))
    assert (page.total, page.has_more) == (2, True)
    assert page.data is not None
    (entry,) = page.data
    assert entry.workflow_run is not None
    assert entry.workflow_run.id == items[-1].workflow_run_id
    assert entry.workflowRun.data is None  # which Java declares, and no server sends
    assert entry.createdByEndUser is not None
    assert entry.createdByEndUser.sessionId == USER


@both_versions
@pytest.mark.usefixtures("version")
def test_a_chosen_version(workflow: RequestsDifyWorkflow) -> None:
    newest = workflow.runWorkflow(request())
    assert newest.data is not None
    again = workflow.runWorkflow(request(workflow_id=newest.data.workflow_id))
    assert again.data is not None
    assert again.data.workflow_id == newest.data.workflow_id
    with pytest.raises(BadRequestException):
        workflow.runWorkflow(request(workflow_id="banana"))


def test_a_blocking_run_that_streams(workflow: RequestsDifyWorkflow) -> None:
    whole = workflow.runWorkflow(request())
    streamed = workflow.with_options(blocking_via_stream=True).runWorkflow(request())
    assert whole.data is not None
    assert streamed.data is not None
    same = ("status", "outputs", "error", "workflow_id", "total_steps", "reasons")
    for name in same:
        assert getattr(streamed.data, name) == getattr(whole.data, name)
    assert streamed.task_id


@pytest.mark.parametrize("via_stream", [False, True])
def test_a_run_that_waits_for_a_person(dify_emulator: DifyEmulator, via_stream: bool) -> None:
    config = ClientConfig(blocking_via_stream=via_stream)
    url, key = dify_emulator.base_url, "app-workflow-human"
    with RequestsDifyWorkflow(url, config, api_key=key) as workflow:
        run = workflow.runWorkflow(request())
        assert run.data is not None
        assert run.data.status == "paused"
        assert run.data.reasons
        token = run.data.reasons[0]["form_token"]
        assert workflow.humanInputForm(token).user_actions
        following = workflow.workflowEvents(
            run.workflow_run_id, None, USER, include_state_snapshot=True, continue_on_pause=True
        )
        items = []
        for item in following:
            items.append(item)
            if item.event == "human_input_required":
                assert isinstance(item.data, HumanInputData)
                assert item.data.form_token == token
                values = {"comment": "好", "priority": "high"}
                workflow.submitHumanInputForm(
                    HumanInputSubmitRequest(
                        form_token=token, user_id=USER, action="approve", inputs=values
                    )
                )
        assert type(items[-1]) is WorkflowRunStreamResponse
        assert items[-1].event == "workflow_finished"
        assert workflow.info(run.workflow_run_id).status == "succeeded"


IDS = {"workflow_run_id": "w-1", "task_id": "t-1"}
STARTED = event("workflow_started", **IDS, data={"id": "w-1"})
FAILED = event(
    "workflow_finished",
    **IDS,
    data={"id": "w-1", "status": "failed", "error": "boom", "outputs": {}},
)


def test_a_run_that_failed() -> None:
    with (
        ScriptedServer(always(stream(STARTED, FAILED))) as server,
        RequestsDifyWorkflow(server.url, api_key=KEY) as workflow,
    ):
        with pytest.raises(StreamErrorException) as raised:
            workflow.runWorkflowStream(request()).run()
        assert (raised.value.message, raised.value.workflow_run_id) == ("boom", "w-1")
        run = workflow.with_options(blocking_via_stream=True).runWorkflow(request())
        assert run.data is not None
        assert (run.data.status, run.data.error) == ("failed", "boom")
        run = workflow.runWorkflow(request())  # answered with a stream all the same
        assert run.data is not None
        assert run.data.status == "failed"


def test_what_came_of_a_run_that_is_cut() -> None:
    def cut(peer: Peer) -> None:
        peer.receive()
        peer.send(STREAM_HEAD + chunk(STARTED))

    with (
        ScriptedServer(cut) as server,
        RequestsDifyWorkflow(
            server.url, ClientConfig(blocking_via_stream=True), api_key=KEY
        ) as workflow,
        pytest.raises(StreamInterruptedException) as raised,
    ):
        workflow.runWorkflow(request())
    assert raised.value.partial.workflow_run_id == "w-1"
    assert raised.value.task_id == "t-1"


@pytest.mark.dify_emulator(version="1.14", token_pause=0.02)
def test_a_stream_that_is_left_is_stopped(dify_emulator: DifyEmulator) -> None:
    config = ClientConfig(stop_on_dispose=True)
    url = dify_emulator.base_url
    with RequestsDifyWorkflow(url, config, api_key="app-workflow") as workflow:
        items = iterate(workflow.runWorkflowStream(request()))
        first = next(items)
        items.close()
        path = f"/v1/workflows/tasks/{first.task_id}/stop"
        wait_until(lambda: path in [each.path for each in dify_emulator.requests])
    join_streams()


def test_a_run_is_resumed() -> None:
    finished = event(
        "workflow_finished",
        **IDS,
        data={"id": "w-1", "status": "succeeded", "outputs": {"text": "a"}},
    )
    replaced = event("message_replace", **IDS, answer="a")  # a chat's, which no field is for here
    info = response(json.dumps({"id": "w-1", "status": "succeeded"}).encode())

    def script(peer: Peer) -> None:
        while received := peer.receive():
            if received.method == "POST":
                peer.send(STREAM_HEAD + chunk(STARTED))
                return
            if received.target.startswith("/v1/workflow/w-1/events?"):
                peer.send(stream(STARTED, replaced, finished))
            else:
                assert received.target == "/v1/workflows/run/w-1"
                peer.send(info)

    with (
        ScriptedServer(script) as server,
        RequestsDifyWorkflow(
            server.url, ClientConfig(resume_streams=True, max_retries=0), api_key=KEY
        ) as workflow,
    ):
        items = list(iterate(workflow.runWorkflowStream(request())))
    assert [item.event for item in items] == [
        "workflow_started",
        "message_replace",
        "workflow_finished",
    ]
    assert all(type(item) is WorkflowRunStreamResponse for item in items)


def test_what_is_sent() -> None:
    file = WorkflowRunRequest.WorkflowFile(url="https://example.com/a.png")
    sent: list[RecordedRequest] = []
    with (
        ScriptedServer(always(stream(STARTED, FAILED))) as server,
        RequestsDifyWorkflow(server.url, api_key=KEY) as workflow,
    ):
        for values in (
            {"files": [file], "trace_id": "t"},
            {"inputs": {"doc": file, "docs": [file]}, "workflow_id": "v-1"},
            {"inputs": None, "workflow_id": ""},
        ):
            workflow.runWorkflow(request(**values))
        sent += server.requests
    as_sent = {"type": "image", "transfer_method": "remote_url", "url": "https://example.com/a.png"}
    blocking = {"response_mode": "blocking", "user": USER}
    assert [json.loads(each.body) for each in sent] == [
        {"inputs": {"query": "tea"}, "files": [as_sent], "trace_id": "t", **blocking},
        {"inputs": {"doc": as_sent, "docs": [as_sent]}, **blocking},
        {"inputs": {}, **blocking},
    ]
    assert [each.target for each in sent] == [
        "/v1/workflows/run",
        "/v1/workflows/v-1/run",
        "/v1/workflows/run",
    ]


@pytest.mark.parametrize("values", [{"workflow_id": 7}, {"workflow_id": ".."}, {"files": ["x"]}])
def test_what_cannot_be_sent(values: dict[str, Any]) -> None:
    (name,) = values
    with RequestsDifyWorkflow("http://127.0.0.1:9", api_key=KEY) as workflow:
        with pytest.raises(IllegalArgumentException, match=name):
            workflow.runWorkflow(request(**values))
        with pytest.raises(IllegalArgumentException, match=name):
            workflow.runWorkflowStream(request(**values))
        with pytest.raises(IllegalArgumentException, match="must be a WorkflowRunRequest"):
            workflow.runWorkflow(None)  # type: ignore[arg-type]


def test_the_key_of_another_app(dify_emulator: DifyEmulator) -> None:
    with RequestsDifyWorkflow(dify_emulator.base_url, api_key="app-chat") as workflow:
        with pytest.raises(BadRequestException) as raised:
            workflow.runWorkflow(request())
        assert raised.value.code == "not_workflow_app"
        with pytest.raises(NotFoundException):
            workflow.with_options().info("0b6c1a3a-be0c-4cb3-889d-d8a7574c4a20", "app-workflow")


class Listener:
    def __init__(self) -> None:
        self.ended: list[Call] = []

    def on_end(self, call: Call) -> None:
        self.ended.append(call)


def test_listeners_and_headers(workflow: RequestsDifyWorkflow) -> None:
    listener = Listener()
    heard = workflow.with_options(listeners=[listener], headers={"X-Team": "a"})
    run = heard.runWorkflow(request())
    last = heard.runWorkflowStream(request()).run()
    ended = [(call.operation, call.status, call.workflow_run_id) for call in listener.ended]
    assert ended == [
        ("runWorkflow", 200, run.workflow_run_id),
        ("runWorkflowStream", 200, last.workflow_run_id),
    ]


def test_it_is_relayed_to_a_browser(workflow: RequestsDifyWorkflow) -> None:
    with Flask(__name__).test_request_context():
        relayed = event_stream(workflow.runWorkflowStream(request()))
        body = b"".join(part for part in relayed.response if isinstance(part, bytes))
    found = [
        json.loads(frame[6:]) for frame in body.decode().split("\n\n") if frame[:6] == "data: "
    ]
    assert [found[0]["event"], found[-1]["event"]] == ["workflow_started", "workflow_finished"]
    assert found[-1]["data"]["totalSteps"] == 3
    chunk_of_text = next(each for each in found if each["event"] == "text_chunk")
    assert set(chunk_of_text["data"]) == {"text", "from_variable_selector"}  # Java's is a Map


@pytest.mark.parametrize("name", METHODS)
def test_a_coroutine_has_the_parameters_of_its_method(name: str) -> None:
    ours, theirs = getattr(AsyncDifyWorkflowCalls, name), getattr(DifyWorkflow, name)
    assert inspect.signature(ours) == inspect.signature(theirs)
    assert inspect.iscoroutinefunction(ours) == (
        name not in ("runWorkflowStream", "workflowEvents")
    )
    assert getattr(RequestsDifyWorkflow, name) is not theirs


def test_coroutines(dify_emulator: DifyEmulator) -> None:
    async def main() -> None:
        url = dify_emulator.base_url
        async with AsyncDifyWorkflow(url, api_key="app-workflow") as workflow:
            run = await workflow.runWorkflow(request())
            streaming = workflow.with_options(blocking_via_stream=True)
            streamed = await streaming.runWorkflow(request())
            assert run.data is not None
            assert streamed.data is not None
            assert streamed.data.outputs == run.data.outputs
            items = [item async for item in workflow.runWorkflowStream(request())]
            assert items[-1].event == "workflow_finished"
            info = await workflow.info(workflowRunId=run.workflow_run_id)
            assert info.status == "succeeded"
            page = await workflow.logs(WorkflowLogsRequest())
            assert page.total == 3

    asyncio.run(main())


def test_a_cancelled_task_disposes_of_the_stream() -> None:
    left = threading.Event()

    def script(peer: Peer) -> None:
        peer.receive()
        peer.send(STREAM_HEAD + chunk(STARTED))
        assert peer.receive() is None
        left.set()

    async def main(url: str) -> None:
        config = ClientConfig(blocking_via_stream=True)
        async with AsyncDifyWorkflow(url, config, api_key=KEY) as workflow:
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(workflow.runWorkflow(request()), 0.2)

    with ScriptedServer(script) as server:
        asyncio.run(main(server.url))
        assert left.wait(TIMEOUT)


def test_the_ways_in(dify_emulator: DifyEmulator) -> None:
    url = dify_emulator.base_url
    built = DifyWorkflowBuilder.create(
        DifyWorkflowBuilder.builder().baseUrl(url).clientConfig(ClientConfig()).build()
    )
    whole = DifyClient.builder().baseUrl(url).defaultHeader("X-Team", "a").build()
    of_chat = whole.getWorkflow()
    for workflow in (built, of_chat, pickle.loads(pickle.dumps(built))):
        run = workflow.runWorkflow(request(api_key="app-workflow"))
        assert run.data is not None
        assert run.data.status == "succeeded"
    of_chat.close()  # the connections are the chat's
    assert isinstance(whole.getChat(), RequestsDifyChat)
    assert whole.getChat().info("app-workflow").mode == "workflow"
    for client in (built, whole.getChat()):
        client.close()


def test_a_value_of_another_type_is_kept() -> None:
    odd = data_frame({"event": "text_chunk", **IDS, "data": {"text": 7}})
    done = event("workflow_finished", **IDS, data={"status": "succeeded", "outputs": "x"})
    with (
        ScriptedServer(always(stream(odd, data_frame({"event": 1}), done))) as server,
        RequestsDifyWorkflow(server.url, api_key=KEY) as workflow,
    ):
        items = list(iterate(workflow.runWorkflowStream(request())))
        assert [item.event for item in items] == ["text_chunk", 1, "workflow_finished"]
        assert items[0].data.text == 7
        run = workflow.with_options(blocking_via_stream=True).runWorkflow(request())
        assert run.data is not None
        assert run.data.outputs == "x"
