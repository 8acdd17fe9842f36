"""Batches of runs of a workflow app, in each of the forms."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from dify_java_compat import ChatMessageSendRequest, RequestsDifyWorkflow, WorkflowRunRequest
from dify_java_compat.batch import Answered, ask_all, ask_all_async, ask_all_stream
from dify_java_compat.emulator import DifyEmulator
from dify_java_compat.errors import IllegalArgumentException, StreamErrorException
from tests.batch.service import Service, too_many
from tests.support.frames import data_frame, stream

Results = list[Answered[Any, Any]]


def by_loop(workflow: RequestsDifyWorkflow, requests: Any) -> Results:
    return list(ask_all(workflow, requests))


def by_stream(workflow: RequestsDifyWorkflow, requests: Any) -> Results:
    return list(ask_all_stream(workflow, requests))


def by_event_loop(workflow: RequestsDifyWorkflow, requests: Any) -> Results:
    async def main() -> Results:
        return [result async for result in ask_all_async(workflow.aio, requests)]

    return asyncio.run(main())


FORMS = (by_loop, by_stream, by_event_loop)


@pytest.fixture(params=["1.12", "1.14"])
def workflow(request: pytest.FixtureRequest) -> Iterator[RequestsDifyWorkflow]:
    with (
        DifyEmulator(version=request.param, token_pause=0.0) as emulator,
        RequestsDifyWorkflow(emulator.base_url, api_key=emulator.keys["workflow"]) as client,
    ):
        yield client


def runs(count: int) -> Iterator[WorkflowRunRequest]:
    for number in range(count):
        yield WorkflowRunRequest(inputs={"query": f"text {number}"}, user_id="ann")


@pytest.mark.parametrize("form", FORMS)
def test_each_run_has_its_outputs(
    workflow: RequestsDifyWorkflow, form: Callable[..., Results]
) -> None:
    results = sorted(form(workflow, runs(20)), key=lambda each: each.index)
    assert [each.index for each in results] == list(range(20))
    for each in results:
        assert each.error is None
        response: Any = each.response
        assert response.data.status == "succeeded"
        assert f"text {each.index}" in str(response.data.outputs)
        assert each.usage is not None
        assert each.usage.total_tokens == response.data.total_tokens
        assert (each.answer, each.tries) == (None, 1)


def test_a_run_that_failed_is_an_error_with_the_run() -> None:
    ids = {"task_id": "t", "workflow_run_id": "w"}
    data = {"id": "w", "status": "failed", "error": "no model", "total_tokens": 3}
    service = Service(lambda text, before: b"")
    body = stream(
        data_frame({"event": "workflow_started", "data": {"id": "w"}, **ids}),
        data_frame({"event": "workflow_finished", "data": data, **ids}),
    )
    service.respond = lambda text, before: body if before else too_many()
    with service.chat() as chat, RequestsDifyWorkflow(chat.base_url, api_key="app-key") as client:
        (result,) = ask_all(client, runs(1))
    assert isinstance(result.error, StreamErrorException)
    assert result.error.partial.data.error == "no model"
    assert result.usage is not None
    assert (result.usage.total_tokens, result.response, result.tries) == (3, None, 2)


def test_what_is_for_another_app() -> None:
    with RequestsDifyWorkflow("http://127.0.0.1:9", api_key="app-key") as client:
        questions: Any = [ChatMessageSendRequest(content="Hi", user_id="ann")]
        (result,) = ask_all(client, questions)
    assert isinstance(result.error, IllegalArgumentException)
    assert result.tries == 0
