"""The facade as coroutines. Generated from it by `make generate`; a test compares."""

from __future__ import annotations

from .._api.async_client import AsyncClient
from .._api.java_keywords import java_keywords
from .._stream.annotations import EventStream
from ..models import (
    DifyPageResult,
    HumanInputFormResponse,
    HumanInputSubmitRequest,
    WorkflowInfoResponse,
    WorkflowLogs,
    WorkflowLogsRequest,
    WorkflowRunRequest,
    WorkflowRunResponse,
    WorkflowRunStreamResponse,
    WorkflowStopResponse,
)
from ..workflow import DifyWorkflow

__all__ = ["AsyncDifyWorkflowCalls"]


class AsyncDifyWorkflowCalls(AsyncClient):
    """`DifyWorkflow` as coroutines, for asyncio: the same names, arguments, results and errors.

    The methods that give a stream are no coroutines: they give the same stream. A method is called
    on a thread, of which there are `ClientConfig.async_workers`, in a copy of its task's context.
    Cancelling the task cancels the request. `AsyncDifyWorkflow` is what makes one.
    """

    _facade: DifyWorkflow

    async def runWorkflow(self, request: WorkflowRunRequest) -> WorkflowRunResponse:
        """执行工作流: run a workflow and wait for its end. See `DifyWorkflow`."""
        return await self._run(self._facade.runWorkflow, request)

    def runWorkflowStream(
        self, request: WorkflowRunRequest
    ) -> EventStream[WorkflowRunStreamResponse]:
        """流式执行工作流: run a workflow and stream its events. See `DifyWorkflow`."""
        return self._facade.runWorkflowStream(request)

    @java_keywords
    async def info(
        self,
        workflow_run_id: str | None = None,
        api_key: str | None = None,
        *,
        workflowRunId: str | None = None,
        apiKey: str | None = None,
    ) -> WorkflowInfoResponse:
        """获取工作流执行情况: a run's status, inputs and outputs, parsed. See `DifyWorkflow`."""
        return await self._run(self._facade.info, workflow_run_id, api_key)

    @java_keywords
    async def stopWorkflowStream(
        self,
        api_key: str | None = None,
        task_id: str | None = None,
        user_id: str | None = None,
        *,
        apiKey: str | None = None,
        taskId: str | None = None,
        userId: str | None = None,
    ) -> WorkflowStopResponse:
        """停止工作流任务: stop a run that is being streamed. See `DifyWorkflow`."""
        return await self._run(self._facade.stopWorkflowStream, api_key, task_id, user_id)

    async def logs(self, request: WorkflowLogsRequest) -> DifyPageResult[WorkflowLogs]:
        """获取工作流日志: a page of runs, the newest first. See `DifyWorkflow`."""
        return await self._run(self._facade.logs, request)

    @java_keywords
    def workflowEvents(
        self,
        workflow_run_id: str | None = None,
        api_key: str | None = None,
        user_id: str | None = None,
        include_state_snapshot: bool = False,
        continue_on_pause: bool = False,
        *,
        workflowRunId: str | None = None,
        apiKey: str | None = None,
        userId: str | None = None,
        includeStateSnapshot: bool = False,
        continueOnPause: bool = False,
    ) -> EventStream[WorkflowRunStreamResponse]:
        """流式获取工作流事件: go on with a run after a pause or a broken connection.

        See `DifyWorkflow`.
        """
        return self._facade.workflowEvents(
            workflow_run_id, api_key, user_id, include_state_snapshot, continue_on_pause
        )

    @java_keywords
    async def humanInputForm(
        self,
        form_token: str | None = None,
        api_key: str | None = None,
        *,
        formToken: str | None = None,
        apiKey: str | None = None,
    ) -> HumanInputFormResponse:
        """获取人工介入表单: the form of a human_input_required event. See `DifyWorkflow`."""
        return await self._run(self._facade.humanInputForm, form_token, api_key)

    async def submitHumanInputForm(self, request: HumanInputSubmitRequest) -> None:
        """提交人工介入表单: fill the form in; the run goes on, see `workflowEvents`.

        See `DifyWorkflow`.
        """
        return await self._run(self._facade.submitHumanInputForm, request)
