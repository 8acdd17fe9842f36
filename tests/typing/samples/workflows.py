"""The facade of workflow apps: what comes back, and what is a mistake."""

from typing_extensions import assert_type

from dify_java_compat import (
    AsyncDifyWorkflow,
    ChatMessageSendRequest,
    DifyClient,
    DifyPageResult,
    DifyWorkflow,
    DifyWorkflowBuilder,
    EventStream,
    RequestsDifyWorkflow,
    WorkflowInfoResponse,
    WorkflowLogs,
    WorkflowLogsRequest,
    WorkflowRunRequest,
    WorkflowRunResponse,
    WorkflowRunStreamResponse,
    WorkflowStopResponse,
)

client = DifyWorkflowBuilder.create(DifyWorkflowBuilder.builder().baseUrl("http://x").build())
assert_type(client, RequestsDifyWorkflow)
assert_type(DifyClient.builder().build().getWorkflow(), RequestsDifyWorkflow)
assert_type(client.with_options(callTimeout=1.0), RequestsDifyWorkflow)
facade: DifyWorkflow = client
request = WorkflowRunRequest(userId="u", inputs={"query": "hi"})
WorkflowRunRequest(content="hi")  # error

assert_type(facade.runWorkflow(request), WorkflowRunResponse)
assert_type(client.runWorkflow(request).workflowRunId, str | None)
client.runWorkflow(ChatMessageSendRequest())  # error
stream = client.runWorkflowStream(request)
assert_type(stream, EventStream[WorkflowRunStreamResponse])
for item in stream:
    assert_type(item, WorkflowRunStreamResponse)
    item.answer  # error
assert_type(client.info("w", apiKey="k"), WorkflowInfoResponse)
assert_type(client.stopWorkflowStream(taskId="t"), WorkflowStopResponse)
assert_type(client.logs(WorkflowLogsRequest()), DifyPageResult[WorkflowLogs])
assert_type(client.workflowEvents("w"), EventStream[WorkflowRunStreamResponse])
assert_type(client.aio, AsyncDifyWorkflow)


async def coroutines() -> None:
    async with AsyncDifyWorkflow("http://x", api_key="k") as own:
        assert_type(own, AsyncDifyWorkflow)
        assert_type(own.with_options(callTimeout=1.0), AsyncDifyWorkflow)
        assert_type(await own.runWorkflow(request), WorkflowRunResponse)
        assert_type(await own.info("w"), WorkflowInfoResponse)
        assert_type(own.runWorkflowStream(request), EventStream[WorkflowRunStreamResponse])
        await own.info(run="w")  # error
