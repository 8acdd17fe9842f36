"""The rows of workflow apps; those that chatflows have too are theirs, with other events."""

from __future__ import annotations

from typing import TypeVar

from ..models import (
    WorkflowLogsRequest,
    WorkflowRunRequest,
    WorkflowRunResponse,
    WorkflowRunStreamResponse,
    WorkflowStopResponse,
)
from . import operations
from .operation import Operation, Result, one, stream
from .param import Param, const, files, inputs, unless_empty

R = TypeVar("R")

_USER = Param("user", "user_id")


def _run(name: str, response_mode: str, result: Result[R]) -> Operation[R]:
    return Operation(
        name,
        "POST",
        "/workflows/{workflow_id?}/run",
        result,
        takes=WorkflowRunRequest,
        body=(
            Param("inputs", "inputs", inputs),
            const("response_mode", response_mode),
            _USER,
            Param("files", "files", files),
            Param("trace_id", "trace_id", unless_empty),
        ),
    )


RUN = _run("runWorkflow", "blocking", one(WorkflowRunResponse))
RUN_STREAM = _run("runWorkflowStream", "streaming", stream(WorkflowRunStreamResponse))
INFO = Operation("info", "GET", operations.WORKFLOW_RUN.path, operations.WORKFLOW_RUN.result)
STOP = Operation(
    "stopWorkflowStream",
    "POST",
    "/workflows/tasks/{task_id}/stop",
    one(WorkflowStopResponse),
    body=(_USER,),
)
LOGS = Operation(
    "logs",
    "GET",
    operations.WORKFLOW_LOGS.path,
    operations.WORKFLOW_LOGS.result,
    takes=WorkflowLogsRequest,
    query=operations.WORKFLOW_LOGS.query,
)
EVENTS = Operation(
    "workflowEvents",
    "GET",
    operations.WORKFLOW_EVENTS.path,
    stream(WorkflowRunStreamResponse),
    query=operations.WORKFLOW_EVENTS.query,
)
