"""The methods of `DifyWorkflow` that are a row of `workflow_operations` and nothing else."""

from __future__ import annotations

from ..models import (
    DifyPageResult,
    WorkflowInfoResponse,
    WorkflowLogs,
    WorkflowLogsRequest,
    WorkflowStopResponse,
)
from . import workflow_operations as operations
from .java_keywords import java_keywords
from .plain_calls import HumanInputCalls


class WorkflowCalls(HumanInputCalls):
    """The methods of `DifyWorkflow` that send, wait and decode, and no more."""

    @java_keywords
    def info(
        self,
        workflow_run_id: str | None = None,
        api_key: str | None = None,
        *,
        workflowRunId: str | None = None,
        apiKey: str | None = None,
    ) -> WorkflowInfoResponse:
        return self._call(operations.INFO, api_key=api_key, workflow_run_id=workflow_run_id)

    @java_keywords
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
        return self._call(operations.STOP, api_key=api_key, task_id=task_id, user_id=user_id)

    def logs(self, request: WorkflowLogsRequest) -> DifyPageResult[WorkflowLogs]:
        return self._call(operations.LOGS, request)
