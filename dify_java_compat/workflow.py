"""Java's facade of workflow apps, and what it lacks there: resuming a run, and forms for people."""

from __future__ import annotations

from typing import Protocol

from ._stream.annotations import EventStream
from .models import (
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

__all__ = ["DifyWorkflow"]


class DifyWorkflow(Protocol):
    """The operations of a workflow app: the first five are Java's."""

    def runWorkflow(self, request: WorkflowRunRequest) -> WorkflowRunResponse:
        """执行工作流: run a workflow and wait for its end.

        Dify's POST /workflows/run, or /workflows/{workflow_id}/run for a chosen version. A run that
        failed is a result, too: `data.status` is failed and `data.error` says why. Of one that
        waits for a person `data.status` is paused and `data.reasons` has the tokens of the forms.
        Long runs are for `runWorkflowStream`, or for `ClientConfig.blocking_via_stream`, with which
        this method streams: no gateway takes the silence for a fault.
        BadRequestException with the code not_workflow_app for the key of another app.
        """
        ...

    def runWorkflowStream(
        self, request: WorkflowRunRequest
    ) -> EventStream[WorkflowRunStreamResponse]:
        """流式执行工作流: run a workflow and stream its events.

        Dify's POST /workflows/run, or /workflows/{workflow_id}/run; the stream keeps the contract
        of `sendChatMessageStream`. A run that failed ends in a StreamErrorException, after its
        workflow_finished was delivered.
        """
        ...

    def info(
        self,
        workflow_run_id: str | None = None,
        api_key: str | None = None,
        *,
        workflowRunId: str | None = None,
        apiKey: str | None = None,
    ) -> WorkflowInfoResponse:
        """获取工作流执行情况: a run's status, inputs and outputs, parsed.

        Dify's GET /workflows/run/{workflow_run_id}. Of an unknown run Dify 1.12 gives an object of
        nulls, 1.14 a NotFoundException; a stopped one may read running for ever.
        """
        ...

    def stopWorkflowStream(
        self,
        api_key: str | None = None,
        task_id: str | None = None,
        user_id: str | None = None,
        *,
        apiKey: str | None = None,
        taskId: str | None = None,
        userId: str | None = None,
    ) -> WorkflowStopResponse:
        """停止工作流任务: stop a run that is being streamed.

        Dify's POST /workflows/tasks/{task_id}/stop: success whatever the task. The stream ends well
        with a workflow_finished that says stopped, or failed for being stopped.
        """
        ...

    def logs(self, request: WorkflowLogsRequest) -> DifyPageResult[WorkflowLogs]:
        """获取工作流日志: a page of runs, the newest first.

        Dify's GET /workflows/logs.
        """
        ...

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

        As that of `DifyChatflow`.
        """
        ...

    def humanInputForm(
        self,
        form_token: str | None = None,
        api_key: str | None = None,
        *,
        formToken: str | None = None,
        apiKey: str | None = None,
    ) -> HumanInputFormResponse:
        """获取人工介入表单: the form of a human_input_required event.

        As that of `DifyChatflow`.
        """
        ...

    def submitHumanInputForm(self, request: HumanInputSubmitRequest) -> None:
        """提交人工介入表单: fill the form in; the run goes on, see `workflowEvents`.

        As that of `DifyChatflow`.
        """
        ...
